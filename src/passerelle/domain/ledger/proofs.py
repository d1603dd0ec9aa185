"""Proofs that a leaf stands in a tree, and that one tree grew out of another.

Source: RFC 9162, 2.1.3 and 2.1.4; subtrees after draft-ietf-plants-merkle-tree-certs, 4.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from passerelle.domain.ledger.merkle import BLOCK, EMPTY_ROOT, HASH_BYTES, node_hash, root_of

Nodes: TypeAlias = Callable[[int, int], bytes]
"""Root over the leaves from start (0-based) to end (exclusive)."""


def split(size: int) -> int:
    """Largest power of two below the size; the size is at least 2."""
    return int(1 << ((size - 1).bit_length() - 1))


def nodes_over(blocks: Sequence[bytes], leaves: Callable[[int, int], Sequence[bytes]]) -> Nodes:
    """Roots of subtrees out of block hashes, and of leaf hashes where a block is entered.

    `leaves` gives the leaf hashes from start to end (exclusive), never more than a block.
    """

    def node(start: int, end: int) -> bytes:
        if start % BLOCK == 0 and end % BLOCK == 0:
            return root_of(blocks[start // BLOCK : end // BLOCK])
        if end - start < BLOCK:
            return root_of(leaves(start, end))
        middle = start + split(end - start)
        return node_hash(node(start, middle), node(middle, end))

    return node


def inclusion_path(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Siblings from the leaf (0-based index) to the root. Source: RFC 9162, 2.1.3.1."""
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(nodes(middle, end))
            end = middle
        else:
            path.append(nodes(start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_path(first: int, second: int, nodes: Nodes) -> tuple[bytes, ...]:
    """That the tree of `second` leaves extends the one of `first`. Source: RFC 9162, 2.1.4.1.

    Empty when the sizes are equal; `first` is at least 1.
    """
    start, end, whole, path = 0, second, True, []
    while first != end:
        middle = start + split(end - start)
        if first <= middle:
            path.append(nodes(middle, end))
            end = middle
        else:
            path.append(nodes(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(nodes(start, end))
    return tuple(reversed(path))


def includes(leaf: bytes, path: Sequence[bytes], *, index: int, size: int, root: bytes) -> bool:
    """Does the path lead from the leaf hash to the root? Source: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *path):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def extends(
    first_root: bytes, second_root: bytes, path: Sequence[bytes], *, first: int, second: int
) -> bool:
    """Did the second tree grow out of the first? Source: RFC 9162, 2.1.4.2.

    An empty first tree proves nothing and is refused.
    """
    return first > 0 and subtree_extends(
        first_root, second_root, path, start=0, end=first, size=second
    )


def subtree_includes(
    leaf: bytes, path: Sequence[bytes], *, index: int, start: int, end: int, root: bytes
) -> bool:
    """Does the leaf stand in the subtree from start to end (exclusive)?"""
    if not _is_subtree(start, end):
        return False
    return includes(leaf, path, index=index - start, size=end - start, root=root)


def subtree_extends(
    subtree: bytes, root: bytes, path: Sequence[bytes], *, start: int, end: int, size: int
) -> bool:
    """Is the subtree from start to end (exclusive) a part of the tree of `size` leaves?

    With `start` 0 this is the consistency proof of RFC 9162. The empty subtree
    is a part of every tree and needs no proof.
    """
    if 0 <= start == end <= size:
        return subtree == EMPTY_ROOT and not path
    if not _is_subtree(start, end) or end > size or not _are_hashes(*path):
        return False
    first, second, last = start, end - 1, size - 1
    while first != second and (second & 1 or second == last):
        first, second, last = first >> 1, second >> 1, last >> 1
    if first == second:
        path = (subtree, *path)
    if not path:
        return False
    return _folded((first, second, last), path) == (subtree, root)


def _folded(edge: tuple[int, int, int], path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Roots of the smaller and the larger tree; None when the path has the wrong length."""
    first, second, last = edge
    small = large = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if second & 1 or second == last:
            if first < second:
                small = node_hash(sibling, small)
            large = node_hash(sibling, large)
            while not second & 1 and second:
                first, second, last = first >> 1, second >> 1, last >> 1
        else:
            large = node_hash(large, sibling)
        first, second, last = first >> 1, second >> 1, last >> 1
    return (small, large) if last == 0 else None


def _is_subtree(start: int, end: int) -> bool:
    """A range that is a node of some tree: it starts at a multiple of its rounded-up length."""
    if not 0 <= start < end:
        return False
    return bool(start % (1 << (end - start - 1).bit_length()) == 0)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
