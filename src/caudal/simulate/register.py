"""The register of foreign residents: it misses some, and keeps many who died or left.

Declared errors (see :class:`~caudal.simulate.parameters.RegisterErrors`): coverage by document, departed and
dead persons still in it (most of them shown as active; their last procedure is old), repeated rows with the
same key, unknown and uncoded nationalities, sexes not recorded, impossible dates, outdated regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.documents import NO_DATE, REFERENCE_DAY, Documents, document_number
from caudal.simulate.draws import quantiles, read_quantiles
from caudal.simulate.migration import IRREGULAR, PENDING
from caudal.simulate.parameters import RegisterErrors
from caudal.simulate.population import Population

#: Marks in ``sexo``: position 1 man, 2 woman, 3 not recorded, 4 blank.
SEX_MARKS = ("", "M", "F", "X", "")
STATE_MARKS = ("A", "B")
UNKNOWN_NATIONALITY, UNCODED_NATIONALITY = 999, 777
IMPOSSIBLE_DATE = NO_DATE + 1

#: Person numbers of those who are in the register and no more in the country.
_DEPARTED, _DEAD = 30_000_000, 60_000_000
_LAST_SEEN_HERE = quantiles([(0, 365, 55), (366, 1095, 35), (1096, 2200, 10)])
_LAST_SEEN_GONE = quantiles([(200, 730, 15), (731, 1800, 45), (1801, 4200, 40)])


@dataclass(frozen=True)
class RegisterRows:
    """Rows of the register from one block: one array per raw column, codes and days as numbers.

    ``residents`` counts the residents who are in it, ``gone`` the departed and dead, ``repeated`` the rows
    that repeat a key.
    """

    columns: dict[str, NDArray[np.int64]]
    residents: int
    gone: int
    repeated: int


def register_rows(
    block: Population, documents: Documents, errors: RegisterErrors, rng: np.random.Generator
) -> RegisterRows:
    """The register's rows of a block, in order of the key."""
    held = _in_register(block, documents, errors, rng)
    residents = _resident_rows(block, documents, held, rng)
    n = len(held)
    departed = rng.random(n) < errors.departed
    dead = rng.random(n) < errors.dead
    people = block["person_id"][documents.row[held]].astype(np.int64)
    rows = _stack(
        residents,
        _gone(residents, departed, document_number(people[departed] + _DEPARTED), 0, errors, rng),
        _gone(residents, dead, document_number(people[dead] + _DEAD), 8_000, errors, rng),
    )
    distinct = len(rows["num_documento"])
    rows = _repeat_some(rows, errors, rng)
    rows = _spoil(rows, errors, rng)
    order = np.lexsort((rows["ultimo_tramite"], rows["num_documento"]))
    return RegisterRows(
        {name: values[order] for name, values in rows.items()},
        residents=n,
        gone=distinct - n,
        repeated=len(order) - distinct,
    )


def _in_register(
    block: Population, documents: Documents, errors: RegisterErrors, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Which foreign citizens are in the register, as positions in ``documents``."""
    status = block["legal_status"][documents.row]
    rate = np.where(status == PENDING, errors.coverage_pending, errors.coverage)
    rate = np.where(status == IRREGULAR, 0.0, rate)
    return np.flatnonzero(rng.random(len(status)) < rate)


def _resident_rows(
    block: Population, documents: Documents, held: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    row = documents.row[held]
    n = len(row)
    granted = documents.granted[held]
    seen = REFERENCE_DAY - read_quantiles(rng.random(n), _LAST_SEEN_HERE)
    return {
        "num_documento": documents.number[held],
        "fecha_nacimiento": documents.birth[held],
        "sexo": block["sex"][row].astype(np.int64),
        "pais_nacimiento": block["birth_country"][row].astype(np.int64),
        "nacionalidad": block["citizenship"][row].astype(np.int64),
        "region": block["region"][row].astype(np.int64),
        "tipo_residencia": block["legal_status"][row].astype(np.int64),
        "fecha_ingreso": documents.entry[held],
        "fecha_resolucion": granted,
        "ultimo_tramite": np.maximum(np.maximum(seen, granted), documents.entry[held]),
        "estado": np.zeros(n, dtype=np.int64),
    }


def _gone(
    residents: dict[str, NDArray[np.int64]],
    chosen: NDArray[np.bool_],
    number: NDArray[np.int64],
    older: int,
    errors: RegisterErrors,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.int64]]:
    """People like the chosen residents who are in the register and no more in the country."""
    rows = {name: values[chosen] for name, values in residents.items()}
    n = len(number)
    seen = REFERENCE_DAY - read_quantiles(rng.random(n), _LAST_SEEN_GONE)
    rows["num_documento"] = number
    rows["ultimo_tramite"] = seen
    for name in ("fecha_ingreso", "fecha_resolucion"):
        rows[name] = _not_after(rows[name], seen)
    born = rows["fecha_nacimiento"] - older - (rng.random(n) * 3_000).astype(np.int64)
    entered = np.where(rows["fecha_ingreso"] == NO_DATE, seen, rows["fecha_ingreso"])
    rows["fecha_nacimiento"] = np.minimum(born, entered)
    rows["estado"] = (rng.random(n) < errors.closed).astype(np.int64)
    return rows


def _repeat_some(
    rows: dict[str, NDArray[np.int64]], errors: RegisterErrors, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """Rows that stand twice under one key; the second carries an older procedure and often another region."""
    n = len(rows["num_documento"])
    again = np.flatnonzero(rng.random(n) < errors.duplicated)
    copy = {name: values[again] for name, values in rows.items()}
    older = copy["ultimo_tramite"] - 1 - (rng.random(len(again)) * 400).astype(np.int64)
    entered = np.where(copy["fecha_ingreso"] == NO_DATE, older, copy["fecha_ingreso"])
    copy["ultimo_tramite"] = np.maximum(older, entered)
    copy["fecha_resolucion"] = _not_after(copy["fecha_resolucion"], copy["ultimo_tramite"])
    moved = rng.random(len(again)) < 0.5
    copy["region"] = np.where(moved, copy["region"] % 8 + 1, copy["region"])
    return _stack(rows, copy)


def _spoil(
    rows: dict[str, NDArray[np.int64]], errors: RegisterErrors, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """The rows with what clerks left out, could not code or mistyped."""
    n = len(rows["num_documento"])
    u = rng.random(n)
    uncoded = errors.unknown_nationality + errors.uncoded_nationality
    nationality = np.where(u < uncoded, UNCODED_NATIONALITY, rows["nacionalidad"])
    nationality = np.where(u < errors.unknown_nationality, UNKNOWN_NATIONALITY, nationality)
    v = rng.random(n)
    sex = np.where(v < errors.unknown_sex, np.where(v < errors.unknown_sex / 2, 3, 4), rows["sexo"])
    outdated = rng.random(n) < errors.region_outdated
    mistyped = rng.random(n) < errors.impossible_date
    return rows | {
        "nacionalidad": nationality,
        "sexo": sex,
        "region": np.where(outdated, (rows["region"] + 2) % 8 + 1, rows["region"]),
        "fecha_nacimiento": np.where(mistyped, IMPOSSIBLE_DATE, rows["fecha_nacimiento"]),
    }


def _not_after(day: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days, none later than ``last``; no date stays none."""
    return np.where(day == NO_DATE, NO_DATE, np.minimum(day, last))


def _stack(*parts: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
