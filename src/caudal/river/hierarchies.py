"""What adds up to what, as the gate must know it: areas, ages, countries below migratory status."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from caudal.estimate.indicators import key_dimensions
from caudal.model.catalogue import TERRITORY, Catalogue, DimensionSpec, ancestors
from caudal.model.codelist import SPECIAL_CODES, CodeList

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
