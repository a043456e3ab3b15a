"""Objects of S3 fetched by obstore, a native client, where it is installed.

It is only the fast way to a whole object. Whatever it cannot do or does not finish, boto3 is asked
for, so that counts, errors, retries, redirects and renewed credentials are the same with and
without it. Endpoint, addressing style, region, proxy, certificates and credentials are those of the
boto3 client.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"(?!/)(?!(?:.*/)?\.{1,2}(?:/|$))(?!.*//)[^\x00-\x1f\x7f]+(?<!/)")
"""Keys that the path type of obstore leaves as they are."""
_MISSES = 20
"""Requests that fail one after the other before boto3 does all of them."""
_RENEW = dt.timedelta(minutes=10)
"""Lifetime that obstore sees: botocore renews credentials before they end,
if it is asked again in time.
"""
_BACKOFF = {
    "init_backoff": dt.timedelta(milliseconds=100),
    "max_backoff": dt.timedelta(seconds=1),
    "base": 2,
}
_NOBODY = "http://127.0.0.1:9"


class NativeBucket:
    """One bucket through obstore; thread-safe."""

    def __init__(self, store: Any) -> None:
        import obstore

        self._get, self._store = obstore.get, store
        self._misses = 0

    def whole(self, key: str, etag: str, size: int) -> Any:
        """Return the content of an object, a buffer; None where boto3 is to be asked."""
        if self._misses >= _MISSES or not etag or not _KEY.fullmatch(key):
            return None
        try:
            # If-Match: where obstore reads on after a broken connection, it is the same content.
            result = self._get(self._store, key, options={"if_match": f'"{etag}"'}).bytes()
            if len(result) != size:
                raise ConnectionError("the response is not the object")
        except Exception:  # boto3 gives the reason
            self._misses += 1
            return None
        self._misses = 0
        return result


_buckets: weakref.WeakKeyDictionary[Any, dict[str, NativeBucket | None]] = (
    weakref.WeakKeyDictionary()
)
_lock = threading.Lock()


def native_bucket(client: Any, bucket: str) -> NativeBucket | None:
    """Return the way to a bucket that does what a boto3 client would; None without obstore,
    or for other clients.
    """
    try:
        known = _buckets.get(client)
    except TypeError:  # a stand-in that cannot be referred to weakly
        return None
    if known is not None and bucket in known:
        return known[bucket]
    with _lock:
        found = _buckets.setdefault(client, {})
        if bucket not in found:
            found[bucket] = _make(client, bucket)
        return found[bucket]


def _make(client: Any, bucket: str) -> NativeBucket | None:
    try:
        from botocore.client import BaseClient
        from obstore.store import S3Store
    except ImportError:
        return None
    if (
        not isinstance(client, BaseClient)
        or not _BUCKET.fullmatch(bucket)
        or bucket.endswith("--x-s3")
    ):
        return None
    try:
        settings, options = _settings(client, bucket)
        return NativeBucket(
            S3Store(
                bucket,
                config=settings,
                client_options=options,
                retry_config=cast(
                    "Any",
                    {
                        "max_retries": 2,
                        "retry_timeout": dt.timedelta(seconds=60),
                        "backoff": _BACKOFF,
                    },
                ),
                credential_provider=_credentials_of(client),
            )  # type: ignore[call-overload, unused-ignore]
        )
    except Exception:  # settings that obstore does not know: boto3 does it, or names what is wrong
        return None


def _settings(client: Any, bucket: str) -> tuple[Any, Any]:
    config = client.meta.config
    if (
        config.client_cert
        or config.proxies_config
        or config.signature_version not in ("s3v4", "v4", "s3", None)
    ):
        raise NotImplementedError
    endpoint, virtual, region = _endpoint(client, bucket)
    url = urlsplit(endpoint)
    settings = {
        "endpoint": endpoint,
        "aws_endpoint_url_s3": endpoint,
        "region": region,
        "virtual_hosted_style_request": virtual,
        # What the environment says has been said to boto3 already.
        "skip_signature": False,
        "s3_express": False,
        "request_payer": False,
        "unsigned_payload": False,
    }
    options: dict[str, Any] = {
        "allow_http": url.scheme == "http",
        "user_agent": str(config.user_agent),
        "connect_timeout": dt.timedelta(seconds=config.connect_timeout or 60),
        "read_timeout": dt.timedelta(seconds=config.read_timeout or 60),
        "timeout": dt.timedelta(seconds=3 * (config.read_timeout or 60)),  # boto3 is more patient
        **_proxy(config.proxies, endpoint, url.hostname or ""),
        **(_certificates(client._endpoint.http_session._verify) if url.scheme == "https" else {}),
    }
    return settings, options


def _endpoint(client: Any, bucket: str) -> tuple[str, bool, str]:
    """Return the endpoint for a bucket, its style and region,
    as boto3's rules name them in a presigned URL.
    """
    region = client.meta.region_name
    url = urlsplit(
        client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": "x"}, ExpiresIn=60
        )
    )
    scope = parse_qs(url.query).get("X-Amz-Credential", [""])[0].split("/")
    if len(scope) != 5:  # the signature version 2 of default clients, which name the global host
        return str(client.meta.endpoint_url).rstrip("/") + f"/{bucket}", True, _plain(region)
    if scope[3] != "s3":
        raise NotImplementedError
    base = f"{url.scheme}://{url.netloc}"
    if url.path == f"/{bucket}/x":
        return base, False, _plain(scope[2])
    if url.path == "/x":
        return base, True, _plain(scope[2])
    raise NotImplementedError


def _plain(region: str) -> str:
    return "us-east-1" if region == "aws-global" else region


def _proxy(proxies: dict[str, str] | None, endpoint: str, host: str) -> dict[str, str]:
    """Return the options for the proxy of boto3; without one,
    those that keep obstore from the environment's.
    """
    from botocore.utils import get_environ_proxies

    found = get_environ_proxies(endpoint) if proxies is None else proxies
    proxy = found.get(urlsplit(endpoint).scheme)
    if proxy:
        return {"proxy_url": proxy if "://" in proxy else f"http://{proxy}"}
    return {"proxy_url": _NOBODY, "proxy_excludes": host}


def _certificates(verify: Any) -> dict[str, Any]:
    own = {"root_certificate": Path(verify).read_bytes()} if isinstance(verify, str) else {}
    return {"allow_invalid_certificates": verify is False, **own}


def _credentials_of(client: Any) -> Callable[[], Any]:
    credentials = client._get_credentials()
    if credentials is None:
        raise NotImplementedError

    def current() -> Any:
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token or None,
            "expires_at": dt.datetime.now(dt.UTC) + _RENEW,
        }

    return current
