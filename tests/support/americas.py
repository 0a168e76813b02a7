"""The regional example with made-up deliveries: its own specs and codes, its sources cut down to a few."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AMERICAS = ROOT / "examples" / "americas"


def copy_of(folder: Path, deliveries: Mapping[str, Sequence[str]], indicators: Sequence[str]) -> Path:
    """A copy of the example with the sources that ``deliveries`` names and those deliveries alone (the lines
    of a YAML list), which lie in ``data/``, and with these indicators."""
    shutil.copytree(AMERICAS, folder, ignore=shutil.ignore_patterns("releases", ".caudal", "sources"))
    (folder / "sources").mkdir()
    (folder / "data").mkdir()
    for name, lines in deliveries.items():
        text = (AMERICAS / "sources" / f"{name}.yaml").read_text("utf-8")
        text = re.sub(r"(?m)^data: .*$", "data: data", text.partition("\ndeliveries:")[0])
        listed = "".join(f"  - {line}\n" for line in lines)
        (folder / "sources" / f"{name}.yaml").write_text(f"{text}\ndeliveries:\n{listed}", "utf-8")
    asked = "".join(f"  - {name}\n" for name in indicators)
    (folder / "publication.yaml").write_text(f"vintage: 2026-11\nindicators:\n{asked}", "utf-8")
    caudal = folder / "caudal.yaml"
    caudal.write_text(caudal.read_text("utf-8").replace("[es, pt, en]", "[en]"), "utf-8")
    return folder


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """``rows`` as a file with the header of the first."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def incident(**changed: str) -> dict[str, str]:
    """A row of the second generation of headers of the downloads."""
    usual = {
        "Main ID": "2014.MMP1",
        "Incident ID": "2014.MMP1",
        "Region": "North America",
        "Incident Date": "Mon, 10/27/2014 - 12:00",
        "Year": "2014",
        "Reported Month": "October",
        "Number Dead": "3",
        "Minimum Estimated Number of Missing": "2",
        "Total Number of Dead and Missing": "5",
        "Number of Survivors": "",
        "Number of Females": "1",
        "Number of Males": "2",
        "Number of Children": "",
        "Region of Origin": "Caribbean",
        "Cause of Death": "Drowning",
        "Country of Origin": "Haiti",
        "Location of death": "Rio Grande",
        "Information Source": "made",
        "Coordinates": "31.5, -110.2",
        "Migration route": "US-Mexico border crossing",
        "URL": "",
        "UNSD Geographical Grouping": "Northern America",
        "Source Quality": "5",
    }
    return usual | {k.replace("_", " "): v for k, v in changed.items()}
