"""What is held back, told to a person: the reason in words, how many rows, and where to look.

A reason is a code in the files of a build. In a message it is a sentence of the reader's language with the
file, the first rows (counted from 1 after the header) and the columns behind it, as the file calls them.
Values are not told here: rows of people stay in their file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from caudal.catalogue.interface import REFERENCE, has_interface, interface_texts
from caudal.collect.contract import RAW_ROW
from caudal.engine.expressions import columns_of
from caudal.harmonise.lineage import raw_columns_of
from caudal.harmonise.periods import PeriodMapping
from caudal.model.record import RecordKind
from caudal.model.source import SourceSpec

_SHOWN = 3
_ROW: Mapping[str, str] = {"en": "row", "es": "fila", "pt": "linha"}
_COLUMN: Mapping[str, str] = {"en": "column", "es": "columna", "pt": "coluna"}
_BLANK: Mapping[str, str] = {"en": "(blank)", "es": "(vacío)", "pt": "(vazio)"}

#: Reason -> the first rows that are held back by it.
FirstRows = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Share:
    """A share of one, told in percent with the decimal mark of the language.

    >>> Share(0.1234).text("en"), Share(0.1234).text("es")
    ('12.3%', '12,3 %')
    """

    value: float

    def text(self, language: str) -> str:
        """The share in ``language``."""
        shown = f"{100 * self.value:.1f}"
        return f"{shown}%" if language == "en" else f"{shown.replace('.', ',')} %"


@dataclass(frozen=True)
class Frequent:
    """A raw value and how many rows have it.

    >>> Frequent("", 3).text("es")
    '(vacío) (3)'
    """

    value: str
    rows: int

    def text(self, language: str) -> str:
        """The value in ``language``."""
        return f"{self.value or _of(_BLANK, language)} ({self.rows})"


@dataclass(frozen=True)
class HeldRows:
    """``count`` rows held back for one ``reason``: the first of them lie in ``rows`` of ``file``, and
    ``columns`` are what the reason looks at. ``own`` is what the source itself says of its check, by
    language."""

    reason: str
    count: int
    file: str = ""
    rows: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    own: Mapping[str, str] | None = None

    def text(self, language: str) -> str:
        """The reason in ``language``."""
        places = [_counted(_COLUMN, language, self.columns)] if self.columns else []
        if self.rows:
            more = "…" if self.count > len(self.rows) else ""
            places.insert(0, f"{self.file}, {_counted(_ROW, language, self.rows)}{more}")
        where = f" ({'; '.join(places)})" if places else ""
        return f"{reason_words(self.reason, language, self.own)}: {self.count}{where}"


def reason_words(reason: str, language: str, own: Mapping[str, str] | None = None) -> str:
    """A reason of the quarantine in words; ``own`` those of the source's check of that name.

    >>> reason_words("missing:weight", "es"), reason_words("my_check", "en")
    ('Sin valor utilizable: factor de expansión', 'my check')
    """
    if own and (said := own.get(language) or next(iter(own.values()), "")):
        return said
    texts = interface_texts(language if has_interface(language) else REFERENCE)
    name, _, what = reason.partition(":")
    form = texts.get(f"lists/reasons/{name}", "")
    if not form:
        return reason.replace("_", " ").replace("-", " ")
    return form.replace("{what}", texts.get(f"lists/columns/{what}", what))


def first_rows(quarantine: pa.Table) -> dict[str, tuple[int, ...]]:
    """Of a table of ``raw_row`` and ``reason`` in the order of rows: reason -> its first rows.

    >>> first_rows(pa.table({"raw_row": [1, 4, 9], "reason": ["a", "b:3-of-4", "a"]}))
    {'a': (1, 9), 'b:3-of-4': (4,)}
    """
    found: dict[str, list[int]] = {}
    for row, reason in zip(
        quarantine.column(RAW_ROW).to_pylist(), quarantine.column("reason").to_pylist(), strict=True
    ):
        rows = found.setdefault(reason, [])
        if len(rows) < _SHOWN and row not in rows:
            rows.append(row)
    return {reason: tuple(rows) for reason, rows in found.items()}


def held_rows(
    counts: Mapping[str, int],
    firsts: Iterable[tuple[str, FirstRows]],
    source: SourceSpec,
    mapping: PeriodMapping,
    kind: RecordKind,
) -> list[HeldRows]:
    """``counts`` (reason -> rows of all deliveries) to be told, most frequent first. ``firsts`` gives, for
    each delivery, its file and the first rows of each reason."""
    known = list(firsts)
    own = {c.name: dict(c.reason) for c in source.checks}
    found = []
    for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        places = (
            (f, rows) for f, by in known for r, rows in by.items() if r == reason or _is_shift(r, reason)
        )
        file, rows = next(places, ("", ()))
        columns = _columns(reason, source, mapping, kind)
        found.append(HeldRows(reason, count, file, tuple(rows), columns, own.get(reason)))
    return found


def _is_shift(told: str, reason: str) -> bool:
    return reason == "fields-differ-from-header" and told.startswith(f"{reason}:")


def _columns(reason: str, source: SourceSpec, mapping: PeriodMapping, kind: RecordKind) -> tuple[str, ...]:
    """The raw columns that a reason looks at, as the file calls them."""
    name, _, what = reason.partition(":")
    table = next(iter(source.tables.values()))
    if name == "total-differs" and what:
        return (what,)
    if name == "no-match":
        return tuple(dict.fromkeys(c for j in table.join if j.table == what for c in j.on))
    if name == "duplicate-key" and table.key:
        return table.key
    if name == "duplicate-key":
        concepts = kind.key
    elif name == "missing":
        concepts = (what,)
    else:
        conditions = [i.sql for i in kind.invariants if i.name == name]
        conditions += [c.condition for c in source.checks if c.name == name]
        concepts = tuple(n for sql in conditions for n in columns_of(sql))
    made = mapping.all_mapped()
    return tuple(dict.fromkeys(c for n in concepts if n in made for c in raw_columns_of(mapping, n)))


def _counted(words: Mapping[str, str], language: str, of: Sequence[str] | Sequence[int]) -> str:
    """ "filas 2, 7": all three languages add an s."""
    return f"{_of(words, language)}{'s' if len(of) > 1 else ''} {', '.join(str(x) for x in of)}"


def _of(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts["en"]
