"""Results that stay in the process and account in which they were made."""

from __future__ import annotations

from typing import ClassVar, NoReturn


class NotCopied:
    """A result that cannot be pickled or copied: an attempt ends with a sentence on what to do."""

    __slots__ = ()
    _stays: ClassVar[str]

    def __reduce__(self) -> NoReturn:
        raise TypeError(self._stays)
