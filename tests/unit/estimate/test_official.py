"""A sample of clusters against official counts: by hand, and with what may be wrong in the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from caudal.engine.session import connect
from caudal.errors import CaudalError
from caudal.estimate.official import cluster_share, official_checks, read_categories
from caudal.model.official import OfficialCounts

SPEC = OfficialCounts(
    file="t.csv",
    variable="v",
    value="x",
    count="n",
    label="l",
    blank="NA",
    population=1000,
    cluster=("home",),
)
TABLE = """\ufeffv,x,l,n
sex,1,Men,"4,90"
sex,2,Women,510
age,0:9,Child,200
age,NA,None,10
age,,Heading,5
other,1,x,3
"""


def checks(tmp_path: Path, text: str = TABLE) -> dict[tuple[str, str], object]:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    raw = pa.table({"home": [1, 1, 2, 2, 3], "sex": [1, 2, 2, 2, 1], "age": [4, 30, 9, 10, None]})
    with connect(threads=1) as session:
        session.register("raw", raw)
        found = official_checks(
            "SELECT * FROM raw", raw.column_names, read_categories(path, SPEC), SPEC, session
        )
    return {(c.variable, c.value): c for c in found}


def test_the_error_is_that_of_the_clusters() -> None:
    inside, cluster = np.array([True, False, False, False, True]), np.array([0, 0, 1, 1, 2])
    share, se = cluster_share(inside, cluster)
    spread = np.array([1 - 0.8, -0.8, 1 - 0.4])
    assert share == 0.4
    assert abs(se - np.sqrt(3 / 2 * (spread**2).sum()) / 5) < 1e-12


def test_values_ranges_and_blanks_are_read(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert {k: round(c.estimate) for k, c in found.items()} == {  # type: ignore[attr-defined]
        ("sex", "1"): 400,
        ("sex", "2"): 600,
        ("age", "0:9"): 400,
        ("age", "NA"): 200,
    }
    assert found["sex", "1"].official == 490  # type: ignore[attr-defined]
    assert all(c.few for c in found.values())  # type: ignore[attr-defined]


def test_a_category_that_the_sample_lacks_has_the_error_of_its_official_share(tmp_path: Path) -> None:
    found = checks(tmp_path, TABLE + "sex,9,Unknown,100\n")["sex", "9"]
    assert found.estimate == 0  # type: ignore[attr-defined]
    assert found.z == round(-0.1 / np.sqrt(0.1 * 0.9 / 5), 2)  # type: ignore[attr-defined]


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaudalError) as refused:
        checks(tmp_path, TABLE.replace("v,x,l,n", "v,y,l,n"))
    assert [p.facts["found"] for p in refused.value.problems] == ["x"]
