"""Secrets: what opens a door, and what only talks about one."""

import pytest

from passerelle.core.values.clock import SetClock
from passerelle.core.values.principals import Principal
from passerelle.core.values.scope import Scope
from passerelle.domain.guardrails.secrets import LONGEST_BLOCK, Secrets
from passerelle.domain.identity.keys import mint

GUARD = Secrets()


def found(text: str) -> list[tuple[str, str]]:
    return [(f.kind, text[f.start : f.end]) for f in GUARD.findings(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
        ("github_token", "ghp_" + "a1B2" * 9),
        ("github_token", "github_pat_" + "a1B2_" * 6),
        ("gitlab_token", "glpat-" + "a1B2" * 5),
        ("slack_token", "xoxb-123456789012-abcdefABCDEF"),
        ("google_key", "AIza" + "Sy0aB_-" * 5),
        ("stripe_key", "sk_live_" + "a1B2" * 6),
        ("openai_key", "sk-proj-abcDEF1234567890abcDEF12"),
        ("anthropic_key", "sk-ant-api03-" + "aB3_" * 8),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123"),
        ("url_credentials", "joe:s3cret"),
    ],
)
def test_keys_of_known_issuers_are_found(kind: str, value: str) -> None:
    text = f"use postgres://{value}@db/x now" if kind == "url_credentials" else f"use ({value}) now"
    assert (kind, value) in found(text)


def test_own_key_is_known_by_its_checksum() -> None:
    principal = Principal("prn_1", "service", "bot", Scope("acme", "web"), frozenset())
    key, _ = mint(principal, pepper=b"p" * 32, label="x", now_ms=SetClock().now_ms())
    assert found(f"my key is {key}.")[0] == ("passerelle_key", key)
    other = "a" if key[-1] != "a" else "b"
    assert ("passerelle_key", key[:-1] + other) not in found(key[:-1] + other)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("password = hunter2!", "hunter2"),
        ("the password is Tr0ub4dor&3.", "Tr0ub4dor&3"),
        ("CLIENT_SECRET='q8Zk2Lm9Xw'", "q8Zk2Lm9Xw"),
        ('{"api_key": "9f8e7d6c5b4a"}', "9f8e7d6c5b4a"),
        ("Passwort: geh3im!nis", "geh3im!nis"),
    ],
)
def test_assigned_passwords_are_found(text: str, value: str) -> None:
    assert ("password", value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "password: required",
        "token: string",
        "api_key = your-api-key",
        "password=os.environ['DB_PASSWORD']",
        "password: ********",
        "secret: ${SECRET}",
        "max_tokens: 1000, tokens = 200000",
        "the key is important1y",  # 'key' alone is no word for a secret
        "risk-averse task-force ask-me-anything-about-it",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "https://example.com/a:b@c",
        "commit 5e884898da28047151d0e56f8dc6292773603d0d",
    ],
)
def test_what_only_talks_about_secrets_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_private_key_is_found_from_its_first_line_to_its_last() -> None:
    block = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"
    assert found(f"a {block} b") == [("private_key", block)]


def test_private_key_without_an_end_hides_all_that_may_belong_to_it() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + "M" * LONGEST_BLOCK * 2
    assert [f.end for f in GUARD.findings(text)] == [LONGEST_BLOCK]
