"""From the design that a source declares to the design that the estimators take."""

from __future__ import annotations

import csv
from pathlib import Path

from caudal.collect.registry import locate
from caudal.errors import CaudalError, unknown
from caudal.estimate.survey import Design
from caudal.estimate.survey.gvf import VarianceTable
from caudal.model.record import RecordKind
from caudal.model.source import DesignSpec, SourceSpec


def survey_design(folder: Path, source: SourceSpec, kind: RecordKind) -> Design:
    """The design of ``source``. Tables of counts, and sources that declare none, are full counts."""
    spec = source.design
    if kind.count_column:
        return Design.full_count(kind.count_column)
    if spec is None or spec.type == "full_count":
        return Design.full_count(spec.weight if spec and spec.weight else None)
    if spec.type == "unpublished":
        return Design(
            weight=spec.weight,
            strata=spec.strata or None,
            psu=spec.psu or None,
            nested=spec.nested,
            lonely_psu=spec.lonely_psu,
            kind="unpublished",
            gvf=_variance_table(folder, source, spec),
        )
    return Design(
        weight=repr(spec.expansion) if spec.expansion else spec.weight,
        strata=spec.strata or None,
        psu=spec.psu or None,
        fpc=spec.fpc or None,
        nested=spec.nested,
        lonely_psu=spec.lonely_psu,
    )


def variance_table_path(folder: Path, source: SourceSpec) -> Path | None:
    """Where the producer's table of sampling errors lies; None where none is declared, or it is missing."""
    table = source.design.variance_table if source.design else None
    return locate(folder, source, table.file) if table else None


def _variance_table(folder: Path, source: SourceSpec, spec: DesignSpec) -> VarianceTable | None:
    path = variance_table_path(folder, source)
    table = spec.variance_table
    if path is None or table is None:
        return None
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for column in (table.size, table.error, *table.where):
        names = list(rows[0]) if rows else []
        if column not in names:
            raise CaudalError(unknown("column", column, names, where=str(path)))
    chosen = [r for r in rows if all(r[c] == v for c, v in table.where.items())]
    points = sorted((float(r[table.size]), float(r[table.error])) for r in chosen)
    return VarianceTable(tuple(p[0] for p in points), tuple(p[1] for p in points), source=path.name)
