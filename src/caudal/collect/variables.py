"""A variable as its file or its dictionary describes it: name, label, values, where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Variable:
    """One variable. ``values`` maps value -> label; ``missing`` the values that its file declares missing,
    each with what kind of missing it is (``refused``, ``not applicable``), or empty where that is unsaid.
    ``ranges`` are the values that are allowed without each having a label."""

    name: str
    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    numeric: bool = False
    ranges: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Item:
    """A variable in text of fixed width: first character (from 1), length, decimals that are implied (or
    written, with ``point``). A ``part`` is a part of the item that stands around it."""

    variable: Variable
    start: int
    length: int
    decimals: int = 0
    point: bool = False
    part: bool = False

    @property
    def end(self) -> int:
        """Its last character."""
        return self.start + self.length - 1


@dataclass(frozen=True)
class Layout:
    """The items of one record of a file of fixed width. ``record_type`` stands at ``type_start`` (from 1)
    in its lines; empty where all lines are of one record. ``known_types`` are those of the whole file;
    ``length`` the longest line that a record can have."""

    items: tuple[Item, ...]
    record_type: str = ""
    type_start: int = 0
    type_length: int = 0
    known_types: tuple[str, ...] = ()
    length: int = 0
