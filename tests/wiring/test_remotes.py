"""Every kind of provider is built from its settings."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from msgspec import json

from passerelle.core.values.clock import SystemClock
from passerelle.settings.process import read_settings
from passerelle.settings.providers import RemoteSettings
from passerelle.wiring.remotes import UnusableProvider, remote_provider

KEY = "planted-key"
KINDS = {
    "openai_style": 'base_url = "http://127.0.0.1:1/v1"',
    "openai": 'api_key = "env:KEY"',
    "mistral": 'api_key = "env:KEY"',
    "ollama": "",
    "azure": 'base_url = "https://demo.openai.azure.com"\napi_key = "env:KEY"',
    "anthropic": 'api_key = "env:KEY"\nbeta = ["x"]',
    "bedrock": 'region = "eu-west-1"\napi_key = "env:KEY"',
    "gemini": 'api_key = "env:KEY"',
    "vertex": 'project = "demo"\ncredentials = "account.json"',
    "cohere": 'api_key = "env:KEY"',
}


def settings(folder: Path, kind: str, lines: str) -> RemoteSettings:
    path = folder / "passerelle.toml"
    path.write_text(f'[providers.one]\nkind = "{kind}"\n{lines}\n', "utf-8")
    found = read_settings(path, {"KEY": KEY}).providers["one"]
    assert isinstance(found, RemoteSettings)
    return found


def account(folder: Path) -> None:
    key = rsa.generate_private_key(65_537, 2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    told = {
        "type": "service_account",
        "client_email": "robot@demo.iam.example",
        "private_key": pem,
        "private_key_id": "k1",
        "token_uri": "https://oauth2.example/token",
    }
    (folder / "account.json").write_bytes(json.encode(told))


@pytest.mark.parametrize("kind", KINDS)
async def test_provider_is_built_from_its_settings(kind: str, tmp_path: Path) -> None:
    account(tmp_path)
    provider = remote_provider("one", settings(tmp_path, kind, KINDS[kind]), SystemClock())
    assert provider.name == "one"
    assert KEY not in repr(provider)
    await provider.close()


def test_broken_service_account_is_told_without_its_contents(tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text('{"private_key": "planted"}', "utf-8")
    with pytest.raises(UnusableProvider) as refused:
        remote_provider("one", settings(tmp_path, "vertex", KINDS["vertex"]), SystemClock())
    assert "planted" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "lines"),
    [("bedrock", 'region = "eu-west-1"'), ("vertex", 'project = "demo"'), ("azure", "")],
)
def test_what_a_kind_cannot_do_without_is_asked_for(kind: str, lines: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="configuration has faults"):
        settings(tmp_path, kind, lines)
