"""Pictures of pages, small and grey, to be compared with those that were looked at and accepted.

The letters are those of the font that the package carries, so that pictures of two machines differ by the
smoothing of edges alone. Renew them all with ``python -m tests.browser.pictures``.
"""

from __future__ import annotations

import base64
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import caudal
from tests.browser.devtools import Tab, tab
from tests.browser.every_template import Made, write_releases

FOLDER = Path(__file__).parent / "pictures"
LANGUAGES = ("es", "pt", "en")
#: Pages whose pictures are kept in each language; those of others in the first.
TRANSLATED = ("home.html", "indicator.html", "compare.html")
#: Name -> width and height in points, whether it is a phone, and the medium.
SHAPES = {
    "desk": (1280, 1600, False, "screen"),
    "phone": (360, 1600, True, "screen"),
    "paper": (800, 1100, False, "print"),
}
#: The browser draws so many times smaller; of its picture, the side of a square that becomes one point.
_SMALLER, _COARSE = 4, 2
_FONTS = Path(caudal.__file__).parent / "publish" / "static" / "fonts"
Grey = NDArray[np.uint8]


def taken(browser: Tab, page: Path, shape: str) -> Grey:
    """The picture of the top of ``page``, a grey point for each square of points."""
    width, height, phone, medium = SHAPES[shape]
    browser.size(width, height, phone=phone)
    browser.send("Emulation.setEmulatedMedia", media=medium)
    browser.open(page.as_uri())
    faces = "".join(
        f"@font-face{{font-family:Carried;font-weight:{weight};src:url({(_FONTS / name).as_uri()})}}"
        for name, weight in (("NotoSans-Regular.ttf", 400), ("NotoSans-Bold.ttf", 700))
    )
    style = f"{faces} *{{font-family:Carried!important}}"
    browser.run(
        f"document.head.append(Object.assign(document.createElement('style'), {{textContent: {style!r}}}));"
        "document.fonts.load('1em Carried').then(() => document.fonts.load('bold 1em Carried'))"
        ".then(() => document.fonts.ready).then(() => document.fonts.check('1em Carried'))"
    )
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1 / _SMALLER}
    data = browser.send("Page.captureScreenshot", format="png", clip=clip)["data"]
    return coarse(unpacked(base64.b64decode(data)), _COARSE)


def coarse(points: Grey, side: int) -> Grey:
    """The mean of each square of points."""
    high, wide = (n // side for n in points.shape)
    squares = points[: high * side, : wide * side].reshape(high, side, wide, side)
    return np.asarray(np.round(squares.mean(axis=(1, 3))), np.uint8)


def packed(points: Grey) -> bytes:
    """A grey PNG."""
    high, wide = points.shape
    rows = b"".join(b"\0" + row.tobytes() for row in points)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def unpacked(data: bytes) -> Grey:
    """The points of a PNG of eight bits as grey. Filters as in the PNG specification, section 9."""
    place, body, head = 8, b"", b""
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        part = data[place + 8 : place + 8 + size]
        head, body = (part if kind == b"IHDR" else head), body + (part if kind == b"IDAT" else b"")
        place += 12 + size
    wide, high, depth, colour = struct.unpack(">IIBB", head[:10])
    assert depth == 8, "eight bits a colour"
    each = {0: 1, 2: 3, 6: 4}[colour]
    rows = _unfiltered(zlib.decompress(body), high, wide * each, each).reshape(high, wide, each)
    return np.asarray(np.round(rows[:, :, :3].mean(axis=2)), np.uint8)


def _unfiltered(data: bytes, high: int, row: int, each: int) -> Grey:
    found = np.zeros((high + 1, row + each), np.uint8)  # a row above and a point to the left, of zeros
    for y in range(high):
        line = data[y * (row + 1) : (y + 1) * (row + 1)]
        now, above = found[y + 1], found[y]
        now[each:] = np.frombuffer(line[1:], np.uint8)
        if line[0] == 2:
            now[each:] += above[each:]
        elif line[0] == 1:
            now[each:] = np.cumsum(now[each:].reshape(-1, each), axis=0, dtype=np.uint8).reshape(-1)
        elif line[0]:
            _slow(now, above, each, line[0])
    return found[1:, each:]


def _slow(now: Grey, above: Grey, each: int, kind: int) -> None:
    for x in range(each, len(now)):
        left, up, corner = int(now[x - each]), int(above[x]), int(above[x - each])
        guess = (left + up) // 2
        if kind == 4:
            far = left + up - corner
            guess = min((left, up, corner), key=lambda n: abs(far - n))
        now[x] = (int(now[x]) + guess) % 256


def all_pictures(releases: tuple[Made, ...], profile: Path) -> dict[str, Grey]:
    """Every picture by its name: of each template the page of the last release that has it, and of those
    in ``TRANSLATED`` in each language. ``profile`` is a folder for the browser."""
    pages = {template: made.site / "TAG" / path for made in releases for template, path in made.pages.items()}
    with tab(profile) as browser:
        return {
            f"{template.removesuffix('.html')}.{tag}.{shape}": taken(
                browser, Path(str(page).replace("TAG", tag)), shape
            )
            for template, page in sorted(pages.items())
            for tag in (LANGUAGES if template in TRANSLATED else LANGUAGES[:1])
            for shape in SHAPES
        }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        made = write_releases(Path(scratch) / "releases")
        for name, points in all_pictures(made, Path(scratch) / "profile").items():
            (FOLDER / f"{name}.png").write_bytes(packed(points))
