"""One archive for each indicator: data, metadata and a readme in every language.

Whoever has the archive needs nothing else: what was counted, by whom, how to cite it, how to read a missing
figure, and lines that load it in Python, in R and with curl.
"""

from __future__ import annotations

from collections.abc import Mapping

from caudal.model.indicator import IndicatorSpec
from caudal.publish.exchange.archive import archive
from caudal.publish.exchange.spreadsheets import about
from caudal.publish.voice import Voice

_WIDTH = 78


def bundle(
    voices: Mapping[str, Voice], spec: IndicatorSpec, files: Mapping[str, bytes], *, draft: bool
) -> bytes:
    """The archive of an indicator; ``files`` are those of the site that it holds, by path."""
    readmes = {f"readme.{tag}.txt": readme(v, spec, draft=draft) for tag, v in voices.items()}
    return archive({**readmes, **{_name(p): data for p, data in files.items()}})


def readme(voice: Voice, spec: IndicatorSpec, *, draft: bool) -> bytes:
    """What a reader of the archive must know, in one language."""
    lines = [voice.name(spec), "=" * min(_WIDTH, len(voice.name(spec))), ""]
    for name, words in about(voice, spec, draft=draft):
        lines += [f"{name}:", f"  {words}", ""]
    lines += [voice.words.text["data_withheld"], ""]
    for language, code in snippets(f"{spec.indicator}.csv").items():
        lines += [language, *(f"  {line}" for line in code.splitlines()), ""]
    return "\n".join(lines).encode()


def snippets(address: str) -> dict[str, str]:
    """Lines that load the CSV at ``address``.

    >>> sorted(snippets("a.csv"))
    ['Python', 'R', 'curl']
    """
    return {
        "Python": f'import pandas as pd\ndata = pd.read_csv("{address}", dtype={{"time_period": str}})',
        "R": f'data <- read.csv("{address}", fileEncoding = "UTF-8", na.strings = "")',
        "curl": f'curl --fail --remote-name "{address}"',
    }


def _name(path: str) -> str:
    """``data/x.json`` as ``x.json``."""
    return path.removeprefix("data/")
