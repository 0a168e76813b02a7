"""Periods and the mapping that holds in one: a source's mapping with what its variant says differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from caudal.errors import CaudalError, problem
from caudal.model.period import bounds
from caudal.model.source import Format, Mapped, SourceSpec, Variant

__all__ = ["PeriodMapping", "bounds", "holds", "mapping_for"]


def holds(variant: Variant, period: str) -> bool:
    """Whether a variant holds for the whole of ``period``."""
    first, last = bounds(period)
    return (variant.valid_from is None or bounds(variant.valid_from)[0] <= first) and (
        variant.valid_to is None or last <= bounds(variant.valid_to)[1]
    )


@dataclass(frozen=True)
class PeriodMapping:
    """What holds for one period: formats by table, headers to rename, helpers and concepts. ``variant`` is
    the place of the variant in the source, None where there is none."""

    variant: int | None
    formats: Mapping[str, Format]
    rename: Mapping[str, str]
    helpers: Mapping[str, Mapped]
    columns: Mapping[str, Mapped]

    def all_mapped(self) -> dict[str, Mapped]:
        """Helpers and concepts together."""
        return {**self.helpers, **self.columns}


def mapping_for(source: SourceSpec, period: str) -> PeriodMapping:
    """The mapping of ``source`` that holds in ``period``.

    Raises :class:`CaudalError` when two variants hold, or when a variant asks of a format what it has not.
    """
    holding = [i for i, v in enumerate(source.variants) if holds(v, period)]
    where = f"sources/{source.source}.yaml"
    if len(holding) > 1:
        raise CaudalError(problem("variants-overlap", where=where, period=period, found=holding))
    variant = source.variants[holding[0]] if holding else Variant()
    formats = {name: table.format for name, table in source.tables.items()}
    main = next(iter(source.tables))
    if variant.format:
        formats[main] = _changed(formats[main], variant, where)
    columns = {**source.columns, **variant.columns}
    if not columns and not any(f.type == "release" for f in formats.values()):
        raise CaudalError(problem("no-mapping", where=where, period=period))
    return PeriodMapping(
        holding[0] if holding else None,
        formats,
        variant.rename,
        {**source.helpers, **variant.helpers},
        columns,
    )


def _changed(form: Format, variant: Variant, where: str) -> Format:
    try:
        return type(form).model_validate({**form.model_dump(), **variant.format})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"])
        raise CaudalError(
            problem(
                "spec-value", where=where, name=f"format.{name}", found=first["input"], detail=first["msg"]
            )
        ) from error
