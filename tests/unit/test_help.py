"""The help and the complaints of the command line, in the reader's language."""

from __future__ import annotations

import argparse
import re

import pytest

from caudal.cli import main
from caudal.cli.parser import parser
from caudal.cli.speaking import language_of, parsers, translated


def texts() -> set[str]:
    """Every sentence of the help: whole texts, paragraphs, and what stands beside a command."""
    found: set[str] = set()
    for one in parsers(parser()):
        given = [one.description, one.epilog, *(g.title for g in one._action_groups)]
        given += [a.help for a in one._actions if a.help is not argparse.SUPPRESS]
        for text in (t for t in given if t):
            for part in text.split("\n\n"):
                lines = part.split("\n")
                if any(line.startswith(("  caudal", "  --", "      ")) for line in lines):
                    found |= {m[1] for line in lines if (m := re.fullmatch(r"\s+\S.*?\s{2,}(\S.*)", line))}
                    found |= {line for line in lines if line.endswith(":")}
                else:
                    found.add(" ".join(part.split()))
    return found


@pytest.mark.parametrize("language", ["es", "pt"])
def test_all_of_the_help_is_translated(language: str) -> None:
    from caudal.cli.speaking import _translation

    assert len(texts()) > 120
    assert [t for t in sorted(texts()) if not _translation(t, language)] == []


def test_help_in_spanish_by_the_option_and_by_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["check", "--help", "--language", "es"], ["--language", "es", "check", "--help"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 0
        told = capsys.readouterr().out
        assert told.startswith("uso: caudal check") and "opciones:" in told and "ejemplo:" in told
        assert "options" not in told and "Read every" not in told
    monkeypatch.setenv("CAUDAL_LANGUAGE", "pt_BR.UTF-8")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "indicadores migratórios" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check"], "faltan estos argumentos: folder"),
        (["chek", "x"], "'chek' no es una opción; son 'simulate'"),
        (["check", "x", "--fast"], "no se reconoce: --fast"),
        (["reconcile", "a", "42,6"], "'42,6' no es un número como se espera (con punto decimal)"),
        (["build", "x", "--threads"], "--threads: falta su valor"),
        (["estimate", "x", "--nest", "--no-nest"], "--no-nest no va junto con --nest"),
        (["simulate", "x", "--start", "1-2-2020"], "'1-2-2020' no es una fecha"),
    ],
)
def test_complaints_in_spanish(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words, "--language", "es"])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_english_is_untouched_and_the_option_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_LANGUAGE", "es")
    assert language_of(["check", "--language=en"]) == "en"
    assert language_of(["check", "--language", "xx"]) == "es"
    assert translated("anything", "en") == "anything"
