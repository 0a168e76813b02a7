"""A register that grows by a month gives what it gives from scratch, and reads only the persons who moved."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.catalogue import load_catalogue
from caudal.engine.cache import Cache
from caudal.engine.session import connect
from caudal.estimate.stays import family, growth
from caudal.estimate.stays.classified import made_columns
from caudal.estimate.stays.family import CrossingRecords
from caudal.estimate.stays.numbering import Numbered
from caudal.estimate.survey.design import Design
from caudal.model.period import bounds
from caudal.model.record import PROVENANCE_COLUMNS, record_kinds
from caudal.model.residence import ResidenceSpec
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

HEAVY_DIRT = RegisterErrors(lost_share=0.1, repeated_share=0.05, late_share=0.1)
RESIDENCE = ResidenceSpec(burn_in=False, vintages=0)


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Numbered]:
    """Three years of a dirty register, month by month; the last but two ends a year."""
    folder = tmp_path_factory.mktemp("register")
    plan = Plan(months=37, errors=HEAVY_DIRT)
    made = simulate_crossings(folder / "made", events=9000, seed=7, plan=plan, truth=False)
    found = []
    for path in made.deliveries:
        place = folder / path.stem
        place.mkdir()
        shutil.copy(path, place / "crossings.parquet")
        found.append(Numbered(path.stem, bounds(path.stem)[1], place, path.stem))
    return found[:37]


def estimated(deliveries: Sequence[Numbered], cache: Path, residence: ResidenceSpec = RESIDENCE) -> pa.Table:
    """All that the catalogue makes of a register of ``deliveries``."""
    read = frozenset(pq.read_schema(deliveries[0].crossings).names)
    records = CrossingRecords(
        relation="",
        kind=record_kinds()["crossing"],
        columns=read | {c.name for c in PROVENANCE_COLUMNS} | set(made_columns(read)),
        source="border",
        period=deliveries[-1].period,
        territory="PAN",
        reporter="PAN",
        vintage="",
        design=Design(kind="full_count"),
        concept={"source_type": "border_register", "residence": residence.concept},
        residence=residence,
        deliveries=tuple(deliveries),
        cache=Cache(cache),
    )
    catalogue = load_catalogue()[0]
    planned, _ = family.plan(records, catalogue.indicators.values(), catalogue)
    with connect(threads=1) as session:
        return family.estimate(records, planned, catalogue, session, cache / "scratch")


def test_month_by_month_is_from_scratch(deliveries: Sequence[Numbered], tmp_path: Path) -> None:
    """A month that ends a year, then two months at once."""
    for months in (34, 35, 37):
        grown = estimated(deliveries[:months], tmp_path / "grown")
    assert grown.equals(estimated(deliveries, tmp_path / "scratch"))
    assert grown.num_rows > 300


@pytest.mark.long
@pytest.mark.parametrize("gaps", ["midpoint", "drop", "declared", "switch"])
def test_every_month_is_from_scratch(deliveries: Sequence[Numbered], tmp_path: Path, gaps: str) -> None:
    residence = RESIDENCE.model_copy(update={"gaps": gaps})
    for months in range(30, 38):
        grown = estimated(deliveries[:months], tmp_path / "grown", residence)
        scratch = estimated(deliveries[:months], tmp_path / f"scratch-{months}", residence)
        assert grown.equals(scratch), months


def test_only_who_moved_is_read(
    deliveries: Sequence[Numbered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated(deliveries[:34], tmp_path)
    before = set((tmp_path / "stays").iterdir())
    read: list[int] = []
    choose = growth.choose

    def seen(files: Sequence[Path], *given: Any) -> tuple[growth.Chosen, growth.Chosen]:
        parts = choose(files, *given)
        read.extend(pq.read_metadata(part.file).num_rows for part in parts)
        return parts

    monkeypatch.setattr("caudal.estimate.stays.register.choose", seen)
    estimated(deliveries[:35], tmp_path)
    rows = sum(pq.read_metadata(d.crossings).num_rows for d in deliveries[:35])
    assert len(read) == 2 and 0 < read[0] < read[1] < rows / 3
    made = set((tmp_path / "stays").iterdir()) - before
    assert not [m for m in made if (m / "rows.parquet").exists()], "the whole register was classified again"


@pytest.mark.long
def test_a_stay_that_has_become_too_long_is_counted_though_nobody_crossed(
    deliveries: Sequence[Numbered], tmp_path: Path
) -> None:
    """Whoever stays on beyond the permitted days moves by staying."""
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    table = pq.read_table(deliveries[34].crossings)
    pq.write_table(table.slice(0, 0), quiet / "crossings.parquet")
    month = Numbered("2021-11", bounds(deliveries[34].period)[1], quiet, "quiet")
    grown_before = estimated(deliveries[:34], tmp_path / "grown")
    grown = estimated([*deliveries[:34], month], tmp_path / "grown")
    assert grown.equals(estimated([*deliveries[:34], month], tmp_path / "scratch"))
    assert _overstays(grown) > _overstays(grown_before)


def _overstays(table: pa.Table) -> float:
    rows = table.filter(pc.equal(table["indicator_code"], "overstays"))
    return float(np.nansum(rows["value"].to_numpy()))


@pytest.mark.long
def test_a_redelivered_month_and_many_at_once(deliveries: Sequence[Numbered], tmp_path: Path) -> None:
    estimated(deliveries[:33], tmp_path / "grown")
    both = estimated(deliveries[:35], tmp_path / "grown")
    assert both.equals(estimated(deliveries[:35], tmp_path / "scratch"))
    corrected = tmp_path / "corrected"
    corrected.mkdir()
    table = pq.read_table(deliveries[34].crossings)
    pq.write_table(table.slice(5), corrected / "crossings.parquet")
    again = [*deliveries[:34], Numbered(deliveries[34].period, deliveries[34].known_by, corrected, "again")]
    assert estimated(again, tmp_path / "grown").equals(estimated(again, tmp_path / "other"))
