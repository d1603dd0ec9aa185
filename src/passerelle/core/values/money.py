"""Money as integers, so that sums are exact."""

from dataclasses import dataclass

NANO = 1_000_000_000
"""Nano-units in one unit of a currency."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in nano-units of a currency (1 USD = 1,000,000,000 nano-USD)."""

    nano: int
    currency: str = "USD"

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            message = f"cannot add {other.currency} to {self.currency}: convert first"
            raise ValueError(message)
        return Money(self.nano + other.nano, self.currency)

    def __str__(self) -> str:
        sign = "-" if self.nano < 0 else ""
        whole, part = divmod(abs(self.nano), NANO)
        return f"{sign}{whole}.{part:09d} {self.currency}"
