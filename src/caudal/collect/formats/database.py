"""A table or query of a database, through ADBC: asked once, streamed into the file that the delivery names.

What the database answered is the raw file: it lies in the source's folder as Parquet, with its checksum like
any other, and a build never asks again while it is there. The answer is written block by block beside its
place and renamed when it is whole: a connection that drops in the middle leaves nothing. The connection is
read-only where the database knows the word.

It refuses an address of a database inside a spec: specs are shared, passwords are not.
"""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect.contract import RawFile, RawTable
from caudal.collect.formats import parquet
from caudal.engine.files import writing
from caudal.engine.session import quoted
from caudal.errors import CaudalError, problem
from caudal.model.period import bounds
from caudal.model.source import DatabaseFormat, ParquetFormat

ENDINGS: tuple[str, ...] = ()


def open_table(file: RawFile, spec: DatabaseFormat, expected: Collection[str], target: Path) -> RawTable:
    """The answer that :func:`fetch` wrote."""
    return parquet.open_table(file, ParquetFormat(type="parquet"), expected, target)


def fetch(spec: DatabaseFormat, path: Path, period: str) -> None:
    """Asks the database for the rows of ``period`` and writes them to ``path``, whole or not at all.

    Raises :class:`CaudalError`: no driver, no address, a query that fails, a connection that is lost.
    """
    sql = _sql(spec, period)
    with _connection(spec, path) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
        except connection.Error as error:
            code = "database-lost" if _is_lost(error) else "database-query"
            raise CaudalError(_failed(code, spec, error)) from error
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as part:
            try:
                _stream(reader, part)
            except (connection.Error, pa.ArrowException, OSError) as error:
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise CaudalError(_failed("database-lost", spec, error)) from error


def _sql(spec: DatabaseFormat, period: str) -> str:
    if spec.table:
        return f"SELECT * FROM {'.'.join(quoted(part) for part in spec.table.split('.'))}"
    first, last = bounds(period)
    filled = {"period": period, "period_start": first.isoformat(), "period_end": last.isoformat()}
    sql = spec.query
    for name, value in filled.items():
        sql = sql.replace("{" + name + "}", value)
    return sql


def _stream(reader: pa.RecordBatchReader, path: Path) -> None:
    schema = pa.schema([pa.field(f.name, _plain(f.type)) for f in reader.schema])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for batch in reader:
            columns = [_storage(c).cast(f.type) for c, f in zip(batch.columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without what only its database understands: a numeric comes as its exact text."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _storage(column: pa.Array) -> pa.Array:
    return column.storage if isinstance(column, pa.ExtensionArray) else column


@contextmanager
def _connection(spec: DatabaseFormat, path: Path) -> Iterator[Any]:
    try:
        driver = importlib.import_module(f"adbc_driver_{spec.driver}.dbapi")
    except ImportError as error:
        package = f"adbc-driver-{spec.driver}"
        raise CaudalError(
            problem("extra-missing", where=path.name, package=package, extra="database")
        ) from error
    try:
        connection = driver.connect(_address(spec, path))
    except driver.Error as error:
        raise CaudalError(_failed("database-unreachable", spec, error)) from error
    try:
        if spec.driver == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
        yield connection
    finally:
        connection.close()


def _address(spec: DatabaseFormat, path: Path) -> str:
    kind, _, name = spec.connection.partition(":")
    if kind == "env":
        found = os.environ.get(name, "")
    else:
        folder = next((p for p in path.absolute().parents if (p / "caudal.yaml").is_file()), Path())
        place = folder / name
        found = place.read_text(encoding="utf-8").strip() if place.is_file() else ""
    if not found:
        raise CaudalError(problem("database-address", where=path.name, found=spec.connection))
    return found


def _is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, by the class of its SQLSTATE: 08 connection, 57 operator's act."""
    return str(getattr(error, "sqlstate", None) or "08")[:2] in ("08", "57")


def _failed(code: str, spec: DatabaseFormat, error: BaseException) -> Any:
    """A problem in the database's own words, without its address, which may hold a password."""
    said = " ".join(str(error).split())[:300]
    return problem(code, where=spec.connection, detail=said)
