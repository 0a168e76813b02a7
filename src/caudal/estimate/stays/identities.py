"""The door: identifiers become keyed hashes, hashes become small numbers that last.

The dictionary gives every hash a dense number, the next free ones to the new hashes of a delivery in the
order of their bits, so that numbers tell nothing about the order of arrival. It lives in a folder, one file
a delivery, and only grows: a person keeps the number for ever. A file counts only when it is whole (it is
renamed into place), so that a killed delivery leaves no half of one, and assigning the same delivery again
gives the same numbers.

Who the same person is under two documents is not decided here: that is linkage, which hands over a table of
numbers (:meth:`PersonDictionary.merged`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.estimate.stays import columns as c
from caudal.estimate.stays.keyed_hash import Words, hashed
from caudal.estimate.stays.keys import Ints

UNKNOWN_PERSON = -1
ROWS_A_BATCH = 1 << 21


@dataclass(frozen=True)
class _Run:
    """Hashes in order of their high bits, with their numbers."""

    high: Words
    low: Words
    number: Ints

    def find(self, high: Words, low: Words) -> Ints:
        """Numbers of hashes (sorted by their high bits), -1 where unknown."""
        found = np.full(len(high), UNKNOWN_PERSON, np.int64)
        place = np.searchsorted(self.high, high)
        open_rows = np.arange(len(high))
        while len(open_rows):
            at = place[open_rows]
            here = at < len(self.high)
            open_rows, at = open_rows[here], at[here]
            here = self.high[at] == high[open_rows]
            open_rows, at = open_rows[here], at[here]
            same = self.low[at] == low[open_rows]
            found[open_rows[same]] = self.number[at[same]]
            open_rows = open_rows[~same]
            place[open_rows] += 1
        return found


@dataclass
class PersonDictionary:
    """Numbers of persons by keyed hash, kept in ``folder``; opened as it stands on disk."""

    folder: Path
    persons_n: int = 0
    _runs: list[_Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.glob("persons-*.parquet")):
            table = pq.read_table(path)
            run = _Run(*(table[n].to_numpy() for n in ("hash_high", "hash_low", c.PERSON)))
            self._take_in(run)

    def numbers(self, high: Words, low: Words) -> Ints:
        """Numbers of hashes, new ones where a hash is new; written to disk before they are given out."""
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
        first = np.ones(len(high), np.bool_)
        first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        which = np.cumsum(first) - 1
        unique_high, unique_low = high[first], low[first]
        found = self._find(unique_high, unique_low)
        new = found == UNKNOWN_PERSON
        if new.any():
            found[new] = self.persons_n + np.arange(int(new.sum()))
            self._add(_Run(unique_high[new], unique_low[new], found[new]))
        result = np.empty(len(order), np.int64)
        result[order] = found[which]
        return result

    def _find(self, high: Words, low: Words) -> Ints:
        found = np.full(len(high), UNKNOWN_PERSON, np.int64)
        for run in self._runs:
            missing = np.flatnonzero(found == UNKNOWN_PERSON)
            found[missing] = run.find(high[missing], low[missing])
        return found

    def _add(self, run: _Run) -> None:
        path = self.folder / f"persons-{self.persons_n:012d}.parquet"
        part = path.with_suffix(".part")
        table = pa.table({"hash_high": run.high, "hash_low": run.low, c.PERSON: run.number})
        pq.write_table(table, part, compression="zstd", compression_level=1, use_dictionary=False)
        part.replace(path)
        self._take_in(run)

    def _take_in(self, run: _Run) -> None:
        """Keep runs of falling size, so that a search goes through few of them."""
        self.persons_n += len(run.number)
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-1].number) * 2 >= len(self._runs[-2].number):
            b, a = self._runs.pop(), self._runs.pop()
            high = np.concatenate([a.high, b.high])
            order = np.argsort(high, kind="stable")
            low, number = np.concatenate([a.low, b.low]), np.concatenate([a.number, b.number])
            self._runs.append(_Run(high[order], low[order], number[order]))

    def merged(self, same_person: Mapping[int, int]) -> Ints:
        """The number to use for each number, after linkage found some to be one person.

        ``same_person``: from a number to the number of the same person; chains are followed.
        """
        use = np.arange(self.persons_n)
        for number, other in same_person.items():
            use[number] = other
        while (use[use] != use).any():
            use = use[use]
        return use


def pseudonymised(table: pa.Table, identifier: str, dictionary: PersonDictionary, key: bytes) -> pa.Table:
    """The table with ``person_id`` in the place of the column ``identifier``; null identifiers stay null.

    >>> from tempfile import TemporaryDirectory
    >>> raw = pa.table({"document": ["CRI|P|1", "COL|C|2", "CRI|P|1"]})
    >>> with TemporaryDirectory() as place:
    ...     numbers = pseudonymised(raw, "document", PersonDictionary(Path(place)), b"k" * 32)["person_id"]
    >>> numbers[0] == numbers[2], numbers[0] != numbers[1]
    (True, True)
    """
    coded = table[identifier].combine_chunks()
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    numbers = dictionary.numbers(*hashed(coded.dictionary, key))
    indices = coded.indices
    missing = np.asarray(indices.is_null().to_numpy(zero_copy_only=False))
    rows = indices.fill_null(0).to_numpy(zero_copy_only=False)
    person = numbers[rows] if len(numbers) else np.zeros(len(rows), np.int64)
    place = table.column_names.index(identifier)
    return table.set_column(place, c.PERSON, pa.array(person, mask=missing))


def pseudonymise_file(
    source: Path, target: Path, identifier: str, dictionary: PersonDictionary, key: bytes
) -> int:
    """Rewrite a Parquet delivery without its identifiers; the number of rows. Whole or not at all."""
    part = target.with_name(target.name + ".part")
    rows = 0
    with pq.ParquetFile(source) as file:
        writer: pq.ParquetWriter | None = None
        for batch in file.iter_batches(ROWS_A_BATCH):
            table = pseudonymised(pa.Table.from_batches([batch]), identifier, dictionary, key)
            writer = writer or pq.ParquetWriter(part, table.schema, compression="zstd", compression_level=1)
            writer.write_table(table)
            rows += len(table)
        if writer is not None:
            writer.close()
            part.replace(target)
    return rows
