"""Numbers and times as a reader writes them: the marks of the locale, digits that follow the error.

A figure is rounded so that its standard error keeps two significant digits and never shows more decimals
than its indicator declares: 1,287,345 persons with a standard error of 41,230 read 1,287,000. Rounding is
half up, on the shortest decimal form of the double, as the printed tables of offices do it. Files for
machines keep the full value with a point.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

#: Significant digits that a standard error keeps.
DIGITS_OF_ERROR = 2

_FACT = re.compile(r"\{(\w+)\}")


def fill(template: str, facts: Mapping[str, object]) -> str:
    """``template`` with each {fact} in its place; one that is not known leaves nothing. Nothing but plain
    names is looked up, so that a text cannot reach into what it is given.

    >>> fill("{area}: {value.real}", {"area": "Istmo", "value": 1})
    'Istmo: {value.real}'
    """
    return _FACT.sub(lambda found: str(facts.get(found[1], "")), template)


@dataclass(frozen=True)
class NumberStyle:
    """Marks of a locale: the decimal mark, the mark between thousands and the sign of negative numbers."""

    decimal: str = "."
    group: str = ","
    minus: str = "\N{MINUS SIGN}"


def decimals_for(error: float | None, most: int) -> int:
    """Decimals with which a figure is shown: negative ones round to tens, hundreds ...

    ``error`` is its standard error; without one, ``most`` decimals are shown.

    >>> decimals_for(0.35, 1), decimals_for(41230.0, 0), decimals_for(None, 1)
    (1, -3, 1)
    """
    if not error or not math.isfinite(error):
        return most
    return min(most, DIGITS_OF_ERROR - 1 - math.floor(math.log10(abs(error))))


def rounded(value: float, decimals: int) -> Decimal:
    """``value`` to ``decimals`` places, half up.

    >>> rounded(9.65, 1), rounded(1287345.0, -3)
    (Decimal('9.7'), Decimal('1287000'))
    """
    step = Decimal(1).scaleb(-decimals)
    result = (Decimal(repr(value)) / step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * step
    return result.quantize(Decimal(1).scaleb(-max(decimals, 0)))


def number(value: float, decimals: int, style: NumberStyle) -> str:
    """``value`` with ``decimals`` places in the marks of ``style``.

    >>> number(-1234567.891, 1, NumberStyle(",", "."))
    '−1.234.567,9'
    """
    exact = rounded(value, decimals)
    text = f"{abs(exact):,.{max(decimals, 0)}f}"
    marks = {",": style.group, ".": style.decimal}
    sign = style.minus if exact < 0 else ""
    return sign + "".join(marks.get(c, c) for c in text)


@dataclass(frozen=True)
class TimeStyle:
    """Patterns with {year}, {n}, {name} and {day}, and the names of quarters, halves and months."""

    patterns: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]


def moment(code: str) -> float:
    """The beginning of a period in years, so that periods keep their distance; 0 for another shape.

    >>> moment("2019-Q3"), moment("2022"), moment("2022-07")
    (2019.5, 2022.0, 2022.5)
    """
    found = re.fullmatch(r"(\d{4})(?:-(?:([QS])(\d)|(\d\d)(?:-(\d\d))?))?", code)
    if not found:
        return 0.0
    year, kind, part, month, day = found.groups()
    if kind:
        return int(year) + (int(part) - 1) / (4 if kind == "Q" else 2)
    return int(year) + (int(month or 1) - 1) / 12 + (int(day or 1) - 1) / 366


def period(code: str, style: TimeStyle, prefix: str = "") -> str:
    """A period of SDMX in words; a code of another shape stays as it is. ``prefix`` chooses other patterns.

    >>> style = TimeStyle({"quarter": "{name} quarter of {year}"}, {"quarter": ("1st", "2nd", "3rd", "4th")})
    >>> period("2019-Q3", style), period("2022", style)
    ('3rd quarter of 2019', '2022')
    """
    year, _, rest = code.partition("-")
    month, _, day = rest.partition("-")
    kind = {"Q": "quarter", "S": "half"}.get(rest[:1], "day" if day else "month")
    digits = rest[1:] if kind in ("quarter", "half") else month
    if not rest or prefix + kind not in style.patterns or not digits.isdigit():
        return code
    names = style.names.get("month" if kind == "day" else kind, ())
    if not 0 < int(digits) <= len(names):
        return code
    name = names[int(digits) - 1]
    return fill(
        style.patterns[prefix + kind],
        {"year": year, "name": name, "n": int(digits), "day": day.lstrip("0")},
    )
