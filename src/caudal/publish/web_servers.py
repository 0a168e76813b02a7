"""Configuration of other web servers, from the table of media types and headers that ours uses.

A ministry copies the folder ``site`` to its server and takes the file for it: Apache, nginx or IIS. Made
here and checked against ``docs/serving`` by a test, so that the four never say different things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from caudal.publish.exchange.types import COMPRESSIBLE, MEDIA_TYPES
from caudal.publish.serving import CACHING, SAFE_HEADERS


def configurations() -> dict[str, str]:
    """File name in ``docs/serving`` -> its text."""
    return {
        "apache.htaccess": "\n".join(_apache()) + "\n",
        "nginx.conf": "\n".join(_nginx()) + "\n",
        "web.config": "\n".join(_iis()) + "\n",
    }


def _headers() -> dict[str, str]:
    return {**SAFE_HEADERS, "Cache-Control": CACHING}


def _single() -> dict[str, str]:
    """Ends of names that are one extension, which every server knows how to look up."""
    return {e: t for e, t in MEDIA_TYPES.items() if e.startswith(".") and e.count(".") == 1}


def _longer(before: str) -> dict[str, str]:
    """Patterns of the files that need a rule of their own, shorter ends first. An end that begins with a
    letter is a whole name: ``before`` is what stands before a name where the server looks."""
    rules = sorted(((e, t) for e, t in MEDIA_TYPES.items() if e not in _single()), key=lambda r: len(r[0]))
    return {f"{before if e[0].isalpha() else ''}{re.escape(e)}$".replace("\\-", "-"): t for e, t in rules}


def _compressed() -> list[str]:
    """Media types that are sent compressed, without their parameters."""
    return sorted({t.partition(";")[0] for t in MEDIA_TYPES.values() if t.startswith(COMPRESSIBLE)})


def _apache() -> Iterator[str]:
    yield "# Apache 2.4: put this as .htaccess into the folder site (AllowOverride FileInfo Indexes Options)."
    yield "DirectoryIndex index.html"
    yield "Options -Indexes"
    yield "<IfModule mod_mime.c>"
    yield from (f'  AddType "{t}" {e}' for e, t in _single().items())
    yield "</IfModule>"
    for pattern, kind in _longer("^").items():  # the last rule that fits decides
        yield f'<FilesMatch "{pattern}">'
        yield f'  ForceType "{kind}"'
        yield "</FilesMatch>"
    yield "<IfModule mod_headers.c>"
    yield "  # What is sent compressed has another tag: without this line a reader who has it gets it again."
    yield "  RequestHeader edit If-None-Match '-gzip\"' '\"'"
    yield from (f'  Header always set {n} "{v}"' for n, v in _headers().items())
    yield "</IfModule>"
    yield "<IfModule mod_deflate.c>"
    yield from (f"  AddOutputFilterByType DEFLATE {t}" for t in _compressed())
    yield "</IfModule>"
    yield "FileETag MTime Size"


def _nginx() -> Iterator[str]:
    yield "# nginx: include this inside a server block; set root to the folder site."
    yield "index index.html;"
    yield "autoindex off;"
    yield "etag on;"
    yield "gzip on;"
    yield "gzip_vary on;"
    single = {t.partition(";")[0] for t in _single().values()} - {"text/html"}  # which it always compresses
    yield f"gzip_types {' '.join(t for t in _compressed() if t in single)};"
    yield "types {"
    yield from (f"  {t.partition(';')[0]} {e[1:]};" for e, t in _single().items())
    yield "}"
    yield "charset utf-8;"
    yield "charset_types text/html text/css text/csv text/javascript text/plain text/turtle;"
    yield from (f'add_header {n} "{v}" always;' for n, v in _headers().items())
    for pattern, kind in reversed(_longer("/").items()):  # the first rule that fits decides
        rule = f'types {{ }} default_type "{kind}"; gzip_types *;'  # whose list takes no parameters
        yield f'location ~ "{pattern}" {{ {rule} }}'


def _iis() -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<!-- IIS 10: put this as web.config into the folder site. -->"
    yield "<configuration>"
    yield "  <system.webServer>"
    yield '    <directoryBrowse enabled="false" />'
    yield '    <defaultDocument><files><clear /><add value="index.html" /></files></defaultDocument>'
    yield "    <staticContent>"
    for end, kind in _single().items():
        yield f'      <remove fileExtension="{end}" />'
        yield f'      <mimeMap fileExtension="{end}" mimeType={quoteattr(kind)} />'
    yield "    </staticContent>"
    yield "    <httpProtocol><customHeaders>"
    yield '      <remove name="X-Powered-By" />'
    yield from (f"      <add name={quoteattr(n)} value={quoteattr(v)} />" for n, v in _headers().items())
    yield "    </customHeaders></httpProtocol>"
    yield "  </system.webServer>"
    yield "</configuration>"
