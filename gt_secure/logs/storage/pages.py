"""Pages of a listing of S3: fetched ahead of who reads them, and their entries read without botocore's slow parser.

botocore needs most of the time of a listing to turn XML into dictionaries: the body of our own calls is taken out of
the response before it is parsed. The request, its retries and its errors stay botocore's, and so do the calls that
others make with the same client.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from ...aws.arns import bucket_arn, client_partition
from ...aws.client import aws_errors

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 8
"""Prefixes that are listed at the same time."""
PAGE = 1000
"""Objects on a page."""


_own = threading.local()
"""The page that this thread asks for."""


def list_page(client: Any, **wanted: Any) -> dict[str, Any]:
    """Return one page of ``ListObjectsV2`` with Key, Size, ETag and LastModified of each object."""
    events = getattr(getattr(client, "meta", None), "events", None)  # a stand-in has none
    if events is not None:
        # With the wildcard it is called before botocore's own handler for S3, which parses every body once for itself
        # to find errors with status 200.
        events.register("before-parse.*.ListObjectsV2", _take_out, unique_id="gt-secure-list")
    _own.page, _own.asked = None, True
    try:
        with aws_errors("s3:ListBucket", bucket_arn(client_partition(client), wanted["Bucket"])):
            page: dict[str, Any] = client.list_objects_v2(**wanted)
        return _own.page or dict(page)
    finally:
        _own.asked = False


def _take_out(response_dict: dict[str, Any], **_: Any) -> None:
    """Read the page of a response, and leave botocore an empty one."""
    body = response_dict.get("body")
    if getattr(_own, "asked", False) and response_dict["status_code"] == 200 and isinstance(body, bytes):
        _own.page = _read(body)
        if _own.page is not None:
            response_dict["body"] = b"<ListBucketResult/>"


def _read(body: bytes) -> dict[str, Any] | None:
    """Read a page; None where botocore is to say what is wrong with it: an error in it, or no end.

    ElementTree would make six thousand objects of a page, and collecting that garbage takes longer than reading.
    """
    from xml.parsers import expat

    contents: list[dict[str, Any]] = []
    folders: list[dict[str, Any]] = []
    values: dict[str, str] = {}
    text: list[str] = []

    def start(*_: object) -> None:
        text.clear()  # blanks between elements

    def end(name: str) -> None:
        if name == "Contents":
            contents.append(
                {
                    "Key": values.pop("Key"),
                    "Size": int(values.pop("Size")),
                    "ETag": values.pop("ETag", ""),
                    "LastModified": dt.datetime.fromisoformat(values.pop("LastModified")),
                }
            )
        elif name == "CommonPrefixes":
            folders.append({"Prefix": values.pop("Prefix")})
        else:
            values[name] = "".join(text)
            text.clear()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, text.append, end
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, KeyError, ValueError):
        return None
    if "ListBucketResult" not in values:
        return None
    if values.get("EncodingType") == "url":
        for entry, member in (*((c, "Key") for c in contents), *((f, "Prefix") for f in folders)):
            entry[member] = unquote_plus(entry[member])
    page: dict[str, Any] = {"Contents": contents, "CommonPrefixes": folders}
    page["IsTruncated"] = values.get("IsTruncated") == "true"
    if page["IsTruncated"]:
        page["NextContinuationToken"] = values.get("NextContinuationToken")
    return page


def _pages(client: Any, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = list_page(client, **wanted)
        yield page
        if not page.get("IsTruncated"):
            return
        wanted = {**wanted, "ContinuationToken": page["NextContinuationToken"]}


def parallel_pages(client: Any, wanted: dict[str, Any], borders: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Give the pages of one listing in their order; the parts between ``borders`` are listed at the same time."""
    begin = wanted.get("StartAfter", "")
    inner = [border for border in borders if border > begin]
    parts = zip([begin, *inner], [*inner, None], strict=True)
    return chain(_part(client, wanted, low, high) for low, high in parts)


def _part(client: Any, wanted: dict[str, Any], low: str, high: str | None) -> Iterator[dict[str, Any]]:
    for page in _pages(client, {**wanted, "StartAfter": low} if low else wanted):
        keys = [entry["Key"] for entry in page.get("Contents", ())]
        names = [*keys, *(entry["Prefix"] for entry in page.get("CommonPrefixes", ()))]
        if high is None or not names or max(names) < high:
            yield page
            continue
        yield {**page, "Contents": [entry for entry in page.get("Contents", ()) if entry["Key"] <= high]}
        return


def chain(sources: Iterable[Iterator[T]]) -> Iterator[T]:
    """Give the items of one source after the other; the next ones, also of the sources that follow, are made ahead."""
    remaining = iter(sources)
    waiting: deque[tuple[Iterator[T], Future[T | None]]] = deque()

    def more() -> None:
        while len(waiting) < AHEAD and (source := next(remaining, None)) is not None:
            waiting.append((source, _start(next, source, None)))

    more()
    while waiting:
        source, future = waiting.popleft()
        item = future.result()
        if item is not None:
            waiting.appendleft((source, _start(next, source, None)))
            yield item
        more()


def _start(call: Callable[..., R], *arguments: Any) -> Future[R]:
    """Call on a thread that does not keep the process from ending."""
    future: Future[R] = Future()

    def work() -> None:
        try:
            future.set_result(call(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="gt-secure-list", daemon=True).start()
    return future
