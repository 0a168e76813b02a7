"""An evidence card as a picture of 1200 by 630 points, the size that social media show.

As SVG always; as PNG where the extra ``pictures`` is installed. Letters come from the fonts that travel with
the package, so that the same card gives the same bytes on every machine. The picture says all that a card
must not lose when it travels alone: the figure with its limits, the period, the source, and whether it is a
draft or under review.
"""

from __future__ import annotations

import textwrap
from importlib.resources import as_file, files
from importlib.util import find_spec

from markupsafe import escape

from caudal.publish.chart import Mark, Scale, bands, scale_for
from caudal.publish.stories import Card, Story, Told

_WIDTH, _HEIGHT, _LEFT = 1200, 630, 64
_INK, _SOFT, _WATER, _CLAY, _SAND = "#1d2a33", "#51616b", "#0b5d73", "#7a3b12", "#fdf3dc"
_BANDS = {"i95": "#c3dde4", "i68": "#7fb2c0"}
_FAMILY = "Noto Sans"
_ROWS, _ROW, _GRAPH = 3, 92, (720, 1120)
#: Letters to a line at a size of letters: a little under what the widest sentences need.
_LETTERS_PER_LINE = 1950


def card_svg(story: Story, card: Card, *, draft: bool) -> str:
    """The card as SVG."""
    voice, text = story.voice, story.voice.words.text
    fiction = text["fiction_mark"] if voice.release.structure.simulated else ""
    marks_of_state = (
        text["draft_mark"] if draft else "",
        text["story_review"] if story.reasons else "",
        fiction,
    )
    parts = [_band(marks_of_state)]
    parts.append(_line(story.frame.upper(), 100, 24, fill=_WATER, weight=700))
    y = 150
    for line in _lines(card.plain, 42)[:4]:
        parts.append(_line(line, y, 42, weight=700))
        y += 54
    rows = [r for r in (card.figure, *card.beside) if r.cell is not None][:_ROWS]
    y = max(y + 20, _HEIGHT - 90 - _ROW * len(rows))
    marks = [m for m in card.marks if m.value is not None]
    scale = scale_for(marks, include=(0.0,) if card.bars else ()) if marks else None
    for row, mark in zip(rows, card.marks, strict=False):
        parts += _row(row, mark, scale, y)
        y += _ROW
    place = f"{voice.area_name()}, {card.figure.time}. {text['source_word']}: {card.figure.source}."
    foot = _lines(place, 22)[:2]
    for i, line in enumerate(foot):
        parts.append(_line(line, _HEIGHT - 34 - 28 * (len(foot) - 1 - i), 22, fill=_SOFT))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-labelledby="t" font-family="{_FAMILY}, sans-serif">'
        f'<title id="t">{escape(card.plain)}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<rect width="16" height="{_HEIGHT}" fill="{_WATER}"/>' + "".join(parts) + "</svg>\n"
    )


def png_of(svg: str) -> bytes | None:
    """The picture as PNG; None where nothing is installed that can draw it."""
    if find_spec("resvg_py") is None:
        return None
    import resvg_py

    with as_file(files("caudal.publish").joinpath("static", "fonts")) as folder:
        fonts = [str(folder / name) for name in ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf")]
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg, font_files=fonts, skip_system_fonts=True, font_family=_FAMILY
            )
        )


def _row(told: Told, mark: Mark, scale: Scale | None, y: int) -> list[str]:
    """A figure with its limits in letters and as a mark, under the words for what it is of."""
    parts = [_line(_lines(told.label, 22)[0], y, 22, fill=_SOFT)]
    parts.append(_line(told.value, y + 44, 40, fill=_WATER, weight=700))
    if told.interval:
        parts.append(_line(told.interval, y + 42, 22, x=300))
    if scale is None or mark.value is None:
        return parts
    middle = y + 34
    for low, high, name in bands(mark):
        a, b = _place(max(low, scale.low), scale), _place(high, scale)
        line = (
            f'<line x1="{a}" x2="{b}" y1="{middle}" y2="{middle}" stroke="{_BANDS[name]}" stroke-width="20"/>'
        )
        parts.append(line)
    look = f'fill="#fff" stroke="{_WATER}" stroke-width="4"' if mark.weak else f'fill="{_WATER}"'
    parts.append(f'<circle cx="{_place(mark.value, scale)}" cy="{middle}" r="9" {look}/>')
    return parts


def _place(value: float, scale: Scale) -> str:
    share = (value - scale.low) / (scale.high - scale.low)
    return f"{_GRAPH[0] + (_GRAPH[1] - _GRAPH[0]) * share:.1f}"


def _band(marks: tuple[str, ...]) -> str:
    words = " · ".join(m for m in marks if m)
    if not words:
        return ""
    band = f'<rect x="16" width="{_WIDTH - 16}" height="52" fill="{_SAND}"/>'
    return band + _line(words, 35, 24, fill=_CLAY, weight=700)


def _line(words: str, y: int, size: int, *, x: int = _LEFT, fill: str = _INK, weight: int = 400) -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x}" y="{y}" {look}>{escape(words)}</text>'


def _lines(words: str, size: int) -> list[str]:
    return textwrap.wrap(words, max(12, _LETTERS_PER_LINE // size)) or [""]
