"""Notes are exactly what the key would have written, or nothing."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from passerelle.adapters.kms.signing import PublicKey, SigningKey
from passerelle.domain.ledger.checkpoints import (
    Checkpoint,
    InvalidCheckpoint,
    key_id,
    open_note,
    signed_note,
)
from passerelle.domain.ledger.merkle import EMPTY_ROOT, leaf_hash

SIGNER = SigningKey("passerelle/test", b"seed".ljust(32, b"."))
CHECKPOINT = Checkpoint(1234, leaf_hash(b"root"))


def test_note_follows_the_published_form() -> None:
    origin, size, root, empty, signature, end = signed_note(CHECKPOINT, SIGNER).split("\n")
    assert (origin, size, empty, end) == ("passerelle/test", "1234", "", "")
    assert base64.b64decode(root) == CHECKPOINT.root
    dash, name, signed = signature.split(" ")
    assert (dash, name) == ("—", "passerelle/test")
    assert base64.b64decode(signed)[:4] == key_id(SIGNER)
    assert len(base64.b64decode(signed)) == 4 + 64


def test_key_id_is_that_of_the_published_example() -> None:
    # Source: the example key of golang.org/x/mod/sumdb/note.
    example = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = PublicKey.parse(example)
    assert key.text == example
    assert key_id(key).hex() == "c74f20a3"


@pytest.mark.parametrize(
    "checkpoint",
    [CHECKPOINT, Checkpoint(0, EMPTY_ROOT), Checkpoint(1024, leaf_hash(b"x"), milestone=True)],
)
def test_note_is_opened_by_its_key(checkpoint: Checkpoint) -> None:
    note = signed_note(checkpoint, SIGNER)
    assert open_note(note, SIGNER) == checkpoint
    assert signed_note(checkpoint, SIGNER) == note


def test_note_of_another_key_is_refused() -> None:
    other = SigningKey("passerelle/test", b"other".ljust(32, b"."))
    with pytest.raises(InvalidCheckpoint):
        open_note(signed_note(CHECKPOINT, other), SIGNER)


def test_note_of_another_ledger_under_the_same_key_is_refused() -> None:
    other = SigningKey("passerelle/else", b"seed".ljust(32, b"."))
    with pytest.raises(InvalidCheckpoint):
        open_note(signed_note(CHECKPOINT, other), SIGNER)


@given(st.data())
def test_any_changed_character_is_found(data: st.DataObject) -> None:
    note = signed_note(CHECKPOINT, SIGNER)
    place = data.draw(st.integers(0, len(note) - 1))
    character = data.draw(st.characters(codec="utf-8"))
    assume(character != note[place])
    with pytest.raises(InvalidCheckpoint):
        open_note(note[:place] + character + note[place + 1 :], SIGNER)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        open_note(text, SIGNER)


@pytest.mark.parametrize("ending", ["", "\n\n", "\nx", "\n— passerelle/test AAAA\n"])
def test_note_with_another_ending_is_refused(ending: str) -> None:
    note = signed_note(CHECKPOINT, SIGNER)
    with pytest.raises(InvalidCheckpoint):
        open_note(note.removesuffix("\n") + ending, SIGNER)
