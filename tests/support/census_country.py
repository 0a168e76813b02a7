"""A country folder with a complete count of 400 persons: small cells, earnings, a policy of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.small_country import replace_in, write_country

#: What each person earns an hour, by number.
Earnings = Callable[[int], float]


def ten(k: int) -> float:
    """Everybody earns the same."""
    return 10.0


def write_census(
    folder: Path,
    protection: str,
    earnings: Earnings = ten,
    indicators: str = "population, migrant_share",
    born: Callable[[int], int] | None = None,
) -> Path:
    """The folder, with its data; ``born`` tells the country of birth (1 here, 2 and 3 abroad) by number."""
    write_country(folder)
    source = folder / "sources" / "survey.yaml"
    for before, after in (
        ("source: survey\n", "source: census\n"),
        ("source_type: survey", "source_type: census"),
        ("  weight: {from: w}\n  stratum: {from: h}\n  psu: {from: i}\n", ""),
        (
            "design: {type: sample, weight: weight, strata: stratum, psu: psu, nested: false}",
            "design: {type: full_count}",
        ),
        (
            "  age_years: {from: age}\n",
            "  age_years: {from: age}\n  hourly_earnings: {from: earned}\n"
            "  income_weight: {constant: 1}\n"
            "  activity_status_code: {constant: EMP}\n  employment_status_code: {constant: EMPLOYEE}\n",
        ),
    ):
        replace_in(source, before, after)
    source.rename(folder / "sources" / "census.yaml")
    replace_in(folder / "publication.yaml", "population, migrant_share", indicators)
    (folder / "protection.yaml").write_text(protection, encoding="utf-8")
    (folder / "data" / "survey_2024Q1.csv").write_text(people(earnings, born or one_in_four), "utf-8")
    return folder


def one_in_four(k: int) -> int:
    """One in four was born abroad, one in forty in the second country."""
    return 1 if k % 4 else (3 if k % 40 == 0 else 2)


def people(earnings: Earnings, born: Callable[[int], int]) -> str:
    """The rows of the census."""
    lines = ["id;sex;age;born;earned"]
    lines += [f"P{k};{1 + k // 3 % 2};{k % 90};{born(k)};{earnings(k)}" for k in range(400)]
    return "\n".join(lines) + "\n"
