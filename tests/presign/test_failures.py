"""Why a probe got no answer, in one word for each kind of error that urllib3 raises."""

from __future__ import annotations

import socket
from typing import Any, cast

import pytest
from urllib3 import exceptions as kinds

from gt_secure.presign.probe import _failure

NO_POOL = cast(Any, None)


def because(cause: BaseException) -> kinds.MaxRetryError:
    """Return what urllib3 raises for the last attempt."""
    error = kinds.MaxRetryError(NO_POOL, "/scans/1.png", cast(Any, cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (because(socket.gaierror(-2, "Name or service not known")), "dns"),
        (kinds.NewConnectionError(NO_POOL, "no route"), "refused"),
        (ConnectionRefusedError(), "refused"),
        (kinds.ConnectTimeoutError(NO_POOL, "5 s"), "time-out"),
        (kinds.ReadTimeoutError(NO_POOL, "/scans/1.png", "5 s"), "time-out"),
        (TimeoutError(), "time-out"),
        (kinds.SSLError("a certificate"), "tls"),
        (because(kinds.SSLError("a certificate")), "tls"),
        (kinds.ProtocolError("cut"), "network"),
        (because(OSError("no route")), "network"),
    ],
)
def test_a_failure_has_its_word(error: Exception, word: str) -> None:
    assert _failure(error) == word
