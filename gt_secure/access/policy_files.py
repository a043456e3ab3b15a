"""Exposure and proof from policy files alone, without an account: for reviewers and CI.

The signer is a role of the bucket's account whose own policies allow everything; there are also an anonymous caller and
a signer of another account whose own policies allow everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..iam.documents import Source
from ..iam.facts import Facts, Signer, moment_of
from ..iam.request import Policies
from .exposure import RequestExposure, expose
from .request_kinds import Circumstances, Form, Kind

DEFAULT_ACCOUNT = "111122223333"
EVERYTHING: dict[str, object] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
KINDS: tuple[tuple[str, Form, Signer, str], ...] = (
    ("presigned", "presigned", "own", "s3:GetObject"),
    ("header", "header", "own", "s3:GetObject"),
    ("post-form", "post-form", "own", "s3:PutObject"),
    ("anonymous", "unsigned", "anonymous", "s3:GetObject"),
    ("other-account", "presigned", "other", "s3:GetObject"),
)

_PUBLIC = {
    None: "ACLs are disabled, and Block Public Access is off.",
    False: "ACLs are disabled.",
    True: "ACLs are disabled. Block Public Access refuses everybody but the account's own signers.",
}


@dataclass(frozen=True)
class PolicyFiles:
    """The policies of a bucket as they were given.

    Attributes
    ----------
    bucket : str
    bucket_policy : text or mapping, optional
    session_policy : text or mapping, optional
        Of the role session that signs.
    rcp, scp : sequence
        Policies of the organization, each a level.
    given : Facts
        Facts.
    account : str
        The bucket's account.
    named_partition : str
        The partition, where it is known.
    endpoint_policies : mapping
        Policies of VPC endpoints by id, each with whether it is a gateway endpoint.
    is_public_refused : bool or None
        Whether Block Public Access refuses all signers of other accounts; None if it was not read.
    origin : str
        ``given`` for policies from files, ``read`` for those of an account: the verb in what is assumed.
    """

    bucket: str
    bucket_policy: Source | None = None
    session_policy: Source | None = None
    rcp: Sequence[Source] = ()
    scp: Sequence[Source] = ()
    given: Facts = field(default_factory=Facts)
    account: str = DEFAULT_ACCOUNT
    named_partition: str = ""
    endpoint_policies: Mapping[str, tuple[Source | None, bool]] = field(default_factory=dict)
    is_public_refused: bool | None = None
    origin: Literal["given", "read"] = "given"

    def circumstances(self) -> Circumstances:
        """Return what holds for all requests."""
        return Circumstances(self.account, self.partition, self.given, moment_of(self.given))

    @property
    def partition(self) -> str:
        """The partition that is known, else the one that the bucket policy names, else ``aws``."""
        if self.named_partition:
            return self.named_partition
        match = re.search(r"arn:(aws[a-z-]*):s3:::", str(self.bucket_policy or ""))
        return match[1] if match else "aws"

    def policies(self, signer: Signer, endpoint: str = "") -> Policies:
        """Return the policies that meet a request of a signer; raises PolicyError if one is not valid.

        ``endpoint`` is the id of the VPC endpoint that the request comes through.
        """
        anonymous = signer == "anonymous"
        through, gateway = self.endpoint_policies.get(endpoint, (None, False))
        policies = Policies(
            identity=() if anonymous else (EVERYTHING,),
            session=self.session_policy if signer == "own" else None,
            resource=self.bucket_policy,
            endpoint=through,
            gateway_endpoint=gateway,
            rcp=self.rcp,
            scp=self.scp,
        )
        _ = policies.compiled
        return policies

    def assumed(self) -> list[str]:
        """Return what is taken for granted, one sentence each."""
        return [
            *([] if self.rcp else [f"No resource control policy was {self.origin}: they allow everything."]),
            *([] if self.scp else [f"No service control policy was {self.origin}: they allow everything."]),
            f"The policy of a VPC endpoint that was not {self.origin} is the default, full access."
            if self.endpoint_policies
            else f"No VPC endpoint policy was {self.origin}: it is the default, full access.",
            _PUBLIC[self.is_public_refused],
            f"The signer is a session of a role of account {self.account} whose own policies allow everything.",
            "The own policies of signers of other accounts allow everything.",
            "aws:ViaAWSService is false: no AWS service makes the request with the signer's credentials.",
            "Requests name the bucket itself, not an access point.",
            *self.given.notes,
            *(f"{action} was denied, so what it reads is unknown or supposed." for action in self.given.missing),
        ]


def exposures(files: PolicyFiles, key: str) -> list[RequestExposure]:
    """Return the exposure of one object for each kind of request."""
    circumstances = files.circumstances()
    resource = f"arn:{files.partition}:s3:::{files.bucket}/{key}"
    return [
        expose(Kind(name, form, signer, action, resource), files.policies(signer), circumstances)
        for name, form, signer, action in KINDS
    ]


def exposure_dict(files: PolicyFiles, key: str) -> dict[str, Any]:
    """Return the exposure as JSON-able data, with what it assumes."""
    return {"requests": [each.to_dict() for each in exposures(files, key)], "assumed": files.assumed()}
