"""Classes: suppressed cells that can only move together.

Restricted to the suppressed cells of a pattern, most equations hold two of them: ``d_a = +-d_b``.
Substituting these, again and again, leaves far fewer variables, one a *class*, and equations of three
classes or more:

    d[j] = sign[j] * y[class_of[j]],   reduced @ y = 0.

What is true of the width of one cell is true of its class. A cell whose equation holds nobody else cannot
move (``sign`` 0): it can be computed from what is published. All arithmetic is in integers, so it is exact.

Multipliers of the reduced equations are multipliers of the full ones: :meth:`Classes.multipliers` solves for
those of the substituted rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from caudal.protect.cells import Floats, Ints


@dataclass(frozen=True)
class Classes:
    """``matrix``: equations x suppressed cells; ``kept``: its rows behind ``reduced``; ``rows`` and ``cols``:
    the substituted rows and the cells that they removed."""

    matrix: sparse.csr_array
    class_of: Ints
    sign: Ints
    reduced: sparse.csr_array
    kept: Ints
    rows: Ints
    cols: Ints

    @property
    def size(self) -> int:
        """Number of classes."""
        return int(self.reduced.shape[1])

    @cached_property
    def part_of(self) -> Ints:
        """The component of each class: classes of different components move independently."""
        graph = sparse.block_array([[None, self.reduced], [self.reduced.T, None]])
        labels = connected_components(graph, directed=False)[1][self.reduced.shape[0] :]
        return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)

    @cached_property
    def _square(self) -> Any:
        return splu(self.matrix[self.rows][:, self.cols].T.tocsc().astype(float)) if len(self.rows) else None

    def multipliers(self, target: Floats, kept: Floats) -> Floats:
        """Multipliers of all rows with ``matrix.T @ multipliers == target``, given those of ``kept``."""
        full = np.zeros(self.matrix.shape[0])
        full[self.kept] = kept
        if self._square is not None:
            rest = target - self.matrix.T @ full
            full[self.rows] = self._square.solve(rest[self.cols])
        return full


def find_classes(matrix: sparse.csr_array) -> Classes:
    """The classes of the columns of ``matrix``, with whole coefficients.

    >>> found = find_classes(sparse.csr_array(np.array([[-1, 1, 0], [0, 1, 1]])))
    >>> found.size, found.sign.tolist()
    (1, [1, 1, -1])
    """
    rows, where = as_rows(matrix)
    stack = [e for e, r in enumerate(rows) if 0 < len(r) <= 2]
    removed: dict[int, tuple[int, int, int]] = {}
    while stack:
        e = stack.pop()
        row = rows[e]
        if not row:
            continue
        gone, heir, factor = _substitution(row, where)
        if gone < 0:
            continue
        removed[gone] = (e, heir, factor)
        for other in where.pop(gone):
            target = rows[other]
            value = target.pop(gone)
            if factor:
                add_row(rows, where, other, {heir: factor}, value)
            if len(target) <= 2:
                stack.append(other)
    return _assemble(matrix, rows, removed)


def as_rows(matrix: sparse.csr_array) -> tuple[list[dict[int, int]], dict[int, set[int]]]:
    """Rows as column -> whole coefficient, and the rows of each column."""
    rows: list[dict[int, int]] = []
    where: dict[int, set[int]] = {}
    columns, values, starts = matrix.indices.tolist(), matrix.data.tolist(), matrix.indptr.tolist()
    for e in range(matrix.shape[0]):
        part = slice(starts[e], starts[e + 1])
        row = {c: int(v) for c, v in zip(columns[part], values[part], strict=True)}
        rows.append(row)
        for c in row:
            where.setdefault(c, set()).add(e)
    return rows, where


def _substitution(row: dict[int, int], where: dict[int, set[int]]) -> tuple[int, int, int]:
    """The cell that a short row removes, and the cell and factor that stand for it; -1 where it cannot."""
    if len(row) == 1:
        return next(iter(row)), -1, 0
    (a, x), (b, y) = sorted(row.items())
    if abs(x) != abs(y):
        return -1, -1, 0
    if len(where[a]) < len(where[b]):
        a, x, b, y = b, y, a, x
    return b, a, -x // y


def add_row(
    rows: list[dict[int, int]], where: dict[int, set[int]], number: int, row: Mapping[int, int], factor: int
) -> None:
    """Add ``factor`` times ``row`` to the row ``number``; ``where`` follows."""
    target = rows[number]
    for cell, value in row.items():
        new = target.get(cell, 0) + factor * value
        if new:
            target[cell] = new
            where[cell].add(number)
        elif cell in target:
            del target[cell]
            where[cell].discard(number)


def _assemble(
    matrix: sparse.csr_array, rows: list[dict[int, int]], removed: dict[int, tuple[int, int, int]]
) -> Classes:
    n = matrix.shape[1]
    stands_for = np.arange(n)
    sign = np.ones(n, np.int64)
    for cell in reversed(removed):  # those removed last stand for themselves
        _, heir, factor = removed[cell]
        stands_for[cell] = stands_for[heir] if factor else cell
        sign[cell] = sign[heir] * factor if factor else 0
    names, class_of = np.unique(stands_for, return_inverse=True)
    place = {int(c): i for i, c in enumerate(names)}
    seen: dict[tuple[tuple[int, int], ...], int] = {}
    for e, row in enumerate(rows):
        if row:
            items = sorted(row.items())
            lead = 1 if items[0][1] > 0 else -1
            seen.setdefault(tuple((c, lead * v) for c, v in items), e)
    entries = [(i, place[c], v) for i, e in enumerate(seen.values()) for c, v in rows[e].items()]
    at = np.array(entries, np.int64).reshape(-1, 3)
    reduced = sparse.csr_array((at[:, 2], (at[:, 0], at[:, 1])), shape=(len(seen), len(names)))
    return Classes(
        matrix,
        np.asarray(class_of, np.int64),
        sign,
        reduced,
        np.array(list(seen.values()), np.int64),
        np.array([e for e, _, _ in removed.values()], np.int64),
        np.array(list(removed), np.int64),
    )
