"""Pages look as they did when they were looked at: pictures, with a tolerance for the edges of letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.browser.devtools import CHROMIUM
from tests.browser.every_template import Made
from tests.browser.pictures import FOLDER, Grey, all_pictures, coarse, packed, unpacked

#: A point of the small picture differs where it is off by more than this of 255 levels of grey; so many
#: points in a thousand may. A line of text that moves by its height changes ten times as many.
LEVELS, POINTS_IN_1000 = 24, 5.0


def apart(now: Grey, accepted: Grey) -> float:
    """Points in a thousand that differ; all of them where the shapes do."""
    if now.shape != accepted.shape:
        return 1000.0
    return float(1000 * np.mean(np.abs(now.astype(int) - accepted.astype(int)) > LEVELS))


@pytest.mark.long
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")
def test_pages_look_as_they_were_accepted(releases: tuple[Made, ...], tmp_path: Path) -> None:
    accepted = {p.stem: unpacked(p.read_bytes()) for p in FOLDER.glob("*.png")}
    now = all_pictures(releases, tmp_path)
    assert set(now) == set(accepted), "renew them: python -m tests.browser.pictures"
    off = {name: round(apart(now[name], accepted[name]), 1) for name in now}
    assert {n: o for n, o in off.items() if o > POINTS_IN_1000} == {}, "python -m tests.browser.pictures"


def test_a_layout_that_moves_is_told_from_edges_that_are_smoothed() -> None:
    rng = np.random.default_rng(1)
    page = np.full((1600, 1280), 255, np.uint8)
    for top in range(40, 1560, 32):
        page[top : top + 14, 80 : 80 + int(rng.integers(300, 1100))] = 60
    smoothed = np.clip(page.astype(int) + rng.integers(-12, 13, page.shape), 0, 255).astype(np.uint8)
    moved = np.roll(page, 16, axis=0)
    assert apart(coarse(smoothed, 8), coarse(page, 8)) == 0.0
    assert apart(coarse(moved, 8), coarse(page, 8)) > 10 * POINTS_IN_1000


def test_a_picture_is_read_as_it_was_written() -> None:
    points = np.arange(35, dtype=np.uint8).reshape(5, 7)
    assert np.array_equal(unpacked(packed(points)), points)
