"""A country folder with nothing but a border register, to be built in a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.session import connect
from caudal.harmonise import identifier_key
from caudal.river.folder import read_folder
from caudal.river.observing import Observed, observe
from caudal.river.stages import Stage
from tests.support import small_country

CAUDAL = small_country.CAUDAL.replace("XI", "PA")
SOURCE = """\
source: border
title: {{es: Frontera, pt: Fronteira, en: Border}}
producer: Office
origin: https://office.example/border
licence: CC-BY-4.0
simulated: true
kind: crossing
concept: {{source_type: border_register, scope: travellers, coverage: border_posts}}
data: data
residence: {{threshold: 365, window: 487, burn_in: false, vintages: 0, gaps: {gaps}}}
tables:
  crossings:
    format: {{type: delimited}}
columns:
  person_key: {{from: doc}}
  crossing_at:
    from: at
    date_format: "%Y-%m-%d %H:%M"
    clock: {{zone: America/Panama, by: post, shown: {{UTC: UTC}}}}
  direction_code: {{from: way, recode: {{E: entry, S: exit}}}}
  citizenship_code: {{from: nation}}
  sex_code: {{from: sex, recode: {{F: F, M: M}}}}
  birth_date: {{from: born}}
  permitted_stay_days: {{from: days}}
thresholds: {{quarantined: 0.9, recoded_to_unknown: 0.9}}
design: {{type: full_count}}
deliveries:
{deliveries}
"""
HEAD = "doc,at,way,post,nation,sex,born,days"


def row(doc: str, at: str, way: str, post: str = "A", nation: str = "CO", **more: str) -> str:
    """One raw crossing."""
    return ",".join(
        [
            doc,
            at,
            way,
            post,
            nation,
            more.get("sex", "F"),
            more.get("born", "1990-01-01"),
            more.get("days", "90"),
        ]
    )


def write_border(folder: Path, deliveries: Mapping[str, Sequence[str]], gaps: str = "midpoint") -> Path:
    """A country folder whose border register has these ``deliveries``: period -> raw crossings."""
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    listed = "\n".join(f"  - {{period: {p}, file: {p}.csv}}" for p in deliveries)
    for period, rows in deliveries.items():
        (folder / "data" / f"{period}.csv").write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    (folder / "caudal.yaml").write_text(CAUDAL, encoding="utf-8")
    (folder / "protection.yaml").write_text("count_threshold: 3\n", encoding="utf-8")
    (folder / "publication.yaml").write_text("vintage: 2024-01\n", encoding="utf-8")
    source = SOURCE.format(deliveries=listed, gaps=gaps)
    (folder / "sources" / "border.yaml").write_text(source, encoding="utf-8")
    return folder


def observed(folder: Path) -> tuple[pa.Table, Any]:
    """The observations of a country folder before the gate, and what was seen of its source."""
    found = seen(folder)
    return found.table, found.runs[0]


def seen(folder: Path) -> Observed:
    """All that is observed of a country folder before the gate."""
    read = read_folder(folder)
    with connect() as session:
        cache = Cache(read.work / "cache")
        stage = Stage(read, cache, session, identifier_key(read.country, read.path))
        registers = {n: register_deliveries(read.path, s, work=read.work) for n, s in read.sources.items()}
        return observe(stage, registers)


def figures(table: pa.Table, indicator: str, *by: str) -> dict[tuple[str, ...], float]:
    """Cells of an indicator that are broken down by exactly ``by`` (and the period), by their codes."""
    others = [n for n in table.column_names if n.endswith("_code") and n.removesuffix("_code") not in by]
    fixed = {"indicator_code", "reporter_code", "reference_area_code", "counterpart_area_code", "source_code"}
    fixed |= {"unit_code", "obs_status_code", "conf_status_code", "method_code"}
    return {
        (r["time_period"], *(r[f"{b}_code"] for b in by)): r["value"]
        for r in table.to_pylist()
        if r["indicator_code"] == indicator
        and all(r[n] == "_T" for n in others if n not in fixed)
        and all(r[f"{b}_code"] != "_T" for b in by)
    }
