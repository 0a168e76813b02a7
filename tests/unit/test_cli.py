"""The command line: exit codes, languages, JSON, and nothing said twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caudal.cli import main
from caudal.cli.show import say_keys
from tests.support.small_country import replace_in, write_country


@pytest.fixture
def country(tmp_path: Path) -> Path:
    return write_country(tmp_path / "pais")


def test_a_folder_without_mistakes_is_said_so_in_the_language_asked_for(
    country: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(country), "--language", "pt"]) == 0
    assert "Sem erros: 2 fontes" in capsys.readouterr().out


def test_the_names_that_a_spec_may_use_are_listed(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["names", "person"]) == 0
    assert "citizenship_code" in capsys.readouterr().out
    assert main(["names", "CL_COUNTRY", "--in", str(country), "--json"]) == 0
    codes = {row[0] for row in json.loads(capsys.readouterr().out)["CL_COUNTRY"]}
    assert {"AR", "XI"} <= codes, "the standard codes and those that the country adds"
    assert main(["names", "migratory_statu", "--language", "es"]) == 3
    assert "«migratory_status»" in capsys.readouterr().err


def test_mistakes_go_to_the_error_stream_with_the_exit_code_of_their_kind(
    country: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace_in(country / "publication.yaml", "migrant_share", "migrant_shares")
    assert main(["check", str(country), "--language", "es"]) == 3
    shown = capsys.readouterr()
    assert shown.out == "" and "publication.yaml:2" in shown.err and "«migrant_share»" in shown.err


def test_machines_get_json(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(country), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"] == ["permits", "survey"]
    (country / "caudal.yaml").unlink()
    assert main(["check", str(country), "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["errors"][0]
    assert error["code"] == "no-country-folder" and error["retry"] is False


def test_a_release_that_is_not_there_is_a_usage_error(
    country: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(country)]) == 2
    assert "caudal build" in capsys.readouterr().err


def test_signing_needs_a_name_and_a_key(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", str(country), "--language", "en"]) == 2
    assert "--key --name" in capsys.readouterr().err


def test_a_key_is_made_for_its_owner_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "custodian.pem"
    assert main(["sign", str(tmp_path), "--new-key", str(key)]) == 0
    assert key.stat().st_mode & 0o077 == 0
    assert main(["sign", str(tmp_path), "--new-key", str(key)]) == 2


def test_every_text_exists_in_three_languages_with_the_same_facts() -> None:
    for key, languages in say_keys().items():
        assert set(languages) == {"es", "pt", "en"}, key
