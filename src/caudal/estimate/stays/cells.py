"""Classified rows to cells: what an indicator counts in each crossing, as SQL that an auditor can run.

A figure adds up its formula over the rows of its universe. Beside it stands the number of *persons*, each
counted once in a period, in the cell of the first of the rows: so that the gate judges persons where one
of them crossed five hundred times, and the persons of a table add up to those of its margins. Where persons
are the unit, that number is the figure. A cell of events all of whose persons are counted elsewhere rests
on nobody of its own and is withheld here.
"""

from __future__ import annotations

from caudal.engine.expressions import is_condition
from caudal.engine.session import quoted
from caudal.estimate import indicators as general
from caudal.estimate.indicators import Crossing, Planned, Records
from caudal.estimate.stays import columns as c
from caudal.model.catalogue import Catalogue

#: Unit of figures that count persons.
PERSONS = "PS"


def cells_sql(records: Records, planned: Planned, crossing: Crossing, catalogue: Catalogue) -> str:
    """The cells of one crossing: its codes, ``rows_n``, ``total`` and ``persons``."""
    names = [quoted(d) for d in crossing]
    derived = [f"({general.derivation(d, records, catalogue)}) AS {quoted(d)}" for d in crossing]
    times = [quoted(d) for d in crossing if catalogue.dimensions[d].role == "time_period"]
    total = planned.formula.total
    counted = (
        f"CASE WHEN ({total}) THEN 1 ELSE 0 END" if is_condition(total) else f"CAST(({total}) AS BIGINT)"
    )
    rows = (
        f"SELECT {', '.join([*derived, c.PERSON, 'moment', f'{counted} AS counted'])}\n"
        f"  FROM {records.relation} WHERE ({planned.formula.universe})"
    )
    listed = ", ".join([*names, "counted"])
    over = ", ".join([c.PERSON, *times])
    ordered = ", ".join(["moment", *(n for n in names if n not in times)])
    first = f"row_number() OVER (PARTITION BY {over} ORDER BY {ordered}) = 1 AS is_first"
    grouped = f"\nGROUP BY {', '.join(names)} ORDER BY {', '.join(names)}" if names else ""
    measures = (
        "count(*) AS rows_n, sum(counted)::BIGINT AS total, count(*) FILTER (WHERE is_first) AS persons"
    )
    return (
        f"SELECT {', '.join([*names, measures])}\nFROM (SELECT {listed}, {first}\n FROM ({rows}\n)){grouped}"
    )
