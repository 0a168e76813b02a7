"""Texts as pages, pictures and messages can bear them.

Names come from files that people type and programs paste. Two kinds of characters are taken out of every
text of a structure before anything is made of it: those that XML does not admit (control characters, non-
characters, marks of byte order), with which no picture and no message could be opened; and those that turn
the direction of what follows them, with which a name would print the figure behind it from right to left.
Marks of direction that bind one letter (U+200E, U+200F), joiners and combining letters stay: languages are
written with them.

References: XML 1.0, section 2.2; Unicode Standard Annex 9, section 2; Unicode Technical Report 36, section 2.
"""

from __future__ import annotations

import re
from typing import Any

_NOT_BORNE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def borne(value: Any) -> Any:
    """``value`` as JSON holds it, all texts in it without the characters that no page can bear; line ends
    that scripts do not know become those that all know.

    >>> borne({"name": ["a\\x00b\\u202e", 1, "g\\u0303"]}) == {"name": ["ab", 1, "g\\u0303"]}
    True
    """
    if isinstance(value, str):
        return _LINE_ENDS.sub("\n", _NOT_BORNE.sub("", value))
    if isinstance(value, dict):
        return {name: borne(part) for name, part in value.items()}
    return [borne(part) for part in value] if isinstance(value, list) else value
