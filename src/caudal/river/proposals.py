"""What the machine proposes and a person decides: pairs of incidents that may be one.

A build writes ``.caudal/proposals/<source>@<vintage>.csv`` for each delivery of incidents. Whoever confirms
a pair copies its last column into a correction of the source (``action: drop``, with the reason); the next
build then counts the incident once. Nothing is dropped because it was proposed.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from caudal.engine.files import write_bytes
from caudal.estimate.incidents import propose, written
from caudal.harmonise import Harmonised
from caudal.model.source import SourceSpec

KIND = "incident"


def write_proposals(work: Path, source: SourceSpec, edition: str, result: Harmonised) -> Path | None:
    """The file of proposals for one delivery; None where its records are not incidents."""
    if source.kind != KIND:
        return None
    identifier = source.columns.get("incident_id")
    column = identifier.raw_columns[0] if identifier and identifier.raw_columns else ""
    path = work / "proposals" / f"{source.source}@{edition}.csv"
    write_bytes(path, written(propose(pq.read_table(result.records)), column).encode())
    return path
