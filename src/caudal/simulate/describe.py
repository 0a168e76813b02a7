"""The layouts as text: the tables of the method page and the dictionary that lies beside the files."""

from __future__ import annotations

import csv
import io

from caudal.simulate.codes import code_list, code_list_names
from caudal.simulate.layouts import LAYOUTS, Layout, RawColumn
from caudal.simulate.permits import PERMIT_LAYOUTS


def layout_tables() -> str:
    """All layouts and code lists in Markdown, as they stand in ``docs/methods/istmo.md``."""
    parts = [_layout_table(layout) for layout in LAYOUTS.values()]
    return "\n\n".join([*parts, _permit_table(), _code_tables()]) + "\n"


def dictionary_csv() -> bytes:
    """The dictionary of variables as a CSV: file, column, text, code list, missing codes, universe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("file", "column", "text", "code_list", "refused", "not_applicable", "unknown", "universe")
    )
    for layout in LAYOUTS.values():
        for c in layout.columns:
            writer.writerow((layout.file, c.name, c.text, c.codes, *_missing(c), c.universe))
    return out.getvalue().encode("utf-8")


def _layout_table(layout: Layout) -> str:
    head = f"### `{layout.file}`\n\n{layout.text}\n\n"
    rows = ["| column | meaning | codes | missing | universe |", "|---|---|---|---|---|"]
    for c in layout.columns:
        codes = f"`{c.codes}`" if c.codes else ""
        missing = ", ".join(
            f"{code} {word}"
            for code, word in zip(_missing(c), ("refused", "n/a", "unknown"), strict=True)
            if code != ""
        )
        rows.append(f"| `{c.name}` | {c.text} | {codes} | {missing} | {c.universe} |")
    return head + "\n".join(rows)


def _missing(column: RawColumn) -> tuple[str, str, str]:
    asked = column.not_applicable if column.universe != "all" else None
    codes = (column.refused, asked, column.unknown)
    return tuple("" if c is None else str(c) for c in codes)  # type: ignore[return-value]


def _permit_table() -> str:
    rows = ["### Permits granted, by quarter", "", "| file | bytes | header | sex | cells | around |"]
    rows.append("|---|---|---|---|---|---|")
    for (year, quarter), p in PERMIT_LAYOUTS.items():
        around = f"{len(p.title)} lines above, {len(p.footer)} below"
        header = p.separator.join(p.header)
        rows.append(
            f"| `{p.file.format(year=year, quarter=quarter)}` | {p.encoding}, `{p.separator}` | `{header}` |"
            f" {p.sex[0]} men, {p.sex[1]} women | {'labels in Spanish' if p.words else 'codes'} | {around} |"
        )
    return "\n".join(rows)


def _code_tables() -> str:
    parts = []
    for name in code_list_names():
        codes = "; ".join(
            f"{c.code} {c.labels['en']} (`{c.standard_code}`)" for c in code_list(name).values()
        )
        parts.append(f"- `{name}`: {codes}.")
    return "### Code lists\n\nCode, label and, in brackets, standard code.\n\n" + "\n".join(parts)
