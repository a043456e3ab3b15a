"""The logging configuration of a bucket, as PutBucketLogging stored it."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from ..settings import REGION, account_id


@dataclass(frozen=True, slots=True)
class LogSetting:
    """Destination of the rows of one bucket."""

    bucket: str
    prefix: str
    layout: Literal["simple", "event", "delivery"] = "simple"

    def key(self, source: str, day: dt.date, now: dt.datetime) -> str:
        """Make the key of a log object (S3 API Reference, *TargetObjectKeyFormat*, *PartitionedPrefix*)."""
        unique = secrets.token_hex(8).upper()
        if self.layout == "simple":
            return f"{self.prefix}{now:%Y-%m-%d-%H-%M-%S}-{unique}"
        when = now if self.layout == "delivery" else dt.datetime.combine(day, dt.time(), dt.UTC)
        folder = f"{self.prefix}{account_id()}/{REGION}/{source}/{when:%Y/%m/%d}"
        return f"{folder}/{when:%Y-%m-%d-%H-%M-%S}-{unique}"


def parse(document: bytes) -> LogSetting | None:
    """Read a BucketLoggingStatus document; None when logging is off or the document is broken."""
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 - expat refuses entity bombs; the emulator parsed it before
    except ElementTree.ParseError:
        return None
    values = {_name(node): (node.text or "").strip() for node in _walk(root)}
    if not values.get("TargetBucket"):
        return None
    layout: Literal["simple", "event", "delivery"] = "simple"
    if "PartitionedPrefix" in values:
        layout = "event" if values.get("PartitionDateSource") == "EventTime" else "delivery"
    return LogSetting(values["TargetBucket"], values.get("TargetPrefix", ""), layout)


def _walk(node: ElementTree.Element) -> Iterator[ElementTree.Element]:
    yield node
    for child in node:
        if _name(child) != "TargetGrants":
            yield from _walk(child)


def _name(node: ElementTree.Element) -> str:
    return node.tag.rsplit("}", 1)[-1]
