"""Answers of AWS to the calls of one question: a call that reads is sent once, until something is
written.

One command asks about several teams and buckets, and each of them needs the same facts of the
region. Refusals are kept too. Always sent again is what may be long (objects and their listings),
what is asked until it changes, and what failed for a moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..base.text import Texts
from .client_errors import is_refusal

_READS = ("Describe", "Get", "Head", "List", "Lookup", "Simulate")
_NEVER_KEPT = (
    "GetObject",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "GetQueryExecution",
    "GetQueryResults",
    "GetCallerIdentity",
    "GetFederationToken",
    "GetSessionToken",
)
"""Operations whose answers are long, change while one waits, carry a time, or are credentials."""


@dataclass
class _Kept:
    """One answer. Its lock lets callers with the same question wait for the first one's call."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: Any = None


class Memo:
    """The answers of one question, and copies of clients that keep theirs in it."""

    def __init__(self) -> None:
        self._kept: dict[Texts, _Kept] = {}
        self._clients: dict[int, tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Send every call again from here on."""
        self._kept = {}  # a reading under way is kept where nobody looks any more

    def over(self, client: Any) -> Any:
        """Return a copy of a client that sends no call that reads twice."""
        call = getattr(client, "_make_api_call", None)  # a private name of botocore
        if call is None:
            return client
        with self._lock:
            if id(client) not in self._clients:
                made = object.__new__(type(client))  # copy() asks it for members that it looks up
                vars(made).update(vars(client))
                service = client.meta.service_model.service_name
                where = (service, str(client.meta.region_name), str(client.meta.endpoint_url))
                made._make_api_call = partial(self._answer, call, where)
                self._clients[id(client)] = client, made
            return self._clients[id(client)][1]

    def _answer(self, call: Callable[..., Any], where: Texts, operation: str, given: Any) -> Any:
        if operation in _NEVER_KEPT:
            return call(operation, given)
        if not operation.startswith(_READS):
            try:
                return call(operation, given)
            finally:
                self.forget()
        with self._lock:
            kept = self._kept.setdefault((*where, operation, repr(given)), _Kept())
        with kept.lock:
            if kept.answer is None:
                from botocore.exceptions import ClientError

                try:
                    kept.answer = call(operation, given)
                except ClientError as error:
                    if not is_refusal(error):
                        raise
                    kept.answer = error
        if isinstance(kept.answer, dict):
            return deepcopy(kept.answer)
        raise type(kept.answer)(kept.answer.response, kept.answer.operation_name)
