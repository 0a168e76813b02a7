"""Which indicators a theme has: one dataflow is made for each."""

from __future__ import annotations

from caudal.model.indicator import IndicatorSpec
from caudal.publish.release import GAP, Release


def themes(release: Release) -> dict[str, tuple[IndicatorSpec, ...]]:
    """Indicators with cells, by family, in the order of the release; a gap lies with its indicator."""
    found: dict[str, tuple[IndicatorSpec, ...]] = {}
    for spec in release.structure.indicators:
        if spec.indicator in release.cells_of:
            family = release.indicators.get(spec.indicator.removesuffix(GAP), spec).family
            found[family] = (*found.get(family, ()), spec)
    return found
