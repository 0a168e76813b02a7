"""Labels: every text of the catalogue as rows (kind, id, field, text), in one language a file.

A language is added by rows alone: ``labels/<language>.csv`` of a country folder, with the columns
``kind``, ``id``, ``field``, ``text`` and, if wanted, ``draft`` (filled in where a machine made the text and
nobody has read it). :func:`label_sheet` lists what a language lacks, ready to be filled in.

    kind        id                      field
    code        CL_SEX/F                label
    dimension   sex                     text
    axis        basis                   text, difference
    axis_value  basis/birth             text
    axis_pair   basis/birth/citizenship text
    vector      vector                  first, second, first_silent, second_silent
    indicator   unemployment_rate       name, definition, headline, reading
    page        text/home               text

The rows of kind ``page`` are the texts of the interface, needed by a language that has no file of its own
in ``pages/``; their keys are those of :mod:`caudal.catalogue.interface`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caudal.catalogue.draft import Draft
from caudal.catalogue.interface import has_interface, required_texts
from caudal.catalogue.lists import read_rows
from caudal.errors import CaudalError, Problem, problem, unknown
from caudal.model.catalogue import AxisSpec, PairText
from caudal.model.spec import Text, text_in

_COLUMNS = ("kind", "id", "field", "text")
PAGE = "page"


@dataclass(frozen=True)
class Label:
    """One text in one language. ``reference`` is the same text in a language that has it, for translators."""

    kind: str
    id: str
    field: str
    text: str
    reference: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What is labelled."""
        return self.kind, self.id, self.field


def texts_of(draft: Draft) -> Iterator[tuple[tuple[str, str, str], Text, bool]]:
    """Every text of the catalogue: its key, its languages, and whether each language needs it."""
    for code_list in draft.lists.values():
        for code in code_list.codes.values():
            yield ("code", f"{code_list.id}/{code.id}", "label"), code.labels, True
    for dimension in draft.dimensions.values():
        yield ("dimension", dimension.dimension, "text"), dimension.text, True
    for name, text in draft.vector.items():
        yield ("vector", "vector", name), text, True
    for axis in draft.axes.values():
        yield from _texts_of_axis(axis)
    for indicator in draft.indicators.values():
        for field in type(indicator.text).model_fields:
            text = getattr(indicator.text, field)
            yield ("indicator", indicator.indicator, field), text, field != "reading" or bool(text)


def _texts_of_axis(axis: AxisSpec) -> Iterator[tuple[tuple[str, str, str], Text, bool]]:
    yield ("axis", axis.axis, "text"), axis.text, True
    yield ("axis", axis.axis, "difference"), axis.difference, True
    for value, text in axis.values.items():
        yield ("axis_value", f"{axis.axis}/{value}", "text"), text, True
    for pair in axis.pairs:
        yield ("axis_pair", "/".join((axis.axis, *pair.values)), "text"), pair.text, False


def label_sheet(draft: Draft, language: str) -> tuple[Label, ...]:
    """What the catalogue lacks in ``language``, one row a text, with its first text as a reference."""
    rows = [
        Label(*key, "", next(iter(text.values()), ""))
        for key, text, needed in texts_of(draft)
        if needed and not text_in(text, language)
    ]
    if not has_interface(language):
        has = draft.page_texts.get(language, {})
        rows += [Label(PAGE, k, "text", "", t) for k, t in required_texts().items() if k not in has]
    return tuple(rows)


def missing_labels(draft: Draft, languages: Iterable[str]) -> list[Problem]:
    """One problem for each language and group of texts that lack in it."""
    found = []
    for language in languages:
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for label in label_sheet(draft, language):
            group = label.id.partition("/")[0] if label.kind == "code" else ""
            groups[label.kind, group].append(label.id if group else f"{label.id} {label.field}")
        for (kind, _), names in groups.items():
            found.append(problem("label-missing", language=language, kind=kind, found=names))
    return found


def read_labels(path: Path) -> tuple[list[tuple[Label, str, bool]], list[Problem]]:
    """Labels of a file, each with its place and whether it is a draft; and what is wrong with the file."""
    try:
        rows = [
            (Label(c["kind"], c["id"], c["field"], c["text"]), f"{path}:{line}", bool(c.get("draft")))
            for line, c in read_rows(path, _COLUMNS)
            if c["text"]
        ]
    except CaudalError as error:
        return [], list(error.problems)
    return rows, []


def with_labels(draft: Draft, folder: Path) -> tuple[Draft, list[Problem]]:
    """The draft with the texts of ``labels/*.csv`` in ``folder``, and rows that label nothing."""
    problems: list[Problem] = []
    for path in sorted((folder / "labels").glob("*.csv")):
        rows, found = read_labels(path)
        problems.extend(found)
        known = {key for key, _, _ in texts_of(draft)}
        if any(label.kind == PAGE for label, _, _ in rows):
            known |= {(PAGE, k, "text") for k in required_texts()}
        problems.extend(_unknown(x, where, known) for x, where, _ in rows if x.key not in known)
        draft = _labelled(draft, path.stem, {x.key: x.text for x, _, _ in rows})
        pages = {x.id: x.text for x, _, _ in rows if x.kind == PAGE}
        drafts = (path.stem,) if any(is_draft for _, _, is_draft in rows) else ()
        draft = replace(
            draft,
            page_texts={**draft.page_texts, path.stem: {**draft.page_texts.get(path.stem, {}), **pages}},
            drafts=tuple(dict.fromkeys((*draft.drafts, *drafts))),
        )
    return draft, problems


def _unknown(label: Label, where: str, known: Iterable[tuple[str, str, str]]) -> Problem:
    allowed = sorted(" ".join(k) for k in known)
    found = " ".join(label.key)
    return unknown("text", found, allowed, where=where)


def _labelled(draft: Draft, language: str, texts: Mapping[tuple[str, str, str], str]) -> Draft:
    """The draft in which each text that ``texts`` holds is said in ``language``."""

    def said(text: Text, *key: str) -> Text:
        new = texts.get((key[0], key[1], key[2]))
        return {**text, language: new} if new else text

    lists = {
        name: replace(
            cl,
            codes={
                c.id: replace(c, labels=said(c.labels, "code", f"{name}/{c.id}", "label"))
                for c in cl.codes.values()
            },
        )
        for name, cl in draft.lists.items()
    }
    dimensions = {
        n: d.model_copy(update={"text": said(d.text, "dimension", n, "text")})
        for n, d in draft.dimensions.items()
    }
    indicators = {
        n: i.model_copy(
            update={
                "text": i.text.model_copy(
                    update={f: said(getattr(i.text, f), "indicator", n, f) for f in type(i.text).model_fields}
                )
            }
        )
        for n, i in draft.indicators.items()
    }
    return replace(
        draft,
        lists=lists,
        dimensions=dimensions,
        indicators=indicators,
        vector={n: said(t, "vector", "vector", n) for n, t in draft.vector.items()},
        axes={n: a.model_copy(update=_axis_texts(a, said)) for n, a in draft.axes.items()},
    )


def _axis_texts(axis: AxisSpec, said: Any) -> dict[str, Any]:
    name = axis.axis
    return {
        "text": said(axis.text, "axis", name, "text"),
        "difference": said(axis.difference, "axis", name, "difference"),
        "values": {v: said(t, "axis_value", f"{name}/{v}", "text") for v, t in axis.values.items()},
        "pairs": tuple(
            PairText(values=p.values, text=said(p.text, "axis_pair", "/".join((name, *p.values)), "text"))
            for p in axis.pairs
        ),
    }
