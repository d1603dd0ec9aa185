"""The cases of one use case at one moment, named by what they say."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from passerelle.core.values.ids import Digest, digest_of
from passerelle.domain.evaluation.cases import Case


@dataclass(frozen=True, slots=True)
class Dataset:
    """Cases, each id once."""

    usecase: str
    cases: tuple[Case, ...]

    def __post_init__(self) -> None:
        times = Counter(case.id for case in self.cases)
        if twice := [name for name, count in times.items() if count > 1]:
            raise ValueError(f"ids used twice: {', '.join(twice)}")

    @property
    def version(self) -> Digest:
        """Over every field of every case, whatever their order."""
        ordered = sorted(self.cases, key=lambda case: case.id)
        return digest_of([asdict(case) for case in ordered])

    @property
    def slices(self) -> tuple[str, ...]:
        """Names of the groups, in the order in which they first appear."""
        return tuple(dict.fromkeys(case.slice for case in self.cases))

    @property
    def provenance(self) -> dict[str, int]:
        """How many cases come from the file and how many from flags."""
        return dict(Counter(case.provenance.partition(":")[0] for case in self.cases))


def assemble(usecase: str, written: Sequence[Case], collected: Iterable[Case]) -> Dataset:
    """The file's cases, then those that came from flags.

    A collected case that has since been copied into the file, known by its id,
    counts once, as the file has it.
    """
    known = {case.id for case in written}
    return Dataset(usecase, (*written, *(case for case in collected if case.id not in known)))
