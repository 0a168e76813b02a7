"""From the truth to what a questionnaire records: national codes, refusals and unknown answers.

Only persons in a question's universe can refuse it or not know; outside it stands the not-applicable code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.layouts import RawColumn
from caudal.simulate.population import OUTSIDE, Column

#: Questions that people refuse; each may be refused at its own rate.
SENSITIVE = frozenset(
    {
        "birth_country",
        "citizenship",
        "citizenship_origin",
        "reason",
        "ethnicity",
        "people",
        "wg_seeing",
        "wg_hearing",
        "wg_walking",
        "wg_remembering",
        "wg_selfcare",
        "wg_communicating",
    }
)


def recorded_answers(
    columns: Iterable[RawColumn],
    truth: Mapping[str, Column],
    refused: Mapping[str, float],
    unknown: Mapping[str, float],
    rng: np.random.Generator,
) -> dict[str, NDArray[np.int64]]:
    """What is recorded, by name of raw column, in the order of ``columns``.

    ``truth`` holds the answers as people would give them, by concept. ``refused`` and ``unknown`` are rates
    by concept; a concept without a rate is always answered.
    """
    return {c.name: _recorded(c, truth[c.concept], refused, unknown, rng) for c in columns}


def _recorded(
    column: RawColumn,
    answer: Column,
    refused: Mapping[str, float],
    unknown: Mapping[str, float],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    value = answer.astype(np.int64)
    outside = _outside(column, value)
    if column.not_applicable is not None and not column.codes:
        value = np.where(outside, column.stored(column.not_applicable), value)
    refuses = refused.get(column.concept, 0.0) if column.refused is not None else 0.0
    ignores = unknown.get(column.concept, 0.0) if column.unknown is not None else 0.0
    if refuses + ignores == 0.0:
        return value
    # those outside the universe are not asked: their number lies above every rate
    u = np.where(outside, 1.0, rng.random(len(value)))
    if column.refused is not None:
        value = np.where(u < refuses, column.stored(column.refused), value)
    if column.unknown is not None:
        value = np.where((u >= refuses) & (u < refuses + ignores), column.stored(column.unknown), value)
    return value


def _outside(column: RawColumn, value: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Who is outside the universe: by the code where there is a list, by -1 where there is a number."""
    if not column.codes:
        return np.asarray(value == OUTSIDE, dtype=np.bool_)
    if column.not_applicable is None:
        return np.zeros(len(value), dtype=np.bool_)
    return np.asarray(value == column.not_applicable, dtype=np.bool_)
