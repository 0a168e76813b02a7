"""The national code lists of Istmo, as its offices would print them, with the standard code beside.

One CSV a list: ``code, standard_code, label_en, label_es, label_pt``. They are copied unchanged beside the
files that use them. The standard codes are those of the common language (ISO 3166 alpha-2 for countries,
``XI`` for Istmo, a code that ISO leaves to users; ``_R`` refused, ``_Z`` not applicable, ``_U`` unknown).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True)
class NationalCode:
    """One row of a national list: the office's code, its standard code, its labels by language."""

    code: str
    standard_code: str
    labels: Mapping[str, str]


def code_list_names() -> tuple[str, ...]:
    """Names of all national code lists, sorted.

    >>> "country" in code_list_names()
    True
    """
    folder = files("caudal.simulate.codes")
    return tuple(sorted(p.name.removesuffix(".csv") for p in folder.iterdir() if p.name.endswith(".csv")))


def code_list_bytes(name: str) -> bytes:
    """The CSV of a list as it is delivered."""
    return files("caudal.simulate.codes").joinpath(f"{name}.csv").read_bytes()


@cache
def code_list(name: str) -> Mapping[str, NationalCode]:
    """A national code list by its codes, in the order of its file.

    >>> code_list("country")["202"].standard_code
    'CO'
    """
    rows = csv.DictReader(code_list_bytes(name).decode("utf-8").splitlines())
    return MappingProxyType(
        {
            row["code"]: NationalCode(
                row["code"],
                row["standard_code"],
                {k.removeprefix("label_"): v for k, v in row.items() if k.startswith("label_")},
            )
            for row in rows
        }
    )
