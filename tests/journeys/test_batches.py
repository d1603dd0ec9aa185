"""A batch outlives the process that works on it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.gateways import Gateway, canned, start, verified, write_config

pytestmark = pytest.mark.slow

CHAT = "/v1/chat/completions"
LINES = 30
SLOW = "latency_seconds = 0.3"
PATIENCE_SECONDS = 90.0
"""What a dead process was working on is free for another after half a minute."""


def line(number: int) -> bytes:
    said = [{"role": "user", "content": f"When does the bridge open? Ask {number}."}]
    body = {"model": "bridge", "messages": said}
    return json.dumps(
        {"custom_id": f"q{number}", "method": "POST", "url": CHAT, "body": body}
    ).encode()


def uploaded(gateway: Gateway, content: bytes) -> str:
    parts = (
        b'--edge\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--edge\r\ncontent-disposition: form-data; name="file"; filename="q.jsonl"\r\n\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=edge"}
    sent = gateway.ask("POST", "/v1/files", parts + content + b"\r\n--edge--\r\n", headers=headers)
    assert sent.status == 200, sent.body
    name: str = sent.json()["id"]
    return name


def waited_for(
    gateway: Gateway, batch: str, enough: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        shown: dict[str, Any] = gateway.ask("GET", f"/v1/batches/{batch}").json()
        if enough(shown):
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)


def test_batch_goes_on_after_its_process_was_killed(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "config", settings=canned("At seven.", SLOW), provider="canned"
    )
    data = tmp_path / "data"
    first = start(config, data)
    try:
        asked = {
            "input_file_id": uploaded(first, b"\n".join(map(line, range(LINES)))),
            "endpoint": CHAT,
            "completion_window": "24h",
        }
        batch = first.ask("POST", "/v1/batches", asked).json()["id"]
        begun = waited_for(first, batch, lambda shown: shown["request_counts"]["completed"] > 0)
        assert begun["request_counts"]["completed"] < LINES
    finally:
        first.kill()
    second = start(config, data)
    try:
        done = waited_for(second, batch, lambda shown: shown["status"] == "completed")
        assert done["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
        content = second.ask("GET", f"/v1/files/{done['output_file_id']}/content").body
        rows = [json.loads(row) for row in content.splitlines()]
    finally:
        second.stop()
    assert [row["custom_id"] for row in rows] == [f"q{number}" for number in range(LINES)]
    assert {row["response"]["status_code"] for row in rows} == {200}
    answered = [row["response"]["request_id"] for row in rows]
    assert len(set(answered)) == LINES
    assert verified(config, data)["ok"]
