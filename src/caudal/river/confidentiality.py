"""What the public is told of the gate's work: totals and words, never a count of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.model.observation import KEY_BEFORE_DIMENSIONS, NOT_APPLICABLE, TOTAL
from caudal.model.protection import ProtectionPolicy
from caudal.model.release import Confidentiality
from caudal.model.spec import text_in
from caudal.protect.verdict import VerdictReport, gate_words


def told(report: VerdictReport, policy: ProtectionPolicy, languages: Sequence[str]) -> Confidentiality:
    """The public part of a verdict report, in the ``languages`` of the country."""
    judged = sum(p.suppressed_n for p in report.populations)
    facts = {
        "proved": sum(p.proved_n for p in report.populations),
        "judged": judged,
        "values": policy.values,
        "lower": policy.lower(),
    }
    sentence = gate_words()["audit"] if judged else gate_words()["nothing_withheld"]
    return Confidentiality(
        policy={n: str(getattr(policy, n)) for n in ("count_threshold", "survey_threshold", "values")},
        cells=report.observations_n,
        published=report.released_n + report.public_n,
        suppressed=report.suppressed_n,
        suppressed_by_dimension={
            d: lost
            for d, codes in sorted(report.loss.items())
            if f"{d}_code" not in KEY_BEFORE_DIMENSIONS and (lost := _lost(codes))
        },
        audited=facts["proved"],
        not_modelled=tuple(
            {lang: t.get(lang) or t["en"] for lang in languages} for t in (report.untried() if judged else ())
        ),
        audit={lang: (text_in(sentence, lang) or sentence["en"]).format(**facts) for lang in languages},
    )


def _lost(codes: Mapping[str, tuple[int, int]]) -> int:
    """Cells withheld that a dimension breaks down; its total is no breakdown."""
    return sum(lost for code, (lost, _) in codes.items() if code not in (TOTAL, NOT_APPLICABLE))
