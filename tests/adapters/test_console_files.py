"""The built console as a browser gets it."""

import gzip
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from passerelle.adapters.console.files import Console

SCRIPT = b"export const answer = 42;\n" * 100


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


async def get(app: Console, path: str, *, method: str = "GET", **headers: str) -> Got:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asked = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": asked}
    await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Got(sent[0]["status"], told, sent[1]["body"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>Passerelle</title>")
    (root / "assets" / "index-BE0i9T39.js").write_bytes(SCRIPT)
    (root / "favicon.svg").write_text("<svg/>")
    (root / ".built").write_text("")
    (tmp_path / "secret.txt").write_text("not yours")
    return root


@pytest.fixture
def console(folder: Path) -> Console:
    return Console(folder)


@pytest.mark.parametrize("path", ["/", "/exchanges", "/exchanges/exc_01abc", "/usecases/a.b"])
async def test_every_page_is_the_start_page(console: Console, path: str) -> None:
    got = await get(console, path)
    assert got.status == 200
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<title>Passerelle" in got.body


@pytest.mark.parametrize("path", ["/assets/index-gone.js", "/assets/anything", "/theme.js"])
async def test_missing_file_does_not_become_a_page(console: Console, path: str) -> None:
    assert (await get(console, path)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        "/.built",
        "/\x00",
        "/assets\\..\\..\\secret.txt",
    ],
)
async def test_no_path_leads_out_of_the_folder(console: Console, path: str) -> None:
    got = await get(console, path)
    assert b"not yours" not in got.body
    assert got.status == 404 or b"<title>Passerelle" in got.body


async def test_link_to_elsewhere_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "assets" / "linked.txt").symlink_to(tmp_path / "secret.txt")
    assert (await get(Console(folder), "/assets/linked.txt")).status == 404


async def test_hashed_file_is_kept_for_ever_and_the_start_page_is_not(console: Console) -> None:
    script = await get(console, "/assets/index-BE0i9T39.js")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (await get(console, "/")).headers["cache-control"] == "no-cache"
    assert (await get(console, "/favicon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("form", ["{etag}", '"other", {etag}', "*"])
async def test_known_file_is_not_sent_again(console: Console, form: str) -> None:
    etag = (await get(console, "/")).headers["etag"]
    got = await get(console, "/", if_none_match=form.format(etag=etag))
    assert got.status == 304
    assert got.body == b""
    assert "content-length" not in got.headers


async def test_changed_file_is_sent_again(folder: Path) -> None:
    etag = (await get(Console(folder), "/")).headers["etag"]
    (folder / "index.html").write_text("<!doctype html><title>Passerelle 2</title>")
    assert (await get(Console(folder), "/", if_none_match=etag)).status == 200


async def test_text_is_compressed_for_who_takes_it(console: Console) -> None:
    path = "/assets/index-BE0i9T39.js"
    got = await get(console, path, accept_encoding="br, gzip;q=0.8")
    assert got.headers["content-encoding"] == "gzip"
    assert gzip.decompress(got.body) == SCRIPT
    assert int(got.headers["content-length"]) == len(got.body) < len(SCRIPT)
    for refused in ("", "br", "gzip;q=0", "gzip; q=0.0"):
        plain = await get(console, path, accept_encoding=refused)
        assert "content-encoding" not in plain.headers
        assert plain.body == SCRIPT
    assert got.headers["vary"] == plain.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("path", "method"), [("/", "GET"), ("/assets/none.js", "GET"), ("/", "POST")]
)
async def test_every_answer_carries_the_policy(console: Console, path: str, method: str) -> None:
    got = await get(console, path, method=method)
    policy = got.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_head_has_the_headers_and_no_body(console: Console) -> None:
    whole = await get(console, "/")
    head = await get(console, "/", method="HEAD")
    assert head.body == b""
    assert head.headers == whole.headers


async def test_other_methods_are_refused(console: Console) -> None:
    got = await get(console, "/", method="DELETE")
    assert got.status == 405
    assert got.headers["allow"] == "GET, HEAD"


async def test_without_a_build_a_page_says_how_to_make_one(tmp_path: Path) -> None:
    console = Console(tmp_path / "absent")
    assert not console.built
    got = await get(console, "/exchanges")
    assert got.status == 503
    assert b"make setup" in got.body
    assert b"Node 20" in got.body
