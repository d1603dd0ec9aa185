"""Files of secrets in the data folder: made once, readable by their owner only."""

import os
from collections.abc import Callable
from pathlib import Path

from passerelle.core.values.errors import Unavailable

OWNER_ONLY = 0o600
PEPPER_BYTES = 32


class SecretExposed(Unavailable):
    """A secret file can be read by others."""

    code = "secret_exposed"


def secret_file(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of the file, made and written when there is none.

    Two processes that start together end with the same secret: the file appears
    whole, under its name, or not at all.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process was first: its secret holds
        finally:
            fresh.unlink()
    if path.stat().st_mode & 0o077:
        raise SecretExposed(f"Run: chmod 600 {path}")
    return path.read_bytes()


def pepper(folder: Path) -> bytes:
    """The secret under which API keys are hashed; losing it makes every key worthless."""
    return secret_file(folder / "pepper", lambda: os.urandom(PEPPER_BYTES))
