"""What a page was made of: the parts of a release that were read while it was made, and their digests.

A page that is made again from equal parts is the same page. So the parts are not declared, which could be
forgotten, but seen: a watched release tells a :class:`Reads` the name of each part that is read, and a name
can be looked up again, in this build or in the next, and its digest compared.

Work that several pages share is done once (:func:`once`); whoever asks for it again has read what it read.
A part that is itself made of parts (:class:`part`, :class:`Made`) is not made again for its digest: where all
that it was made of is as it was, so is it. It refuses a part whose digest it cannot take: a page must never
be kept by mistake.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from caudal.engine.files import sha256_bytes

T = TypeVar("T")
#: The value of a part that there is not.
ABSENT = "absent"


@dataclass(frozen=True)
class Known:
    """What the last build knew of parts: digests, and of what those were made that are made of others."""

    digests: Mapping[str, str] = field(default_factory=dict)
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Reads:
    """Hears what is read while something is made; says nothing while nothing is. ``always`` are parts that
    everything is made of, whatever it reads besides; ``last`` is what the last build knew."""

    def __init__(self, always: Iterable[str] = (), last: Known | None = None) -> None:
        self.always, self.last = tuple(always), last or Known()
        self.made_of: dict[str, tuple[str, ...]] = {}
        self._open: list[set[str]] = []
        self._lookups: dict[str, Callable[[str], object]] = {}
        self._digests: dict[str, str] = {}
        self._changing: set[str] = set()

    def knows(self, kind: str, look_up: Callable[[str], object], *, changes: bool = False) -> None:
        """``look_up`` finds the value of every name ``kind/...``, given what follows the stroke; a value that
        ``changes`` while the site is made is looked up each time."""
        self._lookups[kind] = look_up
        if changes:
            self._changing.add(kind)

    def note(self, name: str) -> None:
        """``name`` is read."""
        if self._open:
            self._open[-1].add(name)

    def replay(self, names: Iterable[str]) -> None:
        """All of ``names`` are read."""
        if self._open:
            self._open[-1].update(names)

    @contextmanager
    def watching(self) -> Iterator[set[str]]:
        """The names that are read until the block ends; whoever watches outside does not hear them."""
        heard: set[str] = set()
        self._open.append(heard)
        try:
            yield heard
        finally:
            self._open.pop()

    @contextmanager
    def making(self, name: str) -> Iterator[None]:
        """What is read until the block ends is what the part ``name`` (or each of a kind) is made of."""
        with self.watching() as heard:
            yield
        if not any(_kind(h) in self._changing for h in heard):
            self._is_made_of(name, (*heard, *self.always))

    def _is_made_of(self, name: str, parts: Iterable[str]) -> None:
        """The same part may be made in several ways, as the area that is spoken of: all of them count."""
        self.made_of[name] = tuple(sorted({*self.made_of.get(name, ()), *parts}))

    def digest(self, name: str) -> str:
        """The digest of the value that ``name`` has in this build."""
        if name in self._digests:
            return self._digests[name]
        kind = _kind(name)
        found = self._as_it_was(name, kind)
        if found is None:
            with self.watching():
                rest = name.partition("/")[2]
                found = digest_of(self._lookups[kind](rest) if kind in self._lookups else ABSENT)
        if kind not in self._changing:
            self._digests[name] = found
        return found

    def _as_it_was(self, name: str, kind: str) -> str | None:
        """The digest of a part that the last build made, where all that it was made of is as it was."""
        own = _own(name, self.last.made_of)
        if not own or kind not in self._lookups or name not in self.last.digests:
            return None
        parts = self.last.made_of[own]
        if any(self.last.digests.get(p) != self.digest(p) for p in parts):
            return None
        self._is_made_of(own, parts)
        return self.last.digests[name]

    def known(self, names: Iterable[str]) -> Known:
        """What the next build must know of the parts ``names``."""
        digests: dict[str, str] = {}
        made_of: dict[str, tuple[str, ...]] = {}
        asked = list(names)
        while asked:
            name = asked.pop()
            if name in digests:
                continue
            digests[name] = self.digest(name)
            if own := _own(name, self.made_of):
                made_of[own] = self.made_of[own]
                asked += made_of[own]
        return Known(dict(sorted(digests.items())), dict(sorted(made_of.items())))


class Noted(Mapping[str, T], Generic[T]):
    """A mapping that tells which of its keys are read, as ``kind/key``; ``kind?/key`` when asked whether one
    is there, and ``kind/`` when all are looked through."""

    def __init__(self, kind: str, whole: Mapping[str, T], reads: Reads) -> None:
        self._kind, self._whole, self._reads = kind, whole, reads
        reads.knows(kind, self._look_up)
        reads.knows(f"{kind}?", whole.__contains__)

    def _look_up(self, key: str) -> object:
        return self._whole.get(key, ABSENT) if key else tuple(self._whole)

    def __getitem__(self, key: str) -> T:
        self._reads.note(f"{self._kind}/{key}")
        return self._whole[key]

    def __contains__(self, key: object) -> bool:
        self._reads.note(f"{self._kind}?/{key}")
        return key in self._whole

    def __iter__(self) -> Iterator[str]:
        self._reads.note(f"{self._kind}/")
        return iter(self._whole)

    def __len__(self) -> int:
        self._reads.note(f"{self._kind}/")
        return len(self._whole)


class Made(Noted[T]):
    """Values that are made when they are asked for, each a part of its own under ``kind/key``."""

    def __init__(self, kind: str, keys: Iterable[str], make: Callable[[str], T], reads: Reads) -> None:
        super().__init__(kind, _OnDemand(kind, tuple(keys), make, reads), reads)


class _OnDemand(Mapping[str, T], Generic[T]):
    """What ``make`` gives for each of ``keys``, made once."""

    def __init__(self, kind: str, keys: tuple[str, ...], make: Callable[[str], T], reads: Reads) -> None:
        self._kind, self._keys, self._make, self._reads = kind, keys, make, reads
        self._made: dict[str, T] = {}

    def __getitem__(self, key: str) -> T:
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._made:
            with self._reads.making(f"{self._kind}/{key}"):
                self._made[key] = self._make(key)
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class part(Generic[T]):
    """A property of a voice that is made once, and that is itself a part: whoever reads it depends on its
    value, and not on all that it was made from."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._place = name, f"part {name}"

    def __get__(self, voice: Any, owner: type | None = None) -> T:
        found = voice.__dict__.get(self._place)
        if found is None:
            name = f"voice-{voice.words.language}/{self._name}"
            with voice.release.reads.making(name):
                found = name, self._make(voice)
            voice.__dict__[self._place] = found
        voice.release.reads.note(found[0])
        return found[1]  # type: ignore[no-any-return]


class Once:
    """Work that is done once; whoever asks again has read what it read."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._done: dict[object, tuple[Any, frozenset[str]]] = {}

    def get(self, key: object, make: Callable[[], T]) -> T:
        """What ``make`` gives, made at the first call with ``key``."""
        if key not in self._done:
            with self._reads.watching() as heard:
                value = make()
            self._done[key] = value, frozenset(heard)
        found, names = self._done[key]
        self._reads.replay(names)
        return found  # type: ignore[no-any-return]


def digest_of(value: object) -> str:
    """The digest of a value of the model; equal values of the same types, equal digests.

    >>> digest_of({"a": (1, 2.5)}) == digest_of({"a": [1, 2.5]}), digest_of("1") == digest_of(1)
    (True, False)
    """
    return sha256_bytes(marshal.dumps(_plain(value), 2))  # version 2 knows no shared objects: values alone


def _plain(value: object) -> Any:
    """``value`` in strings, numbers, booleans and lists."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, int | float | bytes):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, Mapping):
        return [(_plain(k), _plain(v)) for k, v in value.items()]
    if isinstance(value, tuple | list):
        return _at_once(value) or [_plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(repr(v) for v in value)
    if isinstance(value, Enum):
        return _plain(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return [_plain(v) for v in _fields_of(type(value))(value)]
    raise TypeError(f"no digest of a {type(value).__name__}")


def _at_once(values: Sequence[object]) -> bytes | None:
    """Objects of one class that hold plain values alone, as cells do, of which there are many."""
    kinds = set(map(type, values))
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None or not is_dataclass(kind):
        return None
    fields_of = _fields_of(kind)
    try:
        return marshal.dumps([fields_of(v) for v in values], 2)
    except ValueError:
        return None


@cache
def _fields_of(kind: type) -> Callable[[object], tuple[Any, ...]]:
    """How the values of the fields of a dataclass are read."""
    names = [f.name for f in fields(kind)]
    return attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, n) for n in names)


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _own(name: str, made_of: Mapping[str, object]) -> str:
    """Under which name it is known what a part is made of: its own, or that of its kind; empty if neither."""
    kind = _kind(name)
    return next((n for n in (name, kind, kind.removesuffix("?")) if n in made_of), "")
