"""Clients that send bytes, and leave when they like."""

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

from tests.journeys.gateways import Gateway

PATH = "/v1/chat/completions"


def chat_body(question: str, *, model: str, stream: bool = False) -> bytes:
    said = [{"role": "user", "content": question}]
    return json.dumps({"model": model, "messages": said, "stream": stream}).encode()


def request_head(gateway: Gateway, request_id: str, length: int) -> bytes:
    """Everything before the body of a chat request."""
    return (
        f"POST {PATH} HTTP/1.1\r\nhost: {gateway.host}:{gateway.port}\r\n"
        f"authorization: Bearer {gateway.key}\r\nx-request-id: {request_id}\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def connect(gateway: Gateway, *, seconds: float = 20) -> socket.socket:
    return socket.create_connection((gateway.host, gateway.port), timeout=seconds)


def abort(connection: socket.socket) -> None:
    """Leaves without a word: the peer sees a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_to_end(connection: socket.socket) -> bytes:
    """Whatever comes until the peer closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def read_at_most(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer where the peer closes before."""
    got = b""
    while len(got) < size and (part := connection.recv(size - len(got))):
        got += part
    return got


def read_answer(connection: socket.socket) -> bytes:
    """One whole answer on a connection that may stay open: its head and what that promises."""
    head = b""
    while b"\r\n\r\n" not in head and (part := connection.recv(1)):
        head += part
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head + read_at_most(connection, length)


@dataclass(frozen=True)
class Parsed:
    status: int
    body: bytes

    @property
    def error(self) -> Any:
        return json.loads(self.body)["error"]


def parsed(answer: bytes) -> Parsed:
    head, _, body = answer.partition(b"\r\n\r\n")
    return Parsed(int(head.split()[1]), body)


def streamed_text(received: bytes) -> str:
    """What a reader has seen of the answer; errors and a torn last event are dropped."""
    text = ""
    for line in received.split(b"\n"):
        if line.startswith(b"data: {"):
            try:
                choices = json.loads(line[6:]).get("choices", [])
            except ValueError:
                continue
            text += "".join(choice["delta"].get("content") or "" for choice in choices)
    return text
