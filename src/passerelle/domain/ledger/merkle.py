"""The Merkle tree of RFC 9162, section 2.1, kept by its right edge alone.

Source: RFC 9162 (Certificate Transparency 2.0), 2.1.1; the hashes are those of RFC 6962.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Self

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
BLOCK = 1024
"""Leaves in a block, a power of two: whole blocks are summed up once and for all."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf's bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, or over the hashes of equally large whole subtrees."""
    if not hashes:
        return EMPTY_ROOT
    level = hashes
    while len(level) > 1:
        paired = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


class Frontier:
    """Roots of the largest whole subtrees, left to right: all that growing a tree needs."""

    __slots__ = ("peaks", "size")

    def __init__(self, peaks: Sequence[bytes] = (), size: int = 0) -> None:
        self.peaks = list(peaks)
        self.size = size

    def push(self, subtree: bytes) -> None:
        """Adds a leaf, or a whole subtree as large as those before it."""
        carry = self.size
        while carry & 1:
            subtree = sha256(b"\x01" + self.peaks.pop() + subtree).digest()
            carry >>= 1
        self.peaks.append(subtree)
        self.size += 1

    def copy(self) -> "Frontier":
        return Frontier(self.peaks, self.size)


class Tree:
    """A growing tree that hands over each whole block's hash as it closes."""

    __slots__ = ("_blocks", "_rest")

    def __init__(self, blocks: Frontier | None = None, rest: Frontier | None = None) -> None:
        self._blocks = blocks or Frontier()
        self._rest = rest or Frontier()

    @classmethod
    def of_blocks(cls, blocks: Sequence[bytes]) -> Self:
        """The tree over whole blocks, from their hashes."""
        frontier = Frontier()
        for block in blocks:
            frontier.push(block)
        return cls(frontier)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._blocks.size * BLOCK + self._rest.size

    def append(self, leaf: bytes) -> bytes | None:
        """Adds a leaf hash; returns the block's hash when the leaf completes one."""
        rest = self._rest
        rest.push(leaf)
        if rest.size < BLOCK:
            return None
        block = rest.peaks[0]
        self._blocks.push(block)
        self._rest = Frontier()
        return block

    def root(self) -> bytes:
        peaks = self._blocks.peaks + self._rest.peaks
        if not peaks:
            return EMPTY_ROOT
        root = peaks[-1]
        for peak in reversed(peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def copy(self) -> "Tree":
        return Tree(self._blocks.copy(), self._rest.copy())
