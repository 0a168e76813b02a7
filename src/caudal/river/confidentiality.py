"""What the public is told of the gate's work: totals and words, never a count of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from caudal.catalogue.interface import has_interface
from caudal.model.catalogue import Catalogue
from caudal.model.observation import TOTAL, dimensions_of
from caudal.model.protection import ProtectionPolicy
from caudal.model.release import Confidentiality
from caudal.model.spec import text_in
from caudal.protect.verdict import VerdictReport, gate_words
from caudal.publish.numbers import NumberStyle, number
from caudal.publish.words import words


def told(
    report: VerdictReport,
    released: pa.Table,
    policy: ProtectionPolicy,
    catalogue: Catalogue,
    languages: Sequence[str],
) -> Confidentiality:
    """The public part of a verdict report, in the ``languages`` of the country. The totals are those of all
    that is ``released``: cells that are carried over, withdrawn or derived after the gate included. A cell is
    lost to each dimension that breaks it down."""
    withheld = released.filter(pc.equal(released["verdict"], "suppressed"))
    codes = {d: withheld[f"{d}_code"].to_pylist() for d in sorted(dimensions_of(released))}
    lost = {d: sum(c != TOTAL for c in own) for d, own in codes.items()}
    judged = sum(p.suppressed_n for p in report.populations)
    facts = {
        "proved": sum(p.proved_n for p in report.populations),
        "judged": judged,
        "values": policy.values,
        "lower": policy.lower(),
    }
    untried = report.untried(partial(name_of_dimension, catalogue)) if judged else ()
    sentence = gate_words()["audit"] if judged else gate_words()["nothing_withheld"]
    return Confidentiality(
        policy={n: str(getattr(policy, n)) for n in ("count_threshold", "survey_threshold", "values")},
        cells=released.num_rows,
        published=released.num_rows - released["value"].null_count,
        suppressed=withheld.num_rows,
        suppressed_by_dimension={d: n for d, n in lost.items() if n},
        audited=facts["proved"],
        not_modelled=tuple({lang: t.get(lang) or t["en"] for lang in languages} for t in untried),
        audit={
            lang: (text_in(sentence, lang) or sentence["en"]).format(**_written(facts, lang))
            for lang in languages
        },
    )


def name_of_dimension(catalogue: Catalogue, dimension: str, language: str) -> str:
    """The name of a dimension, or of a column that the gate has words for."""
    spec = catalogue.dimensions.get(dimension)
    said = gate_words()["verdict"].get(dimension, {})
    return (spec.text.get(language) if spec else said.get(language)) or dimension


def _written(facts: Mapping[str, int], language: str) -> Mapping[str, str]:
    """Whole numbers in the marks of a language."""
    style = words(language).numbers if has_interface(language) else NumberStyle()
    return {name: number(n, 0, style) for name, n in facts.items()}
