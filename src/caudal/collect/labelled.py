"""What SPSS, Stata and SAS have in common: variables and values with labels, and values declared missing.

The files are read by pyreadstat (ReadStat), in blocks of a bounded number of cells, each written as one
Parquet file; all columns become text, whole numbers without decimals, others with all their digits, dates
in ISO form. A value that the file declares missing (a range of SPSS, ``.a`` of Stata) is null in its column
and kept beside it (see :data:`~caudal.collect.contract.MISSING`).

What it refuses: a file that the reader cannot read to its end, and texts in another encoding than the file
declares, which older programs wrote; the error says what to declare instead.
"""

from __future__ import annotations

import codecs
import datetime
import importlib
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from caudal.collect.contract import LABEL, MISSING, RAW_ROW, RawFile, RawTable, doubled
from caudal.collect.streams import CANDIDATES, unpacked
from caudal.collect.variables import Variable
from caudal.engine.session import quoted
from caudal.errors import CaudalError, nearest, problem
from caudal.model.source import LabelledFormat

#: Cells of a block: some hundred megabytes while it is converted.
_CELLS = 2_000_000
_FEWEST_ROWS = 1_000
_WHOLE = 1e15
_DATES = (datetime.date, datetime.time)


@dataclass(frozen=True)
class Reader:
    """How pyreadstat reads one kind of file: its function, the arguments that always go with it, and
    whether an encoding can be given."""

    function: str
    arguments: Mapping[str, Any]
    encoded: bool = True


def open_labelled(file: RawFile, spec: LabelledFormat, reader: Reader, target: Path) -> RawTable:
    """Reads ``file`` to ``target/part-*.parquet``, with a column beside each that has missing values."""
    with _plain(file.path, spec.member, target) as path:
        source = _Source(file.name, path, spec, reader)
        meta = source.metadata()
        names = list(meta.column_names)
        if double := doubled(names):
            raise CaudalError(problem("header-doubled", where=file.name, found=double))
        _check_labels(spec, names, file.name)
        rows, columns = _write(source, meta, target)
    if not rows:
        raise CaudalError(problem("file-empty", where=file.name))
    shown = ", ".join(quoted(c) for c in (*columns, RAW_ROW))
    relation = f"SELECT {shown} FROM read_parquet('{{folder}}/part-*.parquet', union_by_name = true)"
    facts: dict[str, str | int] = {
        "format": spec.type,  # type: ignore[attr-defined]
        "encoding": spec.encoding or meta.file_encoding or "",
    }
    return RawTable(relation, dict.fromkeys(columns, "VARCHAR"), rows, (), facts)


def describe_labelled(file: RawFile, spec: LabelledFormat, reader: Reader, scratch: Path) -> list[Variable]:
    """The variables of ``file`` with their labels; no row is read."""
    with _plain(file.path, spec.member, scratch) as path:
        meta = _Source(file.name, path, spec, reader).metadata()
    return [
        Variable(
            name=name,
            label=meta.column_names_to_labels.get(name) or "",
            values={_key(k): str(v) for k, v in meta.variable_value_labels.get(name, {}).items()},
            missing={
                _key(end): ""
                for r in meta.missing_ranges.get(name, [])
                for end in dict.fromkeys(r.values())
                if r["lo"] == r["hi"]
            },
            numeric=meta.readstat_variable_types.get(name) != "string",
        )
        for name in meta.column_names
    ]


@dataclass(frozen=True)
class _Source:
    """One file with its reader."""

    name: str
    path: Path
    spec: LabelledFormat
    reader: Reader

    def metadata(self) -> Any:
        meta = self._read(metadataonly=True)[1]
        texts = [t for t in meta.column_names_to_labels.values() if t]
        texts += [str(t) for labels in meta.variable_value_labels.values() for t in labels.values()]
        if any(_is_utf8_misread(t) for t in texts):
            declared = self.spec.encoding or meta.file_encoding or "windows-1252"
            raise CaudalError(problem("encoding-wrong", where=self.name, declared=declared, works="utf-8"))
        if not self.spec.encoding and (meta.file_encoding or "").upper() == "UTF-8":
            self._check_utf8(texts, meta)
        return meta

    def _check_utf8(self, texts: Sequence[str], meta: Any) -> None:
        """Refuses texts that are no UTF-8. The reader refuses most; a letter of another encoding at the end
        of a text it drops without a word, so the bytes of the labels and of the first rows are read too."""
        bytewise = replace(self, spec=self.spec.model_copy(update={"encoding": "latin-1"}))
        other = bytewise._read(metadataonly=True)[1]
        again = [t for t in other.column_names_to_labels.values() if t]
        again += [str(t) for labels in other.variable_value_labels.values() for t in labels.values()]
        columns = [n for n, kind in meta.readstat_variable_types.items() if kind == "string"]
        if columns:
            rows = max(_FEWEST_ROWS, _CELLS // (10 * len(columns)))
            data, _ = self._read(usecols=columns, row_limit=rows)
            raw, _ = bytewise._read(usecols=columns, row_limit=rows)
            texts = [*texts, *(t for n in columns for t in data[n] if t)]
            again += [t for n in columns for t in raw[n] if t]
        if any(_as_utf8(a) != t for t, a in zip(texts, again, strict=True)):
            raise CaudalError(problem("labels-encoding", where=self.name))

    def blocks(self, rows: int) -> Iterator[tuple[Mapping[str, Sequence[Any]], int]]:
        """The columns of each block, and the number of rows before it."""
        before = 0
        while True:
            data, _ = self._read(row_offset=before, row_limit=rows)
            found = len(next(iter(data.values()), ()))
            if found:
                yield data, before
            before += found
            if found < rows:
                return

    def _codec(self) -> str:
        """The declared encoding under the name that the reader knows."""
        try:
            name = codecs.lookup(self.spec.encoding).name
        except LookupError as error:
            found = problem("encoding-unknown", where=self.name, found=self.spec.encoding, allowed=CANDIDATES)
            raise CaudalError(found) from error
        return name.replace("iso8859", "ISO-8859").upper()

    def _read(self, **arguments: Any) -> tuple[Mapping[str, Sequence[Any]], Any]:
        try:
            pyreadstat = importlib.import_module("pyreadstat")
        except ImportError as error:
            raise CaudalError(
                problem("extra-missing", where=self.name, package="pyreadstat", extra="formats")
            ) from error
        function = getattr(pyreadstat, self.reader.function)
        given = {**self.reader.arguments, **arguments}
        if self.spec.encoding and self.reader.encoded:
            given["encoding"] = self._codec()
        try:
            data, meta = function(str(self.path), output_format="dict", **given)
        except UnicodeDecodeError as error:
            raise CaudalError(problem("labels-encoding", where=self.name)) from error
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OSError) as error:
            said = str(error).split("\n", 1)[0]
            encoding = "requested encoding" in said or "invalid byte sequence" in said
            known = "not supported" in said and "encoding" in said
            code = "labels-encoding" if encoding or known else "labelled-unreadable"
            raise CaudalError(problem(code, where=self.name, detail=said)) from error
        return data, meta


def _as_utf8(text: str) -> str | None:
    """A text read byte by byte, as the UTF-8 that its bytes are; None where they are none."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def _is_utf8_misread(text: str) -> bool:
    """Whether a text is UTF-8 that was read as one byte a letter.

    >>> _is_utf8_misread("PerÃº"), _is_utf8_misread("Perú")
    (True, False)
    """
    if text.isascii():
        return False
    for codec in ("windows-1252", "latin-1"):
        try:
            return not text.encode(codec).decode("utf-8").isascii()
        except UnicodeError:
            continue
    return False


@contextmanager
def _plain(path: Path, member: str, scratch: Path) -> Iterator[Path]:
    """The file itself, or what is packed in it, unpacked for as long as it is read."""
    with path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise CaudalError(problem("file-empty", where=path.name))
    if magic[:2] != b"\x1f\x8b" and magic != b"PK\x03\x04":
        yield path
        return
    ending = Path(_member_name(path, magic, member)).suffix
    whole = scratch / f"unpacked{ending}"
    with unpacked(path, member=member) as chunks, whole.open("wb") as stream:
        stream.writelines(chunks)
    try:
        yield whole
    finally:
        whole.unlink()


def _member_name(path: Path, magic: bytes, member: str) -> str:
    if magic != b"PK\x03\x04":
        return path.stem
    with zipfile.ZipFile(path) as archive:
        return member or next(i.filename for i in archive.infolist() if not i.is_dir())


def _check_labels(spec: LabelledFormat, names: Collection[str], where: str) -> None:
    absent = [n for n in spec.labels if n not in names]
    if absent:
        raise CaudalError(
            *(
                problem("column-missing", where=where, found=n, allowed=names, nearest=nearest(n, names))
                for n in absent
            )
        )


def _write(source: _Source, meta: Any, target: Path) -> tuple[int, list[str]]:
    """Writes the blocks; returns the rows and the columns of all of them, in the order of the file."""
    names = list(meta.column_names)
    size = max(_FEWEST_ROWS, _CELLS // max(len(names), 1))
    total, beside = 0, set[str]()
    for number, (data, before) in enumerate(source.blocks(size)):
        columns: dict[str, pa.Array] = {}
        for name in names:
            shown, missing = _column(data[name], meta.missing_ranges.get(name, []))
            columns[name] = shown
            if missing is not None and missing.null_count < len(missing):
                columns[name + MISSING] = missing
                beside.add(name + MISSING)
            if name in source.spec.labels:
                columns[name + LABEL] = _labelled(shown, missing, meta.variable_value_labels.get(name, {}))
        rows = len(next(iter(columns.values())))
        columns[RAW_ROW] = pa.array(range(before + 1, before + rows + 1), pa.int64())
        pq.write_table(
            pa.table(columns), target / f"part-{number:06}.parquet", compression="zstd", compression_level=1
        )
        total += rows
    beside |= {n + LABEL for n in source.spec.labels}
    every = [c for n in names for c in (n, n + MISSING, n + LABEL) if c == n or c in beside]
    return total, every


def _column(values: Sequence[Any], ranges: Sequence[Mapping[str, Any]]) -> tuple[pa.Array, pa.Array | None]:
    """A column as text, and the text of its values that are declared missing."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {float, int}:
        numbers = pa.array(values, pa.float64(), from_pandas=True)
        return _apart(_text(numbers), numbers, ranges)
    if kinds == {str}:
        texts = pa.array(values, pa.string())
        return _apart(texts, texts, ranges)
    if kinds <= {float, int, str}:  # Stata's and SAS's own missing values come as letters among numbers
        numbers = pa.array(
            [None if isinstance(v, str) else v for v in values], pa.float64(), from_pandas=True
        )
        letters = pa.array([f".{v}" if isinstance(v, str) else None for v in values], pa.string())
        return _text(numbers), letters
    return pa.array([_date_text(v) for v in values], pa.string()), None


def _apart(
    texts: pa.Array, compared: pa.Array, ranges: Sequence[Mapping[str, Any]]
) -> tuple[pa.Array, pa.Array | None]:
    if not ranges:
        return texts, None
    inside = pa.array([False] * len(texts))
    for part in ranges:
        low, high = (pa.scalar(part[end], compared.type) for end in ("lo", "hi"))
        within = pc.and_(pc.greater_equal(compared, low), pc.less_equal(compared, high))
        inside = pc.or_(inside, pc.fill_null(within, False))
    nothing = pa.scalar(None, pa.string())
    return pc.if_else(inside, nothing, texts), pc.if_else(inside, texts, nothing)


def _text(numbers: pa.Array) -> pa.Array:
    """Numbers as text: whole ones without decimals.

    >>> _text(pa.array([1.0, 0.25, None, -0.0])).to_pylist()
    ['1', '0.25', None, '0']
    """
    whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), _WHOLE))
    nothing = pa.scalar(None, pa.float64())
    plain = pc.cast(pc.cast(pc.if_else(whole, numbers, nothing), pa.int64()), pa.string())
    return pc.coalesce(plain, pc.cast(pc.if_else(whole, nothing, numbers), pa.string()))


def _labelled(shown: pa.Array, missing: pa.Array | None, labels: Mapping[Any, str]) -> pa.Array:
    known = {_key(k): str(v) for k, v in labels.items()}
    every = pc.coalesce(shown, missing) if missing is not None else shown
    place = pc.index_in(every, pa.array(list(known), pa.string()))
    return pc.take(pa.array(list(known.values()), pa.string()), place)


def _key(value: Any) -> str:
    """A labelled value as the columns show it: ``1`` for 1.0, ``.a`` for Stata's a."""
    if isinstance(value, str):
        return f".{value}" if len(value) == 1 and value.isalpha() else value
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _date_text(value: Any) -> str | None:
    if isinstance(value, _DATES):
        return value.isoformat().removesuffix("T00:00:00")
    return None if value is None or value != value else str(value)
