"""Whatever a client sends, the process answers in the right shape, keeps serving and counts right.

Every request carries an id of its own. The account of what was sent is compared with the
ledger in the end: one entry for each exchange of a caller who was identified, none else.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest

from passerelle.adapters.kms.signing import open_signing_key
from passerelle.adapters.store.sqlite import open_store
from passerelle.core.values.clock import SystemClock
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.identity.keys import checksum, mint
from tests.journeys.gateways import (
    Answer,
    Gateway,
    canned,
    ended_exchanges,
    start,
    verified,
    write_config,
)
from tests.journeys.sockets import (
    abort,
    chat_body,
    connect,
    parsed,
    read_answer,
    read_at_most,
    read_to_end,
    request_head,
    streamed_text,
)

pytestmark = pytest.mark.slow

TEXT = "The bridge opens at 7 in the morning. It closes at 22 in the evening. " * 4
SETTINGS = canned(
    TEXT,
    "chunk_characters = 6",
    "between_chunks_seconds = 0.002",
    "[limits]",
    "header_deadline_seconds = 1",
    "body_deadline_seconds = 1",
)
CUT_OFF = frozenset({200, 499})
"""A client may leave just after the last byte was on its way."""


@dataclass
class Account:
    """What was sent to one gateway, and which entries must come of it."""

    gateway: Gateway
    numbers: Iterator[int] = field(default_factory=count)
    expected: dict[str, frozenset[int]] = field(default_factory=dict)
    """Request id → status of its entry, of exchanges whose caller was identified."""

    def new_id(self) -> str:
        return f"case-{next(self.numbers):05}"

    def send(self, body: object, *, recorded: bool, key: str | None = None) -> Answer:
        """One chat request; afterwards others must be served as if nothing had been."""
        own = self.new_id()
        headers = {"x-request-id": own}
        answer = self.gateway.ask("POST", "/v1/chat/completions", body, key=key, headers=headers)
        assert answer.headers["x-request-id"] == own
        if recorded:
            self.expected[own] = frozenset({answer.status})
        self.control()
        return answer

    def control(self) -> None:
        own = self.new_id()
        good = chat_body("When does the bridge open?", model="bridge")
        answer = self.gateway.ask(
            "POST", "/v1/chat/completions", good, headers={"x-request-id": own}
        )
        assert answer.status == 200
        assert answer.json()["choices"][0]["message"]["content"] == TEXT
        self.expected[own] = frozenset({200})

    def refuses(
        self,
        body: object,
        status: int,
        code: str,
        *,
        param: str | None = None,
        key: str | None = None,
        recorded: bool = False,
    ) -> None:
        answer = self.send(body, recorded=recorded, key=key)
        error = answer.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert (answer.status, error["code"], error["param"]) == (status, code, param), error
        assert error["message"]
        assert isinstance(error["code"], str)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("hostile")
    config = write_config(folder / "config", settings=SETTINGS, provider="canned")
    gateway = start(config, folder / "data")
    yield Account(gateway)
    gateway.stop()


def good(**others: object) -> dict[str, object]:
    asked: dict[str, object] = {
        "model": "bridge",
        "messages": [{"role": "user", "content": "When does the bridge open?"}],
    }
    return asked | others


def with_raw(raw: bytes) -> bytes:
    """A good request with something appended that Python's JSON does not write."""
    return json.dumps(good()).encode()[:-1] + b"," + raw + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"handbook"',
        b"\x00\x01\x02",
        b'{"model":"bridge","messages":[{"role":"user","content":"\xff\xfe"}]}',
        b'{"model":"bridge","messages":[{"role":"user","content":"\\ud800"}]}',
        b"\xef\xbb\xbf" + json.dumps(good()).encode(),
        json.dumps(good()).encode("utf-16"),
        json.dumps(good()).encode()[:-2],
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        with_raw(b'"temperature":NaN'),
        with_raw(b'"temperature":Infinity'),
        with_raw(b'"temperature":1e999'),
        with_raw(b'"seed":' + b"9" * 5_000),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_body_that_is_no_json_object_is_refused(account: Account, body: bytes) -> None:
    account.refuses(body, 400, "invalid_json")


WRONG: Mapping[str, tuple[object, ...]] = {
    "model": (7, None, [], {}, True, ""),
    "messages": ("hello", 7, {}, None, [], [7][:0]),
    "stream": ("yes", 1, []),
    "max_tokens": ("many", 0, -1, 1.5, []),
    "max_completion_tokens": ("many", 0, -1, 1.5, []),
    "temperature": ("hot", -0.1, 2.1, []),
    "user": (7, [], {}),
    "n": ("two", 1.5, []),
    "stream_options": ("all", [], {}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_type_of_a_field_is_told_with_its_name(account: Account, name: str) -> None:
    for value in WRONG[name]:
        account.refuses(good(**{name: value}), 400, "invalid_value", param=name)


@pytest.mark.parametrize("name", ["model", "messages"])
def test_missing_field_is_told_with_its_name(account: Account, name: str) -> None:
    body = good()
    del body[name]
    account.refuses(body, 400, "invalid_value", param=name)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (7, "messages[0]"),
        ({}, "messages[0].role"),
        ({"role": "king", "content": "?"}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": None}, "messages[0].content"),
        ({"role": "user", "content": 7}, "messages[0].content"),
        ({"role": "user", "content": {}}, "messages[0].content"),
        ({"role": "user", "content": []}, "messages[0].content"),
        ({"role": "user", "content": [7]}, "messages[0].content[0]"),
        ({"role": "user", "content": [{"text": "?"}]}, "messages[0].content[0].type"),
        ({"role": "tool", "tool_call_id": "a"}, "messages[0].content"),
    ],
)
def test_message_that_is_none_is_told_with_its_place(
    account: Account, message: object, param: str
) -> None:
    account.refuses(good(messages=[message]), 400, "invalid_value", param=param)


def test_numbers_that_no_model_could_use_are_refused(account: Account) -> None:
    for name, value in (("n", 0), ("n", 129), ("n", 10**30), ("max_tokens", 10**400)):
        account.refuses(good(**{name: value}), 400, "invalid_value", param=name)
    account.refuses(good(seed=10**400), 400, "invalid_value", param="seed")


def test_more_messages_than_openai_takes_are_refused(account: Account) -> None:
    many = [{"role": "user", "content": "?"}] * 2_049
    account.refuses(good(messages=many), 400, "invalid_value", param="messages")


@pytest.mark.parametrize(
    "model", ["nothing", "bridge@nowhere", "bridge@retired", "\x00", "x" * 9_999]
)
def test_unknown_model_is_refused_on_record(account: Account, model: str) -> None:
    account.refuses(good(model=model), 404, "model_not_found", recorded=True)


def test_question_over_the_limit_of_the_use_case_is_blocked_on_record(account: Account) -> None:
    said = [{"role": "user", "content": "x" * 20_001}]
    account.refuses(good(messages=said), 400, "content_blocked", recorded=True)


def test_text_that_its_length_blocks_is_read_by_no_other_guard(gateway: Gateway) -> None:
    """Others need some 3 µs for each digit or look-alike letter: long enough to stall everybody."""
    for text in ("4111 1111 1111 111 " * 50_000, "ignоrе previous " * 60_000):
        refused = gateway.chat(text)
        assert (refused.status, refused.json()["error"]["code"]) == (400, "content_blocked")
        assert "too long" in refused.json()["error"]["message"]
    (newest,) = gateway.ask("GET", "/api/v1/exchanges?limit=1").json()["items"]
    shown = gateway.ask("GET", f"/api/v1/exchanges/{newest['exchange_id']}").json()
    outcomes = {guard["guard"]: guard["outcome"] for guard in shown["guards"]}
    assert outcomes.pop("length") == "blocked"
    assert set(outcomes.values()) == {"not_scanned"}


def test_megabytes_of_text_are_turned_away_unread(gateway: Gateway) -> None:
    refused = gateway.chat("4111 1111 1111 111 " * 300_000)
    assert (refused.status, refused.json()["error"]["code"]) == (413, "request_too_large")
    assert "1,000,000" in refused.json()["error"]["message"]
    (newest,) = gateway.ask("GET", "/api/v1/exchanges?limit=1").json()["items"]
    assert newest["status"] == 413


TOOL_CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    "others",
    [
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": "\x00\u202e\ufffd"}]},
        {"messages": [{"role": "system", "content": "Be brief."}]},
        {"messages": [{"role": "user", "content": '" AND (NOT *:* ^^ ~2 [a TO b] {'}]},
        {"max_tokens": 10**9},
        {"seed": -(2**63)},
        {"unheard_of": {"a": None, "b": [[[[[[]]]]]]}},
        {"user": "\x00" * 100},
        {"n": 1, "stream": False, "temperature": 0},
    ],
    ids=lambda others: repr(others)[:40],
)
def test_odd_but_valid_request_is_answered(account: Account, others: dict[str, object]) -> None:
    assert account.send(good(**others), recorded=True).status == 200


def test_tool_messages_are_taken(account: Account) -> None:
    said = [
        {"role": "user", "content": "When does the bridge open?"},
        {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]},
        {"role": "tool", "tool_call_id": "a", "content": "7"},
    ]
    assert account.send(good(messages=said), recorded=True).status == 200


def test_image_parts_are_taken_and_said_not_to_be_scanned(account: Account) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = {"type": "text", "text": "When does the bridge open?"}
    for parts in ([text, picture], [picture]):
        said = [{"role": "user", "content": parts}]
        answer = account.send(good(messages=said), recorded=True)
        guards = answer.json()["passerelle"]["guards"]
        unread = [guard["reason"] for guard in guards if guard["outcome"] == "not_scanned"]
        assert (answer.status, unread) == (200, ["guards do not read image"])


def test_names_of_fields_that_a_caller_makes_up_are_kept_out_of_the_ledger(
    account: Account,
) -> None:
    marker = "planted-name-of-a-field"
    said = [{"role": "user", "content": "When does the bridge open?", marker: 1}]
    answer = account.send(good(messages=said, **{f"{marker}-above": 1}), recorded=True)
    guards = answer.json()["passerelle"]["guards"]
    unread = [guard["reason"] for guard in guards if guard["outcome"] == "not_scanned"]
    assert (answer.status, unread) == (200, ["guards do not read other fields"])
    assert marker not in json.dumps(ended_exchanges(account.gateway))


def planted_keys(gateway: Gateway) -> dict[str, str]:
    """Keys that must not work, each wrong in one way."""
    working = gateway.key
    head, _, _ = working.rpartition("-")
    forged = head[:-1] + ("a" if head[-1] != "a" else "b")
    stranger = "sk-live-00000000-" + "0" * 32
    pepper = (gateway.data / "pepper").read_bytes()
    principal = Principal("svc_late", "service", "late", Scope("local", "local"), frozenset())
    principal = replace(principal, roles=frozenset({"administrator"}))
    expired, record = mint(principal, pepper=pepper, label="late", now_ms=1, expires_at_ms=2)
    signer = open_signing_key(gateway.data)
    store = open_store(gateway.data, clock=SystemClock(), signer=signer)
    try:
        asyncio.run(store.keys.add(record))
    finally:
        store.close()
    return {
        "none": "",
        "malformed": "sk-wrong",
        "mistyped": working[:-1] + ("a" if working[-1] != "a" else "b"),
        "forged secret": f"{forged}-{checksum(forged.encode())}",
        "unknown": f"{stranger}-{checksum(stranger.encode())}",
        "expired": expired,
        "long": "sk-" + "a" * 20_000,
    }


def test_key_that_is_not_good_is_refused_without_an_entry(account: Account) -> None:
    keys = planted_keys(account.gateway)
    time.sleep(1.05)  # until the expired one is known to the running gateway
    messages = {}
    for name, key in keys.items():
        account.refuses(good(), 401, "invalid_api_key", key=key)
        account.refuses(good(stream=True), 401, "invalid_api_key", key=key)
        refused = account.send(good(), recorded=False, key=key)
        messages[name] = refused.json()["error"]["message"]
        assert not key or key not in messages[name]
    assert "expired" in messages["expired"]
    assert messages["forged secret"] == messages["unknown"]


def test_key_without_the_permission_is_refused(account: Account) -> None:
    made = account.gateway.run(
        "keys", "create", "--label", "reader", "--role", "compliance", "--json"
    )
    time.sleep(1.05)
    key = json.loads(made.stdout)["key"]
    account.refuses(good(), 403, "permission_denied", key=key)


def test_20_mb_are_refused_and_the_connection_goes_on(account: Account) -> None:
    own = account.new_id()
    with connect(account.gateway) as connection:
        connection.sendall(request_head(account.gateway, own, 20_000_000))
        connection.sendall(b" " * 20_000_000)
        refused = parsed(read_answer(connection))
        assert (refused.status, refused.error["code"]) == (413, "request_too_large")
        account.control()
        again, body = account.new_id(), chat_body("When?", model="bridge")
        connection.sendall(request_head(account.gateway, again, len(body)) + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        account.expected[again] = CUT_OFF


def test_slow_header_is_cut_while_others_are_served(account: Account) -> None:
    with connect(account.gateway) as slow:
        slow.sendall(request_head(account.gateway, account.new_id(), 10)[:60])
        account.control()
        refused = parsed(read_to_end(slow))
    assert (refused.status, refused.error["code"]) == (408, "request_timeout")


def test_slow_body_is_cut_while_others_are_served(account: Account) -> None:
    body = chat_body("When?", model="bridge")
    with connect(account.gateway) as slow:
        slow.sendall(request_head(account.gateway, account.new_id(), len(body)) + body[:5])
        began = time.monotonic()
        for place in range(5, 10):
            account.control()
            time.sleep(0.1)
            slow.sendall(body[place : place + 1])
        refused = parsed(read_answer(slow))
    assert (refused.status, refused.error["code"]) == (408, "request_timeout")
    assert time.monotonic() - began < 5


def test_client_that_leaves_within_its_request_leaves_no_entry(account: Account) -> None:
    body = chat_body("When?", model="bridge", stream=True)
    whole = len(request_head(account.gateway, account.new_id(), len(body)) + body)
    for place in range(0, whole, 16):
        request = request_head(account.gateway, account.new_id(), len(body)) + body
        for resets in (True, False):
            with connect(account.gateway) as connection:
                connection.sendall(request[:place])
                if resets:
                    abort(connection)
        account.control()


def read_stream(
    account: Account, *, most: int | None = None, resets: bool = False
) -> tuple[str, bytes]:
    """A request's id and the first bytes of its stream, on a connection of its own, or all."""
    own, body = account.new_id(), chat_body("When does it open?", model="bridge", stream=True)
    head = request_head(account.gateway, own, len(body))
    account.expected[own] = CUT_OFF if most else frozenset({200})
    with connect(account.gateway) as connection:
        connection.sendall(head.replace(b"\r\n", b"\r\nconnection: close\r\n", 1) + body)
        received = read_at_most(connection, most) if most else read_to_end(connection)
        if resets:
            abort(connection)
    return own, received


def test_client_that_leaves_at_any_point_of_a_stream_leaves_one_entry(account: Account) -> None:
    _, whole = read_stream(account)
    assert streamed_text(whole) == TEXT
    seen: dict[str, str] = {}
    for number, place in enumerate(range(1, len(whole), len(whole) // 48)):
        own, received = read_stream(account, most=place, resets=bool(number % 2))
        seen[own] = streamed_text(received)
        account.control()
    assert_recorded_what_left(account, seen)


def assert_recorded_what_left(account: Account, seen: Mapping[str, str]) -> None:
    """A cut stream's record holds at least what its client saw, and never more than the answer."""
    entries = settled(account, seen.keys())
    cut = [own for own, entry in entries.items() if entry["facts"]["status"] == 499]
    assert len(cut) > len(seen) // 2
    for own, text in seen.items():
        shown = account.gateway.ask("GET", f"/api/v1/exchanges/{entries[own]['subject']}").json()
        assert TEXT.startswith(shown["answer"])
        assert shown["answer"].startswith(text)
        assert shown["cut_off"] == (own in cut)


def settled(account: Account, wanted: Any) -> dict[str, Any]:
    """Entries by request id, once all that are wanted are there."""
    deadline = time.monotonic() + 20
    while True:
        entries = {
            entry["facts"]["request_id"]: entry for entry in ended_exchanges(account.gateway)
        }
        missing = set(wanted) - entries.keys()
        if not missing or time.monotonic() > deadline:
            assert not missing
            return entries


def test_ledger_has_one_entry_for_each_identified_exchange_and_verifies(account: Account) -> None:
    account.refuses(b"{", 400, "invalid_json")
    account.refuses(good(model="nothing"), 404, "model_not_found", recorded=True)
    settled(account, account.expected)
    entries = ended_exchanges(account.gateway)
    found = {entry["facts"]["request_id"]: entry["facts"]["status"] for entry in entries}
    assert len(entries) == len(found) == len(account.expected)
    assert found.keys() == account.expected.keys()
    wrong = {own: status for own, status in found.items() if status not in account.expected[own]}
    assert wrong == {}
    metrics = account.gateway.ask("GET", "/metrics").body.decode()
    counted = [
        float(line.rpartition(" ")[2])
        for line in metrics.splitlines()
        if line.startswith("passerelle_exchanges_total{")
    ]
    assert sum(counted) == len(entries)
    proved = verified(account.gateway.config, account.gateway.data)
    assert (proved["ok"], proved["status"]) == (True, 0)
