"""Labels that say that there is no answer, in the words that producers use."""

from __future__ import annotations

import pytest

from caudal.harmonise.no_answer import no_answer


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("No responde", "refused"), ("99. No contesta", "refused"), ("NS/NR", "refused"),
        ("Sin respuesta", "refused"), ("Não respondeu", "refused"), ("Sem resposta", "refused"),
        ("Recusou", "refused"), ("No answer", "refused"), ("Refused", "refused"),
        ("No sabe", "unknown"), ("Ignorado", "unknown"), ("Sin dato", "unknown"), ("Don't know", "unknown"),
        ("DK", "unknown"), ("No data", "unknown"), ("Valor suprimido por anonimización", "unknown"),
        ("No aplica", "not_applicable"), ("-66: No corresponde", "not_applicable"),
        ("Não se aplica", "not_applicable"), ("Not applicable", "not_applicable"),
        ("No", ""), ("Sí", ""), ("No pobre", ""), ("Nunca respondió a mano", ""), ("Dakota", ""),
        ("No trabaja", ""), ("Respuesta única", ""), ("Não trabalha", ""),
    ],
)  # fmt: skip
def test_kinds(label: str, kind: str) -> None:
    assert no_answer(label) == kind
