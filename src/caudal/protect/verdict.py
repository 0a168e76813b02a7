"""The verdict: what was protected, how, what was lost and by whom, what the auditor tried.

A custodian reads and signs it. It stays on the builder's side: the public side sees only the verdict of
each observation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from caudal.protect.recoding import Recoding

#: A sentence by language.
Said = Mapping[str, str]


@dataclass(frozen=True)
class Note:
    """What the custodian must know of a population: a sentence of ``catalogue/gate.yaml`` and its facts."""

    kind: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """The sentence in one language.

        >>> Note("set_aside", {"source": "survey", "reason": "Interviewed again."}).text("en")
        'earlier releases of survey are set aside by the custodian: Interviewed again.'
        """
        return str(gate_words()["notes"][self.kind][language]).format(**self.facts)


@dataclass(frozen=True)
class PopulationVerdict:
    """One base population: all tables of one source and reference period."""

    population: str
    method: str
    cells_n: int
    primary_n: int
    secondary_n: int
    least_secondary_n: int
    suppressed_n: int
    proved_n: int
    values: int
    attacker_lower: int
    alternatives_n: int
    hidden_n: int
    survey: bool
    secret: str = ""
    notes: tuple[Note, ...] = ()
    recodings: tuple[Recoding, ...] = ()

    @property
    def withheld_pct(self) -> int:
        """Cells withheld, in percent."""
        return round(100 * self.suppressed_n / max(self.cells_n, 1))


@dataclass(frozen=True)
class VerdictReport:
    """The verdict of a release. ``loss``: dimension -> code -> figures withheld and all; ``by_size`` the same
    by the units behind them; ``undeclared``: dimensions of one column without a declared relation;
    ``carried_n``: figures that stand as the last signed edition has them."""

    observations_n: int
    released_n: int
    suppressed_n: int
    public_n: int
    missing_n: int
    populations: tuple[PopulationVerdict, ...]
    loss: Mapping[str, Mapping[str, tuple[int, int]]]
    by_size: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    undeclared: tuple[tuple[str, str], ...] = ()
    carried_n: int = 0

    @property
    def certified(self) -> bool:
        """Whether every suppressed cell has its certificate; a release without it does not leave."""
        return all(p.proved_n == p.suppressed_n for p in self.populations)

    @property
    def methods(self) -> dict[str, tuple[str, str]]:
        """Method and id of the secret by base population, for the ledger of the next release."""
        return {p.population.rsplit("/", 1)[0]: (p.method, p.secret) for p in self.populations}

    def as_dict(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The report as lines of text."""
        out = [
            f"observations {self.observations_n}: released {self.released_n}, "
            f"suppressed {self.suppressed_n}, public {self.public_n}, missing {self.missing_n}"
        ]
        for p in self.populations:
            if p.method != "suppression":
                out.append(f"{p.population}: {p.method}; {p.cells_n} cells; every count is perturbed")
                continue
            out.append(
                f"{p.population}: {p.method}; {p.cells_n} cells; primary {p.primary_n}, secondary "
                f"{p.secondary_n} (no sufficient pattern has fewer than {p.least_secondary_n}); "
                f"{p.proved_n} of {p.suppressed_n} suppressed cells proved to be any of {p.values} integers "
                f"or more, by {p.alternatives_n} alternative tables, against an attacker who knows "
                f"that they are at least {p.attacker_lower}"
            )
            out += [f"  {note.text('en')}" for note in p.notes]
            words = gate_words()["recodings"]
            out += [
                f"  {words[r.kind]['en']} {words['effect']['en']}".format(**r.facts()) for r in p.recodings
            ]
        for dimension, codes in self.loss.items():
            worst = sorted(codes.items(), key=lambda c: -c[1][0] / max(c[1][1], 1))[:5]
            shown = ", ".join(f"{c} {lost}/{all_}" for c, (lost, all_) in worst if lost)
            if shown:
                out.append(f"lost by {dimension}: {shown}")
        out += [f"lost by size {size}: {lost}/{all_}" for size, (lost, all_) in self.by_size.items() if lost]
        out.append("modelled: " + "; ".join(t["en"] for t in self.modelled()))
        out.append("not modelled: " + "; ".join(t["en"] for t in self.untried()))
        return out

    def modelled(self) -> list[Said]:
        """What the auditor held against the pattern, in words by language."""
        return list(gate_words()["modelled"].values())

    def untried(self, name: Callable[[str, str], str] = lambda dimension, _: dimension) -> list[Said]:
        """What it did not, in words by language; pairs of dimensions only where there are any. ``name`` gives
        the name of a dimension in a language."""
        words = dict(gate_words()["not_modelled"])
        told = words.pop("undeclared")
        if not self.undeclared:
            return [*words.values()]
        pairs = {
            lang: "; ".join(f"{name(a, lang)} / {name(b, lang)}" for a, b in self.undeclared) for lang in told
        }
        return [*words.values(), {lang: text.format(pairs=pairs[lang]) for lang, text in told.items()}]


@cache
def gate_words() -> Mapping[str, Any]:
    """The words of the gate, by language: ``catalogue/gate.yaml``."""
    text = files("caudal.catalogue").joinpath("gate.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return words


def size_class(n: int) -> str:
    """The class of a figure by the units behind it.

    >>> [size_class(n) for n in (0, 7, 20, 5000)]
    ['0', '1-9', '20-49', '500+']
    """
    for low, high in SIZES:
        if n <= high:
            return f"{low}-{high}" if high > low else str(low)
    return f"{SIZES[-1][1] + 1}+"


#: Classes of figures by the units behind them.
SIZES = ((0, 0), (1, 9), (10, 19), (20, 49), (50, 99), (100, 499))
