"""Faults on the wire: a child process that is killed before or after one AWS call, or never gets
its reply.

The faults sit below botocore, where real ones happen, so its own retries are part of what is
tested. Each run happens in a forked child: an ``os._exit`` there is what a killed kernel is.
"""

from __future__ import annotations

import gc
import os
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

KILLED = 137
Mode = Literal[
    "before", "after", "lost", "lost for good", "down", "throttled", "refused", "expired"
]


_CODES = {
    "throttled": ("ThrottlingException", "SlowDown", 503),
    "refused": ("AccessDeniedException", "AccessDenied", 403),
    "expired": ("ExpiredTokenException", "ExpiredToken", 400),
}
"""Codes of a service that speaks JSON and of S3, and the status of S3."""


class Wire:
    """Counts HTTP calls and spoils the chosen one.

    A reply to an update of a workforce comes after ``update_s``, when that is over: how often a
    client has to look then does not depend on how fast the machine is.
    """

    def __init__(self, at: int, mode: Mode, *, update_s: float = 0) -> None:
        self.at = at
        self.mode = mode
        self.update_s = update_s
        self.count = 0
        self.names: list[str] = []
        self._counting = threading.Lock()
        self._send = URLLib3Session.send

    def install(self) -> None:
        wire = self

        def send(session: URLLib3Session, request: Any) -> Any:
            return wire._one(session, request)

        URLLib3Session.send = send  # type: ignore[method-assign]

    def _one(self, session: URLLib3Session, request: Any) -> Any:
        name = name_of(request)
        with self._counting:  # the account is read by several threads
            here = self.count
            self.count += 1
            self.names.append(name)
        hit = here == self.at
        if hit and self.mode == "before":
            os._exit(KILLED)
        lasting = self.mode in ("down", "expired") and 0 <= self.at <= here
        if lasting or (hit and self.mode in ("throttled", "refused")):
            return self._spoilt(request)
        response = self._send(session, request)
        if hit and self.mode == "after":
            os._exit(KILLED)
        if name == "UpdateWorkforce":
            time.sleep(self.update_s)
        # botocore tries three times: only a loss of all three replies reaches us.
        lost = (
            hit
            if self.mode == "lost"
            else self.mode == "lost for good" and self.at <= here < self.at + 3
        )
        if lost:
            raise ReadTimeoutError(endpoint_url=request.url)
        return response

    def _spoilt(self, request: Any) -> Any:
        if self.mode == "down":
            raise ReadTimeoutError(endpoint_url=request.url)
        in_json = "amz-json" in str(request.headers.get("Content-Type", ""))
        code, xml_code, xml_status = _CODES[self.mode]
        if in_json:
            status, body = 400, f'{{"__type":"{code}","message":"injected"}}'.encode()
        else:
            status = xml_status
            body = f"<Error><Code>{xml_code}</Code><Message>injected</Message></Error>".encode()
        return AWSResponse(request.url, status, {"content-type": "text/plain"}, _Raw(body))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body

    def read(self, *_: Any) -> bytes:
        body, self._body = self._body, b""
        return body


def name_of(request: Any) -> str:
    target = request.headers.get("X-Amz-Target")
    if target:
        text = target.decode() if isinstance(target, bytes) else str(target)
        return text.rsplit(".", 1)[-1]
    return f"{request.method} {request.url.split('?', 1)[-1][:20] if '?' in request.url else ''}".strip()


def in_child(work: Callable[[], Any], *, wire: Wire | None, pipe: Path) -> tuple[int, Any]:
    """Run work in a forked process; returns its exit code and what it returned or
    raised (None if killed).
    """
    pid = os.fork()
    if pid == 0:  # pragma: no cover - the child
        code = 1
        # what tests before left in cycles may hold threads, without which it cannot be freed
        gc.freeze()
        try:
            if wire is not None:
                wire.install()
            try:
                result: Any = ("returned", work())
            except BaseException as error:
                result = (
                    "raised",
                    f"{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}",
                )
            pipe.write_bytes(
                pickle.dumps((result, wire.count if wire else 0, wire.names if wire else []))
            )
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == KILLED:
        return code, None
    assert code == 0, f"The child has ended with exit code {code}, without a result."
    found = pickle.loads(pipe.read_bytes())
    pipe.unlink()
    return code, found
