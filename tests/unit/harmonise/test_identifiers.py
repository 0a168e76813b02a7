"""Whose key replaces identifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.harmonise import identifier_key
from caudal.model.country import CountrySpec
from tests.raw_country import COUNTRY


def country(key: str, *, simulated: bool = False) -> CountrySpec:
    return COUNTRY.model_copy(update={"key": key, "simulated": simulated})


def test_the_demo_key_is_for_simulated_countries_alone(tmp_path: Path) -> None:
    found = identifier_key(country("demo", simulated=True), tmp_path)
    assert found is not None and found.id == "demo"
    with pytest.raises(CaudalError) as caught:
        identifier_key(country("demo"), tmp_path)
    assert caught.value.problems[0].code == "demo-key-refused"
    assert caught.value.exit_code == 5


def test_a_key_file_is_made_once_for_its_owner(tmp_path: Path) -> None:
    first = identifier_key(country("file:secrets/key"), tmp_path)
    again = identifier_key(country("file:secrets/key"), tmp_path)
    assert first is not None and again is not None
    assert first.secret == again.secret
    assert len(first.secret) == 64
    assert (tmp_path / "secrets" / "key").stat().st_mode & 0o077 == 0


def test_a_key_of_the_environment(tmp_path: Path) -> None:
    found = identifier_key(country("env:K"), tmp_path, {"K": "k" * 32})
    assert found is not None and found.secret == b"k" * 32
    for environment, code in (({}, "key-unset"), ({"K": "short"}, "key-short")):
        with pytest.raises(CaudalError) as caught:
            identifier_key(country("env:K"), tmp_path, environment)
        assert caught.value.problems[0].code == code


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    found = identifier_key(country("env:K"), tmp_path, {"K": "k" * 32})
    assert "kkk" not in repr(found)
    other = identifier_key(country("env:K"), tmp_path, {"K": "j" * 32})
    assert found is not None and other is not None
    assert found.fingerprint != other.fingerprint


def test_no_key_and_no_such_way(tmp_path: Path) -> None:
    assert identifier_key(country(""), tmp_path) is None
    with pytest.raises(CaudalError):
        identifier_key(country("vault:x"), tmp_path)
