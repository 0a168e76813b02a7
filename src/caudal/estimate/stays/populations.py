"""What kind of movement each crossing is, so that movements add up to the whole register.

Every crossing has exactly one class:

    immigration, emigration                       migrations by the residence rule
    trip_abroad, trip_end                         a resident leaves and returns
    commuting, transit, circulation,
    short_stay, long_stay                         a non-resident enters (by what follows)
    stay_end                                      a non-resident leaves

A non-resident's entry is, in this order: *commuting* if the stay is at most ``commuter_stay_days`` and one
of at least ``commuter_entries_n`` such within ``commuter_window_days`` before or after; *transit* if the
exit comes within ``transit_hours``; *circulation* if it is one of at least ``circular_entries_n`` entries
of the year behind it; else a *short* or a *long stay* (``long_stay_days`` and more). The definitions of
movements without change of residence differ by country: they are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caudal.estimate.stays.classify import Piece
from caudal.estimate.stays.keys import Ints

POPULATIONS = (
    "immigration",
    "emigration",
    "trip_abroad",
    "trip_end",
    "stay_end",
    "commuting",
    "transit",
    "circulation",
    "short_stay",
    "long_stay",
)
_INDEX = {name: i for i, name in enumerate(POPULATIONS)}
YEAR_DAYS = 365
OPEN = -1


@dataclass(frozen=True)
class MovementClasses:
    """The limits between classes of movement; see the module."""

    transit_hours: int = 24
    commuter_stay_days: int = 1
    commuter_entries_n: int = 12
    commuter_window_days: int = 45
    circular_entries_n: int = 4
    long_stay_days: int = 90


def spell_minutes(piece: Piece) -> Ints:
    """Minutes until the person's next crossing; -1 while the spell is open."""
    x = piece.crossings
    length = np.full(len(x), OPEN, np.int64)
    same = x.person[1:] == x.person[:-1]
    length[:-1][same] = (x.minute[1:] - x.minute[:-1])[same]
    return length


def spell_days(piece: Piece) -> npt.NDArray[np.int32]:
    """Days (differences of dates) until the person's next crossing; -1 while the spell is open."""
    length = np.full(len(piece.day), OPEN, np.int32)
    same = piece.crossings.person[1:] == piece.crossings.person[:-1]
    length[:-1][same] = np.diff(piece.day)[same]
    return length


def population_index(piece: Piece, classes: MovementClasses) -> npt.NDArray[np.uint8]:
    """Position in :data:`POPULATIONS` of each crossing."""
    s, entry = piece.statuses, piece.crossings.inside == 1
    result = np.where(entry, _INDEX["trip_end"], _INDEX["stay_end"]).astype(np.uint8)
    result[~entry & (s.before == 1)] = _INDEX["trip_abroad"]
    visits = np.flatnonzero(entry & (s.before == 0) & (s.migration == 0))
    result[visits] = _visits(piece, visits, classes)
    migration = s.migration == 1
    result[migration] = np.where(entry[migration], _INDEX["immigration"], _INDEX["emigration"])
    return result


def _visits(piece: Piece, visits: Ints, classes: MovementClasses) -> npt.NDArray[np.uint8]:
    days, minutes = spell_days(piece)[visits], spell_minutes(piece)[visits]
    person, day = piece.crossings.person[visits], piece.day[visits].astype(np.int64)
    result = np.full(len(visits), _INDEX["short_stay"], np.uint8)
    result[(days >= classes.long_stay_days) | (days == OPEN)] = _INDEX["long_stay"]
    recent = _near(person, day, np.ones(len(visits), np.bool_), YEAR_DAYS, 0)
    result[recent >= classes.circular_entries_n] = _INDEX["circulation"]
    result[(minutes >= 0) & (minutes <= classes.transit_hours * 60)] = _INDEX["transit"]
    brief = (days >= 0) & (days <= classes.commuter_stay_days)
    window = classes.commuter_window_days
    often = _near(person, day, brief, window, window) >= classes.commuter_entries_n
    result[brief & often] = _INDEX["commuting"]
    return result


def _near(person: Ints, day: Ints, counted: npt.NDArray[np.bool_], back: int, ahead: int) -> Ints:
    """For each visit, how many ``counted`` visits of the person lie within the days around it."""
    if not len(person):
        return np.empty(0, np.int64)
    stride = int(day.max() - day.min()) + back + ahead + 2
    keys = person * stride + (day - day.min() + back)
    among = keys[counted]
    until = np.searchsorted(among, keys + ahead, side="right")
    return np.asarray(until - np.searchsorted(among, keys - back, side="left"))
