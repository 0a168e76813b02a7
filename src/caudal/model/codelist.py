"""Code lists: codes with labels by language, a parent, and the dates between which they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from caudal.model.observation import NOT_APPLICABLE, REFUSED, TOTAL, UNKNOWN

#: Codes that every list admits besides its own: total, unknown, refused, not applicable.
SPECIAL_CODES = (TOTAL, UNKNOWN, REFUSED, NOT_APPLICABLE)


@dataclass(frozen=True)
class Code:
    """One code. ``labels`` by language tag; ``valid_from`` and ``valid_to`` are ISO dates or empty."""

    id: str
    labels: Mapping[str, str]
    parent: str = ""
    valid_from: str = ""
    valid_to: str = ""

    def holds_at(self, date: str) -> bool:
        """Whether the code is valid at an ISO ``date`` (or a prefix of one, as in 2019 or 2019-09)."""
        return (not self.valid_from or self.valid_from[: len(date)] <= date) and (
            not self.valid_to or date <= self.valid_to[: len(date)]
        )


@dataclass(frozen=True)
class CodeList:
    """Codes by id, in the order of their file.

    >>> sexes = CodeList("CL_SEX", {"F": Code("F", {"en": "Women"}), "M": Code("M", {"en": "Men"})})
    >>> "F" in sexes, "_T" in sexes, sexes.label("F", "en")
    (True, True, 'Women')
    """

    id: str
    codes: Mapping[str, Code] = field(default_factory=lambda: MappingProxyType({}))

    def __contains__(self, code: object) -> bool:
        return code in self.codes or code in SPECIAL_CODES

    def label(self, code: str, language: str) -> str | None:
        """The label of ``code`` in ``language``; None where there is none."""
        return self.codes[code].labels.get(language) if code in self.codes else None

    def children(self, parent: str) -> tuple[str, ...]:
        """Codes whose parent is ``parent``, in order."""
        return tuple(c.id for c in self.codes.values() if c.parent == parent)
