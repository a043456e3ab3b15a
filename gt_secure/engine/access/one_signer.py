"""The question about one signer of the bucket's account: its own policies and tags count, as far as
they were read.
"""

from __future__ import annotations

from dataclasses import replace

from ...base.errors import InvalidInput
from ..iam.documents import VERSIONS
from ..iam.principals import parse_caller
from ..iam.three_valued import spellings
from ..policies.revocation import check_signer
from .identities import AttachedPolicy, Principal, Principals
from .locks import EVERYTHING, EffectiveLocks
from .part import NotRead
from .principal_policies import Statements, known_keys

_STEP = (
    "Write the ARN of one user, role or root user of the bucket's account:"
    " arn:aws:iam::111122223333:user/NAME."
)
_UNLIMITED = AttachedPolicy("", VERSIONS[-1], tuple(EVERYTHING["Statement"]))


def locks_for_signer(
    locks: EffectiveLocks, signer: str, people: Principals | NotRead | None = None
) -> EffectiveLocks:
    """Return the locks for requests that one principal signs.

    ``people`` are the users and roles of the account. None says that nobody gave them: the own
    policies of the signer allow everything.

    Raises
    ------
    InvalidInput
        If it is not the ARN of one principal of the bucket's account, or nobody there has it.
    """
    try:
        arn = check_signer(signer)
    except InvalidInput as error:
        raise InvalidInput(error.message, next_step=_STEP, field="signer", value=signer) from error
    caller, problem = parse_caller(arn), ""
    if caller.kind == "session":
        problem = "is one session, and the answer is for all sessions of a role"
    elif (caller.partition, caller.account) != (locks.partition, locks.account):
        problem = f"is not in account {locks.account} of the bucket"
    elif "aws:principalarn" in locks.facts.values:
        problem = "is not the only signer: aws:PrincipalArn was given too"
    if problem:
        raise InvalidInput(f'"{arn[:120]}" {problem}.', next_step=_STEP, field="signer", value=arn)
    principal = Principal(arn, policies=(_UNLIMITED,))
    if isinstance(people, NotRead):
        principal = replace(principal, not_read=(people.action,))
        locks = replace(locks, missing=(*locks.missing, people.action))
    elif people is not None and caller.kind in ("user", "role"):
        known = next((each for each in people.all if each.arn == arn), None)
        if known is None:
            raise InvalidInput(
                f'No user or role with the ARN "{arn[:120]}" was found.',
                next_step=(
                    "Write its path too. The signers of the bucket are those whose URLs open it."
                ),
                field="signer",
                value=arn,
            )
        principal = known
    narrowed = replace(locks, only=principal, only_keys={"aws:principalarn": (arn,)})
    if not principal.id:
        return narrowed
    asked = spellings(narrowed.policies("own").compiled)
    keys = known_keys(principal, Statements(("sts:TagSession", "sts:SetSourceIdentity")), asked)
    return replace(narrowed, only_keys=keys)
