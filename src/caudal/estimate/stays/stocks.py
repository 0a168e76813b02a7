"""Who is present and who is resident at a date, and the account that ties two dates together.

Of the persons that the register knows: *present* is who crossed inwards last (before the first crossing: who
first crosses outwards); *resident* is who has the status of a resident after the last crossing (before the
first: the status at the start). By citizenship, the code of the last crossing so far counts, or of the first.

The account closes to the person, in all and for every citizenship:

    P1 = P0 + births - deaths + immigration - emigration + naturalisations (gained - lost)

with naturalisation where a resident's document changes citizenship. Residents who never crossed are not
in the register: ``residents_unseen`` adds them to both ends, births and deaths come from vital records.
Without these the account is ``unadjusted`` and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece, Settings, map_pieces
from caudal.estimate.stays.dimensions import EPOCH
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister


def stocks(register: PackedRegister, dates: Sequence[date], settings: Settings | None = None) -> pa.Table:
    """Persons present and resident at the end of each date, by citizenship where it was read.

    Columns: ``date_code``, ``citizenship_code`` (``_T`` where it was not read), ``present_n``,
    ``resident_n``; one row for every date and citizenship of the register.

    >>> from datetime import datetime
    >>> from caudal.estimate.stays.reading import Reading, read_register
    >>> one = pa.table({"person_id": [0], "crossing_at": [datetime(2020, 1, 1)], "direction_code": ["entry"]})
    >>> stocks(read_register(one, Reading(with_columns=())), [date(2020, 1, 1)]).to_pylist()
    [{'date_code': '2020-01-01', 'citizenship_code': '_T', 'present_n': 1, 'resident_n': 1}]
    """
    settings = settings or Settings()
    labels = register.labels.get(c.CITIZENSHIP, (c.TOTAL,))
    days = [d.toordinal() - EPOCH for d in dates]

    def count(piece: Piece) -> Ints:
        return np.array([_at(piece, day, len(labels)) for day in days], np.int64)

    counted = sum(map_pieces(register, settings, count), np.zeros((len(days), 2, len(labels)), np.int64))
    rows = [(d.isoformat(), text) for d in dates for text in labels]
    return pa.table(
        {
            "date_code": pa.array([r[0] for r in rows], pa.string()),
            "citizenship_code": pa.array([r[1] for r in rows], pa.string()),
            "present_n": pa.array(counted[:, 0].ravel()),
            "resident_n": pa.array(counted[:, 1].ravel()),
        }
    )


def _at(piece: Piece, day: int, citizenships_n: int) -> Ints:
    """Persons present and resident at the end of ``day``, shape (2, citizenships)."""
    if not len(piece.day):
        return np.zeros((2, citizenships_n), np.int64)
    row, started = last_rows(piece, day)
    inside, s = piece.crossings.inside, piece.statuses
    present = np.where(started, inside[row] == 1, inside[row] == 0)
    resident = np.where(started, s.after[row], s.before[row]) == 1
    code = _citizenship(piece)[row]
    return np.array([np.bincount(code[who], minlength=citizenships_n) for who in (present, resident)])


def last_rows(piece: Piece, day: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """For each person the last row up to ``day`` (the first if there is none), and whether there is one."""
    until = np.concatenate([[0], np.cumsum(piece.day <= day)])
    starts, ends = piece.offsets[:-1], piece.offsets[1:]
    passed = until[ends] - until[starts]
    return starts + np.maximum(passed - 1, 0), passed > 0


def _citizenship(piece: Piece) -> Ints:
    codes = piece.crossings.codes.get(c.CITIZENSHIP)
    return codes if codes is not None else np.zeros(len(piece.day), np.int64)


@dataclass(frozen=True)
class Vital:
    """Vital events of residents between the dates of an account, by citizenship, and the residents whom the
    register never saw."""

    births: Mapping[str, int] = field(default_factory=dict)
    deaths: Mapping[str, int] = field(default_factory=dict)
    residents_unseen: Mapping[str, int] = field(default_factory=dict)


def population_account(
    register: PackedRegister,
    start: date,
    end: date,
    settings: Settings | None = None,
    vital: Vital | None = None,
) -> pa.Table:
    """The account between the ends of two dates, one row a citizenship and one for the total (``_T``).

    Columns: ``citizenship_code``, ``opening_n``, ``births_n``, ``deaths_n``, ``immigration_n``,
    ``emigration_n``, ``naturalised_in_n``, ``naturalised_out_n``, ``closing_n``, ``adjustment_code``
    (``adjusted`` or ``unadjusted``). Raises :class:`~caudal.errors.CaudalError` where it does not close, or
    for vital events of a citizenship that the register does not know.
    """
    settings = settings or Settings()
    labels = register.labels.get(c.CITIZENSHIP, (c.TOTAL,))
    first, last = start.toordinal() - EPOCH, end.toordinal() - EPOCH

    def count(piece: Piece) -> Ints:
        return _components(piece, first, last, len(labels))

    zero = np.zeros((6, len(labels)), np.int64)
    opening, immigration, emigration, gained, lost, closing = sum(map_pieces(register, settings, count), zero)
    births, deaths, unseen = (
        _by_label(labels, vital, name) for name in ("births", "deaths", "residents_unseen")
    )
    opening, closing = opening + unseen, closing + unseen + births - deaths
    rest = opening + births - deaths + immigration - emigration + gained - lost - closing
    if rest.any():
        raise CaudalError(problem("stays-account-open", start=start, end=end, rest=int(np.abs(rest).sum())))
    columns = {
        "opening_n": opening,
        "births_n": births,
        "deaths_n": deaths,
        "immigration_n": immigration,
        "emigration_n": emigration,
        "naturalised_in_n": gained,
        "naturalised_out_n": lost,
        "closing_n": closing,
    }
    has_total = labels == (c.TOTAL,)
    names = [*labels] if has_total else [*labels, c.TOTAL]
    table = {"citizenship_code": pa.array(names, pa.string())}
    for name, column in columns.items():
        table[name] = pa.array(column if has_total else np.append(column, column.sum()))
    status = "unadjusted" if vital is None else "adjusted"
    return pa.table({**table, "adjustment_code": pa.array([status] * len(names), pa.string())})


def _by_label(labels: tuple[str, ...], vital: Vital | None, name: str) -> Ints:
    stated: Mapping[str, int] = getattr(vital, name) if vital is not None else {}
    strange = sorted(set(stated) - set(labels))
    if strange:
        raise CaudalError(problem("stays-vital-unknown", name=name, found=strange, allowed=labels))
    return np.array([stated.get(text, 0) for text in labels], np.int64)


def _components(piece: Piece, first: int, last: int, citizenships_n: int) -> Ints:
    """Opening, immigration, emigration, naturalisations in and out, closing; shape (6, citizenships)."""
    if not len(piece.day):
        return np.zeros((6, citizenships_n), np.int64)
    s, x, code = piece.statuses, piece.crossings, _citizenship(piece)
    between = (piece.day > first) & (piece.day <= last)
    migration = between & (s.migration == 1)
    # A migration belongs to the citizenship that the person has right after it; who emigrates leaves the
    # citizenship of the crossing itself, so that a change between two crossings comes before both.
    changed = np.zeros(len(code), np.bool_)
    changed[1:] = (code[1:] != code[:-1]) & (x.person[1:] == x.person[:-1]) & (s.before[1:] == 1)
    changed &= between
    rows = np.flatnonzero(changed)

    def tally(which: npt.NDArray[np.bool_] | Ints, values: Ints = code) -> Ints:
        return np.bincount(values[which], minlength=citizenships_n)

    return np.array(
        [
            _at(piece, first, citizenships_n)[1],
            tally(migration & (x.inside == 1)),
            tally(migration & (x.inside == 0)),
            tally(rows),
            tally(rows - 1),
            _at(piece, last, citizenships_n)[1],
        ]
    )
