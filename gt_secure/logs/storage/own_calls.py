"""Responses to our own S3 calls, changed before botocore parses them: its parser takes most of the time of such a call.

The request, its retries and its errors stay botocore's, and so do the calls that others make with the same client.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

_calls = threading.local()


@contextlib.contextmanager
def before_parse(client: Any, operation: str, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Within it, let a function change the responses to an operation that this thread calls.

    Parameters
    ----------
    client : boto3 S3 client
        Nothing is changed for a stand-in that has no events.
    operation : str
        Name in the API, such as ``GetObject``.
    change : callable
        Takes a response as botocore's parser does: ``status_code``, ``headers`` and ``body``.
    """
    events = getattr(getattr(client, "meta", None), "events", None)
    if events is not None:
        # With the wildcard it is called before botocore's own handler for S3, which parses every body once for itself
        # to find errors with status 200.
        events.register(f"before-parse.*.{operation}", _change, unique_id=f"gt-secure-{operation}")
    _calls.change = change
    try:
        yield
    finally:
        _calls.change = None


def _change(response_dict: dict[str, Any], **_: Any) -> None:
    change = getattr(_calls, "change", None)
    if change is not None:
        change(response_dict)
