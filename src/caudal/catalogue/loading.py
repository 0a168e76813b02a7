"""Loading: the built-in catalogue first, then the country folder over it, then labels, then the checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from caudal.catalogue.checks import (
    check_axis,
    check_dimension,
    check_indicator,
    check_name,
    check_vector,
)
from caudal.catalogue.draft import VECTOR_WORDS, Draft
from caudal.catalogue.labels import missing_labels, with_labels
from caudal.catalogue.lists import check_parents, extended, list_files, read_list, with_rows
from caudal.engine.specs import Document, read_document, validate
from caudal.errors import CaudalError, Problem
from caudal.model.catalogue import (
    AxisSpec,
    Catalogue,
    ConceptVectorFile,
    DimensionsFile,
    ListsFile,
)
from caudal.model.codelist import CodeList
from caudal.model.indicator import IndicatorSpec
from caudal.model.spec import Spec

BUILT_IN = Path(__file__).parent

S = TypeVar("S", bound=Spec)


@dataclass
class _Layer:
    """One folder being read over what is known: the documents that are well formed
    and places for the checks, and problems."""

    folder: Path
    draft: Draft
    problems: list[Problem] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)
    where: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(self, path: Path, model: type[S]) -> S | None:
        """The spec at ``path``, or None where it is absent or wrong."""
        if not path.is_file():
            return None
        try:
            document = read_document(path)
        except CaudalError as error:
            self.problems.extend(error.problems)
            return None
        spec, found = validate(document, model)
        self.problems.extend(found)
        if spec is not None:
            self.documents[path.relative_to(self.folder).as_posix()] = document
        return spec


def load_catalogue(
    folder: Path | None = None, languages: Sequence[str] = ()
) -> tuple[Catalogue, list[Problem]]:
    """The catalogue of the country in ``folder``, and everything that is wrong with what it adds.

    Without a folder it is the built-in one. Every code, dimension, axis and indicator must have its texts
    in each of ``languages``.

    >>> catalogue, problems = load_catalogue(languages=("es", "pt", "en"))
    >>> problems, catalogue.label("CL_SEX", "F", "pt")
    ([], 'Mulheres')
    """
    draft, problems = built_in()
    found = list(problems)
    if folder is not None:
        layer = read_layer(folder, draft)
        draft, said = with_labels(layer.draft, folder)
        found += [*layer.problems, *said]
    found += missing_labels(draft, languages)
    return draft.catalogue(tuple(languages)), found


@cache
def built_in() -> tuple[Draft, tuple[Problem, ...]]:
    """The built-in catalogue, read once a process. Its content is checked by the tests of the house."""
    layer = read_layer(BUILT_IN, Draft(), checked=False)
    return layer.draft, tuple(layer.problems)


def read_layer(folder: Path, below: Draft, *, checked: bool = True) -> _Layer:
    """``below`` with what ``folder`` adds, and what is wrong with that."""
    layer = _Layer(folder, below)
    _read_lists(layer)
    _read_dimensions(layer)
    _read_vector(layer)
    _read_indicators(layer)
    if checked:
        layer.problems.extend(_check(layer, below))
    return layer


def _read_lists(layer: _Layer) -> None:
    codes = layer.folder / "codes"
    notes = dict(layer.draft.notes)
    if (declared := layer.read(codes / "lists.yaml", ListsFile)) is not None:
        notes.update(declared.lists)
    lists = dict(layer.draft.lists)
    for name, path in list_files(codes):
        rows, found = read_list(path)
        layer.problems.extend(found)
        layer.where.update({(name, r.code.id): r.where for r in rows})
        lists[name] = with_rows(lists.get(name, CodeList(name)), rows)
    layer.draft = replace(layer.draft, lists=extended(lists, notes), notes=notes)


def _read_dimensions(layer: _Layer) -> None:
    read = layer.read(layer.folder / "dimensions.yaml", DimensionsFile)
    if read is not None:
        added = {d.dimension: d for d in read.dimensions}
        layer.draft = replace(layer.draft, dimensions={**layer.draft.dimensions, **added})


def _read_vector(layer: _Layer) -> None:
    read = layer.read(layer.folder / "concept_vector.yaml", ConceptVectorFile)
    if read is None:
        return
    vector = {w: {**layer.draft.vector.get(w, {}), **getattr(read, w)} for w in VECTOR_WORDS}
    axes = dict(layer.draft.axes)
    for axis in read.axes:
        axes[axis.axis] = _merged_axis(axes.get(axis.axis), axis)
    layer.draft = replace(layer.draft, vector=vector, axes=axes)


def _merged_axis(before: AxisSpec | None, after: AxisSpec) -> AxisSpec:
    if before is None:
        return after
    return AxisSpec(
        axis=after.axis,
        text={**before.text, **after.text},
        values={**before.values, **after.values},
        difference={**before.difference, **after.difference},
        pairs=(*after.pairs, *before.pairs),
    )


def _read_indicators(layer: _Layer) -> None:
    indicators = dict(layer.draft.indicators)
    for path in sorted((layer.folder / "indicators").glob("*.yaml")):
        spec = layer.read(path, IndicatorSpec)
        if spec is not None:
            indicators[spec.indicator] = spec
    layer.draft = replace(layer.draft, indicators=indicators)


def _check(layer: _Layer, below: Draft) -> Iterator[Problem]:
    """What is wrong with the parts that this layer added or changed."""
    yield from _check_lists(layer, below)
    documents, draft = layer.documents, layer.draft
    if (dimensions := documents.get("dimensions.yaml")) is not None:
        for i, declared in enumerate(dimensions.data["dimensions"]):
            spec = draft.dimensions[declared["dimension"]]
            yield from check_dimension(spec, draft, dimensions.where("dimensions", i))
    if (vector := documents.get("concept_vector.yaml")) is not None:
        yield from check_vector(draft.vector, vector.where("first_silent"))
        for i, declared in enumerate(vector.data["axes"]):
            yield from check_axis(draft.axes[declared["axis"]], vector.where("axes", i))
    for name, document in documents.items():
        if name.startswith("indicators/"):
            yield from check_indicator(draft.indicators[document.data["indicator"]], draft, document)


def _check_lists(layer: _Layer, below: Draft) -> Iterator[Problem]:
    draft = layer.draft
    for name, code_list in draft.lists.items():
        if code_list != below.lists.get(name):
            places = {code: where for (of, code), where in layer.where.items() if of == name}
            yield from check_parents(code_list, places)
    if (lists := layer.documents.get("codes/lists.yaml")) is not None:
        for name, declared in lists.data["lists"].items():
            if declared.get("extends"):
                place = lists.where("lists", name, "extends")
                yield from check_name("code list", declared["extends"], draft.lists, place)
