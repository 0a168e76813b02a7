"""What can be said on the command line, and the help that teaches it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import caudal
from caudal.cli import commands
from caudal.cli.crossings import add_register, add_stays
from caudal.cli.estimation import add_estimate
from caudal.cli.speaking import SpeakingParser

Command = Callable[[argparse.Namespace], int]

_TOP = """\
Caudal turns the files that a country already has into protected, documented migration indicators.

  caudal simulate pais        make the raw files of the fictional country
  caudal source draft FILE    propose the source file of a raw file
  caudal check pais           read every spec and report every mistake at once
  caudal build pais           from raw bytes to a draft release with its pages
  caudal stays FILE           who came to stay, in any table of border crossings
  caudal diff A B             what changed between two releases, cell by cell
  caudal serve pais           look at its pages in a browser
  caudal sign pais            put a name to the release: the draft becomes public
  caudal trace ADDRESS        walk a published cell back to its bytes
  caudal estimate FILE        estimate from a survey file, without a country folder
"""


def parser() -> SpeakingParser:
    """The parser of all commands."""
    common = SpeakingParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON, for machines")
    common.add_argument(
        "--language", choices=("es", "pt", "en"), help="language of messages (default: of the machine)"
    )
    top = SpeakingParser(
        prog="caudal", description=_TOP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"caudal {caudal.__version__}")
    top.add_argument(
        "--language",
        choices=("es", "pt", "en"),
        default=argparse.SUPPRESS,
        help="language of messages (default: of the machine)",
    )
    subs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Command, summary: str, example: str) -> argparse.ArgumentParser:
        sub = subs.add_parser(
            name,
            parents=[common],
            help=summary,
            description=summary,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        return sub

    _add_making(add)
    _add_drafting(subs, common)
    add_stays(add)
    _add_releasing(add)
    _add_asking(add)
    add_estimate(add)
    _add_holding(add)
    return top


Add = Callable[[str, Command, str, str], argparse.ArgumentParser]


def _add_making(add: Add) -> None:
    sub = add(
        "simulate",
        commands.simulate,
        "Make the raw files of the fictional country Istmo, or a border register, with their truth.",
        "caudal simulate examples/istmo --persons 60000 --seed 1\n"
        "  caudal simulate crossings /tmp/register --events 1000000 --lost 0.01 --late 0.02 "
        "--closure 2020-03-16 2020-10-12",
    )
    sub.add_argument("folder", type=Path, help="country folder; the files go to its data/. Or: crossings")
    sub.add_argument("into", type=Path, nargs="?", help="of crossings: the folder of the register")
    sub.add_argument("--persons", type=int, default=60_000, help="size of the population (10000 to 10000000)")
    sub.add_argument("--seed", type=int, default=1, help="same seed, same bytes")
    add_register(sub)

    sub = add(
        "check",
        commands.check,
        "Read every spec of a country folder, open its files, and report every mistake at once.",
        "caudal check examples/argentina",
    )
    sub.add_argument("folder", type=Path)
    sub.add_argument("--specs", action="store_true", help="read the specs alone, open no file")

    sub = add(
        "build",
        commands.build,
        "Build a country folder: from raw bytes to a draft release with pages. Only what changed runs again.",
        "caudal build examples/istmo --threads 2 --memory 3GB",
    )
    sub.add_argument("folder", type=Path)
    sub.add_argument("--threads", type=int, default=0, help="threads of the engine (default: all cores)")
    sub.add_argument("--memory", default="", help="memory of the engine before it spills to disk, as in 3GB")
    sub.add_argument("--fresh", action="store_true", help="forget what earlier builds computed")
    sub.add_argument(
        "--sweep", action="store_true", help="afterwards remove results that this build did not use"
    )
    sub.add_argument("--quiet", action="store_true", help="no progress, only where the release lies")


def _add_drafting(subs: Any, common: SpeakingParser) -> None:
    summary = "Propose the source file of a raw file, each guess with its reason, for a person to confirm."
    parts = subs.add_parser("source", help=summary, description=summary).add_subparsers(
        dest="part", required=True, metavar="COMMAND"
    )
    sub = parts.add_parser(
        "draft",
        parents=[common],
        help=summary,
        description=summary,
        epilog="example:\n  caudal source draft data/welfare.dta --period 2022 --output sources/welfare.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.set_defaults(run=commands.source_draft)
    sub.add_argument("file", type=Path, help="the raw file: any format but a database")
    sub.add_argument("--dictionary", type=Path, help="CSPro, DDI or table of variables (default: beside it)")
    sub.add_argument("--period", default="2024", help="the period that the file is about, as in 2024-Q3")
    sub.add_argument("--name", default="", help="name of the source (default: from the file)")
    sub.add_argument("--data", type=Path, help="folder of the file, relative to the country folder")
    sub.add_argument("--output", type=Path, help="write it there (default: print it); never over a file")


def _add_releasing(add: Add) -> None:
    sub = add(
        "sign",
        commands.sign,
        "Sign the current release as its custodian: the draft becomes a release. Or make a key.",
        'caudal sign examples/istmo --key custodian.pem --name "Ana Ruiz" --role "Director of Statistics"',
    )
    sub.add_argument("folder", type=Path)
    sub.add_argument("--new-key", type=Path, metavar="FILE", help="make a private key and stop")
    sub.add_argument("--key", type=Path, metavar="FILE", help="the custodian's private key")
    sub.add_argument("--name", help="the custodian's name, as readers will see it")
    sub.add_argument("--role", default="", help="the custodian's office")
    sub.add_argument("--date", default="", help="date of signing (default: today)")

    sub = add(
        "verify",
        commands.verify,
        "Prove that a release was not altered: files against manifest, manifest against signature.",
        "caudal verify examples/istmo",
    )
    sub.add_argument("release", type=Path, help="release folder, or country folder for its current release")

    sub = add(
        "serve",
        commands.serve,
        "Serve a release as it lies there, to this machine only unless --host says otherwise.",
        "caudal serve examples/istmo --port 8000",
    )
    sub.add_argument("release", type=Path, help="release folder, or country folder for its current release")
    sub.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine only)")
    sub.add_argument("--port", type=int, default=8000, help="port (default 8000; 0 for any that is free)")
    sub.add_argument("--quiet", action="store_true", help="do not tell each request")

    sub = add(
        "diff",
        commands.diff,
        "Show what changed between two releases, cell by cell. A country folder: last signed and current.",
        "caudal diff examples/istmo/releases/2024-1a2b3c4d examples/istmo/releases/2024-5e6f7a8b",
    )
    sub.add_argument("before", type=Path, help="release folder, or country folder")
    sub.add_argument("after", type=Path, nargs="?", help="release folder")
    sub.add_argument("--most", type=int, default=40, help="cells to show (default 40; all with --json)")


def _add_asking(add: Add) -> None:
    sub = add(
        "trace",
        commands.trace,
        "Walk a published cell back, room by room, to its bytes. For the builder's side: it tells counts.",
        "caudal trace unemployment_rate/AR/2019-Q3/sex=F/eph@2026-11 --in examples/argentina --recompute",
    )
    sub.add_argument("address", help="address of a cell, as on its page")
    sub.add_argument(
        "--in", dest="folder", type=Path, default=Path(), help="country folder (default: this one)"
    )
    sub.add_argument(
        "--recompute", action="store_true", help="compute the cell again from raw bytes, in a fresh process"
    )

    sub.add_argument(
        "--sql", action="store_true", help="also print the SQL of each room, as an auditor reads it"
    )

    sub = add(
        "reconcile",
        commands.reconcile,
        "Take a figure that somebody else published and show by which steps it and ours differ.",
        "caudal reconcile employment_rate/AR/2019-Q3/all/eph@2026-11 42.6 --in examples/argentina",
    )
    sub.add_argument("address", help="address of our cell")
    sub.add_argument("value", type=float, help="the other figure, in the unit of the indicator")
    sub.add_argument("--decimals", type=int, default=1, help="decimals with which it was published")
    sub.add_argument("--steps", type=int, default=2, help="how many changes to combine at the most")
    sub.add_argument(
        "--in", dest="folder", type=Path, default=Path(), help="country folder (default: this one)"
    )

    sub = add(
        "names",
        commands.names,
        "List the names that a spec may use: kinds and their columns, codes, dimensions, axes, indicators.",
        "caudal names person\n  caudal names CL_PERMIT --in examples/argentina --language es",
    )
    sub.add_argument("of", nargs="?", default="", help="a kind, a code list, a dimension or an axis")
    sub.add_argument("--in", dest="folder", type=Path, help="country folder whose own names count too")


def _add_holding(add: Add) -> None:
    sub = add(
        "official",
        commands.official,
        "Hold a sample against its producer's own counts: the z-value of every category.",
        "caudal official examples/chile census_2024 --all",
    )
    sub.add_argument("folder", type=Path)
    sub.add_argument("source", nargs="?", default="", help="one source (default: all that have such counts)")
    sub.add_argument("--all", action="store_true", help="every category, not only those that do not agree")

    sub = add(
        "labels",
        commands.labels,
        "Write the sheet of a new language: every text that it lacks, as rows for a translator.",
        "caudal labels examples/istmo fr --draft",
    )
    sub.add_argument("folder", type=Path)
    sub.add_argument("tag", help="language tag, as in fr or es-AR")
    sub.add_argument(
        "--draft", action="store_true", help="fill in the texts of another language, marked as drafts"
    )

    sub = add(
        "forget",
        commands.forget,
        "Remove a delivery, or one person, from raw files, cache and builder's tables; mark the releases.",
        "caudal forget examples/istmo survey/2023-Q4",
    )
    sub.add_argument("folder", type=Path)
    sub.add_argument("delivery", nargs="?", default="", help="SOURCE/PERIOD; with --person, SOURCE")
    sub.add_argument(
        "--person", nargs="+", metavar="VALUE", help="raw values of the columns of the source's key, in order"
    )
    sub.add_argument("--date", default="", help="date that is written down (default: today)")
    sub.add_argument(
        "--outside", action="store_true", help="also files outside the country folder, which others may use"
    )

    sub = add(
        "schemas",
        commands.schemas,
        "Write the JSON Schema of every spec, for editors that complete and check them.",
        "caudal schemas docs/schemas",
    )
    sub.add_argument("folder", type=Path)
