"""The command line: parse, call, print. No logic lives here.

Every command says with ``--help``, in the reader's language, what it does, shows an example, and prints JSON
with ``--json``. Errors go to the standard error stream and decide the exit code (2 usage, 3 spec, 4 input,
5 gate, 6 integrity, 7 environment).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from caudal.cli.parser import parser
from caudal.cli.speaking import language_of, spoken
from caudal.errors import CaudalError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    language = language_of(words)
    given = spoken(parser(), language).parse_args(words)
    given.language = getattr(given, "language", None) or language
    try:
        return int(given.run(given) or 0)
    except CaudalError as error:
        _report(error, given)
        return error.exit_code
    except KeyboardInterrupt:
        print(_interrupted(given.language), file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0


def _report(error: CaudalError, given: argparse.Namespace) -> None:
    if given.json:
        found = [
            {"code": p.code, "where": p.where, "text": p.text(given.language), "retry": p.retry}
            for p in error.problems
        ]
        print(json.dumps({"errors": found}, ensure_ascii=False, indent=1), file=sys.stderr)
        return
    for text in dict.fromkeys(p.text(given.language) for p in error.problems):
        print(text, file=sys.stderr)
    if len(error.problems) > 1:
        count = {"es": "problemas", "pt": "problemas", "en": "problems"}[given.language]
        print(f"({len(error.problems)} {count})", file=sys.stderr)


def _interrupted(language: str) -> str:
    return {
        "es": "Interrumpido. La misma orden continúa donde quedó; la última publicación sigue intacta.",
        "pt": "Interrompido. O mesmo comando continua onde parou; a última publicação permanece intacta.",
        "en": "Interrupted. The same command goes on where it stopped; the last release is untouched.",
    }[language]
