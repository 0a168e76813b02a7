"""Reading specs: YAML 1.2 with line numbers, every mistake at once, each with the nearest right name."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from caudal.errors import CaudalError, Problem, problem, unknown
from caudal.model.spec import PERIOD

M = TypeVar("M", bound=BaseModel)
Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A YAML file: plain ``data``, and the line of each of its parts."""

    path: Path
    data: Any
    _marked: Any

    def where(self, *path: str | int) -> str:
        """``file:line`` of the part at ``path``, or of the deepest part of it that exists."""
        return f"{self.path}:{_line(self._marked, path)}"


def read_document(path: Path) -> Document:
    """The YAML file at ``path``. Raises :class:`CaudalError` where it is not YAML, or contains itself."""
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        text = path.read_text(encoding="utf-8-sig")
        _refuse_loops(text, path)
        marked = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        detail = " ".join(str(error.problem or error.context or "").split())
        raise CaudalError(problem("spec-not-yaml", where=f"{path}:{line}", detail=detail)) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise CaudalError(
            problem("spec-not-yaml", where=f"{path}:1", detail=str(error).split("\n", 1)[0])
        ) from error
    except FileNotFoundError as error:
        raise CaudalError(problem("file-missing", where=str(path), found=path.name)) from error
    except ValueError as error:  # YAML makes dates of texts that look like them
        raise CaudalError(*_impossible_dates(text, path, error)) from error
    return Document(path, _plain(marked), marked)


def _impossible_dates(text: str, path: Path, error: ValueError) -> list[Problem]:
    """Every day of ``text`` that no calendar has, with its line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for day in re.findall(r"\b\d{4}-\d{1,2}-\d{1,2}\b", line):
            try:
                datetime.date(*(int(part) for part in day.split("-")))
            except ValueError:
                found.append(problem("spec-date", where=f"{path}:{number}", found=day))
    return found or [problem("spec-not-yaml", where=f"{path}:1", detail=str(error))]


def read_spec(path: Path, model: type[M]) -> tuple[M | None, list[Problem]]:
    """The spec at ``path``, or None and all that is wrong with it."""
    try:
        document = read_document(path)
    except CaudalError as error:
        return None, list(error.problems)
    return validate(document, model)


def validate(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """``document`` as a ``model``, or None and all that is wrong with it."""
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        causes = [e for e in error.errors() if not _follows_from_another(e, error.errors())]
        return None, _once([_as_problem(e, document, model) for e in causes])


def _follows_from_another(error: Any, errors: Sequence[Any]) -> bool:
    """Whether a list is "too short" only because an item of it is wrong."""
    place = tuple(error["loc"])
    inside = (tuple(e["loc"]) for e in errors if e is not error)
    return error["type"] == "too_short" and any(
        len(p) > len(place) and p[: len(place)] == place for p in inside
    )


def _once(found: Sequence[Problem]) -> list[Problem]:
    unique: dict[tuple[str, str, str], Problem] = {}
    for p in found:
        unique.setdefault((p.code, p.where, str(p.facts.get("found"))), p)
    return list(unique.values())


def _as_problem(error: Any, document: Document, model: type[BaseModel]) -> Problem:
    path: Path_ = tuple(error["loc"])
    where = document.where(*path)
    kind, found = error["type"], error.get("input")
    if kind == "extra_forbidden":
        allowed = _fields_at(model, path[:-1])
        name = str(path[-1])
        return unknown("name", name, allowed, where=where)
    if kind == "missing":
        return problem("spec-missing", where=where, name=path[-1])
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        expected = error["ctx"].get("expected") or error["ctx"].get("expected_tags", "")
        allowed = [part.strip("'\" ") for part in expected.replace(" or ", ",").split(",")]
        shown = error["ctx"].get("tag", found)
        return unknown("value", str(shown), allowed, where=where)
    if kind == "string_pattern_mismatch" and error["ctx"]["pattern"] == PERIOD:
        return problem("spec-period", where=where, found=_short(found))
    name = next((str(p) for p in reversed(path) if isinstance(p, str)), "")
    return problem(
        "spec-value",
        where=where,
        name=name,
        found=_short(found),
        detail=error["msg"].removeprefix("Value error, "),
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields_at(model: Any, path: Path_) -> list[str]:
    """Names that the model admits at ``path``, following fields, items and the tags of unions."""
    here: list[Any] = [model]
    for step in path:
        here = [inner for t in here for inner in _inside(t, step)]
    models = [t for t in here for t in _models(t)]
    return list(dict.fromkeys(f.alias or n for m in models for n, f in m.model_fields.items()))


def _inside(annotation: Any, step: str | int) -> list[Any]:
    found: list[Any] = []
    for model in _models(annotation):
        fields = {f.alias or n: f.annotation for n, f in model.model_fields.items()}
        if step in fields:
            found.append(fields[str(step)])
        elif any(step in get_args(f) for f in fields.values()) or step == model.__name__:
            found.append(model)
    for container in _containers(annotation):
        found.extend(a for a in get_args(container) if a is not Ellipsis)
    return found or [annotation]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return [m for a in get_args(annotation) for m in _models(a)]
    return []


def _containers(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType, Annotated):
        return [c for a in get_args(annotation) for c in _containers(a)]
    return [annotation] if origin in (tuple, list, dict, Mapping, Sequence) or origin is Mapping else []


def _line(marked: Any, path: Sequence[str | int]) -> int:
    line = marked.lc.line + 1 if isinstance(marked, (CommentedMap, CommentedSeq)) else 1
    for step in path:
        if isinstance(marked, CommentedMap) and step in marked:
            line = marked.lc.key(step)[0] + 1
            marked = marked[step]
        elif isinstance(marked, CommentedSeq) and isinstance(step, int) and step < len(marked):
            line = marked.lc.item(step)[0] + 1
            marked = marked[step]
    return int(line)


def _refuse_loops(text: str, path: Path) -> None:
    """Raises where an alias stands inside the very part that its anchor names."""
    if not re.search(r"(^|[\s\[{,])\*\w", text):  # no alias, no loop
        return
    open_anchors: list[str | None] = []
    for event in YAML(typ="rt", pure=True).parse(text):
        if isinstance(event, (MappingStartEvent, SequenceStartEvent)):
            open_anchors.append(event.anchor)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            open_anchors.pop()
        elif isinstance(event, AliasEvent) and event.anchor in open_anchors:
            raise CaudalError(problem("spec-loops", where=f"{path}:{event.start_mark.line + 1}"))


def _plain(marked: Any) -> Any:
    if isinstance(marked, CommentedMap):
        return {_key(k): _plain(v) for k, v in marked.items()}
    if isinstance(marked, CommentedSeq):
        return [_plain(v) for v in marked]
    return _scalar(marked)


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, (str, int, float)) and not isinstance(key, bool) else key


def _scalar(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    for plain in (str, int, float):
        if isinstance(value, plain):
            return plain(value)
    return str(value)  # dates and times stay text: a spec names periods, not instants
