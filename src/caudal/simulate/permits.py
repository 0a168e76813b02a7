"""Permits granted, by quarter: one source with many deliveries whose names and headers differ.

Three generations of the same tabulation: region, nationality, sex, category, count. What changes is what
changes in offices: file name, separator, encoding, header, titles above it, lines below it, letters or
words instead of codes. The counts are complete: an error of this source is an error of reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class PermitLayout:
    """A generation of the delivery.

    ``header`` names region, nationality, sex, category and count, in this order. ``words`` says whether
    cells hold labels in Spanish (True) or national codes (False); ``sex`` the two marks of men and women;
    ``title`` the lines above the header and ``footer`` those below the last row (``{n}`` is the total).
    """

    file: str
    encoding: str
    separator: str
    header: tuple[str, str, str, str, str]
    sex: tuple[str, str]
    words: bool = False
    title: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()


_CODES = PermitLayout(
    "permits_{year}-Q{quarter}.csv",
    "latin-1",
    ";",
    ("REGION", "NACIONALIDAD", "SEXO", "CATEGORIA", "CANTIDAD"),
    ("1", "2"),
)
_LETTERS = PermitLayout(
    "permits_{year}_T{quarter}.csv",
    "utf-8-sig",
    ",",
    ("cod_region", "cod_pais", "sexo", "tipo_permiso", "otorgados"),
    ("H", "M"),
    footer=("TOTAL,,,,{n}",),
)
_WORDS = PermitLayout(
    "permits_{year}-Q{quarter}.csv",
    "utf-8",
    ";",
    ("Región", "País de nacionalidad", "Sexo", "Tipo de permiso", "Permisos otorgados"),
    ("Hombre", "Mujer"),
    words=True,
    title=("Permisos de residencia otorgados, {year}, trimestre {quarter}", ""),
    footer=("Total;;;;{n}", "Fuente: Dirección de Extranjería de Istmo. Cifras definitivas."),
)

#: Layout by quarter; the quarters that are delivered.
PERMIT_LAYOUTS = MappingProxyType(
    {
        (2022, 1): _CODES,
        (2022, 2): _CODES,
        (2022, 3): _LETTERS,
        (2022, 4): _LETTERS,
        (2023, 1): _WORDS,
        (2023, 2): _WORDS,
    }
)
