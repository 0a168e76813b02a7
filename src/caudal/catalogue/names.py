"""The names that may stand in a spec, for whoever writes one: kinds of record and their columns, code lists
and their codes, dimensions, axes of the concept vector, indicators.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from caudal.errors import CaudalError, unknown
from caudal.model.catalogue import Catalogue
from caudal.model.record import PROVENANCE_COLUMNS, record_kinds
from caudal.model.spec import text_in

#: One name, what it holds (a type, a code list), and what it means.
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Names:
    """A list of names under a heading: ``rows`` of name, what it holds, and what it means."""

    of: str
    rows: tuple[Row, ...]


def names(catalogue: Catalogue, language: str, of: str = "") -> tuple[Names, ...]:
    """All groups of names; or, with ``of``, what stands under that name: the columns of a kind of record, the
    codes of a list, the values of an axis, the list of a dimension.

    Raises :class:`CaudalError` with the nearest name where nothing is called ``of``.

    >>> from caudal.catalogue import load_catalogue
    >>> catalogue = load_catalogue()[0]
    >>> [n.of for n in names(catalogue, "en")]
    ['kinds', 'dimensions', 'axes', 'indicators', 'code lists']
    >>> names(catalogue, "pt", "CL_SEX")[0].rows[0]
    ('F', '', 'Mulheres')
    """
    if not of:
        return _all(catalogue, language)
    if of in record_kinds():
        columns = (*record_kinds()[of].columns, *PROVENANCE_COLUMNS)
        rows = ((c.name, c.code_list or c.holds.value, c.meaning) for c in columns)
        return (Names(of, tuple(rows)),)
    if of in catalogue.axes:
        return (Names(of, _texts(catalogue.axes[of].values, language)),)
    dimension = catalogue.dimensions.get(of)
    listed = dimension.code_list if dimension else of
    if listed in catalogue.code_lists:
        codes = catalogue.code_lists[listed].codes.values()
        return (Names(listed, tuple((c.id, c.parent or "", text_in(c.labels, language)) for c in codes)),)
    known = [row[0] for group in _all(catalogue, language) for row in group.rows]
    raise CaudalError(unknown("name", of, known))


def _all(catalogue: Catalogue, language: str) -> tuple[Names, ...]:
    kinds: Iterable[Row] = ((k.name, "", k.unit) for k in record_kinds().values())
    dimensions = (
        (d.dimension, d.code_list, text_in(d.text, language)) for d in catalogue.dimensions.values()
    )
    axes = ((a, "", text_in(entry.text, language)) for a, entry in catalogue.axes.items())
    indicators = (
        (i.indicator, i.family, text_in(i.text.name, language)) for i in catalogue.indicators.values()
    )
    lists = (
        (name, str(len(found.codes)), text_in(catalogue.list_notes[name].text, language))
        for name, found in catalogue.code_lists.items()
        if name in catalogue.list_notes
    )
    groups = {
        "kinds": kinds, "dimensions": dimensions, "axes": axes, "indicators": indicators, "code lists": lists
    }  # fmt: skip
    return tuple(Names(of, tuple(rows)) for of, rows in groups.items())


def _texts(texts: Mapping[str, Mapping[str, str]], language: str) -> tuple[Row, ...]:
    return tuple((name, "", text_in(text, language)) for name, text in texts.items())
