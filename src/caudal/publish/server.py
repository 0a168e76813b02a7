"""A small web server for a release, on the standard library: for a look at a draft, for an office's own
network, or behind the web server of a ministry.

It holds no path to records: it serves the files that the manifest names (:mod:`caudal.publish.serving`).
It keeps no address of a reader. A draft is served to this machine only.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from caudal.errors import CaudalError, problem
from caudal.model.release import SIGNATURE
from caudal.publish.serving import ServedSite, Told, answer, served_site

LOCALHOST = "127.0.0.1"
#: Seconds after which a connection that says nothing is closed.
_PATIENCE = 20
_NAMES_OF_THIS_MACHINE = ("localhost", "")


class _Handler(BaseHTTPRequestHandler):
    """One connection; class and not closure, because the standard library asks for a class."""

    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    site: ServedSite
    told: Told

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        made = answer(self.site, self.command, self.path, headers)
        self.send_response(made.status)
        for name, value in made.headers.items():
            self.send_header(name, value)
        if self.command not in ("GET", "HEAD"):  # its body was not read: the connection cannot go on
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(made.body)
        type(self).told(self.command, self.path, made.status)

    def version_string(self) -> str:
        """Who answers, and no version that would tell what can be tried."""
        return "Caudal"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is told, :attr:`told` tells, without the reader's address."""


@contextmanager
def serving(release: Path, *, host: str = LOCALHOST, port: int = 0, told: Told) -> Iterator[str]:
    """Serves the site of the release in a folder while the block runs; gives its address.

    Raises :class:`CaudalError`: integrity for a folder that is not a release, gate for a draft that would be
    shown beyond this machine, environment where the port cannot be had.
    """
    site = served_site(release)
    if not (release / SIGNATURE).is_file() and not _is_this_machine(host):
        raise CaudalError(problem("serve-draft", where=str(release), host=host))
    handler = type("Handler", (_Handler,), {"site": site, "told": staticmethod(told)})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise CaudalError(problem("serve-address", found=f"{host}:{port}", detail=error)) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _is_this_machine(host: str) -> bool:
    if host in _NAMES_OF_THIS_MACHINE:
        return host == "localhost"
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
