"""Fetch a presigned URL and report what came back. Explaining it is another module's work.

The exchange has one deadline. The time-outs of a socket count from byte to byte, and those of a
look-up of a name do not count at all. So it runs in a thread, for which nobody waits after the
deadline. The thread ends too: its connections read at a pace (:mod:`gt_secure.aws.pace`). Only a
TLS handshake that comes byte by byte keeps it longer, as a daemon.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from ..aws.log_filter import install_secret_filter
from ..aws.pace import paced
from ..base.errors import InvalidInput, refuse_url
from ..base.html import Chip, Tone, code as mono, facts as fact_list, output as cell_output
from ..base.network import ProbeOrigin, Source, is_loopback_url
from ..base.shown import Shown
from ..base.text import Json, members, printable
from ..base.truth import Ambiguous, without_truth
from ..base.url_journal import UrlJournal
from ..engine.iam.request_space import Word
from .inspect import host_of, inspect
from .origin import KERNEL
from .signed_url import TestUrl

_LONGEST = 4_000  # a refusal repeats the key, of up to 1,024 bytes, before the reason
_BY_POLICY = re.compile(
    r"(?is)access denied|user: \S+ is not authorized to perform(?!: kms:)|.*block public access"
)
"""Messages of S3 where a policy refused. AccessDenied has others, such as of an expired URL or of a
KMS key that the signer may not use: they decide nothing about who can open the object.
"""
_STEPS = {
    "Request has expired": "The URL expired. Sign a new one",
    "SignatureDoesNotMatch": "Send the method that the URL is signed for, or sign a new URL",
    "NoSuchKey": "No object was there to send. Name one that exists",
    "Redirect": "Sign for the host of the bucket's region",
    "kms:": "Let the signer use the KMS key of the object",
    "no answer of S3": "Probe from a place where no proxy answers",
}
"""Next steps where nothing was decided, by a part of S3's answer; gt.explain has more."""
_SHOWN_HEADERS = (
    "content-type",
    "content-length",
    "date",
    "server",
    "x-amz-request-id",
    "x-amz-id-2",
    "x-amz-bucket-region",
    "access-control-allow-origin",
)


@dataclass(frozen=True, slots=True, repr=False)
class Probe(Shown, Ambiguous):
    """Result of one fetch of a presigned URL; without the URL.

    Attributes
    ----------
    status : int or None
        The HTTP status; None when no answer came, then ``failure`` says why.
    error_code, error_message : str
        From the XML body of a refusal, for example ``AccessDenied``.
    source : Source or None
        Where S3 saw it come from, when that is known beforehand.
    elapsed_ms : float
    failure : str
        ``""``, ``time-out``, ``dns``, ``refused``, ``tls`` or ``network``.
    details : dict
        Other members of the XML error, such as ``Expires``, ``ServerTime`` or ``Endpoint``; never a
        signature.
    method, signed_for : str
        The method that was sent, and the one that the URL shows; ``signed_for`` is empty where it
        shows none.
    """

    _ask = ".opened"
    document = (
        "method",
        "status",
        "probe_origin",
        "opened: opened_if_decided",
        "source",
        "bucket",
        "key",
        "error_code",
        "error_message",
        "failure",
        "request_id",
        "content_type",
        "bytes_read",
        "elapsed_ms",
        "proxied",
        "marker",
        "details",
        "signed_for",
    )

    status: int | None
    probe_origin: str
    source: Source | None
    bucket: str
    key: str
    elapsed_ms: float
    error_code: str = ""
    error_message: str = ""
    request_id: str = ""
    content_type: str = ""
    bytes_read: int = 0
    failure: str = ""
    proxied: bool = False
    marker: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    signed_for: str = ""

    @property
    def answer(self) -> Word:
        """``opened`` if S3 carried the request out, ``refused`` if a policy refused it, ``unknown``
        otherwise.

        Neither a URL that expired or is signed for another method, nor a redirect, an overloaded S3
        or no answer at all shows who can open the object. An object that does not exist (404) was
        not sent and not refused: S3 returns 404 to callers that may list the bucket, and
        AccessDenied to all others (S3 API Reference, *GetObject*). Each answer of S3 has a request
        id. An answer without one is of a proxy or a sign-in page.
        """
        if self.status in {200, 201, 204, 206, 304}:
            return "opened" if self.from_s3 else "unknown"
        by_policy = self.error_code == "AccessDenied" and _BY_POLICY.match(self.error_message)
        return "refused" if self.status == 403 and by_policy else "unknown"

    @property
    def opened(self) -> bool:
        """True if S3 carried the request out: it sent the object, or stored, listed or deleted it.

        Raises
        ------
        TypeError
            If nothing was decided, as of an expired URL: :attr:`answer` is ``unknown`` then, and
            None in data.
        """
        if self.answer == "unknown":
            raise TypeError(
                without_truth(self, f".answer: nothing was decided. {self.why_unknown}")
            )
        return self.answer == "opened"

    @property
    def opened_if_decided(self) -> bool | None:
        """The value of :attr:`opened`; None if nothing was decided."""
        return None if self.answer == "unknown" else self.opened

    def to_dict(self) -> Json:
        """Return the probe as JSON-able data, without the URL."""
        return Shown.to_dict(self) | {"elapsed_ms": round(self.elapsed_ms, 1)}

    @property
    def refused(self) -> bool:
        """True if a policy refused the request; it raises as :attr:`opened` does."""
        return not self.opened

    @property
    def from_s3(self) -> bool:
        """True if the answer has what each answer of S3 has: an error code or an id."""
        return bool(self.error_code or self.request_id or "x-amz-id-2" in self.headers)

    @property
    def why_unknown(self) -> str:
        """The reason why nothing was decided, and what to do;
        empty if the request was opened or refused.
        """
        if self.answer != "unknown":
            return ""
        said = f"{self.result}: {self.error_message}"
        step = next(
            (step for part, step in _STEPS.items() if part in said),
            "Ask gt.explain(probe) for the cause",
        )
        return f"The answer was {printable(said.strip(': .'))}. {step}"

    @property
    def result(self) -> str:
        """The result in a word: ``opened``, S3's error code, or why no answer came."""
        if self.answer == "opened":
            return "opened"
        is_other = self.status is not None and not self.from_s3
        return self.error_code or self.failure or ("no answer of S3" if is_other else self.answer)

    def __str__(self) -> str:
        origin = printable(self.source or self.probe_origin)
        status = f"HTTP {self.status}" if self.status is not None else "no answer"
        sent = "" if self.method == "GET" else f"{self.method} "
        return f"{sent}{printable(self.result)} ({status}) from {origin}: s3://{printable(self.bucket)}/{printable(self.key)}"

    def _repr_html_(self) -> str:
        tone: Tone = "warn" if self.status is None else "plain"
        facts = [
            ("result", Chip(tone, self.result)),
            ("HTTP status", self.status if self.status is not None else "no answer"),
            ("from", mono(self.source or self.probe_origin)),
            ("object", mono(f"s3://{self.bucket}/{self.key}", 300)),
            ("message", self.error_message or self.failure),
        ]
        return cell_output(fact_list([(name, value) for name, value in facts if value]))


READS, WRITES = ("GET", "HEAD", "LIST"), ("PUT", "DELETE")
"""Methods of a presigned request: those that read, and those that write or delete."""


def probe(
    url: TestUrl | str,
    probe_origin: ProbeOrigin = KERNEL,
    *,
    method: str = "",
    timeout_s: float = 10.0,
    test_urls: UrlJournal | None = None,
) -> Probe:
    """Fetch a presigned URL once, without following redirects; see
    :meth:`gt_secure.Connection.probe`.

    ``method`` is one of :data:`READS`, by default the one that the URL shows, or GET. One of
    :data:`WRITES` is sent to this machine only, to a sandbox. ``timeout_s`` is for all of it:
    look-up, connection, TLS, headers and the first bytes of the body. ``test_urls`` records the
    use. A URL that is not presigned is an :class:`InvalidInput`; what goes wrong on the network is
    in the answer, not raised.
    """
    text = url.reveal() if isinstance(url, TestUrl) else str(url).strip()
    facts = inspect(text)
    shown = getattr(url, "method", facts.method)
    sent = check_method(method) or (shown if shown in READS else "GET")
    if sent in WRITES and not is_loopback_url(text):
        raise InvalidInput(
            f"A probe on AWS does not send {sent}: it writes nothing.",
            next_step="Ask who can send such a request with gt.who_can_open(...).",
            field="method",
            value=sent,
        )
    import urllib3

    install_secret_filter()
    pool, proxied = _pool(text, timeout_s)
    host = {"Host": host_of(urlsplit(text).netloc), "User-Agent": "gt_secure-probe"}
    base: Json = {
        "probe_origin": probe_origin.label,
        "source": probe_origin.source,
        "proxied": proxied,
        **members(facts, "bucket", "key", "marker"),
        "method": sent,
        "signed_for": shown,
    }
    (test_urls or UrlJournal()).record_use(facts.marker)
    started = time.perf_counter()
    failure, answer = "", None
    try:
        wire = "GET" if sent == "LIST" else sent
        answer = _exchange(pool, wire, text, {**host, **probe_origin.headers}, timeout_s)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        failure = _failure(error)
    finally:
        pool.clear()
    base["elapsed_ms"] = (time.perf_counter() - started) * 1000
    return Probe(status=None, failure=failure, **base) if answer is None else _read(answer, base)


def check_method(method: str) -> str:
    """Return the spelling of a method of a presigned request;
    raises :class:`InvalidInput` if unknown.
    """
    known = {each.lower(): each for each in (*READS, *WRITES)}
    if method and str(method).lower() not in known:
        raise InvalidInput(
            f"'{str(method)[:20]}' is not a method of a presigned request.",
            next_step=f"Choose from {', '.join(known.values())}.",
            field="method",
            value=method,
        )
    return known.get(str(method).lower(), "")


def _pool(text: str, timeout_s: float) -> tuple[Any, bool]:
    """Return what connects to the host of a URL, and whether it does so through a proxy."""
    import urllib.request

    import urllib3

    parts = urlsplit(text)
    timeout = urllib3.Timeout(connect=timeout_s, read=timeout_s)
    proxy = urllib.request.getproxies().get(parts.scheme)
    is_used = (
        bool(proxy) and not is_loopback_url(text) and not urllib.request.proxy_bypass(parts.netloc)
    )
    pool = (
        urllib3.ProxyManager(str(proxy), timeout=timeout)
        if is_used
        else urllib3.PoolManager(timeout=timeout)
    )
    pool.pool_classes_by_scheme = paced(pool.pool_classes_by_scheme)
    return pool, is_used


def _read(answer: ServerAnswer, base: Json) -> Probe:
    shown = {name: answer.headers[name][:300] for name in _SHOWN_HEADERS if name in answer.headers}
    members = _xml(answer.body) if answer.status >= 300 else {}
    if answer.status in {301, 302, 303, 307, 308} and "location" in answer.headers:
        try:
            members["Location host"] = host_of(urlsplit(answer.headers["location"]).netloc)[:200]
        except ValueError:  # whatever a proxy wrote there, it is no URL
            members["Location host"] = ""
    return Probe(
        status=answer.status,
        error_code=members.pop("Code", ""),
        error_message=members.pop("Message", ""),
        request_id=members.pop("RequestId", "") or shown.get("x-amz-request-id", ""),
        content_type=shown.get("content-type", ""),
        bytes_read=len(answer.body),
        headers=shown,
        details=members,
        **base,
    )


_TAG = re.compile(
    r"<(Code|Message|RequestId|Expires|ServerTime|Endpoint|Region|BucketName|X-Amz-Expires|HeadersNotSigned)>"
    r"([^<]*)</\1>"
)


def _xml(body: bytes) -> dict[str, str]:
    """Read the flat members of an S3 error. An error may repeat a signature or a token:
    only these names are kept.
    """
    text = body.decode("utf-8", "replace")
    return {name: unescape(value).strip()[:_LONGEST] for name, value in _TAG.findall(text)}


def _failure(error: Exception) -> str:
    import urllib3

    kinds = urllib3.exceptions
    reason = getattr(error, "reason", error)
    if _is_look_up(error) or _is_look_up(reason):
        return "dns"
    # Before the time-outs: urllib3 1 derives it from one of them.
    if isinstance(error, (kinds.NewConnectionError, ConnectionRefusedError)):
        return "refused"
    if isinstance(error, (kinds.TimeoutError, kinds.ConnectTimeoutError, TimeoutError)):
        return "time-out"
    if isinstance(error, kinds.SSLError) or isinstance(reason, kinds.SSLError):
        return "tls"
    return "network"


def _is_look_up(error: BaseException | None) -> bool:
    """Return whether a name did not resolve; urllib3 1 has no separate error for it."""
    while error is not None:
        if isinstance(error, socket.gaierror) or type(error).__name__ == "NameResolutionError":
            return True
        error = error.__cause__ or error.__context__
    return False


def check_lifetime(seconds: int | float | str, *, most: int = 604_800) -> int:
    """Check a URL lifetime in seconds; raises :class:`InvalidInput` outside 1 to ``most``."""
    refuse_url(seconds, "lifetime", "a number of seconds")
    try:
        whole = int(seconds)
        if whole != float(seconds):
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(
            f'"{str(seconds)[:40]}" is not a number of seconds.',
            next_step="Write 600 for ten minutes.",
            field="lifetime",
        ) from error
    if not 1 <= whole <= most:
        limit = "7 days" if most == 604_800 else f"{most // 60:,} minutes"
        raise InvalidInput(
            f"A lifetime of {whole:,} seconds is not possible: at most {most:,} ({limit}), at"
            " least 1.",
            next_step="Write 600 for ten minutes.",
            field="lifetime",
            value=whole,
        )
    return whole


TAKE = 65_536
"""Bytes that are read of a body: an S3 error is under 2 KB,
and of an image the first bytes suffice.
"""


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """Answer of a server: status, headers by name in lower case,
    the first bytes of the body as they were sent.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Deadline(TimeoutError):
    """The exchange did not end in time."""


def _exchange(
    pool: Any,
    method: str,
    url: str,
    headers: Mapping[str, str],
    timeout_s: float,
) -> ServerAnswer:
    """Ask a pool manager of urllib3, without redirect or retry;
    :class:`Deadline` when the time is over.
    """
    result: list[ServerAnswer | BaseException] = []

    def run() -> None:
        try:
            result.append(_fetch(pool, method, url, headers))
        except BaseException as error:  # handed to the caller's thread
            result.append(error)

    thread = threading.Thread(target=run, name="gt_secure probe", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not result:
        raise Deadline(f"no answer within {timeout_s:g} s")
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def _fetch(pool: Any, method: str, target: str, headers: Mapping[str, str]) -> ServerAnswer:
    """Read the answer's first bytes as they were sent:
    a compressed body of a few KB may unpack to gigabytes.
    """
    answer = pool.urlopen(
        method,
        target,
        body=b"" if method == "PUT" else None,
        headers={**headers, "Accept-Encoding": "identity"},
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    try:
        start = answer.read(TAKE, decode_content=False)
        return ServerAnswer(
            answer.status,
            {str(name).lower(): str(value) for name, value in answer.headers.items()},
            start,
        )
    finally:
        answer.close()
