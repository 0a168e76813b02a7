"""Identifiers are replaced at the door by keyed hashes: HMAC-SHA-256, its first 96 bits in hexadecimal.

The key never stands in SQL: the engine computes the hash over a whole column from two session variables
that hold the padded key (RFC 2104), so a pipeline can be printed. A key is named by its id and version,
and only these enter anything that is kept.

Whose key: ``demo`` is public and fixed, and refused outside simulated countries; ``env:NAME`` reads the
environment; ``file:PATH`` reads a file beside the country folder's other private files and, where it does
not exist, makes it, readable by its owner alone. A key serves joins and groups; nothing that is published
depends on it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from caudal.engine.files import write_bytes
from caudal.errors import CaudalError, problem
from caudal.model.country import CountrySpec

_BLOCK = 64
_DIGITS = 24
_INNER, _OUTER = "identifier_key_inner", "identifier_key_outer"
_DEMO = b"the public key of simulated countries"


@dataclass(frozen=True)
class IdentifierKey:
    """A key with the name under which it is known. ``secret`` is never shown, stored or compared."""

    id: str
    version: str
    secret: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Changes when the key changes; tells nothing about it."""
        text = f"caudal identifier key {self.id} {self.version} ".encode()
        return hashlib.sha256(text + hashlib.sha256(self.secret).digest()).hexdigest()[:16]


def identifier_key(
    country: CountrySpec, folder: Path, environment: Mapping[str, str] | None = None
) -> IdentifierKey | None:
    """The key that ``caudal.yaml`` names; None where it names none.

    Raises :class:`CaudalError` for the demo key outside a simulated country, an unset variable, or a key
    shorter than 16 bytes.
    """
    if not country.key:
        return None
    kind, _, rest = country.key.partition(":")
    if kind == "demo":
        if not country.simulated:
            raise CaudalError(problem("demo-key-refused", where="caudal.yaml", territory=country.territory))
        secret = _DEMO
    elif kind == "env" and rest:
        value = (os.environ if environment is None else environment).get(rest, "")
        if not value:
            raise CaudalError(problem("key-unset", where="caudal.yaml", variable=rest))
        secret = value.encode()
    elif kind == "file" and rest:
        secret = _key_file(folder / rest)
    else:
        raise CaudalError(problem("key-unknown", where="caudal.yaml", found=country.key))
    if len(secret) < 16:
        raise CaudalError(problem("key-short", where="caudal.yaml", found=len(secret)))
    return IdentifierKey(country.key, country.key_version, secret)


def _key_file(path: Path) -> bytes:
    if not path.is_file():
        write_bytes(path, secrets.token_hex(32).encode())
        path.chmod(0o600)
    return path.read_bytes().strip()


def set_key(session: duckdb.DuckDBPyConnection, key: IdentifierKey) -> None:
    """Gives the session the padded key, for :func:`keyed_hash_sql`."""
    secret = key.secret if len(key.secret) <= _BLOCK else hashlib.sha256(key.secret).digest()
    padded = secret.ljust(_BLOCK, b"\0")
    for name, pad in ((_INNER, 0x36), (_OUTER, 0x5C)):
        session.execute(f"SET VARIABLE {name} = $1", [bytes(b ^ pad for b in padded)])


def keyed_hash_sql(text: str) -> str:
    """SQL: the keyed hash of the SQL text expression ``text``; null where it is null."""
    inner = f"unhex(sha256(getvariable('{_INNER}') || encode({text})))"
    return f"substr(sha256(getvariable('{_OUTER}') || {inner}), 1, {_DIGITS})"
