"""What the build says while it works: one event a step, with its sub-process of the GSBPM (5.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

#: Room -> sub-process of the Generic Statistical Business Process Model, version 5.1.
GSBPM = {
    "read": "2.6",
    "collect": "4.3",
    "harmonise": "5.2",
    "estimate": "5.7",
    "protect": "6.4",
    "release": "7.1",
    "publish": "7.2",
}


@dataclass(frozen=True)
class Event:
    """One step of the build."""

    room: str
    what: str
    state: Literal["started", "made", "kept", "missing", "warning"]
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def gsbpm(self) -> str:
        """The sub-process that the step belongs to."""
        return GSBPM[self.room]


Tell = Callable[[Event], None]


def silent(event: Event) -> None:
    """Hears an event and says nothing."""


def writing_to(path: Path, tell: Tell) -> Tell:
    """A listener that appends each event to a log of JSON lines, then passes it on."""

    def listener(event: Event) -> None:
        line = json.dumps({"gsbpm": event.gsbpm} | asdict(event), ensure_ascii=False, default=str)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        tell(event)

    return listener
