"""Gateway, control plane, console and metrics as one process."""

import asyncio
import gc
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, cast

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import Refusal, Unavailable
from passerelle.domain.feedback.flags import Flag, FlagReason
from passerelle.domain.identity.grants import Granted, authorise
from passerelle.domain.identity.keys import identify
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.ledger.acts import Recorded
from passerelle.stories.govern.audit import Verification, verify
from passerelle.stories.improve.collect import FlagParts, flag_exchange
from passerelle.stories.serve.parts import Parts
from passerelle.stories.serve.recall import Recalling
from passerelle.wiring.batching import batch_parts, batch_worker
from passerelle.wiring.catalogue import Deployments
from passerelle.wiring.improving import dispatch_parts, promotion_parts, review_parts
from passerelle.wiring.installation import Installation
from passerelle.wiring.justifying import meter_parts, readiness_parts
from passerelle.wiring.observing import Watch, provider_states
from passerelle.wiring.providers import build_providers
from passerelle.wiring.seats import Seat
from passerelle.wiring.serving import accounts_of, build_parts, build_serving
from passerelle.wiring.spending import Spending
from passerelle.wiring.views import unready, usecase_views

if TYPE_CHECKING:
    from passerelle.adapters.api.parts import ApiParts
    from passerelle.adapters.gateway.app import Gateway
    from passerelle.adapters.gateway.asgi import ASGIApp

GARBAGE_THRESHOLD = 20_000
"""New containers before the young ones are looked through; a request makes a few hundred."""
REFRESH_SECONDS = 1.0
"""How soon what changed elsewhere is served: new knowledge, and keys by the store itself."""


async def run_gateway(
    installation: Installation,
    store: Store,
    *,
    started: Callable[[int], None],
    seat: Seat | None = None,
) -> None:
    """Serves until the process is asked to stop. `started` gets the port.

    With a seat as one of several workers, else alone.
    """
    from passerelle.adapters.gateway.listeners import Listening, listen
    from passerelle.adapters.telemetry.logs import start_logging

    start_logging()
    _settle_memory()
    watch = Watch(installation.clock, seat.board if seat else None)
    providers = build_providers(installation)
    async with AsyncExitStack() as stack:
        for provider in providers.values():
            stack.push_async_callback(provider.close)
        parts, deployments = build_parts(
            installation, store, providers, watch.recent, shared=seat.limits if seat else None
        )
        worker = batch_worker(installation, store, parts)
        for task in (_refresh(deployments), worker.run(), watch.keep_telling(parts)):
            stack.push_async_callback(_stop, asyncio.create_task(task))
        gateway = build_gateway(installation, store, parts, deployments=deployments, watch=watch)
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
                sockets=seat.sockets if seat else (),
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
    watch: Watch,
) -> "Gateway":
    """One application: /v1, /api/v1, probes, metrics and the console at /."""
    from passerelle.adapters.api.app import control_plane
    from passerelle.adapters.console.files import console
    from passerelle.adapters.gateway.app import Gateway, GatewayParts
    from passerelle.adapters.gateway.edge import EdgeLimits
    from passerelle.adapters.telemetry.observers import TrafficMetrics

    granted = grants(store, parts)

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

    limits = installation.settings.limits
    serving = build_serving(parts)
    api = control_plane(api_parts(installation, store, parts, deployments, watch=watch))
    return Gateway(
        GatewayParts(
            server=serving,
            counter=serving,
            clock=installation.clock,
            observer=TrafficMetrics(watch.registry),
            ready=lambda: unready(installation, deployments, store),
            authorise=granted,
            feedback=take_flag,
            recall=Recalling(parts),
            batches=batch_parts(installation, store),
            exposition=watch.exposition,
            mounts={"/api/v1": cast("ASGIApp", api), "/": console()},
            limits=EdgeLimits(
                body_bytes=limits.max_body_bytes, body_seconds=limits.body_deadline_seconds
            ),
        )
    )


def grants(store: Store, parts: Parts) -> Callable[[str, Permission], Granted]:
    """From a credential to the proof that its principal may."""

    def granted(credential: str, permission: Permission) -> Granted:
        now_ms = parts.clock.now_ms()
        try:
            principal = identify(credential, store.keys, pepper=parts.pepper, now_ms=now_ms)
            return authorise(principal, permission)
        except Refusal as refusal:
            parts.observer.caller_refused(refusal.code)
            raise

    return granted


def api_parts(
    installation: Installation,
    store: Store,
    parts: Parts,
    deployments: Deployments,
    *,
    watch: Watch,
) -> "ApiParts":
    """What the control plane reads and calls."""
    from passerelle.adapters.api.parts import ApiParts

    async def proved() -> Verification:
        return await asyncio.to_thread(verify, store.ledger)

    spending = Spending(parts, accounts_of(installation), deployments)
    return ApiParts(
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
        providers=lambda: provider_states(installation, parts, deployments, watch.health()),
        traffic=watch.minutes,
        standing=spending.of_key,
        limited=spending.limited,
        pepper=parts.pepper,
    )


async def _refresh(deployments: Deployments) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        with suppress(Unavailable):  # the next look may succeed; requests say it meanwhile
            deployments.refresh()


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
