"""A pipeline: named, single-use common table expressions that an auditor can print and read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pipeline:
    """Steps in order, each a name and a SELECT over the steps before it.

    >>> p = Pipeline().step("people", "SELECT 1 AS age").step("adults", "SELECT * FROM people WHERE age > 17")
    >>> print(p.select("SELECT count(*) FROM adults"))
    WITH people AS (
      SELECT 1 AS age
    ),
    adults AS (
      SELECT * FROM people WHERE age > 17
    )
    SELECT count(*) FROM adults
    """

    steps: tuple[tuple[str, str], ...] = ()

    def step(self, name: str, select: str) -> Pipeline:
        """The pipeline with one more step; a name that is taken raises ``ValueError``."""
        if any(name == n for n, _ in self.steps):
            raise ValueError(f"the step {name!r} exists already")
        return Pipeline((*self.steps, (name, select)))

    @property
    def last(self) -> str:
        """Name of the last step."""
        return self.steps[-1][0]

    def select(self, final: str = "") -> str:
        """The whole as one statement, ending in ``final`` (all rows of the last step where empty)."""
        final = final or f"SELECT * FROM {self.last}"
        if not self.steps:
            return final
        written = ",\n".join(f"{name} AS (\n{_indented(select)}\n)" for name, select in self.steps)
        return f"WITH {written}\n{final}"


def _indented(select: str) -> str:
    return "\n".join("  " + line for line in select.strip().split("\n"))
