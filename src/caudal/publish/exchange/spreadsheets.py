"""Tables of an indicator for people with a spreadsheet: a workbook, and a CSV that opens in columns.

The CSV is written as a spreadsheet of the reader's language expects it: a byte-order mark, decimals in the
mark of the language, and semicolons where that mark is a comma. A text that a spreadsheet would run as a
formula is led by an apostrophe. Programs read the plain CSV instead.
"""

from __future__ import annotations

import csv
import io

from caudal.model.indicator import IndicatorSpec
from caudal.publish.exchange.rows import Table, Value, cells_for
from caudal.publish.exchange.shape import number_text
from caudal.publish.exchange.xlsx import Sheet, workbook
from caudal.publish.files import guarded
from caudal.publish.voice import Voice

_BOM = "\ufeff"


def indicator_workbook(voice: Voice, spec: IndicatorSpec, table: Table, *, draft: bool) -> bytes:
    """The workbook of an indicator: its figures, which are ``table``, and what they mean."""
    text = voice.words.text
    widths = [max(10, min(40, len(h) + 2)) for h in table.heads]
    return workbook(
        [
            Sheet(text["figures"], table, widths),
            Sheet(
                text["definition"],
                Table((text["what"], ""), tuple(about(voice, spec, draft=draft))),
                [28, 110],
            ),
        ]
    )


def excel_csv(voice: Voice, table: Table) -> bytes:
    """``table`` as a CSV for a spreadsheet of the reader's language, without addresses and notes on errors:
    in thousands of rows they would be most of the file, and the workbook has them."""
    left_out = (voice.words.word("components", "ERROR_NOTE"), voice.words.text["address"])
    kept = [n for n, head in enumerate(table.heads) if head not in left_out]
    decimal = voice.words.numbers.decimal
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";" if decimal == "," else ",", lineterminator="\r\n")
    writer.writerow([table.heads[n] for n in kept])
    writer.writerows([_field(row[n], decimal) for n in kept] for row in table.rows)
    return (_BOM + stream.getvalue()).encode()


def about(voice: Voice, spec: IndicatorSpec, *, draft: bool) -> list[tuple[Value, Value]]:
    """What a reader must know of the figures of an indicator, line by line. A draft says so first."""
    structure, text = voice.release.structure, voice.words.text
    used = {c.source for c in cells_for(voice, spec)}
    lines: list[tuple[str, str]] = [
        (text["draft_mark"], text["draft_banner"] if draft else ""),
        (voice.words.word("components", "INDICATOR") or "", voice.name(spec)),
        (text["definition"], voice.plain(spec.text.definition)),
        (text["reading"], voice.plain(spec.text.reading)),
        (text["unit"], voice.unit(spec.unit)),
        (text["producer"], voice.plain(structure.producer)),
        (text["edition"], structure.vintage),
        (text["licence"], structure.licence),
        (text["withheld"], text["read_withheld"]),
        *((text["source"], voice.source(s)) for s in voice.release.source_order if s in used),
    ]
    return [(name, words) for name, words in lines if words]


def _field(value: Value, decimal: str) -> str:
    if value is None:
        return ""
    return guarded(value) if isinstance(value, str) else number_text(value).replace(".", decimal)
