"""SDMX-CSV 2.0: one row a cell, columns in the order of the data structure.

Comma, ``.`` as decimal mark, UTF-8. A withheld or missing value is an empty field. Codes are identifiers, so
that no field but an uncoded text can begin as a formula does; such a text is led by an apostrophe.

Reference: SDMX-CSV 2.0 field guide.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from caudal.publish.exchange.shape import Dataflow, Exchange, Observation, Series, number_text
from caudal.publish.files import guarded


def data_csv(exchange: Exchange, flow: Dataflow, series: Iterable[Series]) -> bytes:
    """Series of a dataflow."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    ids = [c.id for c in flow.components]
    writer.writerow(["STRUCTURE", "STRUCTURE_ID", "ACTION", *ids])
    name = f"{exchange.agency}:{flow.id}({exchange.version})"
    writer.writerows(["dataflow", name, "I", *row] for row in _rows(flow, series))
    return stream.getvalue().encode()


def _rows(flow: Dataflow, series: Iterable[Series]) -> Iterator[list[str]]:
    attributes = [c.id for c in flow.attributes]
    for s in series:
        for o in s.observations:
            value = "" if o.value is None else number_text(o.value)
            yield [*s.key, o.time, value, *(_field(o, name) for name in attributes)]


def _field(observation: Observation, name: str) -> str:
    value = observation.attributes.get(name, "")
    return guarded(value) if isinstance(value, str) else number_text(value)
