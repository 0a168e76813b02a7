"""The border register of Istmo as its office delivers it, and how many people truly came and left for good.

Histories come from :mod:`caudal.simulate.crossings`; here they are put on the forms of an office: years of
history in one file each, then a file a month; own codes for posts, means, countries and reasons; document
numbers; one post whose clock runs on UTC; crossings that were lost, repeated or recorded late. The truth is
the residence rule of 12 months in 16 applied to what really happened, also after the register ends.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from caudal.simulate.axes import TERRITORY
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

Ints = NDArray[np.int64]

#: Crossings of the register for each hundred persons of the country (nominal).
EVENTS_PER_HUNDRED = 100
FIRST_YEAR, LAST_YEAR = 2016, 2023
#: Months after the register ends in which people go on crossing, so that the truth is final.
AFTER = 18
#: Travellers per thousand nominal events: more people come to stay than over most borders.
TRAVELLERS: Mapping[str, float] = MappingProxyType(
    {
        "resident": 90.0,
        "visitor": 110.0,
        "commuter": 0.8,
        "immigrant": 13.0,
        "emigrant": 9.0,
        "transit": 30.0,
        "seasonal": 8.0,
        "long_visitor": 4.0,
    }
)
ERRORS = RegisterErrors(lost_share=0.01, repeated_share=0.005, late_share=0.02)
COLUMNS = (
    "num_doc",
    "fecha_hora",
    "sentido",
    "puesto",
    "medio",
    "nacionalidad",
    "sexo",
    "fecha_nac",
    "tipo_doc",
    "motivo",
    "dias_decl",
    "dias_perm",
    "fecha_reg",
)
#: The post whose clock shows UTC; Istmo is five hours behind it all year.
UTC_POST, BEHIND_HOURS = "E1", 5
COUNTRIES = MappingProxyType(
    {
        "XI": "100",
        "CRI": "206",
        "COL": "202",
        "VEN": "201",
        "NIC": "206",
        "HTI": "204",
        "CUB": "208",
        "USA": "301",
        "ESP": "302",
        "CHN": "303",
    }
)
DIRECTIONS = MappingProxyType({"entry": "E", "exit": "S"})
MEANS = MappingProxyType({"air": "A", "land": "T", "sea": "M"})
REASONS = MappingProxyType(
    {
        "return": "RET",
        "tourism": "TUR",
        "work": "TRA",
        "residence": "RES",
        "transit": "TRN",
        "study": "EST",
    }
)
DOCUMENTS = MappingProxyType({"passport": "PAS", "identity_card": "DNI"})
THRESHOLD, WINDOW = 365, 487
INDICATORS = MappingProxyType({"entry": "immigration", "exit": "emigration"})


@dataclass(frozen=True)
class BorderFiles:
    """Rows of each delivery by file name, and the true migrations by direction and month."""

    rows: Mapping[str, int]
    truth: Mapping[tuple[str, str], int]


def border_file_names() -> tuple[str, ...]:
    """The files of the register: a year of history each, then a month each."""
    years = [f"cruces_{y}.csv.gz" for y in range(FIRST_YEAR, LAST_YEAR)]
    return (*years, *(f"cruces_{LAST_YEAR}-{m:02d}.csv.gz" for m in range(1, 13)))


def write_border(folder: Path, persons: int, seed: int) -> BorderFiles:
    """Writes the deliveries of the border register of a country of ``persons`` into ``folder``."""
    months = 12 * (LAST_YEAR - FIRST_YEAR + 1)
    plan = Plan(
        start=date(FIRST_YEAR, 1, 1),
        months=months + AFTER,
        errors=ERRORS,
        first_citizenship=TERRITORY,
        travellers=TRAVELLERS,
    )
    events = persons * EVENTS_PER_HUNDRED // 100 * (months + AFTER) // months
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = simulate_crossings(Path(place), events=events, seed=seed, plan=plan, identifiers=True)
        truth = _true_migrations(pq.read_table(made.truth), pq.read_table(made.persons))
        records = pa.concat_tables([pq.read_table(p) for p in made.deliveries]).unify_dictionaries()
    return BorderFiles(dict(_written(folder, records)), truth)


def true_rows(truth: Mapping[tuple[str, str], int], schema: pa.Schema) -> pa.Table:
    """The true migrations of every month and year, as rows of the table of true values."""
    sums: Counter[tuple[str, str]] = Counter()
    for (direction, month), n in sorted(truth.items()):
        sums[direction, month] += n
        sums[direction, month[:4]] += n
    rows = [
        {n: "_T" for n in schema.names if n.endswith("_code")}
        | {
            "indicator_code": INDICATORS[direction] + ("_monthly" if "-" in period else ""),
            "unit_code": "EVENT",
            "reference_area_code": TERRITORY,
        }
        | {"time_period": period, "breakdown_n": 0, "value": float(n), "numerator": n}
        for (direction, period), n in sums.items()
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _written(folder: Path, records: pa.Table) -> Iterator[tuple[str, int]]:
    """Each delivery as a file. History holds what was known when its year had been closed."""
    known = records["known_at"].to_numpy().astype("datetime64[D]")
    received = (known - np.timedelta64(1, "D")).astype("datetime64[M]").astype(np.int64)
    for name in border_file_names():
        period = name.removeprefix("cruces_").removesuffix(".csv.gz")
        start = np.datetime64(period, "M").astype(np.int64)
        end = start + (1 if "-" in period else 12)
        rows = np.flatnonzero((received >= start) & (received < end))
        _write(folder / name, records.take(pa.array(rows)))
        yield name, len(rows)


def _write(path: Path, records: pa.Table) -> None:
    """One delivery, compressed; a gzip stream of Arrow carries no time."""
    minute = records["crossing_at"].to_numpy().astype("datetime64[m]")
    on_utc = pc.equal(records["post_code"].cast(pa.string()), UTC_POST).to_numpy()
    shown = minute + (on_utc * BEHIND_HOURS * 60).astype("timedelta64[m]")
    columns: list[pa.Array | pa.ChunkedArray] = [
        pc.binary_join_element_wise("D", records["identifier"], ""),
        pa.array(np.char.replace(np.datetime_as_string(shown, "m"), "T", " ")),
        _recoded(records["direction_code"], DIRECTIONS),
        records["post_code"].cast(pa.string()),
        _recoded(records["means_code"], MEANS),
        _recoded(records["citizenship_code"], COUNTRIES),
        records["sex_code"].cast(pa.string()),
        records["birth_date"],
        _recoded(records["document_type_code"], DOCUMENTS),
        _recoded(records["declared_reason_code"], REASONS),
        records["declared_stay_days"],
        records["permitted_stay_days"],
        records["known_at"],
    ]
    options = csv.WriteOptions(quoting_style="none", batch_size=1 << 16)
    with pa.CompressedOutputStream(path.as_posix(), "gzip") as stream:
        csv.write_csv(pa.table(columns, names=list(COLUMNS)), stream, options)


def _recoded(column: pa.ChunkedArray, names: Mapping[str, str]) -> pa.Array:
    coded = column.combine_chunks()
    texts = pa.array([names[x] for x in coded.dictionary.to_pylist()], pa.string())
    return texts.take(coded.indices)


def _true_migrations(crossings: pa.Table, persons: pa.Table) -> dict[tuple[str, str], int]:
    """Migrations by direction and month, from what really happened."""
    person = crossings["person_id"].to_numpy()
    minute = crossings["crossing_at"].to_numpy().astype("datetime64[m]").astype(np.int64)
    entry = pc.equal(crossings["direction_code"].cast(pa.string()), "entry").to_numpy()
    order = np.lexsort((minute, person))
    person, day, inside = person[order], minute[order] // 1440, entry[order]
    at_start = np.array(persons["resident_at_start"].to_pylist())[person]
    migration = _migrations(person, day, inside, at_start)
    before = day < np.datetime64(f"{LAST_YEAR + 1}-01-01", "D").astype(np.int64)
    rows = np.flatnonzero(migration & before)
    months = np.datetime_as_string(day[rows].astype("datetime64[D]"), "M").tolist()
    return dict(Counter(zip(np.where(inside[rows], "entry", "exit").tolist(), months, strict=True)))


def _migrations(
    person: Ints, day: Ints, inside: NDArray[np.bool_], at_start: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which crossings change the residence: 365 of the next 487 nights on their side, the other before."""
    n = len(person)
    first = np.concatenate([[True], person[1:] != person[:-1]])
    nights = np.append(np.where(first[1:], 0, np.diff(day)), 0) * inside
    indoors = np.cumsum(nights) - nights
    stride = int(day.max() - day.min()) + WINDOW + 2
    keys = person * stride + day - day.min()
    last = np.searchsorted(keys, keys + WINDOW, side="right") - 1
    spent = indoors[last] + inside[last] * (day + WINDOW - day[last]) - indoors
    passes = np.where(inside, spent, WINDOW - spent) >= THRESHOLD
    held = np.maximum.accumulate(np.where(passes | first, np.arange(n), -1))
    after = np.where(passes[held], inside[held], at_start)
    before = np.where(first, at_start, np.roll(after, 1))
    return np.asarray(passes & (before != inside))
