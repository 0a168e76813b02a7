"""The server, asked as browsers and programs ask, and as those who wish it ill."""

from __future__ import annotations

import gzip
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from caudal.engine.files import sha256_bytes
from caudal.errors import CaudalError
from caudal.model.release import MANIFEST, SIGNATURE, Manifest, OutputFile
from caudal.publish.exchange.types import media_type
from caudal.publish.server import serving
from caudal.publish.serving import SAFE_HEADERS, answer, served_site
from caudal.publish.site import build_site
from tests.unit.publish.fixture import write_release

PAGE = "/en/indicator/unemployment_rate.html"
TABLE = "/data/unemployment_rate.parquet"


def whole_release(folder: Path) -> Path:
    """A release with its site and its manifest, as a build leaves it."""
    release = write_release(folder)
    build_site(release, release / "site")
    (release / ".secret").write_text("not in the manifest", encoding="utf-8")
    names = sorted(p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file())
    data = {n: (release / n).read_bytes() for n in names if n not in (MANIFEST, ".secret")}
    outputs = tuple(OutputFile(path=n, sha256=sha256_bytes(d), bytes=len(d)) for n, d in data.items())
    told = {"caudal": "1", "code_sha256": "0" * 64, "territory": "XI", "vintage": "2026-11"}
    made = Manifest(**told, inputs=(), specs=(), outputs=outputs)
    (release / MANIFEST).write_text(made.model_dump_json(), encoding="utf-8")
    return release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def port(release: Path) -> Iterator[int]:
    with serving(release, told=lambda *_: None) as address:
        yield int(address.rstrip("/").rpartition(":")[2])


def ask(port: int, target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, target, headers={k.replace("_", "-"): v for k, v in headers.items()})
    reply = connection.getresponse()
    found = reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
    connection.close()
    return found


def test_every_file_of_the_site_is_served_byte_for_byte_with_its_type(port: int, release: Path) -> None:
    site = served_site(release)
    assert len(site.files) > 60
    for address, file in site.files.items():
        status, headers, body = ask(port, f"/{address}")
        assert status == 200 and body == file.path.read_bytes(), address
        assert headers["content-type"] == media_type(address) != "application/octet-stream"
        assert headers["etag"] == f'"{file.sha256}"'


def test_a_folder_is_its_index_and_one_without_its_slash_is_sent_there(port: int) -> None:
    assert ask(port, "/")[0] == ask(port, "/es/")[0] == ask(port, "/es/?a=b")[0] == 200
    status, headers, _ = ask(port, "/es")
    assert status == 308 and headers["location"] == "/es/"


def test_a_head_tells_all_but_the_body(port: int) -> None:
    status, headers, body = ask(port, TABLE, "HEAD")
    assert status == 200 and body == b"" and int(headers["content-length"]) > 100


def test_a_range_is_served_as_asked(port: int, release: Path) -> None:
    whole = (release / "site" / TABLE[1:]).read_bytes()
    cases = {"bytes=0-3": whole[:4], "bytes=4-": whole[4:], "bytes=-8": whole[-8:], "bytes=5-5": whole[5:6],
             "bytes=0-99999999": whole}  # fmt: skip
    for asked, expected in cases.items():
        status, headers, body = ask(port, TABLE, Range=asked)
        assert (status, body) == (206, expected), asked
        assert headers["content-range"].endswith(f"/{len(whole)}") and headers["accept-ranges"] == "bytes"
    for ignored in ("bytes=0-1,3-4", "bytes=9-2", "lines=1-2", "bytes=x-"):
        assert ask(port, TABLE, Range=ignored)[0] == 200
    for impossible in (f"bytes={len(whole)}-", "bytes=-0"):
        status, headers, _ = ask(port, TABLE, Range=impossible)
        assert status == 416 and headers["content-range"] == f"bytes */{len(whole)}"


def test_a_range_of_another_edition_is_sent_whole(port: int) -> None:
    tag = ask(port, TABLE)[1]["etag"]
    assert ask(port, TABLE, Range="bytes=0-3", If_Range=tag)[0] == 206
    assert ask(port, TABLE, Range="bytes=0-3", If_Range='"other"')[0] == 200


def test_who_has_the_file_is_told_so(port: int) -> None:
    for address in (PAGE, TABLE):
        tag = ask(port, address, Accept_Encoding="gzip")[1]["etag"]
        for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            status, headers, body = ask(port, address, If_None_Match=given)
            assert (status, body) == (304, b"") and headers["etag"] and "content-length" not in headers
        assert ask(port, address, If_None_Match='"other"')[0] == 200


def test_text_is_compressed_for_those_who_accept_it(port: int) -> None:
    plain, packed = ask(port, PAGE), ask(port, PAGE, Accept_Encoding="br, gzip;q=0.5")
    assert packed[1]["content-encoding"] == "gzip" and gzip.decompress(packed[2]) == plain[2]
    assert packed[1]["etag"] != plain[1]["etag"] and packed[1]["vary"] == "Accept-Encoding"
    assert "content-encoding" not in ask(port, PAGE, Accept_Encoding="gzip;q=0")[1]
    assert "content-encoding" not in ask(port, TABLE, Accept_Encoding="gzip")[1]


def test_every_answer_has_safe_headers(port: int) -> None:
    answers = [
        ask(port, PAGE),
        ask(port, "/none"),
        ask(port, PAGE, "POST"),
        ask(port, TABLE, Range="bytes=0-1"),
    ]
    for _, headers, _ in answers:
        assert {k: headers.get(k.lower()) for k in SAFE_HEADERS} == dict(SAFE_HEADERS)
        assert headers["server"] == "Caudal"
    assert "unsafe-eval" not in SAFE_HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    "target",
    ["/../manifest.json", "/..%2fmanifest.json", "/%2e%2e/observations.parquet", "/en/../../structure.json",
     "//etc/passwd", "/.secret", "/%00", "/%ff", "/en/..;/", "/..\\manifest.json", "/site/index.html",
     "/manifest.json", "/observations.parquet", "/C:/windows/win.ini", "/" + "a" * 5000],
)  # fmt: skip
def test_no_path_leads_out_of_the_site(port: int, target: str) -> None:
    status, _, body = ask(port, target)
    assert (status, body) == (404, b"There is no such file.\n")


def test_a_request_that_is_not_one_is_refused(port: int) -> None:
    assert ask(port, PAGE, "POST")[0] == ask(port, PAGE, "DELETE")[0] == 405
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"NONSENSE\r\n\r\n")
        assert b"400" in raw.recv(400)
    assert ask(port, PAGE)[0] == 200


def test_a_file_that_is_no_longer_the_released_one_is_not_served(tmp_path: Path) -> None:
    release = whole_release(tmp_path)
    site = served_site(release)
    assert answer(site, "GET", TABLE, {}).status == 200
    path = release / "site" / TABLE[1:]
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert answer(site, "GET", TABLE, {}).status == 500
    path.unlink()
    assert answer(site, "GET", TABLE, {}).status == 500
    path.write_bytes(data)
    assert answer(site, "GET", TABLE, {}).status == 200


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaudalError, match="manifest") as refused:
        served_site(tmp_path)
    assert refused.value.problems[0].code == "publish-incomplete"
    (tmp_path / MANIFEST).write_text("{", encoding="utf-8")
    with pytest.raises(CaudalError) as refused:
        served_site(tmp_path)
    assert refused.value.problems[0].code == "publish-unreadable"


def test_a_draft_is_shown_to_this_machine_only(tmp_path: Path) -> None:
    release = whole_release(tmp_path)
    with pytest.raises(CaudalError) as refused, serving(release, host="0.0.0.0", told=lambda *_: None):
        pass
    assert refused.value.problems[0].code == "serve-draft"
    (release / SIGNATURE).write_text("{}", encoding="utf-8")
    with serving(release, host="0.0.0.0", told=lambda *_: None) as address:
        assert ask(int(address.rstrip("/").rpartition(":")[2]), "/")[0] == 200


def test_a_port_that_is_taken_is_said_so(port: int, release: Path) -> None:
    for taken in (port, 70000):
        with pytest.raises(CaudalError) as refused, serving(release, port=taken, told=lambda *_: None):
            pass
        assert refused.value.problems[0].code == "serve-address"


def test_what_is_told_of_a_request_leaves_the_reader_out(release: Path) -> None:
    told: list[tuple[str, str, int]] = []
    with serving(release, told=lambda *line: told.append(line)) as address:
        ask(int(address.rstrip("/").rpartition(":")[2]), "/en/")
    assert told == [("GET", "/en/", 200)]
