"""Progress of a read, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.text import duration, size_text


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a read.

    Attributes
    ----------
    objects, bytes, lines : int
        What was read so far; ``bytes`` after unpacking.
    total_objects, total_bytes : int
        What listing has found so far; ``total_bytes`` before unpacking.
    stored_bytes : int
        What was read so far, before unpacking.
    seconds : float
        Time since the start.
    listed : bool
        Whether the listing has ended, so that the totals are final.
    """

    objects: int
    bytes: int
    lines: int
    total_objects: int
    total_bytes: int = 0
    stored_bytes: int = 0
    seconds: float = 0.0
    listed: bool = False

    @property
    def left_s(self) -> float | None:
        """Seconds left at the speed so far; None while the listing goes on and
        in the first second.
        """
        if not self.listed or not self.stored_bytes or self.seconds < 1:
            return None
        return self.seconds * max(0, self.total_bytes - self.stored_bytes) / self.stored_bytes

    @property
    def sentence(self) -> str:
        """Objects, bytes, rate and time left:
        ``12 of 40 objects, 61 MB, 12 MB/s, about 2 min 5 s left``.
        """
        total = (
            f"{self.total_objects:,}{'' if self.listed else '+'}"
            f" object{'' if self.total_objects == 1 else 's'}"
        )
        parts = [f"{self.objects:,} of {total}", size_text(self.bytes)]
        if self.seconds >= 1:
            parts.append(f"{size_text(int(self.bytes / self.seconds))}/s")
        if self.left_s is not None:
            parts.append(f"about {duration(max(1, round(self.left_s)))} left")
        return ", ".join(parts)
