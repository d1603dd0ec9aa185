import copy
import dataclasses
import os
import pickle
from pathlib import Path

import pytest

from passerelle.core.values.errors import InvalidConfiguration
from passerelle.domain.budgets.limits import Budget
from passerelle.settings import process as module
from passerelle.settings.process import Settings, read_settings
from passerelle.settings.providers import (
    AnthropicSettings,
    AzureSettings,
    BedrockSettings,
    ExtractiveSettings,
    ReplaySettings,
    ServerSettings,
    VertexSettings,
)
from passerelle.settings.secrets import Secret

KEY = "sk-planted-4f9a0b7c"


def read(folder: Path, text: str = "", **environment: str) -> Settings:
    path = folder / "passerelle.toml"
    if text:
        path.write_text(text, "utf-8")
    return read_settings(path, environment)


def faults(folder: Path, text: str = "", **environment: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as refused:
        read(folder, text, **environment)
    return [str(fault).replace(f"{folder}{os.sep}", "") for fault in refused.value.faults]


def test_without_a_file_the_defaults_serve_on_the_loopback_address(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert (settings.listener.host, settings.listener.port) == ("127.0.0.1", 8080)
    assert settings.data == tmp_path / ".passerelle"
    assert settings.providers == {"extractive": ExtractiveSettings()}
    assert settings.offers == ()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        '[listener]\nport = 9000\nhost = "0.0.0.0"\n',
        PASSERELLE_LISTENER_PORT="0",
        PASSERELLE_ORGANISATION="acme",
        PASSERELLE_LIMITS_DRAIN_SECONDS="2.5",
    )
    assert (settings.listener.host, settings.listener.port) == ("0.0.0.0", 0)  # noqa: S104
    assert settings.organisation == "acme"
    assert settings.limits.drain_seconds == 2.5


def test_all_faults_of_file_and_environment_are_reported_together(tmp_path: Path) -> None:
    text = (
        "organization = 3\n\n[listener]\nport = 99999\n\n[limits]\nmax_body_bytes = true\n"
        '[providers.main]\nkind = "open_ai"\n'
    )
    found = faults(
        tmp_path, text, PASSERELLE_LISTNER_PORT="1", PASSERELLE_LIMITS_DRAIN_SECONDS="long"
    )
    assert [fault.split("; ")[0].split(", ")[0] for fault in found] == [
        "environment: PASSERELLE_LIMITS_DRAIN_SECONDS: must be a number",
        "environment: PASSERELLE_LISTNER_PORT: unknown variable",
        "passerelle.toml:1: organization: unknown key",
        "passerelle.toml:4: listener.port: must be at most 65535",
        "passerelle.toml:7: limits.max_body_bytes: must be an integer",
        'passerelle.toml:9: providers.main.kind: "open_ai" is not one of "extractive"',
    ]
    assert [fault.split("; ")[1] for fault in found if "mean" in fault] == [
        "did you mean PASSERELLE_LISTENER_PORT?",
        'did you mean "organisation"?',
        'did you mean "openai"?',
    ]


def test_a_bad_value_of_the_environment_is_reported_under_its_variable(tmp_path: Path) -> None:
    assert faults(tmp_path, "[listener]\nport = 1\n", PASSERELLE_LISTENER_PORT="70000") == [
        "environment: PASSERELLE_LISTENER_PORT: must be at most 65535"
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a = 1\nb = = 2\n", "passerelle.toml:2: not valid TOML"),
        (b"\xff\xfe", "passerelle.toml:1: is not UTF-8 text"),
    ],
)
def test_an_unreadable_file_is_a_fault(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "passerelle.toml").write_bytes(data)
    assert faults(tmp_path)[0].startswith(message)


PROVIDER = '[providers.main]\nkind = "openai_style"\nbase_url = "https://api.example.com/v1/"\n'


def test_a_key_is_read_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "main.key").write_text(KEY + "\n", "utf-8")
    by_name = read(tmp_path, PROVIDER + 'api_key = "env:MY_KEY"\n', MY_KEY=KEY)
    by_file = read(tmp_path, PROVIDER + 'api_key = "file:main.key"\n')
    for settings in (by_name, by_file):
        provider = settings.providers["main"]
        assert isinstance(provider, ServerSettings)
        assert provider.api_key is not None
        assert provider.api_key.reveal() == KEY
        assert provider.base_url == "https://api.example.com/v1"
        assert KEY not in repr(settings)


def test_a_key_written_into_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    found = faults(tmp_path, PROVIDER + f'api_key = "{KEY}"\n')
    assert found[0].startswith("passerelle.toml:4: providers.main.api_key: must be")
    assert "revoke" in found[0]
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:ABSENT", "the environment variable ABSENT is not set"),
        ("env:BLANK", "BLANK is empty"),
        ("file:absent.key", "cannot be read"),
        ("vault:x", "must be"),
    ],
)
def test_a_key_that_cannot_be_had_is_a_fault(tmp_path: Path, reference: str, words: str) -> None:
    found = faults(tmp_path, PROVIDER + f'api_key = "{reference}"\n', BLANK=" ")
    assert words in found[0]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "api.openai.com/v1",
        "ftp://x/v1",
        "https://",
        "https://x/v1?key=1",
        "https://u:p@x/v1",
        "https://x:y",
    ],
)
def test_an_address_that_cannot_be_called_is_a_fault(tmp_path: Path, address: str) -> None:
    text = f'[providers.main]\nkind = "openai_style"\nbase_url = "{address}"\n'
    assert "providers.main.base_url" in faults(tmp_path, text)[0]


def test_tls_needs_both_halves_and_they_must_exist(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text("x", "utf-8")
    assert faults(tmp_path, '[listener]\ntls_certificate = "chain.pem"\n') == [
        "passerelle.toml:1: listener.tls_key: is missing: TLS needs both a certificate and its key"
    ]
    assert "does not exist" in faults(tmp_path, '[listener]\ntls_key = "no.pem"\n')[1]


def test_the_built_in_provider_keeps_its_name(tmp_path: Path) -> None:
    text = '[providers.extractive]\nkind = "openai_style"\nbase_url = "http://x/v1"\n'
    assert "taken by the built-in provider" in faults(tmp_path, text)[0]


def test_a_known_key_in_the_environment_is_offered_without_its_value(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        OPENAI_API_KEY=KEY,
        AZURE_OPENAI_API_KEY=KEY,
        AZURE_OPENAI_ENDPOINT="https://us.openai.azure.com/",
        GROQ_API_KEY="",
    )
    assert [offer.name for offer in settings.offers] == ["openai", "azure"]
    assert KEY not in repr(settings)
    accepted = read(
        tmp_path,
        "".join(offer.toml for offer in settings.offers),
        OPENAI_API_KEY=KEY,
        AZURE_OPENAI_API_KEY=KEY,
    )
    assert accepted.offers == ()
    azure = accepted.providers["azure"]
    assert isinstance(azure, AzureSettings)
    assert azure.base_url == "https://us.openai.azure.com"


def test_a_maker_of_servers_brings_its_usual_address(tmp_path: Path) -> None:
    text = '[providers.small]\nkind = "mistral"\napi_key = "env:KEY"\nmodels = ["mistral-small"]\n'
    small = read(tmp_path, text, KEY=KEY).providers["small"]
    assert isinstance(small, ServerSettings)
    assert (small.base_url, small.tokens_field) == ("https://api.mistral.ai/v1", None)
    assert small.models == ("mistral-small",)


def test_clouds_have_settings_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text("{}", "utf-8")
    text = """
[providers.claude]
kind = "anthropic"
api_key = "env:KEY"
[providers.aws]
kind = "bedrock"
region = "eu-central-1"
access_key_id = "AKIAEXAMPLE"
secret_access_key = "env:KEY"
[providers.google]
kind = "vertex"
project = "demo"
credentials = "account.json"
"""
    providers = read(tmp_path, text, KEY=KEY).providers
    claude, aws, google = (providers[name] for name in ("claude", "aws", "google"))
    assert isinstance(claude, AnthropicSettings)
    assert isinstance(aws, BedrockSettings)
    assert isinstance(google, VertexSettings)
    assert claude.base_url == "https://api.anthropic.com"
    assert aws.base_url == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert (google.location, google.base_url) == ("global", "")
    assert KEY not in repr(providers)


def test_half_of_an_access_key_is_a_fault(tmp_path: Path) -> None:
    text = '[providers.aws]\nkind = "bedrock"\nregion = "eu-west-1"\naccess_key_id = "AKIA"\n'
    assert "secret_access_key" in faults(tmp_path, text)[0]


def test_direct_models_have_guards_and_a_budget_of_their_own(tmp_path: Path) -> None:
    assert read(tmp_path).direct is None
    text = "[direct.guards.secrets]\n[direct.budget]\nper_day_usd = 2\n"
    direct = read(tmp_path, text).direct
    assert direct is not None
    assert [policy.guard.name for policy in direct.guards] == ["secrets"]
    assert direct.budget.day_nano == 2_000_000_000
    text = "[direct.guards.secretz]\n[direct.budget]\nper_day_usd = -1\n"
    guard, budget = faults(tmp_path, text)
    assert guard.startswith("passerelle.toml:1: direct.guards.secretz")
    assert budget == "passerelle.toml:3: direct.budget.per_day_usd: must be at least 0"


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(KEY)
    assert f"{secret} {secret!r} {secret!s} {secret:>10}" == "*** *** *** ***"
    assert copy.deepcopy(secret).reveal() == KEY
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_every_variable_stands_in_the_table_of_the_documentation() -> None:
    rows = {
        cells[1].strip(): cells[2].strip()
        for cells in (row.split("|") for row in (module.__doc__ or "").splitlines())
        if len(cells) > 3 and "PASSERELLE_" in cells[1]
    }
    assert rows == {name: ".".join(keys) for name, (keys, _) in module._VARIABLES.items()}


def test_settings_cannot_change_after_the_start(tmp_path: Path) -> None:
    settings = read(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.team = "other"  # type: ignore[misc]


def test_a_replay_has_its_recordings_and_its_pace(tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    text = '[providers.tape]\nkind = "replay"\nrecordings = "recorded"\nlatency_seconds = 0.2\n'
    tape = read(tmp_path, text).providers["tape"]
    assert tape == ReplaySettings(tmp_path / "recorded", "", 0.2, 12, 0.0)
    assert "unknown key" in faults(tmp_path, text + 'base_url = "http://x/v1"\n')[0]


def test_a_key_of_another_kind_of_provider_is_refused(tmp_path: Path) -> None:
    assert "unknown key" in faults(tmp_path, PROVIDER + "latency_seconds = 1\n")[0]


def test_providers_that_are_no_table_are_one_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, "providers = 3\n") == [
        "passerelle.toml:1: providers: must be a table, not an integer"
    ]


BUDGETS = """\
[budgets.key]
per_day_usd = 0.5
[budgets.user]
per_month_tokens = 1000
[budgets.teams.claims]
per_month_usd = 100
time_zone = "Europe/Paris"
[budgets.teams."the rest"]
requests_per_minute = 5
"""


def test_budgets_of_keys_users_and_teams_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, BUDGETS).budgets
    assert found.each_key == Budget(day_nano=500_000_000)
    assert found.each_user == Budget(month_tokens=1_000)
    assert found.teams == {
        "claims": Budget(month_nano=100_000_000_000, time_zone="Europe/Paris"),
        "the rest": Budget(requests_per_minute=5),
    }


def test_without_budgets_no_caller_is_limited(tmp_path: Path) -> None:
    found = read(tmp_path).budgets
    assert (found.each_key, found.each_user, found.teams) == (None, None, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[budgets.key]\nper_day_usd = -1\n",
            "passerelle.toml:2: budgets.key.per_day_usd: must be at least 0",
        ),
        (
            "[budgets.user]\n\nper_day_usb = 1\n",
            'passerelle.toml:3: budgets.user.per_day_usb: unknown key; did you mean "per_day_usd"?',
        ),
        (
            "[budgets.teams.A]\nalert_at = ['x']\n",
            'passerelle.toml:2: budgets.teams.A.alert_at: "x" is no share such as "80%"',
        ),
        (
            "[budgets]\nkey = 5\n",
            "passerelle.toml:2: budgets.key: must be a table, not an integer",
        ),
        (
            "[budgets.teams]\nclaims = 5\n",
            "passerelle.toml:2: budgets.teams.claims: must be a table, not an integer",
        ),
        (
            "[budgets.keys]\nper_day_usd = 1\n",
            'passerelle.toml:1: budgets.keys: unknown key; did you mean "key"?',
        ),
    ],
)
def test_fault_of_a_budget_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    assert faults(tmp_path, text) == [told]
