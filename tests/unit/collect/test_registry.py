"""The register of raw files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from caudal.collect import register_deliveries, registry
from caudal.errors import CaudalError
from tests.raw_country import PERSONS, MadeCountry

DATA = b"id,sex\n1,1\n"


def test_what_is_registered(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, files={"persons.csv": DATA})
    delivery = register_deliveries(tmp_path, country.source).deliveries[0]
    file = delivery.files["persons"]
    assert (delivery.code, file.sha256, file.bytes) == (
        "made/2020",
        hashlib.sha256(DATA).hexdigest(),
        len(DATA),
    )
    assert (file.origin, file.licence) == ("nowhere", "CC0-1.0")
    assert delivery.inputs()[0].name == "persons.csv"


def test_a_missing_file_says_from_whom_and_the_rest_goes_on(tmp_path: Path) -> None:
    more = PERSONS.replace(
        "deliveries: [", "deliveries: [{period: 2019, file: old.csv, download: the archive}, "
    )
    country = MadeCountry(tmp_path, more, {"persons.csv": DATA})
    register = register_deliveries(tmp_path, country.source)
    assert [d.period for d in register.deliveries] == ["2020"]
    assert [(m.name, m.period, m.origin) for m in register.missing] == [("old.csv", "2019", "the archive")]


def test_every_changed_file_is_told(tmp_path: Path) -> None:
    spec = PERSONS.replace(
        "deliveries: [{period: 2020, file: persons.csv}]",
        f"deliveries: [{{period: 2019, file: old.csv, sha256: {'a' * 64}}}, "
        f"{{period: 2020, file: persons.csv, sha256: {'b' * 64}}}]",
    )
    country = MadeCountry(tmp_path, spec, {"persons.csv": DATA, "old.csv": DATA})
    with pytest.raises(CaudalError) as caught:
        register_deliveries(tmp_path, country.source)
    assert [p.facts["file"] for p in caught.value.problems] == ["old.csv", "persons.csv"]
    assert caught.value.exit_code == 6


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    country = MadeCountry(tmp_path, files={"persons.csv": DATA})
    first = register_deliveries(tmp_path, country.source)

    def never(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(registry, "sha256_file", never)
    assert register_deliveries(tmp_path, country.source) == first


def test_a_file_changed_in_place_is_read_again(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, files={"persons.csv": DATA})
    register_deliveries(tmp_path, country.source)
    (tmp_path / "data" / "persons.csv").write_bytes(DATA + b"2,2\n")
    found = register_deliveries(tmp_path, country.source).deliveries[0].files["persons"]
    assert found.sha256 == hashlib.sha256(DATA + b"2,2\n").hexdigest()
