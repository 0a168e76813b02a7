"""Apache and nginx, started with the configuration that we hand out, say what our server says."""

from __future__ import annotations

import gzip
import http.client
import shutil
import socket
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from caudal.publish.exchange.types import COMPRESSIBLE, MEDIA_TYPES, media_type
from caudal.publish.serving import CACHING, SAFE_HEADERS
from caudal.publish.web_servers import configurations

SERVERS = Path(__file__).resolve().parents[3] / "docs" / "serving"
MODULES = Path("/usr/lib/apache2/modules")
#: Names that end as a file of the whole release does, and are not one.
ALIKE = ("sdmx/x.structure-2.1.xml", "sdmx/my_metadata-3.0.xml", "sdmx/household_structure-2.0.json")


def names() -> list[str]:
    """A file for each rule of the table, and those that only look like one."""
    ends = [e if e[0].isalpha() else f"stocks{e}" for e in MEDIA_TYPES]
    return [*(f"sdmx/{e}" for e in ends), *ALIKE, "index.html"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for name in names():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode() * 400)
    folder.chmod(0o755)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(program: str) -> str:
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


@contextmanager
def running(command: list[str], port: int) -> Iterator[int]:
    """A server in the foreground, until the end of the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if server.poll() is not None:
                    pytest.fail(server.stdout.read() if server.stdout else "it ended")
                time.sleep(0.05)
            yield port
        finally:
            server.terminate()


@contextmanager
def nginx(site: Path, folder: Path) -> Iterator[int]:
    program, port = found("nginx"), free_port()
    (folder / "caudal.conf").write_text(configurations()["nginx.conf"], encoding="utf-8")
    server = f"server {{ listen 127.0.0.1:{port}; root {site}; include {folder}/caudal.conf; }}"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{k}_temp_path {folder}/{k}; " for k in kinds)
    text = f"pid {folder}/pid; daemon off; master_process off; error_log {folder}/log; events {{}} "
    text += f"http {{ access_log off; {paths}{server} }}"
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    with running([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")], port) as at:
        yield at


@contextmanager
def apache(site: Path, folder: Path) -> Iterator[int]:
    program, port = found("apache2"), free_port()
    if not MODULES.is_dir():
        pytest.skip("the modules of Apache are not installed")
    wanted = ("mpm_event", "authz_core", "dir", "mime", "headers", "deflate", "filter")
    lines = [f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in wanted]
    lines += [
        f"ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {folder}/pid",
        f"ErrorLog {folder}/log",
    ]
    lines += [f"DefaultRuntimeDir {folder}\nMutex posixsem\nTypesConfig /dev/null", f'DocumentRoot "{site}"']
    text = configurations()["apache.htaccess"]
    asked = text.partition("(")[2].partition(")")[0]  # what its first line asks of the server
    lines += [f'<Directory "{site}">', "Require all granted", asked]
    (site / ".htaccess").write_text(text, encoding="utf-8")
    (folder / "httpd.conf").write_text("\n".join([*lines, "</Directory>"]) + "\n", encoding="utf-8")
    try:
        with running([program, "-X", "-f", str(folder / "httpd.conf")], port) as at:
            yield at
    finally:
        (site / ".htaccess").unlink()


def ask(port: int, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", target, headers={k.replace("_", "-"): v for k, v in headers.items()})
    reply = connection.getresponse()
    told = reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    connection.close()
    return told


@pytest.mark.parametrize("server", [nginx, apache])
def test_a_real_server_says_what_ours_says_of_every_file(server: object, site: Path, tmp_path: Path) -> None:
    assert callable(server)
    with server(site, tmp_path) as port:
        for name in names():
            status, headers, body = ask(port, f"/{name}", Accept_Encoding="gzip")
            kind, whole = media_type(name), (site / name).read_bytes()
            assert status == 200 and headers["content-type"].replace("; ", ";") == kind.replace("; ", ";"), (
                name
            )
            assert {k: headers.get(k.lower()) for k in SAFE_HEADERS} == dict(SAFE_HEADERS), name
            assert headers["cache-control"] == CACHING
            packed = headers.get("content-encoding") == "gzip"
            assert packed == kind.startswith(COMPRESSIBLE), name
            assert (gzip.decompress(body) if packed else body) == whole
        assert ask(port, "/")[2].startswith(b"index.html")
        assert ask(port, "/sdmx/")[0] in (403, 404), "no list of files"
        status, headers, body = ask(port, "/sdmx/stocks.parquet", Range="bytes=5-9")
        assert (status, len(body)) == (206, 5)
        for name in ("sdmx/stocks.parquet", "sdmx/stocks-2.1.xml", "index.html"):
            tag = ask(port, f"/{name}", Accept_Encoding="gzip")[1]["etag"]
            assert ask(port, f"/{name}", Accept_Encoding="gzip", If_None_Match=tag)[0] == 304, name


def test_what_is_handed_out_is_what_is_made() -> None:
    for name, text in configurations().items():
        assert (SERVERS / name).read_text(encoding="utf-8") == text, "write docs/serving again"
        for value in SAFE_HEADERS.values():
            assert value in text.replace("&quot;", '"')


def test_the_configuration_of_iis_is_well_formed() -> None:
    kinds = ET.fromstring(configurations()["web.config"]).findall(".//mimeMap")
    assert {k.get("fileExtension") for k in kinds} >= {".parquet", ".jsonld", ".xlsx", ".woff2"}
