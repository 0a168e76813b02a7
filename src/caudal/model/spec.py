"""What every spec shares: strict reading, frozen values, texts by language.

A spec is a short text file of a country folder or of the catalogue. Its model says all that it may
contain; the JSON Schema that editors use is generated from the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """A frozen part of a spec; an unknown name in the file is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


#: A text by language tag (BCP 47), as in ``{es: Sexo, pt: Sexo, en: Sex}``.
Text = Annotated[Mapping[str, str], Field(description="a text by language tag")]

#: A name that files, columns and addresses can carry.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower case, digits and underscores")]

#: What a period looks like: 2024, 2024-Q3, 2024-S1, 2024-05 or 2024-05-31.
PERIOD = r"^\d{4}(-(Q[1-4]|S[12]|(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?))?$"
Period = Annotated[str, Field(pattern=PERIOD, coerce_numbers_to_str=True)]


def text_in(text: Mapping[str, str], language: str) -> str:
    """``text`` in ``language``, or in a language of the same family, or empty.

    >>> text_in({"es": "Sexo"}, "es-AR")
    'Sexo'
    """
    return text.get(language) or text.get(language.split("-", 1)[0]) or ""
