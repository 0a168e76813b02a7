"""Labels that say that there is no answer, in Spanish, Portuguese and English.

Producers write "No responde" beside a 999 without declaring it missing; whoever adds up the column adds up
the 999. These words are known: *refused* (no responde, não respondeu), *unknown* (no sabe, ignorado) and *not
applicable* (no aplica, no corresponde). A label that says both is refused.
"""

from __future__ import annotations

import re
from typing import Literal

from caudal.harmonise.standard import folded

NoAnswer = Literal["", "refused", "unknown", "not_applicable"]
_REFUSED = re.compile(
    r"sin respuesta|sem resposta|no (answer|response)\b|no respond|nao respond|recus|"
    r"refus|rehus|no contest|\bnr\b|ns/nr|ns/nc|nsnc"
)
_UNKNOWN = re.compile(
    r"no sabe|nao sabe|don.?t know|\bdk\b|no data\b|ignorad|sin (dato|informac|declar)|missing|"
    r"not stated|unknown|no especific|no recuerda|nao lembra|valor suprimido|sem (dado|informac|declar)"
)
_NOT_APPLICABLE = re.compile(
    r"\bn[ao]o? (se )?aplica|\bn[ao]o? corresponde|not applicable|n/a$|inaplicable|fuera de(l)? universo"
)


def no_answer(label: str) -> NoAnswer:
    """What kind of no answer a label means; empty where it means an answer.

    >>> no_answer("-66. No aplica"), no_answer("No sabe/No responde"), no_answer("No"), no_answer("Ignorado")
    ('not_applicable', 'refused', '', 'unknown')
    """
    text = re.sub(r"^\W*\d+\W+", "", folded(label))
    if _REFUSED.search(text):
        return "refused"
    if _UNKNOWN.search(text):
        return "unknown"
    return "not_applicable" if _NOT_APPLICABLE.search(text) else ""
