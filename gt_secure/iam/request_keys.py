"""Condition keys by who settles them: the source, the sender, or no request of the kinds that are decided here.

Sources: IAM User Guide, *AWS global condition context keys*; Service Authorization Reference, *Condition keys for
Amazon S3*.
"""

from __future__ import annotations

SOURCE_KEYS = frozenset({"aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:sourcevpcarn"})
ENDPOINT_FACTS = ("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths")
ENDPOINT_KEYS = SOURCE_KEYS | set(ENDPOINT_FACTS) | {"aws:vpcsourceip"}
ABSENT = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "s3:accesspointnetworkorigin",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:locationconstraint",
        "s3:versionid",
    }
)
"""Keys of requests of other kinds: by an AWS service, through an access point, for a version, to create a bucket."""

CHOSEN = (
    "aws:referer",
    "aws:useragent",
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "s3:if-match",
    "s3:if-none-match",
)
CHOSEN_FAMILIES = ("s3:x-amz-", "s3:requestobjecttag", "s3:object-lock-")


def is_chosen(key: str) -> bool:
    """Return whether whoever makes a request chooses the value of a key, in lower case."""
    return key in CHOSEN or key.startswith(CHOSEN_FAMILIES)
