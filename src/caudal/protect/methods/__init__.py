"""Methods of protection: one module each, one contract, found by their presence in this folder.

A method module defines ``METHOD``, a :class:`caudal.protect.contract.Method`. Adding a method is adding a
module; the battery of tests in ``tests/property/test_protect_methods.py`` runs on whatever is here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from caudal.errors import CaudalError, unknown
from caudal.protect.contract import Method


def registered() -> dict[str, Method]:
    """All methods by name.

    >>> sorted(registered())
    ['cell_key', 'rounding', 'suppression']
    """
    names = sorted(m.name for m in iter_modules(__path__))
    methods = [import_module(f"{__name__}.{n}").METHOD for n in names]
    return {m.name: m for m in methods}


def method(name: str) -> Method:
    """One method; raises :class:`CaudalError` with the nearest name."""
    known = registered()
    if name not in known:
        raise CaudalError(unknown("method of protection", name, sorted(known)))
    return known[name]
