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

from caudal.publish.stories import Card, Story, Told

_WIDTH, _HEIGHT, _LEFT = 1200, 630, 64
_INK, _SOFT, _WATER, _CLAY, _SAND = "#1d2a33", "#51616b", "#0b5d73", "#7a3b12", "#fdf3dc"
_FAMILY = "Noto Sans"
#: Letters to a line at a size of letters: a little under what the widest sentences need.
_LETTERS_PER_LINE = 1950


def card_svg(story: Story, card: Card, *, draft: bool) -> str:
    """The card as SVG."""
    voice, text = story.voice, story.voice.words.text
    parts = [_band(text["draft_mark"] if draft else "", text["story_review"] if story.reasons else "")]
    parts.append(_line(story.frame.upper(), 100, 24, fill=_WATER, weight=700))
    y = 150
    for line in _lines(card.plain, 42)[:4]:
        parts.append(_line(line, y, 42, weight=700))
        y += 54
    y += 8
    rows = [r for r in (card.figure, *card.beside) if r.cell is not None][:3]
    for row in rows:
        parts += _row(row, y)
        y += 62
    place = f"{voice.area_name()}. {card.figure.time}. {text['source_word']}: {card.figure.source}."
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


def _row(told: Told, y: int) -> list[str]:
    """A figure with its limits, and of what it is."""
    words = _lines(told.label, 22)[0]
    limits = f" ({told.interval})" if told.cell and told.cell.has_interval and told.interval else ""
    figure = _line(told.value, y + 24, 38, fill=_WATER, weight=700)
    return [figure, _line(limits.strip(), y + 22, 22, x=330), _line(words, y + 22, 22, x=560, fill=_SOFT)]


def _band(draft: str, review: str) -> str:
    words = " · ".join(w for w in (draft, review) if w)
    if not words:
        return ""
    band = f'<rect x="16" width="{_WIDTH - 16}" height="52" fill="{_SAND}"/>'
    return band + _line(words, 35, 24, fill=_CLAY, weight=700)


def _line(words: str, y: int, size: int, *, x: int = _LEFT, fill: str = _INK, weight: int = 400) -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x}" y="{y}" {look}>{escape(words)}</text>'


def _lines(words: str, size: int) -> list[str]:
    return textwrap.wrap(words, max(12, _LETTERS_PER_LINE // size)) or [""]
