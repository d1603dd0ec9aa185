"""What an operator does from the command line: stories with the parts that they need."""

from pathlib import Path

from passerelle.adapters.store.stores import Store
from passerelle.core.values.errors import InvalidRequest
from passerelle.core.values.principals import Principal
from passerelle.domain.identity.grants import authorise
from passerelle.domain.identity.keys import DEVELOPMENT, ApiKey, identify, parse
from passerelle.domain.identity.permissions import Permission
from passerelle.domain.identity.roles import Role
from passerelle.domain.ledger.acts import Recorded
from passerelle.domain.ledger.entries import Entry
from passerelle.stories.govern import keys as key_story
from passerelle.stories.govern.audit import Verification, verify
from passerelle.stories.govern.erase import Erasure, erase_content
from passerelle.stories.govern.scaffold import scaffold
from passerelle.wiring.installation import Installation
from passerelle.wiring.secrets import pepper, secret_file

DEVELOPMENT_KEY = "development.key"


class NoKey(InvalidRequest):
    """The key file cannot be used."""

    code = "no_key"


def acting(installation: Installation, store: Store, key_file: Path | None) -> Principal:
    """The person whose key is in the file; without a file whoever runs the command.

    Raises `NoKey` and `Unauthenticated`.
    """
    if key_file is None:
        return installation.operator
    return identify(
        read_key(key_file),
        store.keys,
        pepper=pepper(installation.data),
        now_ms=installation.clock.now_ms(),
    )


def read_key(file: Path) -> str:
    """The key in a file of one line. Raises `NoKey`."""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoKey(f"{file} cannot be read: name the file of a key with --as-key.") from error


def key_parts(installation: Installation, store: Store) -> key_story.KeyParts:
    return key_story.KeyParts(
        ring=store.keys,
        ledger=store.ledger,
        clock=installation.clock,
        pepper=pepper(installation.data),
    )


async def create_key(
    installation: Installation,
    store: Store,
    wanted: key_story.WantedKey,
    *,
    file: Path | None = None,
) -> Recorded[key_story.IssuedKey]:
    """Makes a key, and writes it into a file of its owner's where one is named."""
    _refuse_taken(file)
    granted = authorise(installation.operator, Permission.KEY_CREATE)
    recorded = await key_story.create_key(granted, wanted, key_parts(installation, store))
    if file is not None:
        secret_file(file, recorded.value.plain.encode)
    return recorded


def _refuse_taken(file: Path | None) -> None:
    if file is not None and file.exists():
        raise NoKey(f"{file} exists; nothing is overwritten.")


def list_keys(installation: Installation, store: Store) -> tuple[ApiKey, ...]:
    granted = authorise(installation.operator, Permission.KEY_READ)
    return key_story.list_keys(granted, store.keys)


async def revoke_key(installation: Installation, store: Store, public_id: str) -> Recorded[ApiKey]:
    granted = authorise(installation.operator, Permission.KEY_REVOKE)
    return await key_story.revoke_key(granted, public_id, key_parts(installation, store))


async def development_key(installation: Installation, store: Store) -> str:
    """The key in `development.key`; a new one when the file or its key is gone.

    Empty once it was revoked: who did that wants none. Without the file there is a new one.
    """
    file = installation.data / DEVELOPMENT_KEY
    if file.exists():
        plain = secret_file(file, bytes).decode().strip()
        key = _known(plain, store)
        if key is not None:
            return plain if key.revoked_at_ms is None else ""
        file.unlink()
    roles = frozenset({str(Role.ADMINISTRATOR)})
    wanted = key_story.WantedKey("development", "person", roles, env=DEVELOPMENT)
    recorded = await create_key(installation, store, wanted)
    return secret_file(file, recorded.value.plain.encode).decode().strip()


def _known(plain: str, store: Store) -> ApiKey | None:
    parsed = parse(plain)
    return store.keys.get(parsed.public_id) if parsed is not None else None


def verify_ledger(folder: Path) -> Verification:
    """Proves the ledger of a state folder without writing to it."""
    from passerelle.adapters.kms.signing import open_public_key
    from passerelle.adapters.store.sqlite import open_ledger

    ledger = open_ledger(folder, verifier=open_public_key(folder))
    try:
        return verify(ledger)
    finally:
        ledger.close()


def newest_entries(
    installation: Installation, *, before: int | None, limit: int, event: str
) -> tuple[Entry, ...]:
    """Newest first; reads only, so a damaged ledger can still be looked at."""
    from passerelle.adapters.kms.signing import open_public_key
    from passerelle.adapters.store.sqlite import open_ledger

    folder = installation.data
    ledger = open_ledger(folder, verifier=open_public_key(folder))
    try:
        return ledger.entries(
            organisation=installation.scope.organisation, before=before, limit=limit, event=event
        )
    finally:
        ledger.close()


async def erase_exchange(
    installation: Installation, store: Store, exchange: str, reason: str
) -> Recorded[Erasure]:
    granted = authorise(installation.operator, Permission.LEDGER_ERASE)
    return await erase_content(
        granted, store.ledger, subject=exchange, reason=reason, clock=installation.clock
    )


def write_scaffold(folder: Path, name: str) -> tuple[str, ...]:
    """Writes a new use case below the folder; gives the paths written."""

    def write(path: str, text: str) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(text)

    return scaffold(name, write, lambda path: (folder / path).exists())
