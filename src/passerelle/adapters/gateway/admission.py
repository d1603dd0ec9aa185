"""Who has no valid key is turned away before anything else of a request is judged."""

from collections.abc import Callable
from typing import Final

from passerelle.adapters.gateway.routes import Endpoint
from passerelle.domain.identity.grants import Granted
from passerelle.domain.identity.permissions import Permission

Authorise = Callable[[str, Permission], Granted]
"""Takes a credential and a permission; raises a refusal where they do not fit."""
_MOST_KNOWN: Final = 10_000


class Admission:
    """Asks once for each key and permission, and only remembers who was let in.

    The story behind an endpoint identifies every request anew: a key that has been
    revoked gets no further than to have its body judged.
    """

    def __init__(self, authorise: Authorise) -> None:
        self._authorise = authorise
        self._known: set[int] = set()

    def expect(self, credential: str, endpoint: Endpoint) -> None:
        """Raises a refusal."""
        needs = endpoint.needs
        if endpoint.open_to_some or not isinstance(needs, Permission):
            return
        # Hashes of one process: nothing that could be read out as a key is kept.
        mark = hash((credential, endpoint.method, endpoint.path))
        if mark not in self._known:
            self._authorise(credential, needs)
            self._remember(mark)

    def _remember(self, mark: int) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(mark)
