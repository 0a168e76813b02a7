"""What the reports of a release say of it, counted again from its observations: gate, changes, revisions."""

import json
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caudal.river.build import build
from caudal.river.log import silent
from caudal.river.publishing import sign_release
from caudal.river.signing import signatory
from tests.support.census_country import write_census
from tests.support.small_country import replace_in

Row = dict[str, Any]
PLACES = ("indicator_code", "reporter_code", "reference_area_code", "counterpart_area_code", "source_code")
WHEN = ("time_period", "concept_vector", "indicator_version")
ATTRIBUTES = ("unit_code", "obs_status_code", "conf_status_code", "method_code")


def rows_of(release: Path) -> list[Row]:
    found: list[Row] = pq.read_table(release / "observations.parquet").to_pylist()
    return found


def structure_of(release: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((release / "structure.json").read_bytes())
    return found


def people(fewer: int) -> str:
    """A census in which one in four was born abroad, without every so-many-th of its women."""
    kept = [k for k in range(400) if not (k // 3 % 2 and k % 90 > 40 and fewer and k % fewer == 0)]
    lines = [f"P{k};{1 + k // 3 % 2};{k % 90};{1 if k % 4 else (3 if k % 40 == 0 else 2)};10" for k in kept]
    return "\n".join(["id;sex;age;born;earned", *lines]) + "\n"


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two editions of a census with rates that are computed after the gate: the first signed, the second
    with fewer people."""
    made = write_census(
        tmp_path_factory.mktemp("reports") / "pais",
        "count_threshold: 5\nunchanged_figures: open\n",
        indicators="population, migrant_share, migrant_stock, employment_rate, women_share",
    )
    (made / "data" / "survey_2024Q1.csv").write_text(people(0), "utf-8")
    build(made)
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    first = sign_release(made, key, signatory(key, name="Ana Ruiz", role="", date="2024-05-30"), silent)
    replace_in(made / "publication.yaml", "2024-05", "2024-06")
    (made / "data" / "survey_2024Q1.csv").write_text(people(7), "utf-8")
    return first, build(made).release


def test_the_gate_is_told_as_the_observations_have_it(editions: tuple[Path, Path]) -> None:
    for release in editions:
        rows, told = rows_of(release), structure_of(release)["confidentiality"]
        withheld = [r for r in rows if r["verdict"] == "suppressed"]
        assert withheld and told["suppressed"] == len(withheld)
        assert told["cells"] == len(rows)
        assert told["published"] == sum(r["value"] is not None for r in rows)
        named = (n for r in withheld for n, v in r.items() if n.endswith("_code") and v != "_T")
        by = Counter(n.removesuffix("_code") for n in named if n not in (*PLACES, *ATTRIBUTES))
        assert told["suppressed_by_dimension"] == dict(by)


def names_of_key(release: Path) -> list[str]:
    """The columns that name a cell in any edition."""
    names = [n for n in rows_of(release)[0] if n not in ATTRIBUTES]
    return [n for n in names if n.endswith("_code") or n in WHEN]


def keyed(release: Path) -> dict[tuple[Any, ...], Row]:
    names = names_of_key(release)
    return {tuple(r[n] for n in names): r for r in rows_of(release)}


def test_changes_and_revisions_are_those_between_the_two_editions(editions: tuple[Path, Path]) -> None:
    before, after = (keyed(r) for r in editions)
    described = structure_of(editions[1])
    changes = {c["indicator"]: c for c in described["changes"]["indicators"]}
    revisions = {r["indicator"]: r for r in described["revisions"]}
    kinds: Counter[tuple[str, str]] = Counter()
    sizes: dict[str, list[float]] = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        name = (old or new or {})["indicator_code"]
        a, b = (old or {}).get("value"), (new or {}).get("value")
        if old is None or new is None:
            kinds[name, "gone" if new is None else "new"] += 1
        elif (a is None) != (b is None):
            kinds[name, "withheld" if b is None else "shown"] += 1
        elif a is not None and b is not None:
            kinds[name, "revised"] += a != b
            sizes.setdefault(name, []).append(100 * abs(b - a) / abs(a) if a and a != b else 0.0)
    for name, told in changes.items():
        for kind in ("new", "gone", "withheld", "shown", "revised"):
            assert told[kind] == kinds[name, kind], (name, kind)
    assert sum(n for (_, kind), n in kinds.items() if kind == "revised") > 5
    for name, found in sizes.items():
        moved = sorted(s for s in found if s)
        told = revisions[name]
        assert (told["figures"], told["revised"]) == (len(found), len(moved))
        if moved:
            assert told["median"] == pytest.approx(median(moved)) and told["largest"] == pytest.approx(
                moved[-1]
            )


def test_no_revision_that_is_told_is_of_a_few_people(editions: tuple[Path, Path]) -> None:
    """A count that changed by one to four tells of one to four; only the whole may."""
    figures = [f for c in structure_of(editions[1])["changes"]["indicators"] for f in c["largest"]]
    counts = [f for f in figures if f["address"].startswith(("population/", "migrant_stock/"))]
    assert counts
    for figure in counts:
        if "/all/" not in figure["address"]:
            assert abs(figure["after"] - figure["before"]) >= 5, figure


def test_the_difference_of_two_editions_is_nowhere_a_few_people(editions: tuple[Path, Path]) -> None:
    """A reader who subtracts the first edition from the second, cell by cell and what cells leave over."""
    before, after = ({k: r["value"] for k, r in keyed(e).items() if r["unit_code"] == "PS"} for e in editions)
    both = [k for k in before.keys() & after.keys() if before[k] is not None and after[k] is not None]
    moved = {k: after[k] - before[k] for k in both}
    places = {n: i for i, n in enumerate(names_of_key(editions[0]))}
    sex, looked = places["sex_code"], 0
    for key, change in moved.items():
        parts = [c for c in key if c not in ("_T", "_Z")]
        is_total = all(key[places[n]] in ("_T", "_Z") for n in places if n not in (*PLACES, *WHEN))
        assert is_total or not 0 < abs(change) < 5, parts
        women = (*key[:sex], "F", *key[sex + 1 :])
        if key[sex] == "_T" and women in moved:  # the men are what is left
            assert not 0 < abs(change - moved[women]) < 5, parts
            looked += 1
    assert looked > 3 and sum(bool(c) for c in moved.values()) > 3
    hidden = {k for k in before.keys() & after.keys() if (before[k] is None) != (after[k] is None)}
    assert not {k for k in hidden if before[k] is None}, "what was withheld once is withheld for ever"
