"""The operation column of a server access log (Amazon S3 User Guide, *Amazon S3 server access log format*)."""

from __future__ import annotations

from collections.abc import Collection

_SUBRESOURCES = {
    "policy": "BUCKETPOLICY",
    "policystatus": "POLICY_STATUS",
    "logging": "LOGGING_STATUS",
    "cors": "CORS",
    "location": "LOCATION",
    "versioning": "VERSIONING",
    "versions": "BUCKETVERSIONS",
    "uploads": "UPLOADS",
    "lifecycle": "LIFECYCLE",
    "notification": "NOTIFICATION",
    "encryption": "ENCRYPTION",
    "website": "WEBSITE",
    "replication": "REPLICATION",
    "requestpayment": "REQUEST_PAYMENT",
    "accelerate": "ACCELERATE",
    "publicaccessblock": "PUBLIC_ACCESS_BLOCK",
    "ownershipcontrols": "OWNERSHIP_CONTROLS",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "analytics": "ANALYTICS",
    "inventory": "INVENTORY",
    "metrics": "METRICS",
    "acl": "ACL",
    "tagging": "TAGGING",
    "torrent": "TORRENT",
    "retention": "OBJECT_LOCK_RETENTION",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "attributes": "OBJECT_ATTRIBUTES",
}


def operation(method: str, key: str, query: Collection[str], *, copy: bool = False) -> str:
    """Name the operation of a REST request.

    Parameters
    ----------
    method : str
        HTTP method.
    key : str
        Object key, or an empty text for a request about the bucket.
    query : collection of str
        Names of the query parameters.
    copy : bool
        Whether the request copies another object.
    """
    names = {name.lower() for name in query}
    if method == "OPTIONS":
        return "REST.OPTIONS.PREFLIGHT"
    if method == "POST" and "delete" in names and not key:
        return "REST.POST.MULTI_OBJECT_DELETE"
    if key and "uploadid" in names:
        return f"REST.{method}.{'PART' if method == 'PUT' else 'UPLOAD'}"
    for name, label in _SUBRESOURCES.items():
        if name in names:
            if name == "tagging" and key:
                label = "OBJECT_TAGGING"
            return f"REST.{method}.{label}"
    if copy and method == "PUT":
        return "REST.COPY.OBJECT"
    return f"REST.{method}.{'OBJECT' if key else 'BUCKET'}"
