"""Pieces of a stream as one completion."""

from collections.abc import Sequence

from passerelle.adapters.providers.pieces import Gathering
from passerelle.core.values.chat import Completion, Piece


def gathered(pieces: Sequence[Piece]) -> Completion:
    gathering = Gathering()
    *others, last = pieces
    for piece in others:
        assert gathering.add(piece) is None, "usage comes with the last piece only"
    completion = gathering.add(last)
    assert completion is not None, "the last piece carries usage"
    return completion
