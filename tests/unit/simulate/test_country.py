from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.simulate import SimulationReport, simulate_country
from caudal.simulate.describe import layout_tables

METHOD_PAGE = Path(__file__).parents[3] / "docs/methods/istmo.md"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_seed_gives_the_same_bytes_with_one_thread_and_with_two(tmp_path: Path) -> None:
    before = pa.cpu_count()
    try:
        for threads in (1, 2):
            pa.set_cpu_count(threads)
            simulate_country(tmp_path / str(threads), persons=10_000, seed=9)
    finally:
        pa.set_cpu_count(before)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_another_seed_gives_other_bytes(tmp_path: Path, country: SimulationReport) -> None:
    other = simulate_country(tmp_path, persons=20_000, seed=6)
    same = {f.name for f in other.files} & {f.name for f in country.files if not f.name.startswith("dict")}
    hashes = {f.name: f.sha256 for f in country.files}
    assert all(f.sha256 != hashes[f.name] for f in other.files if f.name in same)


def test_the_report_counts_rows_and_bytes(country: SimulationReport) -> None:
    files = {f.name: f for f in country.files}
    assert files["census_persons.parquet"].rows == country.counts["census_persons.parquet"] > 19_000
    for name, file in files.items():
        assert file.bytes == (country.folder / name).stat().st_size
    assert country.files[-1].name == "simulation.json"


def test_making_it_again_replaces_the_files(tmp_path: Path) -> None:
    simulate_country(tmp_path, persons=10_000, seed=1)
    simulate_country(tmp_path, persons=10_000, seed=2)
    fresh = tmp_path / "fresh"
    simulate_country(fresh, persons=10_000, seed=2)
    old = {k: v for k, v in contents(tmp_path).items() if not k.startswith("fresh")}
    assert old == contents(fresh)


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real_survey.csv").write_text("a,b\n")
    with pytest.raises(CaudalError) as caught:
        simulate_country(tmp_path, persons=10_000)
    assert "real_survey.csv" in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["real_survey.csv"]


def test_an_interrupted_run_leaves_the_finished_country_alone(tmp_path: Path) -> None:
    simulate_country(tmp_path, persons=10_000, seed=1)
    before = contents(tmp_path)

    def interrupt(done: int, of: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_country(tmp_path, persons=10_000, seed=2, progress=interrupt)
    after = {k: v for k, v in contents(tmp_path).items() if not k.startswith(".simulating")}
    assert after == before
    simulate_country(tmp_path, persons=10_000, seed=1)
    assert contents(tmp_path) == before


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate_country(tmp_path, persons=40_000, progress=lambda done, of, what: seen.append((done, of)))
    assert seen == [(i + 1, len(seen)) for i in range(len(seen))]
    assert len(seen) > 1


def test_the_method_page_shows_the_layouts_as_they_are() -> None:
    page = METHOD_PAGE.read_text(encoding="utf-8")
    assert layout_tables().strip() in page
