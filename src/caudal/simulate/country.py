"""A whole country in a folder: the sources as their offices deliver them, and the truth beside them.

One pass over the blocks of the population feeds all sources; nothing but the block at hand, the open files
and the tally is in memory. Files are made in a hidden folder and moved when all are whole;
``simulation.json`` is moved last and says that the folder is complete.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from caudal.errors import CaudalError, problem
from caudal.simulate.axes import TERRITORY, TOTAL, dimension_names
from caudal.simulate.border import BorderFiles, border_file_names, true_rows, write_border
from caudal.simulate.census import census_rows
from caudal.simulate.codes import code_list, code_list_bytes, code_list_names
from caudal.simulate.describe import dictionary_csv
from caudal.simulate.documents import make_documents
from caudal.simulate.draws import Purpose, stream
from caudal.simulate.geography import Geography, make_geography
from caudal.simulate.layouts import CENSUS_PERSONS, REGISTER, SURVEY_HOUSEHOLDS, SURVEY_PERSONS
from caudal.simulate.outlines import OUTLINES, region_outlines
from caudal.simulate.parameters import (
    REFERENCE_DATE,
    CensusErrors,
    IstmoParameters,
    RegisterErrors,
    SurveyDesign,
)
from caudal.simulate.permits import PERMIT_LAYOUTS, Quarter, permit_counts, permit_file, permit_lines
from caudal.simulate.population import Population, make_block
from caudal.simulate.register import IMPOSSIBLE_DATE, SEX_MARKS, STATE_MARKS, RegisterRows, register_rows
from caudal.simulate.sampling import Frame, HouseholdSample, draw_households, make_frame
from caudal.simulate.survey import SurveyRows, survey_rows
from caudal.simulate.truth import NOTHING_COUNTED, Tally, tally, true_values
from caudal.simulate.write import ParquetFile, TextFile, dates, delimited, sha256_of

Progress = Callable[[int, int, str], None]

TRUTH_TABLE, TRUTH_SUMMARY, DECLARATION = "truth.parquet", "truth.json", "simulation.json"
DICTIONARIES = "dictionaries"
_WORKSHOP = ".simulating"
_CENSUS, _SURVEY, _REGISTER = CensusErrors(), SurveyDesign(), RegisterErrors()


@dataclass(frozen=True)
class SimulatedFile:
    """A file that was written: its name in the folder, rows (0 for JSON), bytes and SHA-256."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class SimulationReport:
    """What was made: the size of the country, its files, and what each source holds by construction."""

    folder: Path
    persons: int
    households: int
    psus: int
    files: tuple[SimulatedFile, ...]
    counts: dict[str, int]


def simulate_country(
    folder: Path | str,
    *,
    persons: int = 60_000,
    seed: int = 1,
    census: CensusErrors = _CENSUS,
    survey: SurveyDesign = _SURVEY,
    register: RegisterErrors = _REGISTER,
    progress: Progress | None = None,
) -> SimulationReport:
    """Write the sources of Istmo and its truth into ``folder``; the same bytes for the same arguments.

    ``persons`` is the population aimed at (10 thousand to 10 million). ``progress`` is called after each
    block with the blocks done, their number, and what was done.

    Raises :class:`~caudal.errors.CaudalError` for parameters out of range, and for a folder that holds
    files that are not the generator's.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     report = simulate_country(place, persons=10_000, seed=3)
    ...     sorted(f.name for f in report.files)[:2]
    ['boundaries.geojson', 'census_persons.parquet']
    """
    parameters = IstmoParameters(persons, seed, census, survey, register)
    folder = Path(folder)
    _refuse_strange_files(folder)
    workshop = folder / _WORKSHOP
    shutil.rmtree(workshop, ignore_errors=True)
    (workshop / DICTIONARIES).mkdir(parents=True)
    geography = make_geography(persons, seed)
    counts, sums = _write_sources(workshop, parameters, geography, progress)
    _write_dictionaries(workshop)
    (workshop / OUTLINES).write_bytes(region_outlines(seed))
    border = write_border(workshop, persons, seed)
    counts |= border.rows
    _write_truth(workshop, sums, border)
    declared = _declaration(parameters, geography, counts, sums)
    (workshop / DECLARATION).write_text(declared, encoding="utf-8")
    files = _move(workshop, folder, counts)
    return SimulationReport(folder, sums.persons, sums.households, geography.psus, files, counts)


class _Desk:
    """The open files of all offices, and what has been counted so far; ``stack`` closes the files."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self.census = stack.enter_context(closing(ParquetFile(folder / CENSUS_PERSONS.file, CENSUS_PERSONS)))
        self.persons = stack.enter_context(closing(TextFile(folder / SURVEY_PERSONS.file, "latin-1")))
        self.households = stack.enter_context(closing(TextFile(folder / SURVEY_HOUSEHOLDS.file, "latin-1")))
        self.register = stack.enter_context(closing(TextFile(folder / REGISTER.file, "utf-8-sig")))
        self.persons.write([";".join(c.name for c in SURVEY_PERSONS.columns)])
        self.households.write([";".join(c.name for c in SURVEY_HOUSEHOLDS.columns)])
        self.register.write([",".join(f'"{c.name}"' for c in REGISTER.columns)])
        self.grants: dict[Quarter, list[NDArray[np.int64]]] = {quarter: [] for quarter in PERMIT_LAYOUTS}
        self.counts = {"register_residents": 0, "register_gone": 0, "register_repeated": 0}

    def take_survey(self, rows: SurveyRows) -> None:
        """Write the rows of a block."""
        names = code_list("region")
        regions = [names[str(r)].labels["es"] for r in rows.persons["REGION_N"].tolist()]
        self.persons.write(delimited(SURVEY_PERSONS.columns, {**rows.persons, "REGION_N": regions}, ";"))
        self.households.write(delimited(SURVEY_HOUSEHOLDS.columns, rows.households, ";"))

    def take_register(self, rows: RegisterRows) -> None:
        """Write the rows of a block, in quotes where they are text."""
        marks = {IMPOSSIBLE_DATE: "31/02/1985"}
        values: dict[str, Any] = dict(rows.columns)
        values["sexo"] = [f'"{SEX_MARKS[s]}"' for s in rows.columns["sexo"].tolist()]
        values["estado"] = [f'"{STATE_MARKS[s]}"' for s in rows.columns["estado"].tolist()]
        for name in ("fecha_nacimiento", "fecha_ingreso", "fecha_resolucion", "ultimo_tramite"):
            values[name] = [f'"{d}"' for d in dates(rows.columns[name], marks)]
        self.register.write(delimited(REGISTER.columns, values, ","))
        self.counts["register_residents"] += rows.residents
        self.counts["register_gone"] += rows.gone
        self.counts["register_repeated"] += rows.repeated

    def finish(self) -> dict[str, int]:
        """Write the permits, which need all blocks; returns what was counted, rows of files included."""
        for quarter, parts in self.grants.items():
            cells, name = np.concatenate(parts), permit_file(quarter)
            with closing(TextFile(self._folder / name, PERMIT_LAYOUTS[quarter].encoding)) as file:
                file.write(permit_lines(quarter, cells))
            self.counts[name] = len(np.unique(cells))
            self.counts[f"permits_{quarter[0]}-Q{quarter[1]}_granted"] = len(cells)
        headers = 1
        return self.counts | {
            CENSUS_PERSONS.file: self.census.rows,
            SURVEY_PERSONS.file: self.persons.rows - headers,
            SURVEY_HOUSEHOLDS.file: self.households.rows - headers,
            REGISTER.file: self.register.rows - headers,
        }


def _write_sources(
    folder: Path, parameters: IstmoParameters, geography: Geography, progress: Progress | None
) -> tuple[dict[str, int], Tally]:
    """One pass over the population for all sources; returns what was counted, and the sums for the truth."""
    frame = make_frame(geography, parameters.survey)
    sample = draw_households(frame, stream(parameters.seed, Purpose.SURVEY_SAMPLE))
    sums = NOTHING_COUNTED
    with ExitStack() as stack:
        desk = _Desk(folder, stack)
        for number in range(geography.blocks):
            block = make_block(geography, parameters.seed, number)
            _deliver(block, number, parameters, frame, sample, desk)
            sums = sums + tally(block)
            if progress:
                progress(number + 1, geography.blocks, "blocks of enumeration areas")
        return desk.finish(), sums


def _deliver(
    block: Population,
    number: int,
    parameters: IstmoParameters,
    frame: Frame,
    sample: HouseholdSample,
    desk: _Desk,
) -> None:
    """What every office records of one block."""
    seed, psus = parameters.seed, block.geography.block(number)
    desk.census.write(census_rows(block, parameters.census, stream(seed, Purpose.CENSUS, number)))
    answers = stream(seed, Purpose.SURVEY_ANSWERS, number)
    desk.take_survey(survey_rows(block, psus, sample, frame, answers))
    documents = make_documents(block, stream(seed, Purpose.PERMITS, number))
    clerk = stream(seed, Purpose.REGISTER, number)
    desk.take_register(register_rows(block, documents, parameters.register, clerk))
    for quarter, cells in permit_counts(block, documents).items():
        desk.grants[quarter].append(cells)


def _write_dictionaries(folder: Path) -> None:
    (folder / DICTIONARIES / "variables.csv").write_bytes(dictionary_csv())
    for name in code_list_names():
        (folder / DICTIONARIES / f"{name}.csv").write_bytes(code_list_bytes(name))


def _write_truth(folder: Path, sums: Tally, border: BorderFiles) -> None:
    table = true_values(sums)
    whole = pa.concat_tables([table, true_rows(border.truth, table.schema)])
    pq.write_table(whole, folder / TRUTH_TABLE, compression="zstd", compression_level=3)
    plain = pc.equal(table["reference_area_code"], TERRITORY)
    for name in dimension_names():
        if name not in ("reference_area", "migratory_status"):
            plain = pc.and_(plain, pc.equal(table[f"{name}_code"], TOTAL))
    summary: dict[str, dict[str, float]] = {}
    for row in table.filter(plain).to_pylist():
        summary.setdefault(row["indicator_code"], {})[row["migratory_status_code"]] = row["value"]
    (folder / TRUTH_SUMMARY).write_text(_json(summary), encoding="utf-8")


def _declaration(
    parameters: IstmoParameters, geography: Geography, counts: dict[str, int], sums: Tally
) -> str:
    """The declared parameters and what was counted, as ``simulation.json``."""
    return _json(
        {
            "country": TERRITORY,
            "reference_date": REFERENCE_DATE,
            "simulated": True,
            "parameters": parameters.as_record(),
            "persons": sums.persons,
            "households": sums.households,
            "psus": geography.psus,
            "counts": counts,
        }
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _own_names() -> set[str]:
    deliveries = {permit_file(q) for q in PERMIT_LAYOUTS}
    layouts = {layout.file for layout in (CENSUS_PERSONS, SURVEY_PERSONS, SURVEY_HOUSEHOLDS, REGISTER)}
    return (
        deliveries
        | set(border_file_names())
        | layouts
        | {TRUTH_TABLE, TRUTH_SUMMARY, DECLARATION, DICTIONARIES, OUTLINES, _WORKSHOP}
    )


def _refuse_strange_files(folder: Path) -> None:
    if not folder.exists():
        return
    strange = sorted(p.name for p in folder.iterdir() if p.name not in _own_names())
    if strange:
        raise CaudalError(problem("simulation-folder-occupied", folder=str(folder), files=strange))


def _move(workshop: Path, folder: Path, counts: dict[str, int]) -> tuple[SimulatedFile, ...]:
    """Move the finished files into the folder, the declaration last."""
    (folder / DECLARATION).unlink(missing_ok=True)
    (folder / DICTIONARIES).mkdir(exist_ok=True)
    names = sorted(str(p.relative_to(workshop).as_posix()) for p in workshop.rglob("*") if p.is_file())
    names.sort(key=lambda name: name == DECLARATION)
    files = []
    for name in names:
        target = (workshop / name).replace(folder / name)
        files.append(SimulatedFile(name, counts.get(name, 0), target.stat().st_size, sha256_of(target)))
    shutil.rmtree(workshop)
    return tuple(files)
