"""Which migrations a formula of the catalogue counts."""

from __future__ import annotations

import re

from caudal.estimate.stays import columns as c

_CLASS = {"immigration": c.ENTRY, "emigration": c.EXIT}


def direction_of(universe: str) -> str | None:
    """The direction of the migrations that a universe counts; None where it counts anything else.

    >>> direction_of("movement_code = 'immigration'"), direction_of("sex_code = 'F'")
    ('entry', None)
    """
    found = re.fullmatch(r"\(*movement_code = '(\w+)'\)*", universe.strip())
    return _CLASS.get(found[1]) if found else None
