"""Forms of uncertainty that readers get right: tones that all eyes and grey print tell apart, digits that
follow the error, an interval beside every figure, and a draft that looks like one."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.publish.numbers import decimals_for, rounded
from caudal.publish.release import read_release
from caudal.publish.site import site_files
from tests.unit.publish.fixture import write_release

CSS = files("caudal.publish").joinpath("static", "caudal.css").read_text(encoding="utf-8")
#: What the pages say in the place of an interval.
NOT_KNOWN = {"es": "no se conoce", "pt": "não se conhece", "en": "not known"}
PAPER = (255, 255, 255)
#: Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def colour(selector: str, part: str) -> tuple[int, ...]:
    """The colour that the style sheet gives to a part of a mark."""
    rule = next(
        m for m in re.finditer(r"([^{}]+)\{([^}]*)\}", CSS) if selector in re.split(r"[\s,]+", m[1].strip())
    )
    found = re.search(rf"(?:^|;){part}:([^;]+)", rule[2])
    assert found is not None, f"{selector} has no {part}"
    text = found[1]
    if text.startswith("var("):
        known = re.search(rf"{text[4:-1]}:(#[0-9a-f]+)", CSS)
        assert known is not None
        text = known[1]
    digits = text.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * d for d in digits)
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


def luminance(rgb: tuple[int, ...], eye: str) -> float:
    """Relative luminance (WCAG 2) of a colour as an eye sees it."""
    share = np.array(rgb) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(EYES[eye] @ linear, 0, 1)
    return float(np.array([0.2126, 0.7152, 0.0722]) @ seen)


def contrast(a: tuple[int, ...], b: tuple[int, ...], eye: str) -> float:
    light, dark = sorted((luminance(a, eye), luminance(b, eye)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("eye", EYES)
def test_neighbouring_shades_of_a_map_differ_for_every_eye_and_in_grey(eye: str) -> None:
    shades = [colour(f".c{i}", "fill") for i in range(1, 6)]
    light = [luminance(s, eye) for s in shades]
    assert light == sorted(light, reverse=True)
    assert all(contrast(a, b, eye) >= 1.33 for a, b in pairwise(shades))
    assert contrast(shades[0], PAPER, eye) >= 1.3


@pytest.mark.parametrize("eye", EYES)
def test_the_tones_of_a_band_and_its_dot_differ_for_every_eye(eye: str) -> None:
    pale, dark, dot = colour(".i95", "stroke"), colour(".i68", "stroke"), colour(".dot", "fill")
    assert contrast(PAPER, pale, eye) >= 1.3
    assert contrast(pale, dark, eye) >= 1.33
    assert contrast(dark, dot, eye) >= 3.0


@given(st.floats(1e-3, 1e7), st.floats(-1e8, 1e8), st.integers(0, 3))
def test_no_digit_is_shown_that_the_error_does_not_bear(error: float, value: float, most: int) -> None:
    decimals = decimals_for(error, most)
    step = 10.0**-decimals
    assert step >= 0.01 * error * (1 - 1e-9)
    assert step <= error or decimals == most
    assert abs(float(rounded(value, decimals)) - value) <= step / 2 * (1 + 1e-6) + 1e-9 * abs(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return site_files(read_release(write_release(tmp_path_factory.mktemp("release"))))


def test_beside_every_figure_of_a_table_stands_its_interval_or_that_there_is_none(
    site: dict[str, bytes],
) -> None:
    rows = 0
    for path, data in site.items():
        if not re.fullmatch(r"(es|pt|en)/indicator/[^/]+\.html", path):
            continue
        page = data.decode()
        for value, interval in re.findall(
            r'<td class="num">(.*?)</td>\s*<td class="num">(.*?)</td>', page, re.S
        ):
            if "withheld" in value or not re.search(r"\d", value):
                continue
            rows += 1
            told = re.sub(r"<[^>]+>", "", interval).strip()
            assert re.search(r"\d.*\d", told) or told == NOT_KNOWN[path[:2]], (path, value, told)
    assert rows > 100


def test_a_draft_looks_like_a_draft_on_every_page_and_on_paper(site: dict[str, bytes]) -> None:
    pages = [d.decode() for p, d in site.items() if re.match(r"(es|pt|en)/", p) and p.endswith(".html")]
    assert pages
    for page in pages:
        assert '<body class="draft" data-draft="' in page and 'class="banner" role="note"' in page
    assert "@media print" in CSS and ".draft::before{content:attr(data-draft)" in CSS


def test_charts_have_no_walls_at_the_ends_of_intervals(site: dict[str, bytes]) -> None:
    page = site["en/indicator/unemployment_rate.html"].decode()
    assert 'class="i95"' in page and 'class="i68"' in page and 'class="ci"/' not in page
    assert "two times in three" in page and "95 in 100" in page


def test_the_document_that_justifies_the_forms_names_its_sources() -> None:
    text = (Path(__file__).parents[3] / "docs" / "methods" / "reading.md").read_text(encoding="utf-8")
    for name in ("Belia", "Bles", "Budescu", "Correll", "Gigerenzer", "Machado", "MacEachren", "Newman"):
        assert text.count(name) >= 2, f"{name} is cited and listed"
