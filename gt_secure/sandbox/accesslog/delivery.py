"""Delivers collected rows as objects of the target bucket, as the S3 log delivery service and
CloudTrail would.

The first writes as ``logging.s3.amazonaws.com`` and needs the target bucket's policy to allow it; a
Deny there stops the delivery (S3 User Guide, *Enabling Amazon S3 server access logging*,
*Troubleshoot server access logging*).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree

from ...base.clock import utc_now
from .. import emulator
from ..settings import REGION, account_id

log = logging.getLogger(__name__)
SERVICE, CLOUDTRAIL = "logging.s3.amazonaws.com", "cloudtrail.amazonaws.com"
_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class LogSetting:
    """Destination of the rows of one bucket."""

    bucket: str
    prefix: str
    layout: Literal["simple", "event", "delivery", "cloudtrail"] = "simple"

    def body(self, texts: Iterable[str]) -> bytes:
        """Return the content of a log object."""
        if self.layout == "cloudtrail":
            return gzip.compress(f'{{"Records":[{",".join(texts)}]}}'.encode())
        return "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogateescape")

    def key(self, source: str, day: dt.date, now: dt.datetime) -> str:
        """Make the key of a log object (S3 API Reference, *TargetObjectKeyFormat*,
        *PartitionedPrefix*).
        """
        unique = secrets.token_hex(8).upper()
        if self.layout == "cloudtrail":
            folder = f"{self.prefix}AWSLogs/{account_id()}/CloudTrail/{REGION}/{now:%Y/%m/%d}"
            return (
                f"{folder}/{account_id()}_CloudTrail_{REGION}_{now:%Y%m%dT%H%MZ}_{unique}.json.gz"
            )
        if self.layout == "simple":
            return f"{self.prefix}{now:%Y-%m-%d-%H-%M-%S}-{unique}"
        when = now if self.layout == "delivery" else dt.datetime.combine(day, dt.time(), dt.UTC)
        folder = f"{self.prefix}{account_id()}/{REGION}/{source}/{when:%Y/%m/%d}"
        return f"{folder}/{when:%Y-%m-%d-%H-%M-%S}-{unique}"


def parse(document: bytes) -> LogSetting | None:
    """Return the target of a logging configuration; None if logging is off."""
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 - expat refuses entity bombs; the emulator parsed it before
    except ElementTree.ParseError:
        return None
    enabled = root.find("{*}LoggingEnabled")
    bucket = "" if enabled is None else (enabled.findtext("{*}TargetBucket") or "").strip()
    if enabled is None or not bucket:
        return None
    prefix = (enabled.findtext("{*}TargetPrefix") or "").strip()
    partitioned = enabled.find("{*}TargetObjectKeyFormat/{*}PartitionedPrefix")
    if partitioned is None:
        return LogSetting(bucket, prefix)
    is_event = (partitioned.findtext("{*}PartitionDateSource") or "").strip() == "EventTime"
    return LogSetting(bucket, prefix, "event" if is_event else "delivery")


@dataclass(frozen=True, slots=True)
class Pending:
    """A row waiting for its delivery."""

    target: LogSetting
    source: str
    time: dt.datetime
    text: str
    due: float


@dataclass(slots=True)
class Delivered:
    """Result of one round of delivery."""

    rows: int = 0
    objects: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


class Delivery:
    """Holds rows until they are due, then writes them."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._pending: list[Pending] = []
        self._lock = asyncio.Lock()

    def add(self, target: LogSetting, source: str, time_: dt.datetime, text: str) -> None:
        """Add a line that will be delivered after the delay."""
        self._pending.append(Pending(target, source, time_, text, time.monotonic() + self.delay_s))

    def clear(self) -> None:
        """Drop the lines that were not delivered."""
        self._pending.clear()

    async def run(self) -> None:
        """Deliver what is due, again and again."""
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self.flush(everything=False)
            except Exception:
                log.exception("access log delivery failed")

    async def flush(self, *, everything: bool = True) -> Delivered:
        """Deliver the rows that are due, or all of them; one object per target, bucket and day."""
        async with self._lock:
            now = time.monotonic()
            due = [row for row in self._pending if everything or row.due <= now]
            # Rows of one file arrive together, as on AWS: the first that is due takes the others
            # along.
            if due and not everything:
                targets = {(row.target, row.source) for row in due}
                due = [row for row in self._pending if (row.target, row.source) in targets]
            taken = {id(row) for row in due}
            self._pending = [row for row in self._pending if id(row) not in taken]
            return await self._write(due)

    async def _write(self, rows: list[Pending]) -> Delivered:
        outcome = Delivered()
        groups: dict[tuple[LogSetting, str, dt.date], list[Pending]] = defaultdict(list)
        for row in rows:
            groups[row.target, row.source, row.time.date()].append(row)
        for (target, source, day), members in groups.items():
            key = target.key(source, day, utc_now())
            reason = await _refusal(target, key, source)
            if reason is None:
                body = target.body(row.text for row in members)
                headers = {"content-type": "text/plain"}
                status, _, _ = await emulator.s3(
                    "PUT", f"/{target.bucket}/{key}", headers=headers, body=body
                )
                reason = None if status == 200 else f"S3 answered {status}"
            if reason is not None:
                log.warning(
                    "access log of %s not delivered to %s: %s", source, target.bucket, reason
                )
                outcome.refused.append(
                    {"source": source, "target": target.bucket, "reason": reason}
                )
                continue
            outcome.rows += len(members)
            outcome.objects.append(f"s3://{target.bucket}/{key}")
        return outcome


async def _refusal(target: LogSetting, key: str, source: str) -> str | None:
    bucket, is_trail = target.bucket, target.layout == "cloudtrail"
    service = CLOUDTRAIL if is_trail else SERVICE
    trail = f"arn:aws:cloudtrail:{REGION}:{account_id()}:trail/{source}-objects"
    status, _, policy = await emulator.s3("GET", f"/{bucket}", query={"policy": [""]})
    if status == 404 and b"NoSuchBucketPolicy" not in policy:
        return "the target bucket does not exist"
    if status != 200:
        return f"no bucket policy allows {service} to put objects"
    keys = {
        "aws:sourcearn": trail if is_trail else f"arn:aws:s3:::{source}",
        "aws:sourceaccount": account_id(),
        "aws:principalservicename": service,
    }
    decision = emulator.decide_for_service(
        policy.decode("utf-8", "replace"),
        service,
        "s3:PutObject",
        f"arn:aws:s3:::{bucket}/{key}",
        keys,
    )
    if decision == "Allow":
        return None
    if decision == "Deny":
        return "a Deny statement of the target bucket's policy blocks the log delivery service"
    return f"no statement of the target bucket's policy allows {service} to put objects there"
