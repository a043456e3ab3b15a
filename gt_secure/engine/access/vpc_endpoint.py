"""A VPC endpoint for S3, with its policy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """One VPC endpoint.

    Attributes
    ----------
    type : str
        ``Gateway`` or ``Interface``. A gateway endpoint is not reachable from on-premises networks
        or peered VPCs.
    private_dns : bool
        Whether the ordinary S3 name resolves to it. A presigned URL's host is signed, so an
        interface endpoint without private DNS can never serve it.
    owner : str
        The account that owns it; empty if the answer of EC2 does not say.
    """

    id: str
    vpc_id: str
    type: str
    state: str
    name: str = ""
    vpc_name: str = ""
    policy_text: str | None = None
    private_dns: bool = False
    owner: str = ""

    @property
    def label(self) -> str:
        """The id with the name of the endpoint or its VPC."""
        return f"{self.id} · {self.name or self.vpc_name or self.vpc_id}"
