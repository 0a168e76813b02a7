"""One 64-bit number a crossing, so that sorting a register is sorting numbers.

From the highest bit: person (dense id), minute, direction, and what rides along (citizenship, post ...).
Sorting the keys sorts crossings by person and instant; unpacking gives the columns back. Where the fields
do not fit in 64 bits, or the keys not in memory, the register is cut into ranges of persons, each with
its own, shorter, person field: ``partition_bits`` of the id become the number of the part.

Refuses ids that are not dense non-negative integers: hashes are replaced by a dictionary first
(:mod:`caudal.estimate.stays.identities`), because a hash cut down to these bits would collide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caudal.errors import CaudalError, problem

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

ROWS_A_CHUNK = 1 << 18
MOST_PARTITION_BITS = 12


@dataclass(frozen=True)
class Field:
    """Something that rides in the key: its name and how many values it can take."""

    name: str
    size: int

    @property
    def bits(self) -> int:
        """Bits that the field needs."""
        return max(self.size - 1, 0).bit_length()


@dataclass(frozen=True)
class KeyLayout:
    """Which bits hold what. ``persons_n``: one more than the largest id; minutes since 1970-01-01.

    >>> layout = KeyLayout.fitting(1000, 100, 5000, (Field("citizenship_code", 300),))
    >>> seven, noon, entry = np.array([7]), np.array([720]), np.array([1])
    >>> key = layout.pack(seven, noon, entry, {"citizenship_code": np.array([299])})
    >>> layout.person(key), layout.minute(key), layout.field(key, "citizenship_code")
    (array([7]), array([720]), array([299]))
    """

    person_bits: int
    first_minute: int
    minute_bits: int
    fields: tuple[Field, ...]
    partition_bits: int = 0

    @classmethod
    def fitting(
        cls,
        persons_n: int,
        first_minute: int,
        last_minute: int,
        fields: tuple[Field, ...],
        least_partition_bits: int = 0,
    ) -> KeyLayout:
        """The layout with the fewest parts in which everything fits; refuses what no cut can fit."""
        person_bits = max(persons_n - 1, 1).bit_length()
        minute_bits = max(last_minute - first_minute, 1).bit_length()
        used = person_bits + minute_bits + 1 + sum(f.bits for f in fields)
        partition_bits = min(max(used - 64, least_partition_bits), person_bits)
        if used - partition_bits > 64 or partition_bits > MOST_PARTITION_BITS:
            raise CaudalError(
                problem("stays-key-too-long", bits=used, fields=[f.name for f in fields], persons=persons_n)
            )
        return cls(person_bits - partition_bits, first_minute, minute_bits, fields, partition_bits)

    @property
    def payload_bits(self) -> int:
        """Bits below the direction."""
        return sum(f.bits for f in self.fields)

    @property
    def person_shift(self) -> int:
        """Bits below the person."""
        return self.payload_bits + 1 + self.minute_bits

    def part(self, person: Ints) -> Ints:
        """The part to which each person belongs."""
        return person >> self.person_bits

    def pack(
        self, person: Ints, minute: Ints, inside: npt.NDArray[np.integer], codes: Mapping[str, Ints]
    ) -> Keys:
        """Keys of crossings; ``codes`` holds one array a field, in any order."""
        key = (person & ((1 << self.person_bits) - 1)).astype(np.uint64)
        key <<= np.uint64(self.minute_bits)
        key |= (minute - self.first_minute).astype(np.uint64)
        key <<= np.uint64(1)
        key |= inside.astype(np.uint64)
        for field in self.fields:
            key <<= np.uint64(field.bits)
            key |= codes[field.name].astype(np.uint64)
        return key

    def person(self, keys: Keys, part: int = 0) -> Ints:
        """Dense ids of the persons."""
        low = (keys >> np.uint64(self.person_shift)).astype(np.int64)
        return low if not part else low + (part << self.person_bits)

    def minute(self, keys: Keys) -> Ints:
        """Minutes since 1970-01-01."""
        mask = np.uint64((1 << self.minute_bits) - 1)
        return ((keys >> np.uint64(self.payload_bits + 1)) & mask).astype(np.int64) + self.first_minute

    def inside(self, keys: Keys) -> npt.NDArray[np.uint8]:
        """1 for an entry, 0 for an exit."""
        return ((keys >> np.uint64(self.payload_bits)) & np.uint64(1)).astype(np.uint8)

    def field(self, keys: Keys, name: str) -> Ints:
        """Values of the field ``name``."""
        below = 0
        for field in reversed(self.fields):
            if field.name == name:
                return ((keys >> np.uint64(below)) & np.uint64((1 << field.bits) - 1)).astype(np.int64)
            below += field.bits
        raise KeyError(name)

    def chunks(self, keys: Keys, rows: int = ROWS_A_CHUNK) -> Iterator[Keys]:
        """Sorted ``keys`` in pieces of about ``rows``, never cutting a person."""
        start, shift = 0, np.uint64(self.person_shift)
        while start < len(keys):
            end = min(start + rows, len(keys))
            if end < len(keys):
                next_person = (int(keys[end - 1] >> shift) + 1) << int(shift)
                end = len(keys) if next_person >> 64 else int(np.searchsorted(keys, np.uint64(next_person)))
            yield keys[start:end]
            start = end
