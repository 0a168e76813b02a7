"""What every format hands over: a relation, its columns, and what was found in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from caudal.errors import CaudalError, nearest, problem

RAW_ROW = "raw_row"
#: Ends the name of the column that stands beside another with the values that their file declares missing.
MISSING = "!missing"
#: Ends the name of the column that stands beside another with the labels of its values.
LABEL = "_label"


@dataclass(frozen=True)
class RawFile:
    """A registered file: bytes with checksum, origin, licence and date. ``name`` is what a spec calls it;
    ``path`` where it lies on this machine, which nothing published may show; ``beside`` the files without
    which it cannot be read (a dictionary, a catalogue of value labels). One that ``may_be_empty`` is whole
    with a header alone: a month in which nobody crossed a closed border."""

    name: str
    path: Path
    sha256: str
    bytes: int
    period: str
    received: str = ""
    origin: str = ""
    licence: str = ""
    beside: tuple[RawFile, ...] = ()
    may_be_empty: bool = False

    @property
    def fingerprint(self) -> str:
        """What its table depends on: its own bytes and those of the files that describe it."""
        return "+".join([self.sha256, *(f.sha256 for f in self.beside)])

    def companion(self, name: str) -> RawFile:
        """The file ``name`` that lies beside it, such as its dictionary.

        Raises :class:`CaudalError` where it is not there.
        """
        for other in self.beside:
            if other.name == name:
                return other
        there = sorted(f.name for f in self.path.parent.iterdir() if f.is_file())
        raise CaudalError(
            problem(
                "companion-missing", where=self.name, found=name, allowed=there, nearest=nearest(name, there)
            )
        )


@dataclass(frozen=True)
class Rejected:
    """A row that does not fit its header: its number (from 1 after the header) and how it differs. Its
    text is not kept: it may hold identifiers, and the raw file holds it."""

    raw_row: int
    expected: int
    found: int


@dataclass(frozen=True)
class RawTable:
    """A raw table. ``relation`` is a SELECT that the engine can scan: all columns of ``columns`` (name ->
    SQL type, ``VARCHAR`` for text) and ``raw_row``, counted from 1 after the header.

    ``rows`` counts the rows of the relation; ``rejected`` are rows of the file beside them. A value that the
    file itself declares missing is null in its column and stands, as the file has it, in a column of the
    same name that ends in :data:`MISSING`: arithmetic never meets a 99 that means "no answer".
    """

    relation: str
    columns: Mapping[str, str]
    rows: int
    rejected: tuple[Rejected, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)


def doubled(names: Iterable[str]) -> list[str]:
    """Names that stand more than once; the engine does not tell capitals from small letters, and a table's
    own ``raw_row`` would be one of ours.

    >>> doubled(["a", "B", "b"]), doubled(["a", "raw_row"])
    (['B', 'b'], ['raw_row'])
    """
    given = list(names)
    times = Counter([RAW_ROW, *(n.lower() for n in given)])
    return [n for n in given if times[n.lower()] > 1]
