"""What all tests in a browser share: the releases, made once for all workers, and a browser."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Iterator

import pytest

from tests.browser.devtools import Tab, tab
from tests.browser.every_template import Made, write_releases


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[Made, ...]:
    """Releases that together use every template. Nobody may write into them."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if hasattr(request.config, "workerinput") else base) / "every_template"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = shared / "made"
        if not known.exists():
            known.write_bytes(pickle.dumps(write_releases(shared / "releases")))
        found: tuple[Made, ...] = pickle.loads(known.read_bytes())
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A browser on a desk, which asks the server for every page."""
    with tab(tmp_path_factory.mktemp("profile")) as found:
        found.send("Network.setBypassServiceWorker", bypass=True)
        yield found
