"""Chromium told what to do through its DevTools protocol, over a pipe: keys, networks, pictures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--force-color-profile=srgb",
    "--font-render-hinting=none", "--disable-lcd-text", "--remote-debugging-pipe",
)  # fmt: skip

#: How readers look at a page: width and height in points, whether by touch, and how much larger. Of 1280
#: points 320 are left at 400 %.
SCREENS: dict[str, tuple[int, int, bool, int]] = {
    "phone": (360, 740, True, 1),
    "desk": (1280, 900, False, 1),
    "400 %": (320, 225, False, 4),
}


class Tab:
    """One tab. What the browser tells unasked is kept in ``events``."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._in, self._out = reader, writer
        self._last, self._session, self._rest = 0, "", b""
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **given: Any) -> dict[str, Any]:
        """Asks, and waits for the answer."""
        self._last += 1
        asked = {"id": self._last, "method": method, "params": given}
        asked |= {"sessionId": self._session} if self._session else {}
        self._out.write(json.dumps(asked).encode() + b"\0")
        while True:
            told = self._read()
            if told.get("id") == self._last:
                assert "error" not in told, (method, told["error"])
                found: dict[str, Any] = told["result"]
                return found
            self.events.append(told)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = self._in.read(1 << 16)
            assert more, "the browser is gone"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, url: str) -> None:
        """Goes to ``url`` and waits until it is loaded."""
        self.events.clear()
        self.send("Page.navigate", url=url)
        self.loaded()

    def loaded(self, times: int = 1) -> None:
        """Waits until so many pages are loaded since the last was opened: two where the first leads on."""
        while sum(e.get("method") == "Page.loadEventFired" for e in self.events) < times:
            self.events.append(self._read())

    def complaints(self) -> list[str]:
        """What the browser found wrong since a page was opened: scripts that broke, files that it was not
        given or that a policy forbids."""
        broken = [e["params"] for e in self.events if e.get("method") == "Runtime.exceptionThrown"]
        logged = [e["params"]["entry"] for e in self.events if e.get("method") == "Log.entryAdded"]
        told = [str(b["exceptionDetails"].get("exception", b)) for b in broken]
        return told + [e["text"] for e in logged if e["level"] == "error"]

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def look(self, screen: str) -> None:
        """Shows pages as on one of the ``SCREENS``."""
        width, height, phone, zoom = SCREENS[screen]
        self.size(width, height, phone=phone, zoom=zoom)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses a key as a reader does."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 * shift}
        self.send("Input.dispatchKeyEvent", type="rawKeyDown", **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def size(self, width: int, height: int, *, phone: bool = False, zoom: int = 1) -> None:
        """The size of the window, in points of a page that is shown ``zoom`` times as large."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=zoom,
            mobile=phone,
        )


@contextmanager
def tab(profile: Path) -> Iterator[Tab]:
    """A browser with one tab, while the block runs."""
    to_read, to_write = os.pipe(), os.pipe()
    call = (
        f'exec "{CHROMIUM}" {" ".join(_OPTIONS)} --user-data-dir="{profile}" 3<&{to_write[0]} 4>&{to_read[1]}'
    )
    browser = subprocess.Popen(
        ["bash", "-c", call], pass_fds=(to_write[0], to_read[1]), stderr=subprocess.DEVNULL
    )
    os.close(to_write[0])
    os.close(to_read[1])
    with os.fdopen(to_read[0], "rb", 0) as reader, os.fdopen(to_write[1], "wb", 0) as writer:
        try:
            yield Tab(reader, writer)
        finally:
            browser.terminate()
            browser.wait(timeout=20)
