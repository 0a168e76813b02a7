"""What a build is going to cost, said before it starts: time from the last build's speed, disk from sizes.

Only raw files that no build has harmonised yet count. The estimate is rough and says so by its rounding; a
disk that cannot hold it is refused before hours of work, not after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from caudal.collect import Register
from caudal.engine.files import free_bytes
from caudal.errors import CaudalError, problem
from caudal.river import state
from caudal.river.folder import CountryFolder

#: Bytes that the cache and the release take for each byte of raw files: text grows little, Parquet of few
#: columns up to this.
_DISK_FACTOR = 6
#: Below this much, a measured speed says more of the start-up than of the work.
_LEAST_MEGABYTES = 5.0


@dataclass(frozen=True)
class Foresight:
    """Raw bytes that are new to this folder, and what they are expected to take."""

    new_bytes: int
    seconds_per_megabyte: float

    @property
    def what(self) -> str:
        """The estimate in short, as a build tells it."""
        return f"~{_rounded(self.seconds)} s, ~{_rounded(self.disk_megabytes)} MB"

    @property
    def seconds(self) -> float:
        """Expected seconds."""
        return self.new_bytes / 1e6 * self.seconds_per_megabyte

    @property
    def disk_megabytes(self) -> float:
        """Expected megabytes of the cache and the release."""
        return self.new_bytes / 1e6 * _DISK_FACTOR

    def facts(self) -> dict[str, int]:
        """The estimate for the log."""
        return {"seconds": round(self.seconds), "megabytes": round(self.disk_megabytes)}

    def measured(self, seconds: float) -> float:
        """The speed to expect next time, after a build that took ``seconds``."""
        megabytes = self.new_bytes / 1e6
        return seconds / megabytes if megabytes >= _LEAST_MEGABYTES else self.seconds_per_megabyte


def foresee(folder: CountryFolder, registers: Mapping[str, Register]) -> Foresight:
    """What the build of the deliveries in ``registers`` is expected to cost.

    Raises :class:`CaudalError` (environment) where the disk cannot hold it.
    """
    last = state.read_state(folder.work)
    known = last.watched if last else {}
    files = [f for r in registers.values() for d in r.deliveries for f in d.files.values()]
    new = sum(f.bytes for f in files if str(f.path.absolute()) not in known)
    found = Foresight(new, last.seconds_per_megabyte if last else state.State({}, "").seconds_per_megabyte)
    free = free_bytes(folder.path)
    if found.disk_megabytes * 1e6 > free:
        needed = f"{found.disk_megabytes:,.0f}"
        raise CaudalError(
            problem("disk-too-small", where=str(folder.path), needed=needed, free=f"{free / 1e6:,.0f}")
        )
    return found


def _rounded(value: float) -> int:
    """Two significant digits.

    >>> _rounded(1234.0), _rounded(7.4)
    (1200, 7)
    """
    digits = max(0, len(str(round(value))) - 2)
    return int(round(value / 10**digits) * 10**digits)
