"""The gate asks what custodians allow before any work is done, and says everything at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.cli import main
from caudal.errors import CaudalError
from caudal.river.build import build
from caudal.river.state import current_name
from tests.support.small_country import replace_in


def test_a_release_that_custodians_do_not_allow_is_not_made(country: Path) -> None:
    before = current_name(country / "releases")
    survey, permits = country / "sources" / "survey.yaml", country / "sources" / "permits.yaml"
    replace_in(survey, "kind: person", "recipients: [ministry]\npurposes: [planning]\nkind: person")
    replace_in(permits, "kind: grant_count", "retention: 2024-01-01\nkind: grant_count")
    with pytest.raises(CaudalError) as refused:
        build(country)
    assert {(p.code, p.facts["source"]) for p in refused.value.problems} == {
        ("custody-purpose", "survey"),
        ("custody-recipient", "survey"),
        ("custody-retention", "permits/2024-Q1"),
    }
    assert {p.category for p in refused.value.problems} == {"gate"}
    assert current_name(country / "releases") == before


def test_a_closed_release_goes_to_whom_it_says(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace_in(country / "sources" / "survey.yaml", "kind: person", "recipients: [ministry]\nkind: person")
    assert main(["build", str(country), "--quiet"]) != 0
    assert "ministry" in capsys.readouterr().err
    replace_in(country / "publication.yaml", "vintage: 2024-05", "vintage: 2024-05\nrecipients: [ministry]")
    assert build(country).changed
