"""The dimensions of tables of crossings: for each, a code a crossing and the labels of the codes.

``month`` of the crossing, ``direction``, the coded columns of the crossing (citizenship, post, declared
reason, document), ``sex``, ``age`` (completed years in groups; who was born on 29 February has a birthday
on 1 March), ``length_of_stay`` (days to the next crossing), ``population``
(:mod:`caudal.estimate.stays.populations`), ``overstay`` against the permitted stay, ``decided`` (final by
the date at which the register was known) and ``imputed`` (put in by a repair).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from caudal.errors import CaudalError, nearest, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.populations import (
    OPEN,
    POPULATIONS,
    MovementClasses,
    population_index,
    spell_days,
)
from caudal.estimate.stays.reading import NO_DATE, PackedRegister

EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Grouping:
    """Groups of the dimensions and the date at which the register was known.

    ``age_limits``: first years of the groups after the first; ``stay_limits``: the same in days.
    ``as_of``: dates of finality up to it are reached (default: the last day of the register).
    """

    age_limits: tuple[int, ...] = tuple(range(5, 90, 5))
    stay_limits: tuple[int, ...] = (1, 8, 31, 91, 183, 365)
    classes: MovementClasses = field(default_factory=MovementClasses)
    as_of: date | None = None


@dataclass(frozen=True)
class Dimension:
    """A dimension over one register: its labels, and how a piece gives its codes."""

    name: str
    labels: tuple[str, ...]
    codes: Callable[[Piece], npt.NDArray[np.integer]]


def dimension(name: str, register: PackedRegister, grouping: Grouping) -> Dimension:
    """The dimension called ``name``; refuses one that the register was not read for."""
    if name in COLUMN_OF:
        column = COLUMN_OF[name]
        if column not in register.labels or (column == c.SEX and register.sex is None):
            raise CaudalError(problem("stays-not-read", found=column))
        if column == c.SEX:
            sex = register.sex
            assert sex is not None
            return Dimension(name, register.labels[column], lambda p: sex[p.crossings.person])
        return Dimension(name, register.labels[column], lambda p: p.crossings.codes[column])
    if name not in _MAKERS:
        known = (*COLUMN_OF, *_MAKERS)
        raise CaudalError(
            problem("unknown-name", kind="dimension", found=name, allowed=known, nearest=nearest(name, known))
        )
    return _MAKERS[name](register, grouping)


#: Dimensions that are columns of the crossing or of the person.
COLUMN_OF: Mapping[str, str] = MappingProxyType(
    {
        "citizenship": c.CITIZENSHIP,
        "post": c.POST,
        "declared_reason": c.REASON,
        "document_type": c.DOCUMENT_TYPE,
        "sex": c.SEX,
    }
)


def _month(register: PackedRegister, _: Grouping) -> Dimension:
    first, last = register.first_day, register.last_day
    months = np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[M]")
    position = (months - months[0]).astype(np.int64)
    labels = tuple(str(m) for m in np.unique(months))
    return Dimension("month", labels, lambda p: position[p.day - first])


def _direction(_: PackedRegister, __: Grouping) -> Dimension:
    return Dimension("direction", (c.EXIT, c.ENTRY), lambda p: p.crossings.inside)


def _age(register: PackedRegister, grouping: Grouping) -> Dimension:
    birth = register.birth_day
    if birth is None:
        raise CaudalError(problem("stays-not-read", found=c.BIRTH))
    limits = np.array(grouping.age_limits)
    starts = (0, *grouping.age_limits)
    groups = (f"Y{a}T{b - 1}" for a, b in zip(starts, grouping.age_limits, strict=False))
    labels = (c.UNKNOWN, *groups, f"Y_GE{starts[-1]}")
    first = int(min(register.first_day, birth[birth != NO_DATE].min(initial=register.first_day)))
    # Ages are asked for at the end of a year as well, which may come after the last crossing.
    calendar = _year_month_day(first, max(register.last_day, as_of_day(register, grouping)))

    def codes(piece: Piece) -> npt.NDArray[np.integer]:
        born = birth[piece.crossings.person]
        known = born != NO_DATE
        years = (calendar[piece.day - first] - calendar[np.where(known, born, first) - first]) >> 9
        return np.where(known, np.searchsorted(limits, years, side="right") + 1, 0)

    return Dimension("age", labels, codes)


def _year_month_day(first: int, last: int) -> Ints:
    """Year, month and day of every date packed so that a difference, shifted by 9 bits, is whole years."""
    days = np.arange(first, last + 1).astype("datetime64[D]")
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    month = (months - years.astype("datetime64[M]")).astype(np.int64) + 1
    return np.asarray((years.astype(np.int64) << 9) + (month << 5) + day)


def _length_of_stay(_: PackedRegister, grouping: Grouping) -> Dimension:
    limits = np.array(grouping.stay_limits)
    starts = (0, *grouping.stay_limits)
    pairs = zip(starts, grouping.stay_limits, strict=False)
    inner = (f"D{a}T{b - 1}" if b - 1 > a else f"D{a}" for a, b in pairs)
    labels = ("D_OPEN", *inner, f"D_GE{starts[-1]}")

    def codes(piece: Piece) -> npt.NDArray[np.integer]:
        days = spell_days(piece)
        return np.where(days == OPEN, 0, np.searchsorted(limits, days, side="right") + 1)

    return Dimension("length_of_stay", labels, codes)


def _population(_: PackedRegister, grouping: Grouping) -> Dimension:
    return Dimension("population", POPULATIONS, lambda p: population_index(p, grouping.classes))


def _overstay(register: PackedRegister, grouping: Grouping) -> Dimension:
    """Stays (by their entry) against the permitted stay; an open one runs to the date of knowledge."""
    if not any(f.name == c.PERMITTED_STAY for f in register.layout.fields):
        raise CaudalError(problem("stays-not-read", found=c.PERMITTED_STAY))
    until = as_of_day(register, grouping)

    def codes(piece: Piece) -> npt.NDArray[np.integer]:
        permitted = piece.crossings.codes[c.PERMITTED_STAY] - 1
        days = spell_days(piece)
        stayed = np.where(days == OPEN, until - piece.day, days)
        stated = (permitted >= 0) & (piece.crossings.inside == 1)
        return np.where(~stated, 0, np.where(stayed > permitted, 2, 1))

    return Dimension("overstay", (c.UNKNOWN, "within", "overstay"), codes)


def _decided(register: PackedRegister, grouping: Grouping) -> Dimension:
    until = as_of_day(register, grouping)
    return Dimension(
        "decided", ("provisional", "final"), lambda p: (p.final().migration <= until).astype(np.uint8)
    )


def _imputed(_: PackedRegister, __: Grouping) -> Dimension:
    def codes(piece: Piece) -> npt.NDArray[np.integer]:
        imputed = piece.crossings.imputed
        return imputed if imputed is not None else np.zeros(len(piece.day), np.uint8)

    return Dimension("imputed", ("recorded", "imputed"), codes)


def as_of_day(register: PackedRegister, grouping: Grouping) -> int:
    """The date at which the register was known, in days since 1970-01-01."""
    return register.last_day if grouping.as_of is None else grouping.as_of.toordinal() - EPOCH


_MAKERS: Mapping[str, Callable[[PackedRegister, Grouping], Dimension]] = MappingProxyType(
    {
        "month": _month,
        "direction": _direction,
        "age": _age,
        "length_of_stay": _length_of_stay,
        "population": _population,
        "overstay": _overstay,
        "decided": _decided,
        "imputed": _imputed,
    }
)
DIMENSIONS = (*COLUMN_OF, *_MAKERS)
