"""The stored columns of which each kind of figure is made; the others need not be read."""

from __future__ import annotations

from ..sql.derived_columns import ODD_URI

_ANY = (
    *("remote_ip", "endpoint", "time", "http_status", "error_code", "operation", "requester"),
    *("source_kind", "request_id", "bucket", "key", "auth_type", "presigned", "test_marker"),
)
_SIGNED = (*_ANY, "signature_version", "access_key", "signed_at", "expires_s")
COLUMNS = {
    "ip": _ANY,
    "network": _ANY,
    "time": _ANY,
    "refused": (*_ANY, "refused_by", "error_message", "policy_arn"),
    "age": _SIGNED,
    "viewer": (*_SIGNED, ODD_URI),
}
