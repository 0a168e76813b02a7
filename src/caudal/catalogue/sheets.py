"""The sheet of a new language: every text that it lacks, as rows for a translator.

A sheet is ``labels/<language>.csv`` of a country folder. Rows that it has already stay as they are; what
lacks is added below, with the text of another language in the column ``reference``. As a draft the reference
stands in ``text`` too and the row is marked, so that pages can be seen while the translation goes on.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from caudal.catalogue.labels import Label, label_sheet, with_labels
from caudal.catalogue.lists import read_rows
from caudal.catalogue.loading import built_in, read_layer

_HEADS = ("kind", "id", "field", "text", "draft", "reference")


def lacking(folder: Path, language: str) -> tuple[Label, ...]:
    """What the catalogue of a country folder lacks in ``language``."""
    draft, _ = with_labels(read_layer(folder, built_in()[0]).draft, folder)
    return label_sheet(draft, language)


def sheet(folder: Path, language: str, *, as_draft: bool = False) -> tuple[str, int]:
    """The text of the sheet, and how many rows were added to it."""
    path = folder / "labels" / f"{language}.csv"
    kept = [cells for _, cells in read_rows(path, _HEADS[:4]) if cells["text"]] if path.is_file() else []
    added = lacking(folder, language)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_HEADS)
    writer.writerows([cells.get(h, "") for h in _HEADS] for cells in kept)
    writer.writerows(
        [x.kind, x.id, x.field, x.reference if as_draft else "", "yes" if as_draft else "", x.reference]
        for x in added
    )
    return stream.getvalue(), len(added)
