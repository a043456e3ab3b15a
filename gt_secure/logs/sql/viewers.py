"""The viewer of a request: the tag that its presigned URL carries, and whether anything proves that
it was signed.

Whoever sends a request writes its query. A tag counts as signed only where the log's own columns
show that S3 checked a signature of version 4 over it: it stands once in the query, the
authentication came in the query, S3 names the requester, and the answer is one that follows
authentication. Every other tag is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ...base.errors import InvalidInput
from ...base.viewers import CLAIMED, VIEWER, viewer_tag
from .dialects import Dialect
from .log_columns import OPENED

_PARAMETER = re.compile(r"x-(?!amz-|gt-secure-|id$)[a-z0-9._-]{1,61}")
"""S3 ignores only parameters that begin with x-, and has meanings for those of x-amz-."""
_ARN = re.compile(
    r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(role|assumed-role|user|federated-user|root)[\w+=,.@/-]*\*?"
)
OF_ROLE = re.compile(
    r"(arn:[^:]*):(?:iam|sts)(::[0-9]*):(?:role/(?:[^/]+/)*|assumed-role/)([^/]+)(?:/[^/]*)?"
)
"""The ARN of a role or of one of its sessions: partition, account and name."""


@dataclass(frozen=True)
class Viewers:
    """Query parameter of viewers, and the signers whose tags count.

    Attributes
    ----------
    parameter : str
        The query parameter with the tag.
    signers : tuple of str
        ARNs of the users and roles whose tags count, a ``*`` at the end for any rest; empty for
        every signer. Whoever has credentials can sign any name, and a bucket may be open to several
        accounts.
    key : str or bytes, optional
        A secret of 16 bytes or more: tags are then keyed hashes of the viewers, and the logs hold
        no name.
    """

    parameter: str = VIEWER
    signers: tuple[str, ...] = ()
    key: str | bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signers", tuple(self.signers))
        named = [
            (_PARAMETER, "viewer_parameter", self.parameter),
            *((_ARN, "viewer_signer", s) for s in self.signers),
        ]
        for pattern, argument, text in named:
            if not pattern.fullmatch(str(text)):
                raise InvalidInput(
                    f'"{str(text)[:120]}" cannot hold the viewer of a URL, or sign for one.',
                    next_step=(
                        f"Name a parameter such as {VIEWER}, in lower case and not x-amz-, and"
                        " signers such as arn:aws:iam::111122223333:role/NAME."
                    ),
                    field=argument,
                    value=text,
                )

    def tag(self, viewer: object) -> str:
        """Return the tag of a viewer; InvalidInput for a text that a log could not give back."""
        return viewer_tag(viewer, self.key)

    def expression(self, d: Dialect) -> str:
        """Expression: the tag of a row, with ``(claimed)`` after one that is not proven; NULL
        without one.

        A ``request_uri`` of ours writes letters, digits and ``-._`` plainly, however a client
        spelled them.
        """
        name = self.parameter.replace(".", "[.]")
        first = f"(?i)^[^ ]* [^ ?]*[?](?:[^ ]*?&)??{name}="
        text = d.extract.format("request_uri", f"{first}([^& ]*)", 1)
        tag = d.decode.format(f"replace(nullif({text}, ''), '+', '%20')")
        alone = f"coalesce({d.extract.format('request_uri', f'{first}[^ ]*&{name}=', 0)}, '') = ''"
        checked = _AUTHENTICATED.format(in_time=d.seconds.format("signed_at", "time"))
        proven = f"coalesce({checked} AND {alone} AND ({self._signed_by()}), false)"
        return (
            f"CASE WHEN lower(request_uri) LIKE '%?%{self.parameter}=%' "
            f"THEN {tag} || CASE WHEN {proven} THEN '' ELSE '{CLAIMED}' END END"
        )

    def _signed_by(self) -> str:
        """Condition: one of the signers is the requester;
        the ARN of a session leaves out the path of its role.
        """
        parts = []
        for arn in self.signers:
            role = OF_ROLE.fullmatch(arn)
            text = (
                f"{role[1]}:sts{role[2]}:assumed-role/{role[3]}/" if role else arn.removesuffix("*")
            )
            whole = role is None and text == arn
            parts.append(
                f"requester = '{text}'"
                if whole
                else f"substr(requester, 1, {len(text)}) = '{text}'"
            )
        return " OR ".join(parts) or "true"


_AUTHENTICATED = (
    "auth_type = 'QueryString' AND signature_version = 'SigV4' AND requester IS NOT NULL AND"
    f" ({OPENED} OR error_code = 'NoSuchKey' OR error_code = 'AccessDenied' AND {{in_time}} <="
    " expires_s AND operation NOT IN ('REST.HEAD.OBJECT', 'HeadObject'))"
)
"""Condition: S3 has checked the signature. A refusal of an expired URL may come before that check,
and the answer to HEAD has no body that would tell why it was refused."""
