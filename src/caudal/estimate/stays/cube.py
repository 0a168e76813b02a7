"""Tables of crossings by any dimensions: one number a cell, one pass over the register.

The codes of the dimensions are packed into one number a crossing, and equal numbers are counted. Counts
are whole numbers, so that the table is the same whatever the order of the pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.estimate.stays.classify import Piece, Settings, map_pieces
from caudal.estimate.stays.dimensions import Dimension, Grouping, dimension
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister

MIGRATIONS, MOVEMENTS = "migrations", "movements"
COUNT = "crossings_n"
#: Up to this many cells a piece counts into a dense table.
DENSE_CELLS = 1 << 16


@dataclass(frozen=True)
class Cells:
    """Counts by packed cell: ``code`` rising, ``count`` more than zero; both shape (cells,)."""

    code: Ints
    count: Ints

    @classmethod
    def none(cls) -> Cells:
        """No cells."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    @classmethod
    def of(cls, codes: Ints, cells_n: int) -> Cells:
        """Cells of the crossings with these codes."""
        if cells_n <= DENSE_CELLS:
            counts = np.bincount(codes, minlength=0)
            found = np.flatnonzero(counts)
            return cls(found, counts[found].astype(np.int64))
        return cls(*np.unique(codes, return_counts=True))

    def plus(self, others: Iterable[Cells], sign: int = 1) -> Cells:
        """These cells and ``others`` (times ``sign``) in one table, without cells of zero."""
        pieces = list(others)
        code = np.concatenate([self.code, *(p.code for p in pieces)])
        count = np.concatenate([self.count, *(sign * p.count for p in pieces)])
        cells, place = np.unique(code, return_inverse=True)
        total = np.zeros(len(cells), np.int64)
        np.add.at(total, place, count)
        return Cells(cells[total != 0], total[total != 0])


@dataclass(frozen=True)
class CubeSpec:
    """Which crossings (``migrations`` or all ``movements``) by which dimensions."""

    of: str = MIGRATIONS
    by: tuple[str, ...] = ("month", "citizenship", "direction")
    grouping: Grouping = field(default_factory=Grouping)


def flow_cube(
    register: PackedRegister, settings: Settings | None = None, spec: CubeSpec | None = None
) -> pa.Table:
    """Crossings counted by dimensions: one ``<dimension>_code`` column each, and ``crossings_n``.

    Rows in the order of the dimensions; cells without a crossing are absent.

    >>> from datetime import datetime
    >>> from caudal.estimate.stays.reading import read_register
    >>> one = pa.table({"person_id": [0], "crossing_at": [datetime(2020, 1, 1)], "direction_code": ["entry"],
    ...                 "citizenship_code": ["COL"]})
    >>> flow_cube(read_register(one)).to_pylist()
    [{'month_code': '2020-01', 'citizenship_code': 'COL', 'direction_code': 'entry', 'crossings_n': 1}]
    """
    settings, spec = settings or Settings(), spec or CubeSpec()
    counter = CellCounter.of(register, spec)
    cells = Cells.none().plus(map_pieces(register, settings, counter.cells))
    return counter.table(cells)


@dataclass(frozen=True)
class CellCounter:
    """Counts pieces into cells of ``dimensions`` and spells the cells out."""

    dimensions: tuple[Dimension, ...]
    only_migrations: bool

    @classmethod
    def of(cls, register: PackedRegister, spec: CubeSpec) -> CellCounter:
        """The counter of ``spec`` over ``register``."""
        if spec.of not in (MIGRATIONS, MOVEMENTS):
            raise CaudalError(
                problem(
                    "unknown-name",
                    kind="cube",
                    found=spec.of,
                    allowed=(MIGRATIONS, MOVEMENTS),
                    nearest=MIGRATIONS,
                )
            )
        return cls(tuple(dimension(n, register, spec.grouping) for n in spec.by), spec.of == MIGRATIONS)

    def codes(self, piece: Piece) -> Ints:
        """The packed cell of each counted crossing."""
        rows: npt.NDArray[np.bool_] | slice = slice(None)
        if self.only_migrations:
            rows = piece.statuses.migration == 1
        code = np.zeros(len(piece.day), np.int64)[rows]
        for d in self.dimensions:
            code = code * len(d.labels) + d.codes(piece)[rows]
        return code

    def cells(self, piece: Piece) -> Cells:
        """The counts of one piece."""
        return Cells.of(self.codes(piece), prod(len(d.labels) for d in self.dimensions))

    def table(self, cells: Cells) -> pa.Table:
        """Cells spelled out, one column a dimension."""
        columns: dict[str, pa.Array] = {}
        rest = cells.code
        for d in reversed(self.dimensions):
            columns[f"{d.name}_code"] = pa.array(
                np.array(d.labels, dtype=object)[rest % len(d.labels)], pa.string()
            )
            rest = rest // len(d.labels)
        ordered = {name: columns[name] for name in reversed(list(columns))}
        return pa.table({**ordered, COUNT: pa.array(cells.count)})


def totals(cube: pa.Table, by: Sequence[str]) -> pa.Table:
    """A cube summed to fewer dimensions, sorted by them.

    >>> cube = pa.table({"month_code": ["2020-01", "2020-01"], "sex_code": ["F", "M"], "crossings_n": [2, 3]})
    >>> totals(cube, ["month_code"]).to_pylist()
    [{'month_code': '2020-01', 'crossings_n': 5}]
    """
    summed = cube.group_by(list(by), use_threads=False).aggregate([(COUNT, "sum")])
    return summed.rename_columns([*by, COUNT]).sort_by([(n, "ascending") for n in by])
