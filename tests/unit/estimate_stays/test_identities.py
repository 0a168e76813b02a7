"""Identifiers at the door: the hash is the standard one, numbers are dense, last, and never collide."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays.identities import PersonDictionary, pseudonymise_file, pseudonymised
from caudal.estimate.stays.keyed_hash import hashed

KEY = hashlib.sha256(b"a key for the tests").digest()
TEXTS = ["CRI|P|A1", "ñandú|C|7", "x" * 31, "x" * 8, "x" * 127, "x" * 128, "COL|C|1018" * 3]


@pytest.mark.parametrize("key", [KEY, KEY * 2, KEY[:16]], ids=["32", "64", "16"])
@pytest.mark.parametrize("texts", [TEXTS, [*TEXTS, "", "y" * 129, "z" * 500]], ids=["short", "long"])
@pytest.mark.parametrize("use_compiled", [None, False])
def test_the_hash_is_the_standard_one(key: bytes, texts: list[str], use_compiled: bool | None) -> None:
    high, low = hashed(pa.array(texts), key, use_compiled=use_compiled)
    for text, h, l in zip(texts, high, low, strict=True):  # noqa: E741
        digest = hashlib.blake2b(text.encode(), key=key, digest_size=16).digest()
        assert (int(h), int(l)) == (
            int.from_bytes(digest[:8], "little"),
            int.from_bytes(digest[8:], "little"),
        )


def test_a_slice_of_a_column_hashes_like_the_column() -> None:
    column = pa.array([f"P{i}" for i in range(100)])
    whole, part = hashed(column, KEY), hashed(column.slice(40, 20), KEY)
    assert np.array_equal(whole[0][40:60], part[0])
    assert np.array_equal(whole[1][40:60], part[1])


def test_numbers_are_dense_and_last(tmp_path: Path) -> None:
    first = PersonDictionary(tmp_path)
    texts = pa.array([f"P{i}" for i in range(1000)])
    numbers = first.numbers(*hashed(texts, KEY))
    assert sorted(numbers.tolist()) == list(range(1000))
    later = PersonDictionary(tmp_path)
    more = pa.array([f"P{i}" for i in range(500, 1500)])
    again = later.numbers(*hashed(more, KEY))
    assert np.array_equal(again[:500], numbers[500:])
    assert sorted(again[500:].tolist()) == list(range(1000, 1500))
    assert np.array_equal(PersonDictionary(tmp_path).numbers(*hashed(more, KEY)), again)
    assert PersonDictionary(tmp_path).persons_n == 1500


def test_hashes_that_agree_in_half_their_bits_stay_two_persons(tmp_path: Path) -> None:
    dictionary = PersonDictionary(tmp_path)
    high = np.array([7, 7, 7, 9], np.uint64)
    low = np.array([1, 2, 3, 1], np.uint64)
    numbers = dictionary.numbers(high, low)
    assert len(set(numbers.tolist())) == 4
    reopened = PersonDictionary(tmp_path)
    assert np.array_equal(reopened.numbers(high[::-1], low[::-1]), numbers[::-1])
    assert reopened.persons_n == 4


def test_a_delivery_killed_half_way_leaves_no_half(tmp_path: Path) -> None:
    dictionary = PersonDictionary(tmp_path / "persons")
    dictionary.numbers(*hashed(pa.array(["A", "B"]), KEY))
    (tmp_path / "persons" / "persons-000000000002.part").write_bytes(b"half a file")
    assert PersonDictionary(tmp_path / "persons").persons_n == 2


def test_a_file_leaves_without_identifiers(tmp_path: Path) -> None:
    raw = pa.table({"document": ["A", None, "B", "A"], "direction_code": ["entry", "exit", "entry", "exit"]})
    pq.write_table(raw, tmp_path / "raw.parquet")
    dictionary = PersonDictionary(tmp_path / "persons")
    assert (
        pseudonymise_file(tmp_path / "raw.parquet", tmp_path / "out.parquet", "document", dictionary, KEY)
        == 4
    )
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.column_names == ["person_id", "direction_code"]
    ids = out["person_id"].to_pylist()
    assert ids[0] == ids[3] != ids[2]
    assert ids[1] is None
    assert raw.column_names == ["document", "direction_code"]


def test_numbers_that_linkage_found_to_be_one_person(tmp_path: Path) -> None:
    dictionary = PersonDictionary(tmp_path)
    dictionary.numbers(*hashed(pa.array(["A", "B", "C", "D"]), KEY))
    assert dictionary.merged({3: 2, 2: 0}).tolist() == [0, 1, 0, 0]


def test_refuses_a_short_key() -> None:
    with pytest.raises(CaudalError, match="stays-key-length"):
        hashed(pa.array(["A"]), b"short")


def test_an_empty_delivery(tmp_path: Path) -> None:
    empty = pa.table({"document": pa.array([], pa.string())})
    assert len(pseudonymised(empty, "document", PersonDictionary(tmp_path), KEY)) == 0
