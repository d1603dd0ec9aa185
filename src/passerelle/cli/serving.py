"""passerelle up: ingest what changed, then serve."""

import asyncio
import ipaddress
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated

import typer

from passerelle.cli.ingesting import ingest_all
from passerelle.cli.options import HERE, AsJson, Config, Data
from passerelle.cli.output import explained, print_json, say, warn
from passerelle.core.values.errors import Unavailable
from passerelle.wiring.apps import run_gateway
from passerelle.wiring.installation import (
    Installation,
    OpenStore,
    Told,
    opened_store,
    read_installation,
)
from passerelle.wiring.operating import DEVELOPMENT_KEY, development_key
from passerelle.wiring.seats import Seat, seated
from passerelle.wiring.workers import Supervisor, run_folder, shared_purse


def up(
    *,
    config: Config = HERE,
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="[default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="[default: 8080]")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that serve [default: 1].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ingest what changed, then serve the use cases of a folder until stopped."""
    with explained(as_json=as_json):
        installation = read_installation(Told(config, data, host, port, workers))
        alone = installation.settings.listener.workers == 1
        serving = _serve if alone else _supervise
        status = asyncio.run(serving(installation, as_json=as_json))
    if status:
        raise typer.Exit(status)


def worker(
    *,
    config: Config,
    data: Data,
    folder: Annotated[Path, typer.Option()],
    number: Annotated[int, typer.Option()],
    link: Annotated[int, typer.Option()],
    socket: Annotated[list[int], typer.Option()],
) -> None:
    """One of the processes of `up --workers`; started by it alone."""
    with explained(as_json=False):
        installation = read_installation(Told(config, data))
        asyncio.run(_work(installation, seated(folder, number, link=link, sockets=socket)))


async def _work(installation: Installation, seating: AbstractAsyncContextManager[Seat]) -> None:
    with opened_store(installation) as store:
        async with seating as seat:
            await run_gateway(installation, store, started=lambda _port: seat.serving(), seat=seat)


async def _serve(installation: Installation, *, as_json: bool) -> int:
    with opened_store(installation) as store:
        key = await _prepare(installation, store, as_json=as_json)
        await run_gateway(
            installation,
            store,
            started=lambda port: _announce(installation, port, key, as_json=as_json),
        )
    return 0


async def _supervise(installation: Installation, *, as_json: bool) -> int:
    """What is done once is done here; the workers only serve."""
    with run_folder(installation) as folder:
        with opened_store(installation) as store:
            key = await _prepare(installation, store, as_json=as_json)
            purse = shared_purse(installation, store, folder)
        files = ("--config", str(installation.folder), "--data", str(installation.data))
        command = (sys.executable, "-m", "passerelle.cli.main", "worker", *files)
        supervisor = Supervisor(installation, folder, purse, command=command)
        return await supervisor.run(
            lambda port: _announce(installation, port, key, as_json=as_json)
        )


async def _prepare(installation: Installation, store: OpenStore, *, as_json: bool) -> str:
    """Knowledge up to date, and the development key where there may be one."""
    try:
        await ingest_all(installation, store, quiet=as_json)
    except Unavailable as busy:  # another process is at it, and what is there can be served
        warn(f"passerelle: {busy.message}")
    return await development_key(installation, store) if _is_local(installation) else ""


def _is_local(installation: Installation) -> bool:
    """The development key may do everything, so it exists only where nobody else can connect."""
    host = installation.settings.listener.host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _announce(installation: Installation, port: int, key: str, *, as_json: bool) -> None:
    listener = installation.settings.listener
    scheme = "https" if listener.tls_certificate else "http"
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    url = f"{scheme}://{host}:{port}"
    key_file = installation.data / DEVELOPMENT_KEY
    names = [usecase.name for usecase in installation.usecases]
    if as_json:
        print_json({"url": url, "models": names, "key_file": str(key_file) if key else None})
        return
    if not installation.usecases:
        warn("No use case is configured: run passerelle init NAME")
    for usecase in installation.usecases:
        say(f"Serving {usecase.name} ({usecase.profile.stage}): {usecase.profile.title}")
    say(f"\n  URL      {url}/v1   (OpenAI format)")
    say(f"  Console  {url}/")
    _announce_key(key, key_file=str(key_file))
    model = names[0] if names else "MODEL"
    say("\nTry it:\n")
    say(_curl(url, model, key))
    for offer in installation.settings.offers:
        say(f"\n{offer.variable} is set: to route to {offer.name}, add to passerelle.toml\n")
        say("\n".join(f"    {line}" for line in offer.toml.strip().splitlines()))
        say(f'\nand set provider = "{offer.name}" and a model in [route] of usecase.toml.')
    say("\nStop with Ctrl-C.")


def _announce_key(key: str, *, key_file: str) -> None:
    if key:
        say(f"  Key      {key}   (for development; also in {key_file})")
    else:
        say('  Key      make one: passerelle keys create --label "my team" --role developer')


def _curl(url: str, model: str, key: str) -> str:
    return (
        f"curl {url}/v1/chat/completions \\\n"
        f'  -H "Authorization: Bearer {key or "KEY"}" -H "Content-Type: application/json" \\\n'
        f'  -d \'{{"model": "{model}", "messages": '
        '[{"role": "user", "content": "What is a use case?"}]}\''
    )
