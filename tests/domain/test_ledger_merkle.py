"""The tree of RFC 9162 against known values and against itself."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.domain.ledger.merkle import (
    BLOCK,
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    root_of,
)
from passerelle.domain.ledger.proofs import (
    consistency_path,
    extends,
    includes,
    inclusion_path,
    nodes_over,
    subtree_extends,
    subtree_includes,
)

# The eight leaves and roots that Certificate Transparency's own tests have used since 2013.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


def by_definition(hashes: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    return node_hash(by_definition(hashes[:middle]), by_definition(hashes[middle:]))


def test_empty_tree_has_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]) == EMPTY_ROOT == Tree().root()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in CT_LEAVES[:size]]
    tree = Tree()
    for leaf in hashes:
        tree.append(leaf)
    assert root_of(hashes).hex() == CT_ROOTS[size - 1]
    assert tree.root().hex() == CT_ROOTS[size - 1]


@given(st.integers(0, 300))
def test_every_way_to_the_root_agrees_with_the_definition(size: int) -> None:
    hashes = leaves(size)
    tree = Tree()
    for leaf in hashes:
        assert tree.append(leaf) is None
    assert root_of(hashes) == tree.root() == by_definition(hashes)
    assert tree.size == size


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 77])
def test_tree_of_blocks_is_the_same_tree(size: int) -> None:
    hashes = leaves(size)
    tree, blocks = Tree(), []
    for leaf in hashes:
        block = tree.append(leaf)
        if block is not None:
            blocks.append(block)
    assert tree.root() == by_definition(hashes)
    assert len(blocks) == size // BLOCK
    rebuilt = Tree.of_blocks(blocks)
    for leaf in hashes[len(blocks) * BLOCK :]:
        rebuilt.append(leaf)
    assert (rebuilt.root(), rebuilt.size) == (tree.root(), size)


def test_copy_of_a_tree_grows_by_itself() -> None:
    tree = Tree()
    tree.append(leaf_hash(b"first"))
    before = tree.root()
    copy = tree.copy()
    copy.append(leaf_hash(b"second"))
    assert tree.root() == before != copy.root()


@given(st.integers(1, 200), st.data())
def test_inclusion_holds_for_the_leaf_and_for_no_other(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, lambda start, end: root_of(hashes[start:end]))
    root = root_of(hashes)
    assert includes(hashes[index], path, index=index, size=size, root=root)
    assert not includes(leaf_hash(b"x"), path, index=index, size=size, root=root)
    assert not includes(hashes[index], path, index=index, size=size, root=leaf_hash(b"x"))
    assert not includes(hashes[index], (*path, root), index=index, size=size, root=root)
    if size > 1:
        other = (index + 1) % size
        assert not includes(hashes[index], path, index=other, size=size, root=root)


@given(st.integers(1, 200), st.data())
def test_consistency_holds_between_a_tree_and_its_beginning(
    second: int, data: st.DataObject
) -> None:
    hashes = leaves(second)
    first = data.draw(st.integers(1, second))
    path = consistency_path(first, second, lambda start, end: root_of(hashes[start:end]))
    old, new = root_of(hashes[:first]), root_of(hashes)
    assert extends(old, new, path, first=first, second=second)
    forged = leaf_hash(b"x")
    assert not extends(forged, new, path, first=first, second=second)
    assert not extends(old, forged, path, first=first, second=second)


@pytest.mark.parametrize("size", [BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 77])
def test_paths_over_blocks_are_those_over_leaves(size: int) -> None:
    hashes = leaves(size)
    blocks = [root_of(hashes[start : start + BLOCK]) for start in range(0, size - BLOCK + 1, BLOCK)]
    nodes = nodes_over(blocks, lambda start, end: hashes[start:end])
    for index in (0, 1, BLOCK - 1, BLOCK, size // 2, size - 1):
        path = inclusion_path(index, size, nodes)
        assert includes(hashes[index], path, index=index, size=size, root=root_of(hashes))


def test_subtree_of_eight_leaves_is_proved_and_a_crooked_range_is_none() -> None:
    hashes = leaves(8)
    subtree, root = root_of(hashes[4:8]), root_of(hashes)
    path = [subtree, root_of(hashes[:4])]
    assert subtree_extends(subtree, root, path[1:], start=4, end=8, size=8)
    assert not subtree_extends(subtree, root, path[1:], start=3, end=7, size=8)
    inside = [hashes[5], root_of(hashes[6:8])]
    assert subtree_includes(hashes[4], inside, index=4, start=4, end=8, root=subtree)
    assert not subtree_includes(hashes[4], inside, index=4, start=3, end=7, root=subtree)


def test_proofs_of_the_public_vectors_are_all_decided_right(data_sets: Path) -> None:
    lines = (data_sets / "security" / "merkle" / "vectors.jsonl").read_text().splitlines()
    wrong = [
        row["path"]
        for row in map(json.loads, lines)
        if decided(row["path"].split("/")[1], row["vector"]) == row["vector"]["wantErr"]
    ]
    assert len(lines) == 518
    assert wrong == []


def decided(kind: str, vector: dict[str, Any]) -> bool:
    path = [base64.b64decode(sibling) for sibling in vector["proof"] or ()]
    known = {
        name: base64.b64decode(vector[name] or "")
        for name in ("root", "leafHash", "root1", "root2")
        if name in vector
    }
    number = {name: int(value) for name, value in vector.items() if isinstance(value, int)}
    if kind == "inclusion":
        place = {"index": number["leafIdx"], "size": number["treeSize"]}
        return includes(known["leafHash"], path, **place, root=known["root"])
    if kind == "subtreeinclusion":
        place = {"index": number["leafIdx"], "start": number["start"], "end": number["end"]}
        return subtree_includes(known["leafHash"], path, **place, root=known["root"])
    if kind == "consistency":
        place = {"first": number["size1"], "second": number["size2"]}
        return extends(known["root1"], known["root2"], path, **place)
    place = {"start": number["start"], "end": number["end"], "size": number["size"]}
    return subtree_extends(known["root1"], known["root2"], path, **place)
