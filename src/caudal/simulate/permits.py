"""Permits granted, by quarter: one source with many deliveries whose names and headers differ.

Three generations of the same tabulation: region, nationality, sex, category, count. What changes is what
changes in offices: file name, separator, encoding, header, titles above it, lines below it, letters or
words instead of codes. The counts are complete: an error of this source is an error of reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.codes import code_list
from caudal.simulate.documents import NO_DATE, Documents, quarter_of
from caudal.simulate.population import Population


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

Quarter = tuple[int, int]

#: A cell is numbered by region, country code, sex and category, with room for this many of each.
_COUNTRIES, _SEXES, _CATEGORIES = 1000, 3, 12


def permit_counts(block: Population, documents: Documents) -> Mapping[Quarter, NDArray[np.int64]]:
    """Permits granted to the residents of a block, as cell numbers, one a grant, by quarter."""
    granted = documents.granted != NO_DATE
    row = documents.row[granted]
    cell = (block["region"][row].astype(np.int64) * _COUNTRIES + block["citizenship"][row]) * _SEXES
    cell = (cell + block["sex"][row]) * _CATEGORIES + block["legal_status"][row]
    when = quarter_of(documents.granted[granted])
    return {(year, q): cell[when == year * 4 + q - 1] for year, q in PERMIT_LAYOUTS}


def permit_lines(quarter: Quarter, cells: NDArray[np.int64]) -> list[str]:
    """The lines of a quarter's delivery, from the cell numbers of its grants."""
    layout = PERMIT_LAYOUTS[quarter]
    place = {"year": quarter[0], "quarter": quarter[1], "n": len(cells)}
    found, counts = np.unique(cells, return_counts=True)
    lines = [line.format(**place) for line in layout.title]
    lines.append(layout.separator.join(layout.header))
    for cell, count in zip(found.tolist(), counts.tolist(), strict=True):
        lines.append(layout.separator.join((*_cell_labels(layout, cell), str(count))))
    return lines + [line.format(**place) for line in layout.footer]


def permit_file(quarter: Quarter) -> str:
    """The name of a quarter's delivery.

    >>> permit_file((2023, 1))
    'permits_2023-Q1.csv'
    """
    return PERMIT_LAYOUTS[quarter].file.format(year=quarter[0], quarter=quarter[1])


def _cell_labels(layout: PermitLayout, cell: int) -> tuple[str, str, str, str]:
    rest, category = divmod(cell, _CATEGORIES)
    rest, sex = divmod(rest, _SEXES)
    region, country = divmod(rest, _COUNTRIES)
    mark = layout.sex[sex - 1]
    if not layout.words:
        return str(region), str(country), mark, str(category)
    labels = [
        code_list(name)[str(code)].labels["es"]
        for name, code in (("region", region), ("country", country), ("permit", category))
    ]
    return labels[0], labels[1], mark, labels[2]
