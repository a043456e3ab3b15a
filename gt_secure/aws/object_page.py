"""Pages of a listing of S3, whose entries are read without botocore's slow parser.

botocore needs most of the time of a listing to turn XML into dictionaries: the body of our own
calls is taken out of the response before it is parsed. The request, its retries and its errors stay
botocore's, and so do the calls that others make with the same client.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any
from urllib.parse import unquote_plus

from ..base.text import Json
from .arns import bucket_arn, client_partition
from .client_errors import aws_errors

_own = threading.local()
"""The page that this thread asks for."""


def list_page(client: Any, **wanted: Any) -> Json:
    """Return one page of ``ListObjectsV2`` with Key, Size, ETag and LastModified of each object."""
    events = getattr(getattr(client, "meta", None), "events", None)  # a stand-in has none
    if events is not None:
        # With the wildcard it is called before botocore's own handler for S3, which parses every
        # body once for itself to find errors with status 200.
        events.register("before-parse.*.ListObjectsV2", _take_out, unique_id="gt-secure-list")
    _own.page, _own.asked = None, True
    try:
        with aws_errors("s3:ListBucket", bucket_arn(client_partition(client), wanted["Bucket"])):
            page: Json = client.list_objects_v2(**wanted)
        return _own.page or dict(page)
    finally:
        _own.asked = False


def _take_out(response_dict: Json, **_: Any) -> None:
    """Read the page of a response, and leave botocore an empty one."""
    body = response_dict.get("body")
    if (
        getattr(_own, "asked", False)
        and response_dict["status_code"] == 200
        and isinstance(body, bytes)
    ):
        _own.page = _read(body)
        if _own.page is not None:
            response_dict["body"] = b"<ListBucketResult/>"


def _read(body: bytes) -> Json | None:
    """Read a page; None where botocore is to say what is wrong with it: an error in it, or no end.

    ElementTree would make six thousand objects of a page, and collecting that garbage takes longer
    than reading.
    """
    from xml.parsers import expat

    contents: list[Json] = []
    folders: list[Json] = []
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
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = (
        start,
        text.append,
        end,
    )
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, KeyError, ValueError):
        return None
    if "ListBucketResult" not in values:
        return None
    if values.get("EncodingType") == "url":
        for entry, member in (*((c, "Key") for c in contents), *((f, "Prefix") for f in folders)):
            entry[member] = unquote_plus(entry[member])
    page: Json = {"Contents": contents, "CommonPrefixes": folders}
    page["IsTruncated"] = values.get("IsTruncated") == "true"
    if page["IsTruncated"]:
        page["NextContinuationToken"] = values.get("NextContinuationToken")
    return page
