"""Who is turned away at the edge is counted there."""

import pytest

from passerelle.domain.identity.grants import Forbidden
from passerelle.domain.identity.keys import Unauthenticated
from passerelle.domain.identity.permissions import Permission
from passerelle.wiring.apps import grants
from tests.stories.kitchen import kitchen


async def test_callers_that_are_turned_away_are_counted_by_their_code() -> None:
    kept = await kitchen()
    granted = grants(kept.store, kept.parts)
    assert granted(kept.key, Permission.EXCHANGE_CREATE).principal.name == "caller"
    with pytest.raises(Unauthenticated):
        granted("sk-dev-nonsense", Permission.EXCHANGE_CREATE)
    with pytest.raises(Forbidden):
        granted(kept.key, Permission.KEY_REVOKE_ANY)
    assert kept.watch.refused == ["invalid_api_key", "permission_denied"]
