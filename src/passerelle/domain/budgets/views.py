"""How accounts stand, for those who look at them."""

from dataclasses import dataclass
from enum import StrEnum

from passerelle.domain.budgets.reservations import Allowance, Standing


class AccountKind(StrEnum):
    """What an account belongs to."""

    USECASE = "usecase"
    STAGE = "stage"
    KEY = "key"
    USER = "user"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account with its limits, and what is spent and held of them."""

    kind: AccountKind
    name: str
    """Of what it belongs to: `handbook`, `handbook@pilot`, a key's public id, a team."""
    allowance: Allowance
    standing: Standing
