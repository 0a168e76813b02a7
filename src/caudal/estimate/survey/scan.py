"""One pass over the rows: weighted sums by PSU and finest cell.

The engine filters, codes and streams; the sums are added here in the order of the rows, so that they
are the same bytes with one thread or many. Breakdowns that never vary within a PSU (a region, say) do
not multiply the cells: they are kept as properties of the PSU, its *zone*.

The sums stand in a dense array PSU x cell while that is small, otherwise as sorted entries.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from caudal.estimate.survey.coding import Coding, Key, plain
from caudal.estimate.survey.compiled import WORTHWHILE_ROWS, kernels
from caudal.estimate.survey.frame import Floats, Frame, Ints
from caudal.estimate.survey.plan import Term
from caudal.estimate.survey.source import Source

#: Sums by PSU and cell are held as an array up to this many; above, as entries. It does not depend on how
#: many statistics are asked for, so that a figure has the same last digit whatever is estimated beside it.
_DENSE_SUMS = 4_000_000
_CHUNK = 1 << 17


@dataclass(frozen=True)
class Request:
    """What the scan selects, as checked SQL; ``missing`` counts the rows that lack an expression.

    ``is_equal``: there are no weights, a row weighs N_h / n_h.
    """

    weight: str
    where: str
    expressions: Mapping[str, str]
    missing: Mapping[str, int]
    is_equal: bool
    by_psu: tuple[Term, ...]
    by_cell: tuple[Term, ...]
    keeps_zeros: bool = False
    """In a full count a row that stands for nobody says that there was nobody; in a sample it is outside.
    True also where no weight is zero, to spare the question."""


@dataclass(frozen=True)
class FineTable:
    """Sums by PSU and finest cell.

    ``row_dims`` vary within PSUs and make the C finest cells; ``zone_dims`` do not and make the Z zones.
    ``by_psu`` holds arrays (P, C), or, where ``entries`` (sorted keys psu * C + cell) is given, one value
    an entry; ``by_cell`` arrays (Z, C).
    """

    row_dims: tuple[str, ...]
    row_sizes: tuple[int, ...]
    zone_dims: tuple[str, ...]
    zone_codes: tuple[Ints, ...]
    zone_of_psu: Ints
    stratum_of_psu: Ints
    entries: Ints | None
    by_psu: Mapping[Term, Floats]
    by_cell: Mapping[Term, Floats]

    @property
    def dense(self) -> Floats | None:
        """All sums by PSU as one array (terms, P, C), in the order of ``by_psu``; None for entries."""
        first = next(iter(self.by_psu.values()))
        if self.entries is not None or not self.row_sizes or first.base is None:
            return None
        return np.asarray(first.base).reshape(len(self.by_psu), *first.shape)

    @property
    def cells_n(self) -> int:
        """C, the number of finest cells."""
        return int(np.prod(self.row_sizes, dtype=np.int64))


@dataclass
class _Chunk:
    """Rows of one block: weights, values (NaN where missing) and which of them are known."""

    weight: Floats
    values: dict[str, Floats]

    def term(self, term: Term) -> Floats:
        """The summand of ``term`` for each row."""
        product = self.weight if term.kind == "w" else np.ones(self.weight.size)
        for factor in term.factors:
            value = self.values[factor]
            product = (value != 0).astype(np.float64) if term.kind == "cases" else product * value
        for expression in term.known:
            product = np.where(np.isnan(self.values[expression]), 0.0, product)
        return product


def scan_psus(
    source: Source,
    frame: Frame,
    request: Request,
    coded: Mapping[str, Coding],
    dims: Mapping[str, str],
    psu_key: Key,
) -> FineTable:
    """The sums of a design with PSUs; ``dims`` maps breakdowns to their coded expressions."""
    varying = [d for d in dims if dims[d] not in frame.psu_categories]
    # the widest breakdown last: margins are then sums of long rows
    row_dims = tuple(sorted(varying, key=lambda d: coded[dims[d]].size))
    zone_dims = tuple(d for d in dims if dims[d] in frame.psu_categories)
    zone_codes, zone_of_psu = _zones(
        [frame.psu_categories[dims[d]] for d in zone_dims], frame.stratum_of_psu.size
    )
    cell = Key(tuple(coded[dims[d]] for d in row_dims))
    cells_n = cell.size
    psus_n = frame.stratum_of_psu.size
    dense_n = psus_n * cells_n
    is_dense = dense_n <= _DENSE_SUMS and dense_n <= 64 * max(frame.rows_n, 1 << 16)
    sums = (_Dense if is_dense else _Sparse)(request.by_psu, psus_n, cells_n)
    cells = _Cells(request.by_cell, zone_of_psu, cells_n)
    kernel = kernels() if is_dense and frame.rows_n >= WORTHWHILE_ROWS else None
    spec = _spec(request)
    select = [*psu_key.select("k"), *cell.select("c")]
    for batch in source.stream(_query(source, request, select), _CHUNK):
        psu = frame.psu_index(_key(batch, psu_key, "k"))
        code = _key(batch, cell, "c")
        chunk = _chunk(batch, request)
        if request.is_equal:
            chunk.weight = frame.equal_weight_h[frame.stratum_of_psu[psu]]
        if kernel is not None and isinstance(sums, _Dense):
            values = np.stack(list(chunk.values.values())) if chunk.values else np.zeros((0, code.size))
            kernel.add_rows(sums.array, cells.totals, psu, zone_of_psu, code, chunk.weight, values, spec)
        else:
            sums.add(psu, code, chunk)
            cells.add(psu, code, chunk)
    entries, by_psu = sums.finished()
    return FineTable(
        row_dims, tuple(max(coded[dims[d]].size, 1) for d in row_dims), zone_dims, zone_codes, zone_of_psu,
        frame.stratum_of_psu, entries, by_psu,
        {t: total.reshape(-1, cells_n) for t, total in cells.finished().items()},
    )  # fmt: skip


def scan_rows(
    source: Source,
    frame: Frame,
    request: Request,
    coded: Mapping[str, Coding],
    dims: Mapping[str, str],
    stratum: Key,
) -> FineTable:
    """The sums of a design in which every row is its own PSU: one entry a row, sorted by stratum."""
    keys = [Key((coded[expression],)) for expression in dims.values()]
    select = [*stratum.select("h"), *(item for k, key in enumerate(keys) for item in key.select(f"d{k}_"))]
    blocks: list[tuple[Ints, list[Ints], dict[Term, Floats]]] = []
    cell_terms = tuple(t for t in request.by_cell)
    for batch in source.stream(_query(source, request, select), _CHUNK):
        chunk = _chunk(batch, request)
        h = np.searchsorted(frame.stratum_codes, _key(batch, stratum, "h"))
        if request.is_equal:
            chunk.weight = frame.equal_weight_h[h]
        terms = {t: chunk.term(t) for t in (*request.by_psu, *cell_terms)}
        codes = [_key(batch, key, f"d{k}_") for k, key in enumerate(keys)]
        blocks.append((h, codes, terms))
    used = _joined([b[0] for b in blocks])
    order = np.argsort(used, kind="stable")
    codes = [_joined([b[1][k] for b in blocks])[order] for k in range(len(dims))]
    zone_codes, zone = _zones(codes, order.size)
    by_psu = {t: _joined_floats([b[2][t] for b in blocks])[order].reshape(-1, 1) for t in request.by_psu}
    zones_n = len(zone_codes[0]) if zone_codes else 1
    by_cell = {
        t: summed(zone, _joined_floats([b[2][t] for b in blocks])[order], zones_n).reshape(-1, 1)
        for t in cell_terms
    }
    return FineTable((), (), tuple(dims), zone_codes, zone, used[order], None, by_psu, by_cell)


def _spec(request: Request) -> Ints:
    """The terms as the compiled pass reads them."""
    names = list(request.expressions)
    kinds = {"w": 0, "n": 1, "cases": 2}

    def padded(expressions: tuple[str, ...]) -> list[int]:
        return ([names.index(e) for e in expressions] + [-1, -1])[:2]

    rows = [
        [kinds[t.kind], *padded(t.factors), *padded(t.known)] for t in (*request.by_psu, *request.by_cell)
    ]
    return np.asarray(rows, dtype=np.int64).reshape(-1, 5)


class _Cells:
    """Sums by zone and cell, added in the order of the rows."""

    def __init__(self, terms: Sequence[Term], zone_of_psu: Ints, cells_n: int) -> None:
        self.terms, self.zone, self.cells_n = terms, zone_of_psu, cells_n
        # each term's sums lie together
        self.totals = np.zeros((len(terms), (int(zone_of_psu.max(initial=0)) + 1) * cells_n)).T

    def add(self, psu: Ints, cell: Ints, chunk: _Chunk) -> None:
        position = self.zone[psu] * self.cells_n + cell
        for k, term in enumerate(self.terms):
            np.add.at(self.totals[:, k], position, chunk.term(term))

    def finished(self) -> dict[Term, Floats]:
        return {t: np.ascontiguousarray(self.totals[:, k]) for k, t in enumerate(self.terms)}


def _zeros(shape: tuple[int, int, int]) -> Floats:
    """A large array of zeros in ordinary pages.

    numpy asks for huge pages, whose first touch can stall for longer than the whole scan on a busy machine.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size < 1 << 17:
        return np.zeros(shape)
    return np.frombuffer(mmap.mmap(-1, size * 8), dtype=np.float64).reshape(shape)


class _Dense:
    """Sums in an array PSU x cell, added in the order of the rows."""

    def __init__(self, terms: Sequence[Term], psus_n: int, cells_n: int) -> None:
        self.shape = (psus_n, cells_n)
        self.array = _zeros((len(terms), psus_n, cells_n))
        self.totals = {t: a.reshape(-1) for t, a in zip(terms, self.array, strict=True)}

    def add(self, psu: Ints, cell: Ints, chunk: _Chunk) -> None:
        position = psu * self.shape[1] + cell
        for term, total in self.totals.items():
            np.add.at(total, position, chunk.term(term))

    def finished(self) -> tuple[Ints | None, dict[Term, Floats]]:
        return None, dict(zip(self.totals, self.array, strict=True))


class _Sparse:
    """Sums by entry: each block is added up by its own keys, then the blocks in their order."""

    def __init__(self, terms: Sequence[Term], psus_n: int, cells_n: int) -> None:
        self.cells_n = cells_n
        self.keys: list[Ints] = []
        self.totals: dict[Term, list[Floats]] = {t: [] for t in terms}

    def add(self, psu: Ints, cell: Ints, chunk: _Chunk) -> None:
        encoded = pa.array(psu * self.cells_n + cell).dictionary_encode()
        position = plain(encoded.indices).astype(np.int64)
        self.keys.append(plain(encoded.dictionary))
        for term, blocks in self.totals.items():
            blocks.append(summed(position, chunk.term(term), len(encoded.dictionary)))

    def finished(self) -> tuple[Ints | None, dict[Term, Floats]]:
        entries, position = np.unique(_joined(self.keys), return_inverse=True)
        by_psu = {
            t: summed(position, _joined_floats(blocks), entries.size) for t, blocks in self.totals.items()
        }
        return entries, by_psu


def summed(position: Ints, values: Floats, size: int) -> Floats:
    """Sums of ``values`` by position, added in their order."""
    return np.bincount(position, values, size).astype(np.float64, copy=False)


def _query(source: Source, request: Request, select: Sequence[str]) -> str:
    values = "".join(
        f", {_known(sql) if request.missing.get(name) else f'CAST({sql} AS DOUBLE)'} AS v{k}"
        for k, (name, sql) in enumerate(request.expressions.items())
    )
    parts = [f"({request.where})"] if request.where else []
    if not request.keeps_zeros:
        parts.append(f"CAST({request.weight} AS DOUBLE) <> 0")
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    weight = f"CAST({request.weight} AS DOUBLE) AS w"
    return f"SELECT {', '.join([*select, weight])}{values} FROM {source.relation}{where}"


def _known(sql: str) -> str:
    """NaN where an expression is null, NaN or infinite."""
    value = f"CAST({sql} AS DOUBLE)"
    return f"CASE WHEN isfinite({value}) THEN {value} ELSE 'NaN'::DOUBLE END"


def _chunk(batch: pa.RecordBatch, request: Request) -> _Chunk:
    values = {e: plain(batch.column(f"v{k}")) for k, e in enumerate(request.expressions)}
    return _Chunk(plain(batch.column("w")), values)


def _key(batch: pa.RecordBatch, key: Key, prefix: str) -> Ints:
    return key.decoded([batch.column(name) for name in key.names(prefix)])


def _joined(blocks: Sequence[Ints]) -> Ints:
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)


def _joined_floats(blocks: Sequence[Floats]) -> Floats:
    return np.concatenate(blocks) if blocks else np.zeros(0)


def _zones(codes: Sequence[Ints], psus_n: int) -> tuple[tuple[Ints, ...], Ints]:
    """The distinct tuples of PSU-level categories, and which of them each PSU has."""
    if not codes:
        return (), np.zeros(psus_n, dtype=np.int64)
    sizes = [int(c.max(initial=0)) + 1 for c in codes]
    packed = codes[0]
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        packed = packed * size + code
    distinct, zone = np.unique(packed, return_inverse=True)
    unpacked = []
    for size in reversed(sizes):
        distinct, code = np.divmod(distinct, size)
        unpacked.append(code)
    return tuple(reversed(unpacked)), zone
