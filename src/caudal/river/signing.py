"""Signing a release, and proving that nobody altered it.

A release is a draft, visibly so, until a named custodian signs: the signature is Ed25519 over the
canonical JSON of who signs, when, and the hash of the manifest, which in turn holds the hash of every
file. Anyone can verify it with the public key that it carries; whether that key belongs to the office is
for the office to say, on its own page.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from caudal.engine.files import canonical_json, sha256_bytes, sha256_file
from caudal.errors import CaudalError, Problem, problem
from caudal.model.release import (
    MANIFEST,
    OBSERVATIONS,
    SIGNATURE,
    STRUCTURE,
    Manifest,
    Signatory,
    Signature,
)

#: Ends the name of a signed release.
SIGNED = ".signed"


def new_key(path: Path) -> str:
    """Writes a new private key to ``path`` (which must not exist) and returns its public half."""
    if path.exists():
        raise CaudalError(problem("key-exists", where=str(path)))
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return _public(key)


def read_key(path: Path) -> Ed25519PrivateKey:
    """The private key at ``path``."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise CaudalError(problem("file-missing", where=str(path), found=path.name)) from error
    except (ValueError, TypeError) as error:
        raise CaudalError(problem("key-unreadable", where=str(path))) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise CaudalError(problem("key-unreadable", where=str(path)))
    return key


def signatory(key: Ed25519PrivateKey, *, name: str, role: str, date: str) -> Signatory:
    """Who signs with ``key``."""
    return Signatory(name=name, role=role, date=date, public_key=_public(key))


def signature_over(manifest: bytes, key: Ed25519PrivateKey, who: Signatory) -> Signature:
    """The signature of ``who`` over a manifest.

    >>> key = Ed25519PrivateKey.generate()
    >>> signed = signature_over(b"{}", key, signatory(key, name="Ana", role="", date="2026-11-22"))
    >>> check_signature(signed, b"{}"), [p.code for p in check_signature(signed, b"{ }")]
    ([], ['signature-other-manifest'])
    """
    said = {**who.model_dump(), "manifest_sha256": sha256_bytes(manifest)}
    return Signature(**said, signature=key.sign(canonical_json(said)).hex())


def check_signature(signature: Signature, manifest: bytes) -> list[Problem]:
    """What is wrong with a signature over these bytes of a manifest; empty when it holds."""
    if signature.manifest_sha256 != sha256_bytes(manifest):
        return [problem("signature-other-manifest")]
    said = signature.model_dump(exclude={"signature"})
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        public.verify(bytes.fromhex(signature.signature), canonical_json(said))
    except (InvalidSignature, ValueError):
        return [problem("signature-invalid", name=signature.name)]
    return []


def verify(release: Path) -> list[Problem]:
    """Everything that differs between a release and its manifest and signature; empty when nothing does.

    Each file must be there with its hash, no other file may be there, and the signature, if there is one,
    must hold.
    """
    manifest_path = release / MANIFEST
    if not manifest_path.is_file():
        return [problem("release-incomplete", where=str(release), found=MANIFEST)]
    data = manifest_path.read_bytes()
    try:
        manifest = Manifest.model_validate_json(data)
    except ValueError:
        return [problem("release-altered", where=str(manifest_path))]
    found = [p for output in manifest.outputs for p in _check_file(release, output.path, output.sha256)]
    declared = {o.path for o in manifest.outputs} | {MANIFEST, SIGNATURE}
    present = {f.relative_to(release).as_posix() for f in release.rglob("*") if f.is_file()}
    found += [
        problem("release-strange-file", where=str(release / name)) for name in sorted(present - declared)
    ]
    return found + _check_signature_file(release / SIGNATURE, data)


def verify_cells(release: Path) -> list[Problem]:
    """What is wrong with the parts of a release that other releases are made and judged by: its manifest, its
    signature where its name says that it has one, its observations and structure; empty when nothing is.
    Its pages are not looked at.
    """
    needed = (MANIFEST, SIGNATURE) if release.name.endswith(SIGNED) else (MANIFEST,)
    if absent := [n for n in needed if not (release / n).is_file()]:
        return [problem("release-incomplete", where=str(release), found=n) for n in absent]
    data = (release / MANIFEST).read_bytes()
    try:
        outputs = {o.path: o.sha256 for o in Manifest.model_validate_json(data).outputs}
    except ValueError:
        return [problem("release-altered", where=str(release / MANIFEST))]
    found = [p for n in (OBSERVATIONS, STRUCTURE) for p in _check_file(release, n, outputs.get(n, ""))]
    return found + _check_signature_file(release / SIGNATURE, data)


def _check_file(release: Path, name: str, expected: str) -> list[Problem]:
    path = release / name
    if not path.is_file():
        return [problem("release-incomplete", where=str(release), found=name)]
    return [] if sha256_file(path) == expected else [problem("release-altered", where=str(path))]


def _check_signature_file(path: Path, manifest: bytes) -> list[Problem]:
    if not path.is_file():
        return []
    try:
        signature = Signature.model_validate_json(path.read_bytes())
    except ValueError:
        return [problem("release-altered", where=str(path))]
    return check_signature(signature, manifest)


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
