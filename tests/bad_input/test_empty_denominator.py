"""An indicator whose denominator is zero in a region: no figure, no failure, and a page that says so."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from caudal.river.build import build
from tests.support.small_country import replace_in, write_country

AREAS = "code,parent,label_es,label_pt,label_en\nXI-1,XI,Norte,Norte,North\nXI-2,XI,Sur,Sul,South\n"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_country(tmp_path_factory.mktemp("empty") / "pais")
    (folder / "codes" / "CL_AREA.csv").write_text(AREAS, encoding="utf-8")
    recode = ", ".join(f"{h}: XI-{1 if h < 3 else 2}" for h in range(6))
    replace_in(
        folder / "sources" / "survey.yaml",
        "  birth_country_code: {from: born, recode: {1: XI, 2: BO, 3: PE}}",
        f"  area_code: {{from: h, recode: {{{recode}}}, merge: [XI-1, XI-2]}}\n"
        "  birth_country_code: {from: born, recode: {1: XI, 2: BO, 3: PE}, unknown: [0]}",
    )
    replace_in(
        folder / "sources" / "survey.yaml", "deliveries:", "thresholds: {recoded_to_unknown: 1}\ndeliveries:"
    )
    raw = folder / "data" / "survey_2024Q1.csv"
    head, *rows = raw.read_text(encoding="utf-8").splitlines()
    cells = [r.split(";") for r in rows]
    south = [";".join([*c[:-1], "0"]) if int(c[2]) >= 3 else ";".join(c) for c in cells]
    raw.write_text("\n".join([head, *south]) + "\n", encoding="utf-8")
    return build(folder).release


def test_nothing_is_divided_by_nobody(release: Path) -> None:
    rows = pq.read_table(release / "observations.parquet").to_pylist()
    shares = [r for r in rows if r["indicator_code"] == "migrant_share" and r["sex_code"] == "_T"]
    by_area = {r["reference_area_code"]: r["value"] for r in shares}
    assert by_area["XI-1"] is not None
    assert all(r["value"] is None for r in shares if r["reference_area_code"] == "XI-2")


def test_no_page_tells_a_figure_of_it(release: Path) -> None:
    page = (release / "site" / "es" / "indicator" / "migrant_share.html").read_text(encoding="utf-8")
    assert "nan" not in page.lower().replace("finan", "")
    assert "Norte" in page
