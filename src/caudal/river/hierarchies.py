"""What adds up to what, as the gate must know it: areas, ages, countries below migratory status; and which
categories of two dimensions that divide the same people can hold the same person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from caudal.catalogue.formulas import in_territory
from caudal.engine.expressions import columns_of
from caudal.estimate.indicators import key_dimensions
from caudal.model.catalogue import TERRITORY, Catalogue, DimensionSpec, ancestors
from caudal.model.codelist import SPECIAL_CODES, CodeList
from caudal.model.indicator import IndicatorSpec
from caudal.model.record import record_kinds
from caudal.protect.domains import Definitions
from caudal.protect.overlap import Overlap

Tree = dict[str, str]


def aliases(catalogue: Catalogue) -> dict[str, str]:
    """Each dimension that is a finer form of another -> the coarsest one that it refines."""
    found = {}
    for name in key_dimensions(catalogue):
        coarser = name
        while (refined := catalogue.dimensions[coarser].refines) is not None:
            coarser = refined.dimension
        if coarser != name:
            found[name] = coarser
    return found


def hierarchies(table: pa.Table, catalogue: Catalogue, territory: str) -> dict[str, Tree]:
    """Dimension -> child code -> parent code, among the codes that ``table`` holds.

    A child is below what its dimension's ``refines`` names; otherwise below the nearest code above it in
    its list that some cell shows.
    """
    coarsest = aliases(catalogue)
    trees: dict[str, Tree] = {}
    present = {name: _codes(table, f"{name}_code") for name in key_dimensions(catalogue)}
    for name, codes in present.items():
        root = coarsest.get(name, name)
        group = {c for n, cs in present.items() if coarsest.get(n, n) == root for c in cs}
        spec = catalogue.dimensions[name]
        tree = _tree(spec, codes, group, catalogue.code_lists[spec.code_list], territory)
        trees.setdefault(root, {}).update(tree)
    areas = _codes(table, "reference_area_code")
    trees["reference_area"] = _nearest(areas, areas, catalogue.code_lists["CL_AREA"])
    return {name: tree for name, tree in trees.items() if tree}


def overlaps(table: pa.Table, catalogue: Catalogue, territory: str) -> tuple[Overlap, ...]:
    """The declared relations between dimensions that divide the same people, in the codes that ``table``
    holds: a code goes with those that are named for it, and with what lies above or below them."""
    coarsest, trees = aliases(catalogue), hierarchies(table, catalogue, territory)
    names = key_dimensions(catalogue)
    found = []
    for name, spec in ((n, catalogue.dimensions[n]) for n in names):
        for related in (r for r in spec.overlaps if r.dimension in names):
            root = coarsest.get(related.dimension, related.dimension)
            own = _codes(table, f"{name}_code") | {"_U"}
            group = [n for n in names if coarsest.get(n, n) == root]
            others = {c for n in group for c in _present(table, f"{n}_code")}
            lists = [catalogue.code_lists[catalogue.dimensions[n].code_list] for n in group]

            def line(code: str, root: str = root, lists: list[CodeList] = lists) -> set[str]:
                above = (
                    {a for cl in lists for a in ancestors(cl, code)} if code not in SPECIAL_CODES else {code}
                )
                tree = trees.get(root, {})
                while code in tree:
                    code = tree[code]
                    above.add(code)
                return above

            pairs = {
                (a, b)
                for a in own | set(related.codes)
                for b in others
                for named in related.codes.get(a, ())
                if named in line(b) or b in line(named)
            }
            found.append(Overlap(coarsest.get(name, name), root, frozenset(pairs)))
    return tuple(o for o in found if o.pairs and o.first != o.second)


def definitions(
    catalogue: Catalogue, indicators: Iterable[IndicatorSpec], kinds: Mapping[str, str], territory: str
) -> Definitions:
    """What each indicator counts, and how each dimension follows from the columns, in a country. A dimension
    that several derivations may yield says nothing here; ``kinds``: source -> kind of its records."""
    coarsest, names = aliases(catalogue), key_dimensions(catalogue)
    placed = {
        s.indicator: s.model_copy(update={"formulas": tuple(in_territory(f, territory) for f in s.formulas)})
        for s in indicators
    }
    divisions = {
        kind: {
            name: found[0]
            for name in names
            if name not in coarsest and len(found := catalogue.derivations(name, kind, territory)) == 1
        }
        for kind in set(kinds.values()) & set(record_kinds())
    }
    return Definitions(placed, dict(kinds), divisions)


def unrelated(catalogue: Catalogue, shown: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Dimensions among those ``shown`` that are made from the same column, and of which no relation is
    declared."""
    coarsest = aliases(catalogue)
    names = [n for n in key_dimensions(catalogue) if n not in coarsest and n in shown]
    known = {
        frozenset({coarsest.get(n, n), coarsest.get(r.dimension, r.dimension)})
        for n in key_dimensions(catalogue)
        for r in catalogue.dimensions[n].overlaps
    }
    columns = {n: _made_of(catalogue.dimensions[n]) for n in names}
    return tuple(
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if columns[a] & columns[b] and frozenset({a, b}) not in known
    )


def _made_of(spec: DimensionSpec) -> set[str]:
    """The columns that hold what is told of a person: the period of a record is not one."""
    found: set[str] = set()
    for kind in spec.derive:
        for derived in spec.alternatives(kind):
            found |= set(columns_of(derived)) if isinstance(derived, str) else {derived.column}
    return found - {"valid_period"}


def _present(table: pa.Table, column: str) -> set[str]:
    return {c for c in pc.unique(table[column]).to_pylist() if c is not None and c != "_T"}


def _codes(table: pa.Table, column: str) -> set[str]:
    return {c for c in pc.unique(table[column]).to_pylist() if c not in SPECIAL_CODES}


def _tree(spec: DimensionSpec, codes: set[str], group: set[str], listed: CodeList, territory: str) -> Tree:
    tree = _nearest(codes, group, listed)
    if spec.refines is None:
        return tree
    named: Mapping[str, str] = {
        child.replace(TERRITORY, territory): parent for child, parent in spec.refines.codes.items()
    }
    for code in codes:
        if code in named:
            tree[code] = named[code]
        elif spec.refines.otherwise:
            tree.setdefault(code, spec.refines.otherwise)
    return {child: parent for child, parent in tree.items() if child != parent}


def _nearest(codes: set[str], group: set[str], listed: CodeList) -> Tree:
    """Each code -> the nearest code above it in its list that is in ``group``."""
    above = {c: next((a for a in ancestors(listed, c)[1:] if a in group), None) for c in codes}
    return {c: parent for c, parent in above.items() if parent is not None}
