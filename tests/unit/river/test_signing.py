"""A draft becomes a release by a name; nobody can alter it unseen; withdrawals and diffs are seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caudal.errors import CaudalError
from caudal.publish.release import read_release
from caudal.river.build import build
from caudal.river.diff import compare_releases
from caudal.river.log import silent
from caudal.river.publishing import sign_release, signature_of, signed_releases
from caudal.river.signing import new_key, read_key, signatory, verify
from caudal.river.state import current_release
from tests.support.small_country import replace_in, survey_rows


@pytest.fixture
def signed(country: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    return sign_release(
        country, key, signatory(key, name="Ana Ruiz", role="Directora", date="2026-11-22"), silent
    )


def test_a_draft_says_so_and_a_signed_release_names_its_custodian(country: Path) -> None:
    draft = current_release(country)
    key = Ed25519PrivateKey.generate()
    who = signatory(key, name="Ana Ruiz", role="Directora", date="2026-11-22")
    signed = sign_release(country, key, who, silent)
    before, after = ((r / "site" / "es" / "index.html").read_text("utf-8") for r in (draft, signed))
    assert "BORRADOR" in before.upper() and "Ana Ruiz" not in before
    assert "BORRADOR" not in after.upper() and "Ana Ruiz" in after
    assert (draft / "observations.parquet").read_bytes() == (signed / "observations.parquet").read_bytes()
    assert current_release(country) == signed and verify(signed) == [] and verify(draft) == []


@pytest.mark.parametrize(
    "name", ["observations.parquet", "structure.json", "site/es/index.html", "manifest.json"]
)
def test_an_altered_file_is_found(signed: Path, name: str) -> None:
    data = bytearray((signed / name).read_bytes())
    data[len(data) // 2] ^= 1
    (signed / name).write_bytes(data)
    assert verify(signed)


def test_a_file_more_and_a_file_less_are_found(signed: Path) -> None:
    (signed / "site" / "extra.html").write_text("a figure that nobody signed", "utf-8")
    (signed / "site" / "caudal.css").unlink()
    assert {p.code for p in verify(signed)} == {"release-strange-file", "release-incomplete"}


def test_another_name_on_the_signature_does_not_hold(signed: Path) -> None:
    path = signed / "signature.json"
    said = json.loads(path.read_text("utf-8")) | {"name": "Somebody Else"}
    path.write_text(json.dumps(said), "utf-8")
    assert [p.code for p in verify(signed)] == ["signature-invalid"]


def test_an_altered_draft_is_not_signed(country: Path) -> None:
    draft = current_release(country)
    (draft / "structure.json").write_text("{}", "utf-8")
    key = Ed25519PrivateKey.generate()
    with pytest.raises(CaudalError):
        sign_release(country, key, signatory(key, name="Ana", role="", date="2026-11-22"), silent)
    assert current_release(country) == draft


def test_keys_are_made_once_and_read_back(tmp_path: Path) -> None:
    public = new_key(tmp_path / "key.pem")
    assert signatory(read_key(tmp_path / "key.pem"), name="A", role="", date="").public_key == public
    with pytest.raises(CaudalError) as caught:
        new_key(tmp_path / "key.pem")
    assert caught.value.problems[0].code == "key-exists"
    (tmp_path / "other").write_text("not a key", "utf-8")
    with pytest.raises(CaudalError):
        read_key(tmp_path / "other")


def test_the_next_edition_points_at_the_signed_one_and_diff_shows_the_revision(
    country: Path, signed: Path
) -> None:
    (country / "data" / "survey_2024Q1.csv").write_text(survey_rows(shift=2), "utf-8")
    replace_in(country / "publication.yaml", "vintage: 2024-05", "vintage: 2024-06")
    revised = build(country).release
    assert signed_releases(country / "releases") == [signed]
    manifest = json.loads((revised / "manifest.json").read_text("utf-8"))
    assert manifest["previous"]
    changes = compare_releases(signed, revised)
    assert changes.counts["revised"] > 0 and "gone" not in changes.counts
    assert all(
        c.before != c.after for c in changes.cells if c.change == "revised" and c.address.startswith("pop")
    )
    assert signature_of(revised) is None
    assert compare_releases(signed, signed).cells == ()
    told = read_release(revised).structure.changes
    assert told is not None and told.since == "2024-05" and sum(c.revised for c in told.indicators) > 0
    assert read_release(signed).structure.changes is None
    home = (revised / "site" / "en" / "index.html").read_text("utf-8")
    assert "Since the edition of May 2024:" in home and "revised" in home
