"""One small country for all tests of the generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.simulate import Population, SimulationReport, make_population, simulate_country

PERSONS, SEED = 20_000, 5


@pytest.fixture(scope="session")
def people() -> Population:
    return make_population(persons=PERSONS, seed=SEED)


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> SimulationReport:
    return simulate_country(tmp_path_factory.mktemp("istmo") / "data", persons=PERSONS, seed=SEED)


@pytest.fixture(scope="session")
def folder(country: SimulationReport) -> Path:
    return country.folder
