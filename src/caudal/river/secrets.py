"""The secret of noise and of ties: read from where ``protection.yaml`` says, never from the file itself.

``env:NAME`` reads the environment; ``file:PATH`` reads a file of the country folder; ``demo`` is public and
serves simulated countries alone. It refuses a secret that is missing, short, or serves the identifiers too:
who holds one must not hold the other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from caudal.errors import CaudalError, problem
from caudal.model.country import CountrySpec
from caudal.model.protection import ProtectionPolicy
from caudal.protect.methods import registered

#: Bytes below which a secret can be guessed.
SHORTEST = 16
DEMO = b"the public noise of simulated countries"


def protection_secret(
    country: CountrySpec, policy: ProtectionPolicy, folder: Path, environment: Mapping[str, str] = os.environ
) -> bytes:
    """The secret that ``policy`` names; empty where no method of it needs one."""
    known = registered()
    named = {policy.method, *(f.method for f in policy.families)}
    needing = sorted(n for n in named if known[n].needs_secret)
    if not needing:
        return b""
    kind, _, rest = policy.secret.partition(":")
    if policy.secret and policy.secret == country.key and kind != "demo":
        raise CaudalError(problem("protect-secret-shared", where="protection.yaml", found=policy.secret))
    secret = b""
    if kind == "env":
        secret = environment.get(rest, "").encode()
    elif kind == "file" and (folder / rest).is_file():
        secret = (folder / rest).read_bytes().strip()
    elif kind == "demo" and country.simulated:
        secret = DEMO
    if not secret:
        raise CaudalError(
            problem(
                "protect-no-secret", where="protection.yaml", method=", ".join(needing), found=policy.secret
            )
        )
    if len(secret) < SHORTEST:
        raise CaudalError(
            problem("protect-secret-short", where="protection.yaml", found=len(secret), least=SHORTEST)
        )
    return secret


def secret_mark(secret: bytes) -> str:
    """Changes when the secret does, and tells nothing of it; empty where there is none."""
    return (
        hashlib.sha256(b"caudal noise " + hashlib.sha256(secret).digest()).hexdigest()[:12] if secret else ""
    )
