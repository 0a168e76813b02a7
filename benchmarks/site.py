"""The site of a region of many countries: 33 seeds of Istmo, 40 indicators, three languages, in one run.

Each country is a folder of its own, with its own population (its seed), survey, census, register and permits,
judged by its own gate; the region takes their releases, as ``examples/americas`` does. Prints time and memory
of the site and of its kinds of pages, then what is made again when nothing changed, and when one figure of
one country is corrected. ``python benchmarks/site.py --work /tmp/region``
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
ISTMO = ROOT / "examples" / "istmo"
#: Codes that ISO 3166 leaves to its users: they name no country.
CODES = [f"X{c}" for c in "ABCDEFGHJKLMNOPQRSTUVWYZ"] + [f"Q{c}" for c in "MNOPQRSTU"]
SOURCES = ("census", "survey", "register", "permits")
INDICATORS = """
activity_rate, afrodescendant_share, average_age, average_schooling, computer_rate,
elementary_occupation_rate, employed_persons, employment_rate, foreign_citizen_share,
foreign_citizens, higher_attendance_rate, hourly_earnings, households, informality_rate,
internet_rate, literacy_rate, long_hours_rate, low_education_rate, low_pay_rate,
migrant_household_share, migrant_share, migrant_stock, naturalised_share, neet_rate,
no_pension_contribution_rate, older_share, over_qualification_rate, overcrowding_rate, owner_rate,
population, recent_arrival_share, recent_arrivals, residences_granted, returnees,
school_attendance_rate, tertiary_education_rate, unemployed_persons, unemployment_rate,
women_share, working_age_share
"""
PUBLICATION = "vintage: 2023-12\nlicence: CC-BY-4.0\nindicators: [{}]\n"
#: Low thresholds, so that a country is judged in seconds: what is measured here comes after the gate.
PROTECTION = "count_threshold: 1\nvalues: 2\nsurvey_threshold: 5\n"
REGION = """\
territory: "419"
simulated: true
languages: [es, pt, en]
title: {es: Región de Istmos, pt: Região de Istmos, en: Region of Istmos}
producer: {es: Oficina, pt: Escritório, en: Office}
population_concept: {es: Residentes, pt: Residentes, en: Residents}
key: demo
"""
MEMBER = """\
source: {name}
title: {{es: Publicación de {code}, pt: Publicação de {code}, en: Release of {code}}}
producer: Office of {code}
origin: the folder of {code}
licence: CC-BY-4.0
simulated: true
kind: observation
concept: {{}}
data: ..
tables:
  release: {{format: {{type: release}}}}
deliveries:
  - {{period: 2023-12, file: {code}/releases}}
"""


def write_member(folder: Path, code: str, seed: int, persons: int) -> None:
    """The folder of one country, with its raw files."""
    shutil.copytree(ISTMO, folder, ignore=shutil.ignore_patterns("data", ".caudal", "releases"))
    for source in (folder / "sources").glob("*.yaml"):
        if source.stem not in SOURCES:
            source.unlink()
    for text in [*folder.rglob("*.yaml"), *folder.rglob("*.csv")]:
        said = re.sub(r"\bXI(?![A-Z])", code, text.read_text("utf-8"))
        text.write_text(said.replace("Istmo", f"Istmo {code}"), "utf-8")
    (folder / "publication.yaml").write_text(PUBLICATION.format(INDICATORS), "utf-8")
    (folder / "protection.yaml").write_text(PROTECTION, "utf-8")
    made = ["simulate", str(folder), "--persons", str(persons), "--seed", str(seed), "--json"]
    subprocess.run([sys.executable, "-m", "caudal", *made], check=True, stdout=subprocess.DEVNULL)
    (folder / "data" / "truth.parquet").unlink()  # it is of XI


def build_member(folder: Path) -> None:
    """The release of one country, without the pages of its own: those of the region are what is measured."""
    from caudal.river.build import Options, build

    with (
        patch("caudal.river.publishing.write_pages", lambda *given: None),
        patch("caudal.river.publishing.remember", lambda *given: None),
    ):
        build(folder, Options(threads=1))


def write_region(folder: Path, codes: list[str]) -> None:
    """The folder of the region, whose sources are the releases of its countries."""
    (folder / "sources").mkdir(parents=True)
    (folder / "caudal.yaml").write_text(REGION, "utf-8")
    (folder / "publication.yaml").write_text(PUBLICATION.format(INDICATORS), "utf-8")
    (folder / "protection.yaml").write_text("survey_threshold: 10\n", "utf-8")
    for code in codes:
        text = MEMBER.format(name=f"release_{code.lower()}", code=code)
        (folder / "sources" / f"release_{code.lower()}.yaml").write_text(text, "utf-8")


def measured(call: list[str]) -> tuple[str, float, float, float]:
    """What a process prints, its wall and CPU seconds, and its peak in megabytes."""
    timed = [sys.executable, str(Path(__file__).resolve()), "--measure", *call]
    done = json.loads(subprocess.run(timed, check=True, stdout=subprocess.PIPE).stdout)
    return done["said"], done["wall"], done["cpu"], done["peak"]


def measure(call: list[str]) -> None:
    """Runs ``call`` as the only child of this process, and prints what it took."""
    started = time.perf_counter()
    said = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"said": said, "wall": time.perf_counter() - started, "peak": used.ru_maxrss / 1e3}
    print(json.dumps(told | {"cpu": used.ru_utime + used.ru_stime}))


def one_site(release: Path, out: Path, last: Path) -> None:
    """Writes one site beside what is known of the last, and prints what was made."""
    from caudal.publish.kept import read_last
    from caudal.publish.site import write_site

    site = write_site(release, out, last=read_last(last))
    site.remember(last.with_name(f"{out.name}.json"), out.name)
    kinds = {k.rpartition("/")[2]: 0.0 for k in site.tally.seconds}
    for kind, seconds in site.tally.seconds.items():
        kinds[kind.rpartition("/")[2]] += seconds
    size = sum((out / p).stat().st_size for p in site.paths)
    told = {"made": site.tally.made.total(), "kept": site.tally.kept.total(), "seconds": kinds}
    print(json.dumps(told | {"files": len(site.paths), "megabytes": size / 1e6}))


def corrected(release: Path, folder: Path) -> Path:
    """The release with one figure of one country changed in its last digit."""
    shutil.copytree(release, folder, ignore=shutil.ignore_patterns("site"))
    table = pq.read_table(folder / "observations.parquet")
    shown = pc.and_(pc.equal(table["indicator_code"], "activity_rate"), pc.is_valid(table["value"]))
    place = pc.indices_nonzero(shown)[0].as_py()
    values = table["value"].to_pylist()
    values[place] += 0.1
    column = table.column_names.index("value")
    table = table.set_column(column, table.schema.field("value"), pa.array(values, pa.float64()))
    pq.write_table(table, folder / "observations.parquet")
    return folder


def show(name: str, release: Path, out: Path, last: Path) -> None:
    """Makes one site, and prints a line of its figures and the time by kind of piece."""
    call = [sys.executable, str(Path(__file__).resolve()), "--site", str(release), str(out), str(last)]
    said, wall, cpu, peak = measured(call)
    told = json.loads(said)
    each = 1000 * cpu / max(1, told["made"])
    print(
        f"{name:<32}{told['made']:7,} pages made {told['kept']:7,} kept {told['files']:7,} files "
        f"{told['megabytes']:7.0f} MB {wall:7.1f} s {cpu:7.1f} CPU s {peak:7.0f} MB {each:7.1f} ms a page"
    )
    slow = sorted(told["seconds"].items(), key=lambda item: -item[1])[:8]
    print("  " + ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in slow))


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="keeps the countries here, for the next run")
    parser.add_argument("--countries", type=int, default=len(CODES))
    parser.add_argument("--persons", type=int, default=10_000)
    parser.add_argument("--measure", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--site", nargs=3, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
    elif given.site:
        one_site(*given.site)
    else:
        with tempfile.TemporaryDirectory(prefix="caudal-bench-") as scratch:
            run(given.work or Path(scratch), given.countries, given.persons)


def run(work: Path, countries: int, persons: int) -> None:
    """Makes what is missing of the countries, then the region, then its site in four ways."""
    codes = CODES[:countries]
    for seed, code in enumerate(codes, 1):
        if not (work / code / "releases" / "current.json").is_file():
            shutil.rmtree(work / code, ignore_errors=True)
            write_member(work / code, code, seed, persons)
            build_member(work / code)
    for left in ("region", "corrected", "sites"):
        shutil.rmtree(work / left, ignore_errors=True)
    write_region(work / "region", codes)
    call = [sys.executable, "-m", "caudal", "build", str(work / "region"), "--threads", "1", "--quiet"]
    _, wall, cpu, peak = measured(call)
    current = json.loads((work / "region" / "releases" / "current.json").read_text("utf-8"))["release"]
    release = work / "region" / "releases" / current
    cells = pq.read_metadata(release / "observations.parquet").num_rows
    print(f"{countries} countries, {INDICATORS.count(',') + 1} indicators, 3 languages, {cells:,} cells")
    print(f"{'region, from releases to pages':<32}{wall:7.1f} s {cpu:7.1f} CPU s {peak:7.0f} MB")
    sites = work / "sites"
    sites.mkdir()
    show("the site alone, from nothing", release, sites / "first", sites / "none.json")
    show("nothing changed", release, sites / "second", sites / "first.json")
    changed = corrected(release, work / "corrected")
    show("one figure corrected", changed, sites / "third", sites / "first.json")


if __name__ == "__main__":
    main()
