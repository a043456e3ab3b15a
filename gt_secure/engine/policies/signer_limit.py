"""The signer limit: one Deny of URLs for reading that anybody but the listed users and roles
signed.

It refuses requests signed in the query string (``s3:authType`` is ``REST-QUERY-STRING``): GET and
HEAD of objects and of their versions, lists, and everything else but uploads. What is signed in the
header goes on, so nobody loses the bucket itself. It spares by ``ArnNotLike aws:PrincipalArn``,
where the ARN of a role covers all of its sessions; ``NotPrincipal`` would need each session. The
account's root user is always spared.

It does not stop those who can become a listed signer, by changing its policies, its trust policy or
its keys.

Sources: IAM User Guide, *AWS JSON policy elements: NotPrincipal* and *AWS global condition context
keys* (``aws:PrincipalArn`` is the ARN of the role, with its path, for every session).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...base.errors import InvalidInput
from ...base.network import split_list
from ...base.text import Json, Texts, TextsLike
from ..iam.documents import StatementData
from ..iam.request_context import PRESIGNED
from .bucket_guard import (
    SIGNERS_SID,
    UPLOAD,
    condition_values,
    covered_objects,
    prefix_resource,
)
from .equivalence import statements_equal
from .revocation import check_signer, is_signer, principal_patterns

_ROOT = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):root")
_ANY_PATH = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role/[*]/([^/]+)")


@dataclass(frozen=True, slots=True)
class SignerLimit:
    """A signer limit as found in a bucket policy, for keys with a prefix; ``drifted`` if somebody
    changed it.

    ``signers`` are the ARNs of the users and roles whose URLs work, apart from the root user.
    """

    prefix: str
    signers: Texts
    drifted: bool

    @property
    def words(self) -> str:
        """The limit in a sentence part."""
        where = f" of objects under {self.prefix}" if self.prefix else ""
        edited = " (the statement has been edited by hand)" if self.drifted else ""
        return (
            f"URLs for reading{where} work only if {signer_names(self.signers)} signed them{edited}"
        )


def signer_names(signers: Iterable[str]) -> str:
    """Return users and roles as people call them."""
    return (
        " or ".join(each.split(":", 5)[-1].replace("assumed-role/", "role/") for each in signers)
        or "the root user"
    )


def parse_signers(values: TextsLike) -> Texts:
    """Return the ARNs of signers, sorted; that of a session stands for its role, whose path it
    leaves out.

    Raises InvalidInput for what is not the ARN of one user, role, session or federated user.
    """
    found = set()
    for word in split_list(values) if isinstance(values, str) else values:
        try:
            arn = check_signer(word)
        except InvalidInput as error:
            step = (
                "Write arn:aws:iam::111122223333:role/Scanner in full, with the path of the role."
            )
            raise InvalidInput(
                error.message, next_step=step, field="signers", value=word
            ) from error
        found |= set() if arn.endswith(":root") else {without_session(arn)}
    return tuple(sorted(found))


def without_session(arn: str) -> str:
    """Return an ARN without the name of a session: that of a role has no path."""
    start, session, name = arn.partition(":assumed-role/")
    return f"{start}{session}{name.partition('/')[0]}"


def build_signer_limit(
    bucket: str, signers: Iterable[str], account: str, *, prefix: str = "", partition: str = "aws"
) -> Json:
    """Return the statement that refuses the URLs of all but these signers, uploads apart."""
    arns = [arn for each in sorted(signers) for arn in principal_patterns(each) or [each]]
    return {
        "Sid": SIGNERS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "NotAction": UPLOAD,
        "Resource": prefix_resource(partition, bucket, prefix),
        "Condition": {
            "StringEquals": {"s3:authType": PRESIGNED},
            "ArnNotLike": {"aws:PrincipalArn": [f"arn:{partition}:iam::{account}:root", *arns]},
        },
    }


def read_signer_limit(statement: StatementData) -> SignerLimit:
    """Return the signer limit of a statement."""
    partition, bucket, prefix = covered_objects(statement)
    listed = condition_values(statement, "ArnNotLike", "aws:PrincipalArn")
    accounts = [match[2] for each in listed if (match := _ROOT.fullmatch(each))]
    sessions = {
        f"arn:{m[1]}:sts::{m[2]}:assumed-role/{m[3]}"
        for each in listed
        if (m := _ANY_PATH.fullmatch(each))
    }
    spared = {arn for each in sessions for arn in principal_patterns(each)}
    signers = tuple(
        sorted(
            sessions | {each for each in listed if each not in spared and not _ROOT.fullmatch(each)}
        )
    )
    made = build_signer_limit(
        bucket, signers, accounts[0] if accounts else "", prefix=prefix, partition=partition
    )
    return SignerLimit(
        prefix, signers, not statements_equal({**statement, "Sid": SIGNERS_SID}, made)
    )


def is_listed(arn: str, signers: Iterable[str]) -> bool:
    """Return whether a user, role or session is one of the signers;
    the ARN of a session leaves its role's path out.
    """
    if arn.endswith(":root"):
        return True
    return any(
        is_signer(arn, each) if ":assumed-role/" in f"{arn}{each}" else arn == each
        for each in signers
    )
