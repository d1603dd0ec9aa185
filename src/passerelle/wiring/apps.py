"""Gateway, control plane, console and metrics as one process."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, cast

import msgspec

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import Unavailable
from passerelle.core.values.scope import Scope
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.govern.audit import Verification, verify
from passerelle.stories.improve.collect import FlagParts, flag_exchange
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.recall import Recalling
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.improving import dispatch_parts, promotion_parts, review_parts
from passerelle.wiring.installation import Installation
from passerelle.wiring.justifying import meter_parts, readiness_parts
from passerelle.wiring.observing import provider_states
from passerelle.wiring.providers import build_providers
from passerelle.wiring.serving import build_parts, build_serving

if TYPE_CHECKING:
    from passerelle.adapters.api.parts import UseCaseView
    from passerelle.adapters.gateway.app import Gateway
    from passerelle.adapters.gateway.asgi import ASGIApp
    from passerelle.adapters.telemetry.metrics import Registry
    from passerelle.adapters.telemetry.recent import RecentTraffic

GARBAGE_THRESHOLD = 20_000
"""New containers before the young ones are looked through; a request makes a few hundred."""
EXAMPLES = 4
"""Questions that the playground offers to begin with."""
REFRESH_SECONDS = 1.0
"""How soon what changed elsewhere is served: new knowledge, and keys by the store itself."""


async def run_gateway(
    installation: Installation, store: Store, *, started: Callable[[int], None]
) -> None:
    """Serves until the process is asked to stop. `started` gets the port."""
    from passerelle.adapters.gateway.listeners import Listening, listen
    from passerelle.adapters.telemetry.logs import start_logging
    from passerelle.adapters.telemetry.metrics import Registry
    from passerelle.adapters.telemetry.observers import ServingMetrics
    from passerelle.adapters.telemetry.recent import RecentTraffic

    start_logging()
    _settle_memory()
    registry = Registry()
    providers = build_providers(installation)
    async with AsyncExitStack() as stack:
        for provider in providers.values():
            stack.push_async_callback(provider.close)
        recent = RecentTraffic(installation.clock, ServingMetrics(registry))
        parts, deployments = build_parts(installation, store, providers, recent)
        refreshing = asyncio.create_task(_refresh(deployments))
        stack.push_async_callback(_stop, refreshing)
        gateway = build_gateway(
            installation, store, parts, deployments=deployments, registry=registry, recent=recent
        )
        settings = installation.settings
        await listen(
            gateway,
            Listening(
                host=settings.listener.host,
                port=settings.listener.port,
                certificate=settings.listener.tls_certificate,
                key=settings.listener.tls_key,
                header_seconds=settings.limits.header_deadline_seconds,
                drain_seconds=settings.limits.drain_seconds,
            ),
            started=started,
            draining=gateway.begin_drain,
        )


def _settle_memory() -> None:
    """What is loaded now stays for ever: looking at it again and again is a tenth of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 50)


def build_gateway(
    installation: Installation,
    store: Store,
    parts: Parts,
    *,
    deployments: Deployments,
    registry: "Registry",
    recent: "RecentTraffic",
) -> "Gateway":
    """One ASGI application: /v1, /api/v1, probes, metrics and the console at /."""
    from passerelle.adapters.api.app import control_plane
    from passerelle.adapters.api.parts import ApiParts
    from passerelle.adapters.console.files import console
    from passerelle.adapters.gateway.app import Gateway, GatewayParts
    from passerelle.adapters.gateway.edge import EdgeLimits
    from passerelle.adapters.telemetry.observers import TrafficMetrics

    async def proved() -> Verification:
        return await asyncio.to_thread(verify, store.ledger)

    def granted(credential: str, permission: Permission) -> Granted:
        now_ms = installation.clock.now_ms()
        principal = identify(credential, store.keys, pepper=parts.pepper, now_ms=now_ms)
        return authorise(principal, permission)

    async def take_flag(
        credential: str, *, exchange_id: str, reason: FlagReason, comment: str, correction: str
    ) -> Recorded[Flag]:
        return await flag_exchange(
            granted(credential, Permission.FLAG_CREATE),
            FlagParts(store.ledger, store.flags, installation.clock),
            exchange_id=exchange_id,
            reason=reason,
            comment=comment,
            correction=correction,
        )

    api = ApiParts(
        ring=store.keys,
        ledger=store.ledger,
        flags=store.flags,
        clock=installation.clock,
        usecases=lambda scope: usecase_views(installation, deployments, scope),
        verify=proved,
        review=review_parts(installation, store),
        dispatch=dispatch_parts(installation, store),
        promotion=promotion_parts(installation, store, deployments),
        metering=meter_parts(installation, store, parts.prices),
        readiness=readiness_parts(installation, store, deployments),
        prompts=deployments.versions,
        providers=lambda: provider_states(installation, parts, deployments),
        traffic=recent.minutes,
        pepper=parts.pepper,
    )
    limits = installation.settings.limits
    serving = build_serving(parts)
    return Gateway(
        GatewayParts(
            server=serving,
            counter=serving,
            clock=installation.clock,
            observer=TrafficMetrics(registry),
            ready=lambda: unready(installation, deployments),
            authorise=granted,
            feedback=take_flag,
            recall=Recalling(parts),
            exposition=registry.exposition,
            mounts={"/api/v1": cast("ASGIApp", control_plane(api)), "/": console()},
            limits=EdgeLimits(
                body_bytes=limits.max_body_bytes, body_seconds=limits.body_deadline_seconds
            ),
        )
    )


def usecase_views(
    installation: Installation, deployments: Deployments, scope: Scope
) -> "Sequence[UseCaseView]":
    """Every use case at every stage that it serves, as the console shows it."""
    from passerelle.adapters.api.parts import UseCaseView

    charters = {usecase.name: usecase for usecase in installation.usecases}
    examples = {name: example_questions(installation, name) for name in charters}
    return [
        UseCaseView(
            name=each.usecase,
            title=charters[each.usecase].profile.title,
            goal=charters[each.usecase].charter.goal,
            kpi=charters[each.usecase].charter.kpi,
            roles=charters[each.usecase].charter.roles,
            examples=examples[each.usecase],
            stage=each.stage,
            model=each.model,
            provider=each.plan.provider,
            guards=[policy.guard.name for policy in each.guards],
            index=each.index,
        )
        for each in deployments.offered(scope)
    ]


def example_questions(installation: Installation, usecase: str) -> list[str]:
    """The first cases of the use case that its documents answer; none without readable cases."""
    file = installation.folder / "usecases" / usecase / "cases.jsonl"
    try:
        lines = file.read_bytes().splitlines()
        cases = [msgspec.json.decode(line, type=_ExampleCase) for line in lines if line.strip()]
    except (OSError, msgspec.MsgspecError):
        return []
    return [case.question for case in cases if case.answerable][:EXAMPLES]


class _ExampleCase(msgspec.Struct):
    question: str
    answerable: bool = True


def unready(installation: Installation, deployments: Deployments) -> tuple[str, ...]:
    """What keeps this process from serving; empty when nothing does."""
    faults = [
        f"{each.usecase} has no knowledge: run passerelle ingest"
        for each in deployments.offered(installation.scope)
        if each.index is not None and not each.index.documents()
    ]
    faults += deployments.faults
    if not installation.usecases:
        faults.append("no use case is configured: run passerelle init NAME")
    return tuple(dict.fromkeys(faults))


async def _refresh(deployments: Deployments) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        with suppress(Unavailable):  # the next look may succeed; requests say it meanwhile
            deployments.refresh()


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
