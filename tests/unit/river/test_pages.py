"""How far the pages of a release are is told piece by piece, and language by language."""

from __future__ import annotations

import pytest

from caudal.publish.site import Tally
from caudal.river.log import Event
from caudal.river.pages import _Progress


def told(every: float, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, float]]]:
    monkeypatch.setattr("caudal.river.pages.EVERY", every)
    heard: list[Event] = []
    progress, tally = _Progress("2024-05", heard.append), Tally()
    for piece, path, made in (
        ("messages labour", "sdmx/labour-2.1.xml", True),
        ("es/home", "es/index.html", True),
        ("es/quality", "es/quality.html", False),
        ("pt/home", "pt/index.html", False),
    ):
        tally.add(piece, {path: ""}, 0.5, made=made)
        progress.piece(piece, tally)
    progress.language(tally)
    return [(e.what.partition("/")[2], e.state, e.facts) for e in heard]


LANGUAGES = [
    ("es", "made", {"pages": 1, "kept": 1, "milliseconds_a_page": 1000.0}),
    ("pt", "made", {"pages": 0, "kept": 1, "milliseconds_a_page": 500.0}),
]


def test_every_piece_is_told_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = told(0.0, monkeypatch)
    assert heard[:3] == [
        ("messages labour", "made", {"files": 1}),
        ("es/home", "made", {"files": 2}),
        ("es/quality", "kept", {"files": 3}),
    ]
    assert [h for h in heard if h[0] in ("es", "pt")] == LANGUAGES


def test_short_pieces_are_told_as_languages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(60.0, monkeypatch) == LANGUAGES
