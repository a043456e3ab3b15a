"""The body of an S3 object, read on where a broken connection left it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

ATTEMPTS = 4
"""Connections for one object; boto3 repeats a request, but not one whose body breaks off."""


class ResumingBody(io.RawIOBase):
    """A body that is asked for again, from where it broke.

    Parameters
    ----------
    get : callable
        Gives the body from an offset on; raises an error of ours if the object is gone or denied.
    size : int
        Bytes that the object has: fewer are a break too.
    """

    def __init__(self, get: Callable[[int], Any], size: int) -> None:
        super().__init__()
        self._get, self._size = get, size
        self._at, self._left = 0, ATTEMPTS - 1
        self._body: Any = io.BytesIO()
        try:
            self._body = get(0)
        except OSError:
            self._again()

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, or all."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while True:
            try:
                data: bytes = self._body.read(size)
                if data or not size or self._at >= self._size:
                    self._at += len(data)
                    return data
                raise EOFError(f"the connection ended after {self._at:,} of {self._size:,} bytes")
            except Exception as error:
                if not isinstance(error, (OSError, EOFError, *transport_errors())):
                    raise
                if self._at >= self._size > 0:  # all of it came, whatever the response promised
                    return b""
                if not self._left:
                    raise
                self._again()

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as one read goes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Let the connection go."""
        super().close()
        self._body.close()

    def _again(self) -> None:
        self._body.close()
        time.sleep(0.1 * 2 ** (ATTEMPTS - 1 - self._left))
        self._left -= 1
        self._body = self._get(self._at)


def transport_errors() -> tuple[type[BaseException], ...]:
    """Return the errors that a broken connection raises in the middle of a body; known only if botocore is in use."""
    import sys

    if "botocore" not in sys.modules:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError
