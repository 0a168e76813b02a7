"""The rule in SQL: the specification that the fast path must equal, row by row.

Named CTEs of standard SQL in DuckDB's dialect, kept to what sqlglot carries to Spark unchanged: explicit
frames, casts, ``LAST_VALUE ... IGNORE NULLS``, no intervals. Lengths that depend on the date (calendar
months) come from a table, so that nothing in the query knows about calendars.

Relations that the query reads:

    crossings       person_id, crossing_minute (minutes since 1970-01-01), direction (1 entry, 0 exit), and
                    the columns named in ``carried`` (text, null unknown) and ``declared_stay_days``
    initial_status  person_id, status (1, 0, or -1 for the opposite of the first direction); every person
    calendar        day (since 1970-01-01), threshold_days, window_days, month_code

:func:`classification_sql` gives one row a crossing, :func:`movements_sql` adds the class of movement, and
:func:`cube_sql` counts. A *probe* is a row put among the crossings of a person to ask what the state of
affairs is at its place; it takes the place of a join on inequality, which does not scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from caudal.estimate.stays.populations import YEAR_DAYS, MovementClasses
from caudal.estimate.stays.repair import RepairPolicy, Runs

#: When the missing crossing of a run is taken to have happened, by policy.
IMPUTED_MINUTE: Mapping[Runs, str] = MappingProxyType(
    {
        Runs.MIDPOINT: "{middle}",
        Runs.HOLD: "next_minute",
        Runs.SWITCH: "crossing_minute",
        Runs.INSIDE: "CASE WHEN direction = 1 THEN next_minute ELSE crossing_minute END",
        Runs.OUTSIDE: "CASE WHEN direction = 1 THEN crossing_minute ELSE next_minute END",
        Runs.DECLARED: "CASE WHEN direction = 1 AND declared_stay_days >= 0"
        " THEN LEAST(crossing_minute + declared_stay_days * 1440, next_minute) ELSE {middle} END",
        Runs.DROP: "{middle}",
    }
)
_SUM = "(crossing_minute + next_minute)"
_MIDDLE = f"CAST(({_SUM} - {_SUM} % 2) / 2 AS BIGINT)"


def classification_sql(
    policy: RepairPolicy | None = None,
    instant_days: int = 244,
    carried: Sequence[str] = ("citizenship_code",),
) -> str:
    """One row a crossing with statuses, migration and the days on which they became final.

    >>> print(classification_sql().splitlines()[0])
    WITH
    """
    return (
        "WITH\n"
        + _classification(policy or RepairPolicy(), instant_days, carried)
        + "\nSELECT * FROM classified"
    )


def _classification(policy: RepairPolicy, instant_days: int, carried: Sequence[str]) -> str:
    parts = (_repairs(policy, carried), _STATUSES, _finality(instant_days, carried))
    return ",\n".join(part.strip() for part in parts)


def _repairs(policy: RepairPolicy, carried: Sequence[str]) -> str:
    extra = "".join(f", {name}" for name in carried)
    order = "".join(f", COALESCE(NULLIF({name}, '_U'), '')" for name in carried)
    when = IMPUTED_MINUTE[policy.runs].format(middle=_MIDDLE)
    declared = ("" if "declared_stay_days" in when else "NULL AS ") + "declared_stay_days"
    drop = "WHERE person_id NOT IN (SELECT person_id FROM followed WHERE next_direction = direction)"
    return f"""
-- In order: exits before entries of the same minute, so that copies lie side by side.
ordered AS (
  SELECT person_id, crossing_minute, direction, {declared}{extra},
    ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY crossing_minute, direction{order}) AS raw_position
  FROM crossings
),
compared AS (
  SELECT *,
    LAG(direction) OVER (PARTITION BY person_id ORDER BY raw_position) AS earlier_direction,
    LAG(crossing_minute) OVER (PARTITION BY person_id ORDER BY raw_position) AS earlier_minute
  FROM ordered
),
-- A copy: same direction as the one before, within the minutes of the policy.
single AS (
  SELECT *, COUNT(*) OVER (PARTITION BY person_id, crossing_minute) AS in_minute_n
  FROM compared
  WHERE earlier_direction IS NULL OR earlier_direction <> direction
    OR crossing_minute - earlier_minute > {policy.duplicate_minutes}
),
-- An exit and an entry of the same minute: where was the person before?
sided AS (
  SELECT single.*, COALESCE(LAST_VALUE(CASE WHEN in_minute_n = 1 THEN direction END IGNORE NULLS) OVER (
      PARTITION BY single.person_id ORDER BY raw_position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), CASE WHEN status = 1 THEN 1 ELSE 0 END) AS side
  FROM single JOIN initial_status ON single.person_id = initial_status.person_id
),
positioned AS (
  SELECT *, ROW_NUMBER() OVER (
      PARTITION BY person_id
      ORDER BY crossing_minute, CASE WHEN in_minute_n > 1 AND direction = side THEN 1 ELSE 0 END, direction
    ) AS place
  FROM sided
),
followed AS (
  SELECT *,
    LEAD(direction) OVER (PARTITION BY person_id ORDER BY place) AS next_direction,
    LEAD(crossing_minute) OVER (PARTITION BY person_id ORDER BY place) AS next_minute
  FROM positioned
),
-- Two crossings in the same direction: the one between them was never recorded.
complete AS (
  SELECT person_id, crossing_minute, direction{extra}, 2 * place AS position, 0 AS is_imputed
  FROM followed {drop if policy.runs is Runs.DROP else ""}
  UNION ALL
  SELECT person_id, {when} AS crossing_minute, 1 - direction AS direction{extra}, 2 * place + 1 AS position,
    1 AS is_imputed
  FROM followed WHERE next_direction = direction {"AND 1 = 0" if policy.runs is Runs.DROP else ""}
)"""


_STATUSES = """
dated AS (
  SELECT complete.*, calendar.day, threshold_days, window_days, month_code,
    LAG(calendar.day) OVER (PARTITION BY person_id ORDER BY position) AS earlier_day,
    LAG(direction) OVER (PARTITION BY person_id ORDER BY position) AS earlier_side
  FROM complete
  JOIN calendar ON calendar.day = CAST((crossing_minute - crossing_minute % 1440) / 1440 AS BIGINT)
),
-- Days spent on each side since the first crossing.
spent AS (
  SELECT *,
    SUM(CASE WHEN earlier_side = 1 THEN day - earlier_day ELSE 0 END) OVER w AS inside_days,
    SUM(CASE WHEN earlier_side = 0 THEN day - earlier_day ELSE 0 END) OVER w AS outside_days
  FROM dated
  WINDOW w AS (PARTITION BY person_id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
-- A probe at the end of each window: days inside until then.
window_probes AS (
  SELECT person_id, position, day AS at_day, 0 AS is_probe, day, direction, inside_days FROM spent
  UNION ALL
  SELECT person_id, position, day + window_days AS at_day, 1 AS is_probe, NULL, NULL, NULL FROM spent
),
window_ends AS (
  SELECT person_id, position, at_day, is_probe,
    LAST_VALUE(inside_days IGNORE NULLS) OVER w
      + LAST_VALUE(direction IGNORE NULLS) OVER w * (at_day - LAST_VALUE(day IGNORE NULLS) OVER w)
      AS inside_by_end
  FROM window_probes
  WINDOW w AS (PARTITION BY person_id ORDER BY at_day, is_probe, position
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
tested AS (
  SELECT spent.*, CASE
      WHEN direction = 1 THEN inside_by_end - inside_days >= threshold_days
      ELSE window_days - (inside_by_end - inside_days) >= threshold_days
    END AS passes
  FROM spent
  JOIN window_ends ON spent.person_id = window_ends.person_id AND spent.position = window_ends.position
  WHERE is_probe = 1
),
started AS (
  SELECT tested.*, COALESCE(NULLIF(status, -1), 1 - FIRST_VALUE(direction) OVER (
      PARTITION BY tested.person_id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )) AS start_status
  FROM tested JOIN initial_status ON tested.person_id = initial_status.person_id
),
settled AS (
  SELECT *, COALESCE(LAST_VALUE(CASE WHEN passes THEN direction END IGNORE NULLS) OVER (
      PARTITION BY person_id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ), start_status) AS status_after
  FROM started
),
judged AS (
  SELECT *,
    COALESCE(LAG(status_after) OVER (PARTITION BY person_id ORDER BY position), start_status) AS status_before
  FROM settled
),
migrating AS (
  SELECT *,
    CASE WHEN passes AND status_before <> direction THEN 1 ELSE 0 END AS is_migration,
    CASE WHEN status_before <> direction THEN 1 ELSE 0 END AS is_migrating
  FROM judged
)"""


def _finality(instant_days: int, carried: Sequence[str]) -> str:
    extra = "".join(f", {name}" for name in carried)
    return f"""
-- The goal of each migrating crossing: its side reaches the threshold, or the other side exceeds the rest.
goals AS (
  SELECT person_id, position,
    CASE WHEN is_migration = 1 THEN direction ELSE 1 - direction END AS goal_side,
    CASE WHEN is_migration = 1 THEN 0 ELSE 2 END AS goal_rank,
    CASE WHEN is_migration = 1 THEN threshold_days ELSE window_days - threshold_days END
      + CASE WHEN (direction = 1) = (is_migration = 1) THEN inside_days ELSE outside_days END AS goal_days
  FROM migrating WHERE is_migrating = 1
),
goal_probes AS (
  SELECT person_id, position, 1 AS goal_side, 1 AS goal_rank, inside_days AS goal_days, day FROM migrating
  UNION ALL
  SELECT person_id, position, 0 AS goal_side, 1 AS goal_rank, outside_days AS goal_days, day FROM migrating
  UNION ALL
  SELECT person_id, position, goal_side, goal_rank, goal_days, NULL FROM goals
),
goal_days_reached AS (
  SELECT person_id, position, goal_rank,
    LAST_VALUE(day IGNORE NULLS) OVER w + goal_days
      - LAST_VALUE(CASE WHEN goal_rank = 1 THEN goal_days END IGNORE NULLS) OVER w AS decided_day
  FROM goal_probes
  WINDOW w AS (PARTITION BY person_id, goal_side ORDER BY goal_days, goal_rank, position
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
decided AS (
  SELECT migrating.*, decided_day
  FROM migrating
  LEFT JOIN (SELECT person_id, position, decided_day FROM goal_days_reached WHERE goal_rank <> 1) AS reached
    ON migrating.person_id = reached.person_id AND migrating.position = reached.position
),
after_known AS (
  SELECT *, MAX(COALESCE(GREATEST(decided_day, day), day)) OVER (
      PARTITION BY person_id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS after_final_day
  FROM decided
),
before_known AS (
  SELECT *, GREATEST(day, COALESCE(
      LAG(after_final_day) OVER (PARTITION BY person_id ORDER BY position), day)) AS before_final_day
  FROM after_known
),
-- A crossing back soon after one that could be a migration is final at once.
openings AS (
  SELECT *,
    {_opening(1, instant_days)} AS exit_opening_day,
    {_opening(0, instant_days)} AS entry_opening_day
  FROM before_known
),
classified AS (
  SELECT person_id, crossing_minute, direction{extra}, position, is_imputed, day, month_code, status_before,
    status_after, is_migration, before_final_day, after_final_day,
    CASE
      WHEN is_migration = 1 THEN after_final_day
      WHEN direction = 1 AND exit_opening_day IS NOT NULL THEN GREATEST(day, exit_opening_day)
      WHEN direction = 0 AND entry_opening_day IS NOT NULL THEN GREATEST(day, entry_opening_day)
      WHEN is_migrating = 1 THEN after_final_day
      ELSE before_final_day
    END AS migration_final_day
  FROM openings
)"""


def _opening(entry: int, instant_days: int) -> str:
    """The earliest finality of the status before a migrating crossing of the other side within reach."""
    if instant_days < 0:
        return "CAST(NULL AS BIGINT)"
    value = f"MIN(CASE WHEN is_migrating = 1 AND direction = {1 - entry} THEN before_final_day END)"
    rows = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    today = f"{value} OVER (PARTITION BY person_id, day ORDER BY position {rows})"
    if instant_days == 0:
        return today
    earlier = f"RANGE BETWEEN {instant_days} PRECEDING AND 1 PRECEDING"
    before = f"{value} OVER (PARTITION BY person_id ORDER BY day {earlier})"
    return f"COALESCE({before}, {today})"


def movements_sql(
    policy: RepairPolicy | None = None,
    instant_days: int = 244,
    carried: Sequence[str] = ("citizenship_code",),
    classes: MovementClasses | None = None,
) -> str:
    """:func:`classification_sql` with the class of movement of each crossing."""
    body = _classification(policy or RepairPolicy(), instant_days, carried)
    return f"WITH\n{body},\n{_movements(classes or MovementClasses()).strip()}\nSELECT * FROM movements"


def _movements(m: MovementClasses) -> str:
    return f"""
spells AS (
  SELECT *,
    LEAD(day) OVER (PARTITION BY person_id ORDER BY position) - day AS stay_days,
    LEAD(crossing_minute) OVER (PARTITION BY person_id ORDER BY position) - crossing_minute AS stay_minutes,
    CASE WHEN direction = 1 AND status_before = 0 AND is_migration = 0 THEN 1 ELSE 0 END AS is_visit
  FROM classified
),
counted AS (
  SELECT *,
    COUNT(CASE WHEN is_visit = 1 THEN 1 END) OVER (
      PARTITION BY person_id ORDER BY day
      RANGE BETWEEN {YEAR_DAYS} PRECEDING AND CURRENT ROW) AS year_visits_n,
    COUNT(CASE WHEN is_visit = 1 AND stay_days <= {m.commuter_stay_days} THEN 1 END) OVER (
      PARTITION BY person_id ORDER BY day
      RANGE BETWEEN {m.commuter_window_days} PRECEDING AND {m.commuter_window_days} FOLLOWING
    ) AS brief_visits_n
  FROM spells
),
movements AS (
  SELECT *, CASE
      WHEN is_migration = 1 AND direction = 1 THEN 'immigration'
      WHEN is_migration = 1 THEN 'emigration'
      WHEN direction = 0 AND status_before = 1 THEN 'trip_abroad'
      WHEN direction = 0 THEN 'stay_end'
      WHEN status_before = 1 THEN 'trip_end'
      WHEN stay_days <= {m.commuter_stay_days} AND brief_visits_n >= {m.commuter_entries_n} THEN 'commuting'
      WHEN stay_minutes <= {m.transit_hours * 60} THEN 'transit'
      WHEN year_visits_n >= {m.circular_entries_n} THEN 'circulation'
      WHEN stay_days < {m.long_stay_days} THEN 'short_stay'
      ELSE 'long_stay'
    END AS population_code
  FROM counted
)"""


def cube_sql(source_sql: str, by: Sequence[str], where: str = "TRUE") -> str:
    """Counts of the rows of ``source_sql`` by columns, in their order."""
    keys = ", ".join(by)
    counted = f"SELECT {keys}, COUNT(*) AS crossings_n"
    return f"{counted}\nFROM (\n{source_sql}\n) AS source\nWHERE {where}\nGROUP BY {keys}\nORDER BY {keys}"


def run_specification(sql: str, relations: Mapping[str, Any]) -> pa.Table:
    """The answer of DuckDB to ``sql`` over Arrow tables by name.

    >>> two = pa.table({"person_id": [1, 2]})
    >>> run_specification("SELECT COUNT(*) AS n FROM crossings", {"crossings": two})["n"].to_pylist()
    [2]
    """
    with duckdb.connect() as session:
        for name, table in relations.items():
            session.register(name, table)
        return session.sql(sql).to_arrow_table()


def calendar_relation(first_day: int, threshold: Any, window: Any) -> pa.Table:
    """The relation ``calendar`` of a rule spelled out by date."""
    days = np.arange(first_day, first_day + len(threshold), dtype=np.int64)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    return pa.table(
        {
            "day": days,
            "threshold_days": np.asarray(threshold, np.int64),
            "window_days": np.asarray(window, np.int64),
            "month_code": pa.array([str(m) for m in months]),
        }
    )
