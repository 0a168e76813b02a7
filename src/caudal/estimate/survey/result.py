"""The result of an estimation: one long Arrow table, one row a cell and statistic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from caudal.estimate.survey.coding import plain
from caudal.estimate.survey.frame import Floats, Ints

#: The code of a breakdown that a crossing does not hold (SDMX: total).
TOTAL = "_T"

MEASURES: tuple[tuple[str, pa.DataType], ...] = (
    ("statistic", pa.string()),
    ("value", pa.float64()),
    ("sampling_se", pa.float64()),
    ("lower", pa.float64()),
    ("upper", pa.float64()),
    ("interval_type", pa.string()),
    ("sample_n", pa.int64()),
    ("cases_n", pa.int64()),
    ("psu_n", pa.int64()),
    ("stratum_n", pa.int64()),
    ("df", pa.float64()),
    ("deff", pa.float64()),
    ("deff_replace", pa.float64()),
    ("ess", pa.float64()),
    ("error_method", pa.string()),
    ("flags", pa.string()),
)


@dataclass(frozen=True)
class Cells:
    """The estimates of one statistic, one element a cell (NaN: none); a text alone holds for every cell."""

    name: str
    codes: Mapping[str, Ints]
    value: Floats
    se: Floats
    lower: Floats
    upper: Floats
    kind: Sequence[str] | str
    sample_n: Floats
    cases_n: Floats
    psu_n: Floats
    stratum_n: Floats
    df: Floats
    deff: Floats
    deff_replace: Floats
    error_method: Sequence[str] | str
    flags: Sequence[str]
    kept: Floats


def result_table(
    found: Sequence[Cells], dims: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> pa.Table:
    """All estimates as one table: a column for each breakdown, then the measures."""
    kept = [np.flatnonzero(c.kept > 0) for c in found]
    columns: dict[str, pa.Array] = {}
    for dim in dims:
        names = [*labels[dim], TOTAL]
        codes = [
            c.codes[dim][k] if dim in c.codes else np.full(k.size, len(names) - 1)
            for c, k in zip(found, kept, strict=True)
        ]
        columns[dim] = _texts(np.concatenate(codes), names)
    position = np.repeat(np.arange(len(found)), [k.size for k in kept])
    columns["statistic"] = _texts(position, [c.name for c in found])
    for name, kind in MEASURES[1:]:
        columns[name] = _measure(found, kept, name, kind)
    return pa.table(columns)


def _texts(codes: Ints, names: Sequence[str]) -> pa.Array:
    dictionary = pa.array(names, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), dictionary).cast(pa.string())


def _measure(found: Sequence[Cells], kept: Sequence[Ints], name: str, kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        source = {"interval_type": "kind", "error_method": "error_method", "flags": "flags"}[name]
        distinct: dict[str, int] = {}
        codes = [_text_codes(getattr(c, source), k, distinct) for c, k in zip(found, kept, strict=True)]
        return _texts(np.concatenate(codes), list(distinct))
    if name == "ess":
        parts = [_ess(c)[k] for c, k in zip(found, kept, strict=True)]
    else:
        source = {"sampling_se": "se"}.get(name, name)
        parts = [getattr(c, source)[k] for c, k in zip(found, kept, strict=True)]
    values = np.concatenate(parts).astype(np.float64)
    absent = ~np.isfinite(values)
    if kind == pa.int64():
        return pa.array(np.where(absent, 0, values).round().astype(np.int64), kind, mask=absent)
    return pa.array(np.where(absent, 0.0, values), kind, mask=absent)


def _text_codes(texts: Sequence[str] | str, kept: Ints, distinct: dict[str, int]) -> Ints:
    """The position of each text among the distinct ones, which grow."""
    if isinstance(texts, str):
        return np.full(kept.size, distinct.setdefault(texts, len(distinct)), dtype=np.int64)
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = plain(encoded.indices)[kept]
    places = np.zeros(len(names), dtype=np.int64)
    for code in np.unique(codes).tolist():
        places[code] = distinct.setdefault(names[code], len(distinct))
    return np.asarray(places[codes], dtype=np.int64)


def _ess(cells: Cells) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(cells.deff > 0, cells.sample_n / cells.deff, np.nan)
