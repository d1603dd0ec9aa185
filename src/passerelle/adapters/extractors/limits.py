"""What one parser process may use."""

import resource
from dataclasses import dataclass

import msgspec

_MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one worker process and of one document."""

    memory_mib: int = 768
    """Writable memory of the process; the parser itself takes some 80."""
    cpu_seconds: int = 20
    """For one document."""
    wall_seconds: float = 40.0
    """For one document, reading and writing included."""
    output_characters: int = 20_000_000
    """Of extracted text."""
    documents: int = 200
    """After so many a worker is replaced, so that no leak adds up."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """Applies the limits to this very process; there is no way back."""

    limits: Limits

    def enter(self) -> None:
        """Memory as stated, no files written, no core dumps."""
        memory = self.limits.memory_mib * _MIB
        # Not the address space: on many cores it grows with stacks and arenas never touched.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def allow_one_document(self) -> None:
        """Moves the CPU limit, which counts from the start of the process."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + 1 + self.limits.cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
