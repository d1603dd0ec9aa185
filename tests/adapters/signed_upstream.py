"""An upstream that answers only who is authenticated; botocore judges, not our own signer.

Replays recorded answers over real sockets, cut however the test likes.
"""

import json
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

from botocore.auth import S3SigV4Auth, SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials as BotocoreCredentials  # type: ignore[import-untyped]

from passerelle.transport.egress.sigv4 import Credentials
from tests.adapters.upstream import Seen, Step, Upstream, upstream
from tests.recordings import Recorded

Cut = Literal["whole", "bytes", "random"]
"""How a body is cut into chunks on its way."""
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden"}
_FIVE_MINUTES = 300.0
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


Judge = Callable[[Seen], Answer | None]
"""Says nothing where the request is authenticated, else the refusal."""


@dataclass
class Signatures:
    """AWS Signature Version 4, as botocore makes it."""

    credentials: Credentials
    region: str
    now_ms: Callable[[], int]
    service: str = "bedrock"

    def __call__(self, seen: Seen) -> Answer | None:
        given = headers_of(seen)
        if not given.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
            return refused("MissingAuthenticationTokenException", "Missing Authentication Token")
        signed = _field(given["authorization"], "SignedHeaders").split(";")
        if "host" not in signed or any(
            name not in signed for name in given if name.startswith("x-amz-")
        ):
            return refused("InvalidSignatureException", "Some headers are not signed.")
        if given.get("x-amz-security-token", "") != self.credentials.session_token:
            return refused("UnrecognizedClientException", "The security token is invalid.")
        stamp = given.get("x-amz-date", "")
        made = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC).timestamp()
        if abs(made - self.now_ms() / 1_000) > _FIVE_MINUTES:
            return refused("InvalidSignatureException", f"Signature expired: {stamp}")
        expected = authorization_by_botocore(
            AWSRequest(
                method=seen.head.split(" ")[0],
                url=f"http://{given['host']}{seen.head.split(' ')[1]}",
                data=seen.body,
                headers={name: given.get(name, "") for name in signed},
            ),
            self.credentials,
            (self.region, self.service),
        )
        if given["authorization"] != expected:
            return refused(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided.",
            )
        return None


def bearer(key: str) -> Judge:
    """A judge of bearer keys."""

    def judge(seen: Seen) -> Answer | None:
        if headers_of(seen).get("authorization") == f"Bearer {key}":
            return None
        return refused("AccessDeniedException", "Authentication failed: the key is not valid.")

    return judge


def authorization_by_botocore(
    request: AWSRequest, credentials: Credentials, place: tuple[str, str]
) -> str:
    """The header that botocore would send; signs all headers of the request."""
    region, service = place
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    keys = BotocoreCredentials(credentials.access_key_id, credentials.secret_access_key)
    signer = kind(keys, service, region)
    request.context["timestamp"] = request.headers["x-amz-date"]
    told = signer.string_to_sign(request, signer.canonical_request(request))
    names = signer.signed_headers(signer.headers_to_sign(request))
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, "
        f"Signature={signer.signature(told, request)}"
    )


def refused(kind: str, message: str, status: int = 403) -> Answer:
    """An error in AWS's shape."""
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
        ("x-amzn-requestid", "00000000-0000-4000-8000-000000000000"),
    )
    return Answer(json.dumps({"message": message}).encode(), status, headers)


def recorded_answer(call: Recorded) -> Answer:
    """Without what belongs to the connection of the recording day."""
    ours = ("content-length", "transfer-encoding", "connection", "content-encoding")
    kept = tuple((name, value) for name, value in call.headers.items() if name not in ours)
    return Answer(call.body, call.status, kept)


@dataclass
class SignedUpstream:
    served: Upstream
    refusals: list[Answer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def seen(self) -> list[Seen]:
        return self.served.seen


@asynccontextmanager
async def signed_upstream(
    judge: Judge, answers: Callable[[Seen], Answer], *, cut: Cut = "whole"
) -> AsyncGenerator[SignedUpstream, None]:
    """Answers authenticated requests as told, all others with the judge's refusal."""
    refusals: list[Answer] = []

    def script(seen: Seen) -> Sequence[Step]:
        refusal = judge(seen)
        if refusal is not None:
            refusals.append(refusal)
        return list(_steps(refusal or answers(seen), cut))

    async with upstream(script) as served:
        yield SignedUpstream(served, refusals)


def headers_of(seen: Seen) -> dict[str, str]:
    lines = seen.head.split("\r\n")[1:]
    pairs = (line.partition(": ") for line in lines if line)
    return {name.lower(): value for name, _, value in pairs}


def cut_up(body: bytes, cut: Cut) -> list[bytes]:
    """The body in chunks; random ones are the same in every run."""
    if cut == "whole":
        return [body]
    if cut == "bytes":
        return [body[place : place + 1] for place in range(len(body))]
    dice = random.Random(len(body))  # noqa: S311 - places to cut, not secrets
    places = sorted(dice.randrange(len(body) + 1) for _ in range(len(body) // 40))
    return [body[a:b] for a, b in pairwise([0, *places, len(body)])]


def _steps(answer: Answer, cut: Cut) -> Iterator[Step]:
    reason = _REASONS.get(answer.status, "Failed")
    lines = [f"HTTP/1.1 {answer.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if cut == "whole":
        lines.append(f"content-length: {len(answer.body)}")
        yield "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
        return
    lines.append("transfer-encoding: chunked")
    yield "\r\n".join(lines).encode() + b"\r\n\r\n"
    for part in cut_up(answer.body, cut):
        if part:
            yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def _field(authorization: str, name: str) -> str:
    return authorization.partition(f"{name}=")[2].partition(",")[0]
