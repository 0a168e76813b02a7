"""A register as classified rows: every crossing with what the rule made of it, and every person at the end
of each year. Formulas of the catalogue read these rows as they read any record.

A row of kind ``crossing`` carries the kind of movement, residence before and after, the length until the next
crossing, the stay against the permitted one. A row of kind ``stock`` is one person at the end of a year, who
is resident or present then, with the codes of the last crossing so far. For the builder's side only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece, Settings, map_pieces
from caudal.estimate.stays.dimensions import EPOCH, Dimension, Grouping, dimension
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister
from caudal.estimate.stays.stocks import Births, states

CROSSING, STOCK = "crossing", "stock"
#: Column of a row -> dimension that fills it.
MADE = {
    "direction_code": "direction",
    "movement_code": "population",
    "length_of_stay_code": "length_of_stay",
    "overstay_code": "overstay",
    "decided_code": "decided",
    "imputed_code": "imputed",
    "age_code": "age",
    "sex_code": "sex",
    "citizenship_code": "citizenship",
    "post_code": "post",
    "declared_reason_code": "declared_reason",
    "document_type_code": "document_type",
}
#: Columns that a person still has at the date of a stock.
OF_THE_PERSON = ("age_code", "sex_code", "citizenship_code")
#: Made column -> column of the records without which it cannot be made.
NEEDS = {"overstay_code": c.PERMITTED_STAY, "age_code": c.BIRTH}
ALWAYS = (
    "row_code",
    "moment",
    "movement_code",
    "status_before_code",
    "status_after_code",
    "presence_code",
    "length_of_stay_code",
    "decided_code",
    "imputed_code",
    c.PERSON,
)
_STATUS, _SIDE = (c.NON_RESIDENT, c.RESIDENT), ("outside", "inside")


def made_columns(read: frozenset[str]) -> tuple[str, ...]:
    """The columns that classified rows add to crossings with the columns ``read``."""
    return (*ALWAYS, *(name for name, needed in NEEDS.items() if needed in read))


def write_rows(
    register: PackedRegister,
    path: Path,
    settings: Settings,
    grouping: Grouping,
    ends: Sequence[date],
    *,
    with_crossings: bool = True,
) -> None:
    """Write the classified rows of ``register``, with a stock at the end of each of ``ends``."""
    rows = _Rows.of(register, grouping, tuple(d.toordinal() - EPOCH for d in ends), with_crossings)
    writer: pq.ParquetWriter | None = None
    for batch in map_pieces(register, settings, rows.of_piece):
        writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd", compression_level=1)
        writer.write_batch(batch)
    if writer is not None:
        writer.close()


@dataclass(frozen=True)
class _Rows:
    """Turns pieces into batches of rows."""

    dimensions: dict[str, Dimension]
    days: tuple[int, ...]
    birth: Births
    with_crossings: bool

    @classmethod
    def of(
        cls, register: PackedRegister, grouping: Grouping, days: tuple[int, ...], with_crossings: bool
    ) -> _Rows:
        carried = {f.name for f in register.layout.fields}
        there = {
            "age": register.birth_day is not None,
            "sex": register.sex is not None,
            "citizenship": c.CITIZENSHIP in carried,
            "post": c.POST in carried,
            "declared_reason": c.REASON in carried,
            "document_type": c.DOCUMENT_TYPE in carried,
            "overstay": c.PERMITTED_STAY in carried,
        }
        made = {n: dimension(d, register, grouping) for n, d in MADE.items() if there.get(d, True)}
        return cls(made, days, register.birth_day, with_crossings)

    def of_piece(self, piece: Piece) -> pa.RecordBatch:
        """The rows of one piece: its crossings, then its persons at each date."""
        codes = {n: np.asarray(d.codes(piece)) for n, d in self.dimensions.items()}
        n, x, s = len(piece.day), piece.crossings, piece.statuses
        stocks = [self._stock(piece, day) for day in self.days] if n else []
        last = [row for row, _, _, _ in stocks]
        rows = np.concatenate([np.arange(n), *last]).astype(np.int64)
        moments = [np.full(len(row), day, np.int32) for row, day in zip(last, self.days, strict=False)]
        is_stock = np.arange(len(rows)) >= n
        columns: dict[str, pa.Array] = {
            c.PERSON: pa.array(x.person[rows]),
            "row_code": _texts(is_stock.astype(np.int8), (CROSSING, STOCK)),
            "moment": pa.array(np.concatenate([piece.day, *moments]).astype(np.int32)).view(pa.date32()),
            "status_before_code": _texts(s.before[rows], _STATUS, is_stock),
            "status_after_code": _texts(np.concatenate([s.after, *(r for _, r, _, _ in stocks)]), _STATUS),
            "presence_code": _texts(np.concatenate([x.inside, *(p for _, _, p, _ in stocks)]), _SIDE),
        }
        for name, d in self.dimensions.items():
            code = codes[name][rows]
            if name == "age_code" and stocks:
                code = np.concatenate([codes[name], *(a for _, _, _, a in stocks)])
            columns[name] = _texts(code, d.labels, None if name in OF_THE_PERSON else is_stock)
        batch = pa.record_batch(columns)
        return batch if self.with_crossings else batch.slice(n)

    def _stock(self, piece: Piece, day: int) -> tuple[Ints, Ints, Ints, Ints]:
        """Row, residence, presence and age at ``day`` of each person who is resident or present then."""
        row, present, resident = states(piece, day, self.birth)
        kept = present | resident
        ages = self.dimensions.get("age_code")
        found = row[kept]
        age = ages.codes(piece.at(found, day)) if ages is not None else np.zeros(len(found), np.int64)
        return found, resident[kept].astype(np.int64), present[kept].astype(np.int64), np.asarray(age)


def _texts(
    codes: npt.NDArray[np.integer], labels: tuple[str, ...], hidden: npt.NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    index = pa.array(codes.astype(np.int32), mask=hidden)
    return pa.DictionaryArray.from_arrays(index, pa.array(list(labels), pa.string()))
