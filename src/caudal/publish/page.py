"""A page before it is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caudal.publish.voice import Voice


@dataclass(frozen=True)
class Page:
    """One page: where it lies under its language, its template and what the template shows."""

    path: str
    template: str
    title: str
    voice: Voice
    facts: Mapping[str, Any]
