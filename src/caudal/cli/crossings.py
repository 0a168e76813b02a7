"""What can be said of border crossings on the command line: a register to simulate, a table to classify."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable
from pathlib import Path

from caudal.cli import commands

_STAYS = """\
Who came to stay, who left for good: classify every crossing of a table by a residence rule.

A crossing makes its side the place of residence of a person who then spends the threshold of the rule
within its window on that side, not necessarily at a stretch; it is a migration where that changes the
residence. Nights count: the night of a date belongs to the last crossing of that date.

The result has a row a crossing: status before and after, is_migration, and the dates on which each became
final (is_final: reached by the last day of the table, or by --as-of). It is personal data, for the builder's
side, and never part of a release."""


def add_register(sub: argparse.ArgumentParser) -> None:
    """What is said of a border register that is simulated alone."""
    day = datetime.date.fromisoformat
    group = sub.add_argument_group("crossings: residents, visitors, commuters, immigrants, emigrants ...")
    group.add_argument("--events", type=int, default=1_000_000, help="crossings, about (default 1000000)")
    group.add_argument(
        "--start", type=day, default=datetime.date(2018, 1, 1), help="first day of the register"
    )
    group.add_argument("--months", type=int, default=72, help="months that it covers (default 72)")
    group.add_argument("--lost", type=float, default=0.01, help="share of crossings never recorded")
    group.add_argument("--repeated", type=float, default=0.005, help="share recorded twice")
    group.add_argument("--late", type=float, default=0.02, help="share that arrives months late")
    group.add_argument(
        "--closure", type=day, nargs=2, metavar="DAY", help="first and last day of a closed border"
    )


def add_stays(add: Callable[..., argparse.ArgumentParser]) -> None:
    """``caudal stays``."""
    sub = add(
        "stays",
        commands.stays,
        "Who came to stay, who left for good: classify every crossing of a table by a residence rule.",
        "caudal stays crossings.parquet --rule 12/16\n"
        "  caudal stays cruces.csv --rule '12/12 months' --person doc --instant fecha --direction sentido "
        "--entry E --exit S --out stays.parquet",
    )
    sub.description = _STAYS
    day = datetime.date.fromisoformat
    sub.add_argument("file", type=Path, help="Parquet or CSV (also .gz), or a folder of Parquet")
    sub.add_argument(
        "--rule",
        default="12/16",
        help="12/16: 365 of 487 days, as published (default); '12/16 months': calendar months; "
        "'365/487 days'; UN: 12 calendar months without a break; any other",
    )
    sub.add_argument("--person", help="column of the person (default person_id); numbers or texts")
    sub.add_argument("--instant", help="column of date and time, local to the post (default crossing_at)")
    sub.add_argument("--direction", help="column of the direction (default direction_code)")
    sub.add_argument("--entry", action="append", help="what an entry is called there; may be repeated")
    sub.add_argument("--exit", action="append", help="what an exit is called there; may be repeated")
    sub.add_argument(
        "--gaps",
        default="midpoint",
        choices=("midpoint", "hold", "switch", "inside", "outside", "drop"),
        help="when the crossing happened that is missing between two in one direction (default midpoint)",
    )
    sub.add_argument(
        "--residents", type=Path, help="table whose first column names who lived here at the start"
    )
    sub.add_argument(
        "--as-of", type=day, help="day by which the table was known (default: its last crossing)"
    )
    sub.add_argument("--out", type=Path, help="Parquet to write (default: beside the file, .stays.parquet)")
