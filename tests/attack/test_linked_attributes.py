"""A withheld cell shows one flag and nothing else, in every file of a release.

The proof is that nothing public depends on what stands behind it: the same release is written again from
other true values of the withheld cells, and every file is the same, byte for byte: observations, structure,
pages, sentences, the geometry of charts, the order of rows, the search, the workbooks."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import caudal.river.build as desk
from caudal.model.observation import key_columns
from caudal.river import publishing
from tests.support.small_country import replace_in, write_country

#: Whatever a figure carries besides its key and its unit.
MEASURES = ("value", "sampling_se", "perturbation_se", "model_se", "provisional_se", "lower", "upper")
COUNTS = ("sample_n", "cases_n", "psu_n", "df")


def country(folder: Path) -> Path:
    made = write_country(folder)
    replace_in(made / "protection.yaml", "survey_threshold: 5", "survey_threshold: 60")
    return made


def keys_of(table: pa.Table) -> list[str]:
    names = [n for n in key_columns(()) if n != "vintage"]
    names += [n for n in table.column_names if n.endswith("_code") and n not in names]
    beside = ("obs_status_code", "conf_status_code", "method_code", "unit_code")
    return [str([r[n] for n in names if n not in beside]) for r in table.to_pylist()]


def with_other_truth(unprotected: pa.Table, withheld: set[str]) -> pa.Table:
    """The same observations, but those that are withheld have other figures, errors, counts and labels."""
    rows = unprotected.to_pylist()
    for row, key in zip(rows, keys_of(unprotected), strict=True):
        if key in withheld:
            for n in (*MEASURES, *COUNTS):
                if row[n] is not None:
                    row[n] = type(row[n])(row[n] * 3 + 17)
            row |= {"reliability": "unreliable", "error_note": "minimum", "method_code": "taylor"}
    return pa.Table.from_pylist(rows, schema=unprotected.schema)


def test_no_file_depends_on_what_is_withheld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[pa.Table, Any]] = []
    judge, write = publishing.judged, desk.write_release

    def watched(*args: Any) -> Any:
        seen.append(judge(*args))
        return seen[-1]

    monkeypatch.setattr(publishing, "judged", watched)
    first = desk.build(country(tmp_path / "one" / "pais")).release
    released = seen[0][0]
    verdicts = released["verdict"].to_pylist()
    withheld = {k for k, v in zip(keys_of(released), verdicts, strict=True) if v == "suppressed"}
    assert len(withheld) > 3

    def altered(folder: Any, runs: Any, unprotected: pa.Table, *rest: Any) -> Any:
        other = with_other_truth(unprotected, withheld)
        assert not other.equals(unprotected)
        return write(folder, runs, other, *rest)

    monkeypatch.setattr(publishing, "judged", lambda *args: seen[0])
    monkeypatch.setattr(desk, "write_release", altered)
    second = desk.build(country(tmp_path / "two" / "pais")).release
    files = sorted(f.relative_to(first) for f in first.rglob("*") if f.is_file())
    assert files == sorted(f.relative_to(second) for f in second.rglob("*") if f.is_file())
    assert [f for f in files if (first / f).read_bytes() != (second / f).read_bytes()] == []
    assert any(f.suffix == ".html" for f in files) and len(files) > 20


def test_withheld_rows_look_alike_and_stand_in_the_order_of_their_keys(tmp_path: Path) -> None:
    release = desk.build(country(tmp_path / "pais")).release
    table = pq.read_table(release / "observations.parquet")
    rows = [r for r in table.to_pylist() if r["verdict"] == "suppressed"]
    assert rows
    for row in rows:
        assert all(row[n] is None for n in (*MEASURES, *COUNTS))
        told = ("reliability", "error_note", "method_code", "derived_from", "interval_type")
        assert all(not row[n] for n in told)
    assert {(r["obs_status_code"], r["conf_status_code"]) for r in rows} == {("Q", "C")}
    from caudal.model.observation import in_key_order

    assert in_key_order(table).equals(table)
