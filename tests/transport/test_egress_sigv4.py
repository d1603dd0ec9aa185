"""Signatures, against botocore and against what AWS documents."""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from passerelle.transport.egress.sigv4 import Credentials, Scope, Unsigned, signing_headers
from tests.adapters.signed_upstream import authorization_by_botocore

EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
S3_EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def signature(request: Unsigned, credentials: Credentials, scope: Scope, moment: datetime) -> str:
    headers = dict(signing_headers(request, credentials, scope, round(moment.timestamp() * 1_000)))
    return headers["authorization"].partition("Signature=")[2]


def test_the_request_that_aws_documents_has_the_documented_signature() -> None:
    request = Unsigned(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
    )
    moment = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    assert signature(request, EXAMPLE, Scope("us-east-1", "iam"), moment) == expected


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "expected"),
    [
        (
            "GET",
            "/test.txt",
            (("Range", "bytes=0-9"),),
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            (
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ),
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            "GET",
            "/?lifecycle",
            (),
            b"",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            "GET",
            "/?max-keys=2&prefix=J",
            (),
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_requests_to_s3_have_the_documented_signatures(
    method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes, expected: str
) -> None:
    request = Unsigned(method, f"https://examplebucket.s3.amazonaws.com{path}", headers, body)
    moment = datetime(2013, 5, 24, tzinfo=UTC)
    assert signature(request, S3_EXAMPLE, Scope("us-east-1", "s3"), moment) == expected


_PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NAME = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=8)
_SEGMENT = st.one_of(
    _ANY.map(lambda text: quote(text, safe="")),
    st.sampled_from(
        [".", "..", "", "~", "a:b", "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123%3Aprofile%2Fx", "a=b,c"]
    ),
)
_HOST = st.sampled_from(
    ["bedrock-runtime.eu-west-1.amazonaws.com", "127.0.0.1:9000", "LocalHost:80", "[::1]:8443"]
)
_MOMENT = st.integers(0, 4_102_444_799_000)


@st.composite
def _unsigned(draw: st.DrawFn, paths: st.SearchStrategy[str]) -> Unsigned:
    scheme = draw(st.sampled_from(["http", "https"]))
    pairs = draw(st.lists(st.tuples(_ANY, _ANY), max_size=4))
    # Space as `%20`, as AWS demands: `+` is a character of its own there.
    query = urlencode(pairs, quote_via=quote, safe="-_.~")
    url = f"{scheme}://{draw(_HOST)}{draw(paths)}" + (f"?{query}" if query else "")
    names = [f"x-{name}" for name in draw(st.lists(_NAME, max_size=4))]
    headers = tuple((name.title(), draw(_PRINTABLE)) for name in names)
    method = draw(st.sampled_from(["GET", "POST", "put", "DELETE"]))
    return Unsigned(method, url, headers, draw(st.binary(max_size=64)))


_PATH = st.lists(_SEGMENT, max_size=5).map(lambda segments: "/" + "/".join(segments))
_KEY = _ANY.map(lambda key: "/" + quote(key, safe="/"))
_CREDENTIALS = st.builds(
    Credentials,
    access_key_id=st.text("ABCDEFGHIJKLMNOP0123456789", min_size=16, max_size=20),
    secret_access_key=st.text("abcdefABCDEF0123456789/+", min_size=1, max_size=40),
    session_token=st.text("abcABC0123/+=", max_size=40),
)


def signed_by_both(
    request: Unsigned, credentials: Credentials, scope: Scope, moment: int
) -> tuple[str, str]:
    headers = signing_headers(request, credentials, scope, moment)
    oracle = AWSRequest(method=request.method, url=request.url, data=request.body)
    for name, value in (*request.headers, *headers[:-1]):
        oracle.headers[name] = value
    place = (scope.region, scope.service)
    return headers[-1][1], authorization_by_botocore(oracle, credentials, place)


@settings(max_examples=1_500, deadline=None)
@given(_unsigned(_PATH), _CREDENTIALS, st.sampled_from(["bedrock", "kms", "iam"]), _MOMENT)
def test_every_request_is_signed_as_botocore_signs_it(
    request: Unsigned, credentials: Credentials, service: str, moment: int
) -> None:
    ours, theirs = signed_by_both(request, credentials, Scope("eu-west-1", service), moment)
    assert ours == theirs


@settings(max_examples=500, deadline=None)
@given(_unsigned(_KEY), _CREDENTIALS, _MOMENT)
def test_every_request_to_s3_is_signed_as_botocore_signs_it(
    request: Unsigned, credentials: Credentials, moment: int
) -> None:
    ours, theirs = signed_by_both(request, credentials, Scope("us-east-2", "s3"), moment)
    assert ours == theirs


def test_what_the_path_escapes_is_escaped_twice_for_bedrock_and_once_for_s3() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def made(path: str, service: str) -> str:
        request = Unsigned("GET", f"https://host.example{path}")
        return signature(request, EXAMPLE, Scope("us-east-1", service), moment)

    assert made("/a%3Ab", "bedrock") != made("/a:b", "bedrock")
    assert made("/a//b/../c", "bedrock") == made("/a/c", "bedrock")
    assert made("/a//b/../c", "s3") != made("/a/c", "s3")


def test_secrets_stay_out_of_representations() -> None:
    shown = repr(Credentials("AKIDEXAMPLE", "the-secret", "the-token"))
    assert "AKIDEXAMPLE" in shown
    assert "the-secret" not in shown
    assert "the-token" not in shown
