"""What is not wrong in a source's spec, but may not be meant: told by ``caudal check``, never an error.

Several raw values that fall into one code without the mapping saying so (``merge``); an axis of the concept
vector of which the source says nothing although indicators need it, so that they would be left out in
silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from caudal.engine.specs import Document
from caudal.errors import CaudalError, Problem, problem
from caudal.harmonise.crosswalk import Entry, read_crosswalk
from caudal.harmonise.delivery import kind_of
from caudal.harmonise.standard import is_standard
from caudal.model.catalogue import Catalogue
from caudal.model.source import Mapped, SourceSpec

#: Lists of which each code is one thing, so that two raw values of a crosswalk seldom mean the same.
_ONE_TO_ONE = ("CL_SEX", "CL_COUNTRY")


def notices_of(source: SourceSpec, document: Document, catalogue: Catalogue) -> list[Problem]:
    """What a person should look at in ``source``, read from ``document``."""
    return [*_merged(source, document, catalogue), *_unsaid(source, document, catalogue)]


def _merged(source: SourceSpec, document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    parts: list[tuple[tuple[str | int, ...], Mapping[str, Mapped]]] = [
        (("helpers",), source.helpers),
        (("columns",), source.columns),
    ]
    for i, variant in enumerate(source.variants):
        parts += [
            (("variants", i, "helpers"), variant.helpers),
            (("variants", i, "columns"), variant.columns),
        ]
    folder = document.path.parent.parent
    kind = kind_of(source, catalogue)
    for path, mapping in parts:
        for name, mapped in mapping.items():
            column = kind.column(name)
            one_to_one = column is not None and column.code_list in _ONE_TO_ONE
            found = _together(mapped, folder if one_to_one else None)
            silent = {code: values for code, values in found.items() if code not in mapped.merge}
            if silent:
                said = [f"{' + '.join(values)} → {code}" for code, values in silent.items()]
                where = document.where(*path, name)
                yield problem("codes-merged", where=where, concept=name, found=said, into=list(silent))


def _together(mapped: Mapped, folder: Path | None) -> dict[str, list[str]]:
    """Code -> the raw values that become it, where they are several; those of a crosswalk only where
    ``folder`` is given, because most crosswalks lead to a coarser list."""
    found: dict[str, list[str]] = defaultdict(list)
    for raw, code in mapped.recode.items():
        found[str(code)].append(str(raw))
    for entry in _entries(mapped, folder):
        if entry.code not in found[entry.standard_code]:
            found[entry.standard_code].append(entry.code)
    return {code: values for code, values in found.items() if len(values) > 1}


def _entries(mapped: Mapped, folder: Path | None) -> Sequence[Entry]:
    if not mapped.crosswalk or is_standard(mapped.crosswalk) or folder is None:
        return ()
    try:
        return read_crosswalk(folder, mapped.crosswalk).entries
    except CaudalError:  # told as an error by the check of the spec
        return ()


def _unsaid(source: SourceSpec, document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    said = {*source.concept, *(a for d in source.deliveries for a in d.concept)}
    needed: dict[tuple[str, str], list[str]] = defaultdict(list)
    for indicator in catalogue.indicators.values():
        for formula in indicator.formulas:
            if formula.kind == source.kind:
                for axis, value in formula.needs.items():
                    needed[axis, value].append(indicator.indicator)
    for (axis, value), indicators in needed.items():
        if axis not in said:
            yield problem(
                "axis-unsaid",
                where=document.where("concept"),
                axis=axis,
                value=value,
                count=len(indicators),
                indicators=indicators,
            )
