"""Who is present and who is resident at a date, and the account that ties two dates together.

Of the persons that the register knows: *present* is who crossed inwards last (before the first crossing: who
first crosses outwards); *resident* is who has the status of a resident after the last crossing (before the
first: the status at the start). Nobody is either before birth, where dates of birth were read. By
citizenship, the code of the last crossing so far counts, or of the first.

The account closes to the person, in all and for every citizenship:

    P1 = P0 + births - deaths + immigration - emigration + naturalisations (gained - lost)

with naturalisation where a resident's document changes citizenship. Residents who never crossed are not
in the register: ``residents_unseen`` adds them to both ends, births and deaths come from vital records (whose
births include those of the few whom the register sees later). Without these the account is ``unadjusted`` and
says so; its births are those that the register sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece, Settings, map_pieces
from caudal.estimate.stays.dimensions import EPOCH
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister

#: Days of birth (since 1970-01-01) by person, or None where they were not read.
Births = npt.NDArray[np.int32] | None


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
        return np.array([_at(piece, day, len(labels), register.birth_day) for day in days], np.int64)

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


def _at(piece: Piece, day: int, citizenships_n: int, birth: Births) -> Ints:
    """Persons present and resident at the end of ``day``, shape (2, citizenships)."""
    if not len(piece.day):
        return np.zeros((2, citizenships_n), np.int64)
    row, present, resident = states(piece, day, birth)
    code = _citizenship(piece)[row]
    return np.array([np.bincount(code[who], minlength=citizenships_n) for who in (present, resident)])


def states(
    piece: Piece, day: int, birth: Births
) -> tuple[Ints, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For each person at the end of ``day``: the row that says so, whether present, whether resident.

    ``birth``: days of birth by person, or None where they were not read.
    """
    row, started = last_rows(piece, day)
    inside, s = piece.crossings.inside, piece.statuses
    born = np.ones(len(row), np.bool_)
    if birth is not None:
        born = started | (birth[piece.crossings.person[row]] <= day)
    present = born & np.where(started, inside[row] == 1, inside[row] == 0)
    resident = born & (np.where(started, s.after[row], s.before[row]) == 1)
    return row, present, resident


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


#: The items of an account, and their signs in it: what opens and comes is what leaves and closes.
SIGNS: Mapping[str, int] = MappingProxyType(
    {
        "opening_n": 1,
        "births_n": 1,
        "deaths_n": -1,
        "immigration_n": 1,
        "emigration_n": -1,
        "naturalised_in_n": 1,
        "naturalised_out_n": -1,
        "closing_n": -1,
    }
)
ITEMS = tuple(SIGNS)


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
    account = adjusted(recorded_account(register, start, end, settings), vital)
    if account["citizenship_code"].to_pylist() == [c.TOTAL]:
        return account
    total = {n: [sum(account[n].to_pylist())] for n in ITEMS}
    edges = {"citizenship_code": [c.TOTAL], "adjustment_code": account["adjustment_code"].to_pylist()[:1]}
    return pa.concat_tables([account, pa.table({**edges, **total}).select(account.column_names)])


def recorded_account(
    register: PackedRegister, start: date, end: date, settings: Settings | None = None
) -> pa.Table:
    """The account of the persons that the register knows, one row a citizenship: a sum over persons.

    Raises :class:`~caudal.errors.CaudalError` where it does not close.
    """
    labels = register.labels.get(c.CITIZENSHIP, (c.TOTAL,))
    first, last = start.toordinal() - EPOCH, end.toordinal() - EPOCH

    def count(piece: Piece) -> Ints:
        return _components(piece, first, last, len(labels), register.birth_day)

    zero = np.zeros((len(ITEMS), len(labels)), np.int64)
    items = dict(zip(ITEMS, sum(map_pieces(register, settings or Settings(), count), zero), strict=True))
    rest = sum((SIGNS[n] * items[n] for n in ITEMS), np.zeros(len(labels), np.int64))
    if rest.any():
        raise CaudalError(problem("stays-account-open", start=start, end=end, rest=int(np.abs(rest).sum())))
    return pa.table({"citizenship_code": pa.array([*labels], pa.string()), **items})


def adjusted(account: pa.Table, vital: Vital | None) -> pa.Table:
    """A recorded account with vital events and the residents whom the register never saw.

    Raises :class:`~caudal.errors.CaudalError` for vital events of a citizenship that is not in it.
    """
    labels = tuple(account["citizenship_code"].to_pylist())
    status = pa.array(["unadjusted" if vital is None else "adjusted"] * len(labels), pa.string())
    if vital is not None:
        items = {n: account[n].to_numpy() for n in ITEMS}
        births, deaths, unseen = (
            _by_label(labels, vital, n) for n in ("births", "deaths", "residents_unseen")
        )
        items["closing_n"] = items["closing_n"] + unseen + births - items["births_n"] - deaths
        items |= {"opening_n": items["opening_n"] + unseen, "births_n": births, "deaths_n": deaths}
        account = pa.table({"citizenship_code": account["citizenship_code"], **items})
    return account.append_column("adjustment_code", status)


def _by_label(labels: tuple[str, ...], vital: Vital | None, name: str) -> Ints:
    stated: Mapping[str, int] = getattr(vital, name) if vital is not None else {}
    strange = sorted(set(stated) - set(labels))
    if strange:
        raise CaudalError(problem("stays-vital-unknown", name=name, found=strange, allowed=labels))
    return np.array([stated.get(text, 0) for text in labels], np.int64)


def _components(piece: Piece, first: int, last: int, citizenships_n: int, birth: Births) -> Ints:
    """What the register says of each of :data:`ITEMS`; shape (8, citizenships)."""
    if not len(piece.day):
        return np.zeros((len(ITEMS), citizenships_n), np.int64)
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
            _at(piece, first, citizenships_n, birth)[1],
            tally(_born(piece, first, last, birth)),
            np.zeros(citizenships_n, np.int64),
            tally(migration & (x.inside == 1)),
            tally(migration & (x.inside == 0)),
            tally(rows),
            tally(rows - 1),
            _at(piece, last, citizenships_n, birth)[1],
        ]
    )


def _born(piece: Piece, first: int, last: int, birth: Births) -> Ints:
    """The first rows of residents who were born between two dates."""
    row = piece.offsets[:-1]
    if birth is None:
        return row[:0]
    # Whoever crosses before a date of birth that was stated later was there already.
    day = np.minimum(birth[piece.crossings.person[row]], piece.day[row])
    return np.asarray(row[(day > first) & (day <= last) & (piece.statuses.before[row] == 1)])
