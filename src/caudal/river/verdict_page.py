"""The verdict as a page that a custodian reads before signing: what was protected, how, what was lost,
what the auditor tried and what it did not.

It is written on the builder's side, in every language of the country, in one file without links to others.
Its checksum enters the release, so that who signs the release signs the verdict. It shows no cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment

from caudal.model.catalogue import Catalogue
from caudal.model.observation import NOT_APPLICABLE, TOTAL
from caudal.model.protection import ProtectionPolicy
from caudal.protect.verdict import VerdictReport, gate_words
from caudal.river.confidentiality import name_of_dimension

#: Figures with fewer units than this behind them are small.
SMALL = ("1-9", "10-19")
#: Codes of non-response, one word for readers.
UNKNOWN_CODES = ("_U", "_R")


def verdict_page(
    report: VerdictReport,
    policy: ProtectionPolicy,
    catalogue: Catalogue,
    languages: Sequence[str],
    release: str,
) -> str:
    """The page, in those of ``languages`` that the gate speaks (English where it speaks none of them)."""
    said = gate_words()["verdict"]
    spoken = [lang for lang in languages if lang in said["title"]] or ["en"]
    totals = {
        "proved": sum(p.proved_n for p in report.populations),
        "judged": sum(p.suppressed_n for p in report.populations),
        **{n: getattr(report, n) for n in ("observations_n", "released_n", "suppressed_n")},
        **{n: getattr(report, n) for n in ("public_n", "missing_n")},
    }
    page = files("caudal.river").joinpath("verdict.html").read_text(encoding="utf-8")
    rules = [(name, _told(value)) for name, value in policy.model_dump().items() if value not in ("", {}, ())]
    return (
        Environment(autoescape=True, trim_blocks=True)
        .from_string(page)
        .render(
            report=report,
            release=release,
            languages=spoken,
            words={lang: {name: text[lang] for name, text in said.items()} for lang in spoken},
            totals=totals,
            smallest=_smallest(report.by_size),
            losses={lang: _losses(report, catalogue, lang, said) for lang in spoken},
            modelled=report.modelled(),
            untried=report.untried(partial(name_of_dimension, catalogue)),
            rules=rules,
            recodings=gate_words()["recodings"],
        )
    )


def _smallest(by_size: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """How much of the loss falls on small figures, and how many of all they are, in percent."""
    lost, all_ = (sum(v[i] for v in by_size.values()) for i in (0, 1))
    small_lost, small_all = (sum(by_size.get(s, (0, 0))[i] for s in SMALL) for i in (0, 1))
    return {"share": round(100 * small_lost / lost), "cells": round(100 * small_all / all_)} if lost else {}


def _losses(
    report: VerdictReport, catalogue: Catalogue, language: str, said: Mapping[str, Any]
) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Tables of the loss: by size, then by each breakdown that lost something, worst first."""
    found = [(said["by_size"][language], [(s, lost, n) for s, (lost, n) in report.by_size.items()])]
    for dimension, codes in report.loss.items():
        rows = [
            (_label(catalogue, dimension, code, language), lost, n)
            for code, (lost, n) in codes.items()
            if code not in (TOTAL, NOT_APPLICABLE) and n
        ]
        if any(lost for _, lost, _ in rows):
            rows.sort(key=lambda r: (-r[1] / r[2], -r[1], r[0]))
            found.append((name_of_dimension(catalogue, dimension, language), rows))
    return found


def _label(catalogue: Catalogue, dimension: str, code: str, language: str) -> str:
    if code in UNKNOWN_CODES:
        return str(gate_words()["verdict"]["unknown"][language])
    spec = catalogue.dimensions.get(dimension)
    listed = catalogue.code_lists.get(spec.code_list if spec else "CL_AREA")
    return (listed.label(code, language) if listed else None) or code


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_told(v)}" for k, v in value.items())
    if isinstance(value, (tuple, list)):
        return "; ".join(_told(v) for v in value)
    return str(value)
