"""The ledger's key: made once, kept private, never replaced unseen."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from passerelle.adapters.kms.signing import (
    KEY_FILE,
    PUBLIC_FILE,
    PublicKey,
    SigningKey,
    SigningKeyUnusable,
    open_public_key,
    open_signing_key,
)


def test_key_is_made_once_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    first = open_signing_key(tmp_path)
    second = open_signing_key(tmp_path)
    assert (first.name, first.public_key) == (second.name, second.public_key)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == [KEY_FILE, PUBLIC_FILE]


def test_what_the_key_signs_the_public_key_verifies(tmp_path: Path) -> None:
    signature = open_signing_key(tmp_path).sign(b"message")
    public = open_public_key(tmp_path)
    assert public.verifies(signature, b"message")
    assert not public.verifies(signature, b"massage")
    assert not public.verifies(signature[:-1], b"message")
    assert not public.verifies(b"", b"message")


def test_two_ledgers_have_two_names() -> None:
    assert SigningKey.generate().name != SigningKey.generate().name


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: open_signing_key(tmp_path), range(8)))
    assert len({key.public_key for key in keys}) == 1


def test_signature_is_that_of_the_standard() -> None:
    # Source: RFC 8032, 7.1, test 2.
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = SigningKey("passerelle/test", seed)
    assert key.public_key.hex() == (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    )
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    open_signing_key(tmp_path)
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(SigningKeyUnusable, match="missing"):
        open_signing_key(tmp_path)


def test_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_signing_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(SigningKeyUnusable, match="chmod 600"):
        open_signing_key(tmp_path)


def test_key_of_another_ledger_is_refused(tmp_path: Path) -> None:
    open_signing_key(tmp_path)
    (tmp_path / KEY_FILE).write_text(SigningKey.generate().secret_text)
    with pytest.raises(SigningKeyUnusable, match="belong together"):
        open_signing_key(tmp_path)


@pytest.mark.parametrize("text", ["", "x", "PRIVATE+KEY+a+b", "PRIVATE+KEY+a+00000000+AQAA", "é"])
def test_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    open_signing_key(tmp_path)
    (tmp_path / KEY_FILE).write_text(text)
    with pytest.raises(SigningKeyUnusable, match="damaged"):
        open_signing_key(tmp_path)


def test_missing_or_damaged_public_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyUnusable, match="missing"):
        open_public_key(tmp_path)
    (tmp_path / PUBLIC_FILE).write_text("a+b+c")
    with pytest.raises(SigningKeyUnusable, match="damaged"):
        open_public_key(tmp_path)


def test_key_whose_id_does_not_fit_is_refused() -> None:
    key = SigningKey.generate()
    name, _, encoded = key.text.split("+", 2)
    with pytest.raises(ValueError, match="id"):
        PublicKey.parse(f"{name}+00000000+{encoded}")
