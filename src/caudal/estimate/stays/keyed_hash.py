"""Keyed BLAKE2b of many short texts, 128 bits each: what stands for an identifier after the door.

One compiled pass over the bytes of a column (where numba is installed) or the standard library, with the
same result: BLAKE2b with a key, as in RFC 7693. Without the key nobody can test a guessed document number
against the hashes; 128 bits leave no collisions to be met (a register of a billion persons has one chance
in 10^20). Texts longer than one block of 128 bytes take the standard library.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.estimate.stays.compiled import compile_or_none

Words = npt.NDArray[np.uint64]
BLOCK = 128
HASH_BYTES = 16
KEY_BYTES = (16, 64)

#: The initial state of BLAKE2b: the fractional parts of the square roots of the first eight primes.
_INITIAL = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
#: The order in which a round takes the words of a block (RFC 7693, section 2.7); rounds 10, 11 repeat 0, 1.
_SCHEDULE = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.int64,
)


def hashed(texts: pa.Array, key: bytes, *, use_compiled: bool | None = None) -> tuple[Words, Words]:
    """First and second 64 bits of the keyed hash of each text (a null hashes as the empty text).

    Raises :class:`~caudal.errors.CaudalError` for a key that is not of 16 to 64 bytes.

    >>> first, second = hashed(pa.array(["CRI|P|A12"]), b"0123456789abcdef")
    >>> expected = blake2b(b"CRI|P|A12", key=b"0123456789abcdef", digest_size=16).digest()
    >>> int(first[0]).to_bytes(8, "little") + int(second[0]).to_bytes(8, "little") == expected
    True
    """
    if not KEY_BYTES[0] <= len(key) <= KEY_BYTES[1]:
        raise CaudalError(problem("stays-key-length", found=len(key), least=KEY_BYTES[0], most=KEY_BYTES[1]))
    column = texts.cast(pa.large_binary())
    if _many_hashes is None or use_compiled is False or not len(column):
        return _by_library(column, key)
    offsets, data = _buffers(column)
    if int(np.diff(offsets).max(initial=0)) > BLOCK or int(np.diff(offsets).min(initial=1)) == 0:
        return _by_library(column, key)
    found: tuple[Words, Words] = _many_hashes(offsets, data, _state_after_key(key), _INITIAL, _SCHEDULE)
    return found


def _by_library(column: pa.Array, key: bytes) -> tuple[Words, Words]:
    texts = column.to_pylist()
    digests = b"".join(blake2b(t or b"", key=key, digest_size=HASH_BYTES).digest() for t in texts)
    words = np.frombuffer(digests, dtype="<u8").astype(np.uint64).reshape(-1, 2)
    return words[:, 0].copy(), words[:, 1].copy()


def _buffers(column: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    _, offsets, data = column.buffers()
    cuts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    held = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    return cuts, held


def _state_after_key(key: bytes) -> Words:
    """The state after the block that holds the key, which is the same for every text."""
    state = _INITIAL.copy()
    state[0] ^= np.uint64(0x01010000 ^ (len(key) << 8) ^ HASH_BYTES)
    block = np.frombuffer(key.ljust(BLOCK, b"\0"), "<u8").astype(np.uint64)
    _compressed(state, block, np.uint64(BLOCK), False, np.empty(16, np.uint64), _INITIAL, _SCHEDULE)
    return state


def _mix(v: Any, a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> None:
    v[a] = v[a] + v[b] + x
    t = v[d] ^ v[a]
    v[d] = (t >> np.uint64(32)) | (t << np.uint64(32))
    v[c] = v[c] + v[d]
    t = v[b] ^ v[c]
    v[b] = (t >> np.uint64(24)) | (t << np.uint64(40))
    v[a] = v[a] + v[b] + y
    t = v[d] ^ v[a]
    v[d] = (t >> np.uint64(16)) | (t << np.uint64(48))
    v[c] = v[c] + v[d]
    t = v[b] ^ v[c]
    v[b] = (t >> np.uint64(63)) | (t << np.uint64(1))


def _compress(state: Any, block: Any, length: Any, is_last: Any, v: Any, initial: Any, schedule: Any) -> None:
    """One block (16 words) into ``state``; ``length``: bytes until its end; ``v``: room for 16 words."""
    for i in range(8):
        v[i], v[i + 8] = state[i], initial[i]
    v[12] ^= length
    if is_last:
        v[14] = ~v[14]
    for r in range(12):
        s = schedule[r % 10]
        for k in range(4):
            _mixed(v, k, k + 4, k + 8, k + 12, block[s[2 * k]], block[s[2 * k + 1]])
        for k in range(4):
            _mixed(
                v,
                k,
                4 + (k + 1) % 4,
                8 + (k + 2) % 4,
                12 + (k + 3) % 4,
                block[s[8 + 2 * k]],
                block[s[9 + 2 * k]],
            )
    for i in range(8):
        state[i] ^= v[i] ^ v[i + 8]


def _hash_many(offsets: Any, data: Any, keyed: Any, initial: Any, schedule: Any) -> Any:
    n = len(offsets) - 1
    first, second = np.empty(n, np.uint64), np.empty(n, np.uint64)
    block, v, state = np.empty(16, np.uint64), np.empty(16, np.uint64), np.empty(8, np.uint64)
    for i in range(n):
        block[:] = 0
        length = offsets[i + 1] - offsets[i]
        for j in range(length):
            block[j >> 3] |= np.uint64(data[offsets[i] + j]) << np.uint64(8 * (j & 7))
        state[:] = keyed
        _compressed(state, block, np.uint64(128 + length), True, v, initial, schedule)
        first[i], second[i] = state[0], state[1]
    return first, second


_mixed: Any = compile_or_none(_mix)
_compressed: Any = compile_or_none(_compress)
_many_hashes: Any = compile_or_none(_hash_many)
