"""What a draft says beside its lines, in the language of who reads it: keys of ``proposal_texts.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML


@dataclass(frozen=True)
class Said:
    """A sentence with its facts, in no language yet."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """The sentence in ``language``.

        >>> said("values-fit", count=12).text("es")
        'sus valores lo parecen (12 distintos)'
        """
        return _texts()[self.key][language].format(**self.facts)


def said(key: str, **facts: Any) -> Said:
    """The sentence ``key`` with its facts."""
    return Said(key, facts)


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    text = files("caudal.catalogue").joinpath("proposal_texts.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Mapping[str, str]] = YAML(typ="safe", pure=True).load(text)
    return texts
