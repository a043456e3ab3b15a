"""Facts for an answer: values of those keys that the policies ask for and this role can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..account.key_facts import OBJECT_TAG, PRINCIPAL_TAG, KeyFacts, read_key_facts, read_policy_status
from ..account.snapshot import State
from ..aws.buckets import BucketState
from ..aws.client import Aws
from ..aws.endpoints import VpcEndpoint
from ..errors import PolicyError
from ..iam.facts import Facts, Values
from ..iam.request import Policies
from ..iam.three_valued import spellings
from ..restriction.model import Restriction
from .locks import signer_arn, signing_role
from .policy_files import given_facts
from .public_access import READ_STATUS, SETTING, is_surely_public, may_be_public, status_text

_ORGANIZATION = ("aws:principalorg", "aws:resourceorg", "aws:vpceorg")
_READABLE = (*_ORGANIZATION, "aws:resourceaccount", "aws:vpceaccount", OBJECT_TAG.lower(), PRINCIPAL_TAG.lower())


def given_from(facts: KeyFacts, mentioned: Iterable[str]) -> Facts:
    """Return facts that were read as facts of an answer.

    Parameters
    ----------
    facts : KeyFacts
    mentioned : iterable of str
        Keys that the policies name, in lower case: one of a family that is completely known, such as the tags of an
        object, is absent if it was not read.
    """
    values: dict[str, Values] = {key.lower(): _values(value) for key, value in facts.values.items()}
    families = tuple(prefix.lower() for prefix in facts.complete)
    absent = {key for key in mentioned if families and key.startswith(families)} | {key.lower() for key in facts.absent}
    return Facts({**dict.fromkeys(absent, ()), **values})


def read_given(
    aws: Aws,
    policy: str | Mapping[str, object] | None,
    *,
    bucket: str,
    key: str | None,
    region: str | None = None,
    role: str = "",
    endpoints: Iterable[VpcEndpoint] = (),
) -> Facts:
    """Read the facts that a bucket policy asks for; a policy that asks for none costs no call.

    Parameters
    ----------
    aws : Aws
    policy : text or mapping, optional
        The bucket policy.
    bucket : str
    key : str or None
        The object whose tags are read; None where the answer is about many.
    region : str, optional
        The bucket's region.
    role : str
        ARN of the role that signs, whose tags are read; empty if it is not known.
    endpoints : iterable of VpcEndpoint
        The S3 endpoints of the account, with their owners.
    """
    mentioned = _mentioned(policy)
    wanted = {name for name in mentioned if name.startswith(_READABLE)}
    if not wanted:
        return Facts()
    facts = read_key_facts(
        aws,
        bucket=bucket,
        region=region,
        key=key if _asks(wanted, OBJECT_TAG) else None,
        role_arn=role if ":role/" in role and _asks(wanted, PRINCIPAL_TAG) else None,
        organization=_asks(wanted, *_ORGANIZATION),
        settings=False,
    )
    known = given_from(facts, mentioned).values
    owner = {"aws:principalaccount", "aws:resourceaccount", *(name for name in wanted if "resource" in name)}
    missing = [each.action for each in facts.missing if each.action != "s3:ListBucket" or wanted & owner]
    return Facts(
        {name: value for name, value in known.items() if name in wanted},
        facts.assumed,
        {each.id: _owner_keys(each, known) for each in endpoints if _asks(wanted, "aws:vpce")},
        tuple(dict.fromkeys(missing)),
    )


def _asks(names: Iterable[str], *starts: str) -> bool:
    return any(name.startswith(tuple(start.lower() for start in starts)) for name in names)


def _owner_keys(endpoint: VpcEndpoint, known: Mapping[str, Values]) -> dict[str, Values]:
    """Return the keys of requests through an endpoint: its VPC, its owner, and the organization where it is ours."""
    keys: dict[str, Values] = {"aws:sourcevpc": (endpoint.vpc_id,)}
    if not endpoint.owner:
        return keys
    keys["aws:vpceaccount"] = (endpoint.owner,)
    if (endpoint.owner,) == known.get("aws:principalaccount") and "aws:principalorgid" in known:
        keys["aws:vpceorgid"] = known["aws:principalorgid"]
    return keys


def facts_for(aws: Aws, wish: Restriction, state: State, *, key: str | None = None) -> Facts:
    """Return what is known for a restriction: facts that its bucket's policy asks for, and those that it supplies.

    Parameters
    ----------
    aws : Aws
    wish : Restriction
        Its facts win over those that are read.
    state : State
    key : str, optional
        The one object that the answer is about.
    """
    supplied = given_facts(wish.facts)
    return supplied.with_defaults(facts_of(aws, state, supplied, key=key))


def facts_of(aws: Aws, state: State, supplied: Facts | None = None, *, key: str | None = None) -> Facts:
    """Return the facts that the policy of a bucket asks for and that this role can read.

    ``supplied`` may name the role that signs, whose tags are read.
    """
    bucket = state.bucket
    if bucket is None:
        return Facts()
    given = read_given(
        aws,
        bucket.policy_text,
        bucket=bucket.name,
        key=key,
        region=bucket.region,
        role=signer_arn(supplied or Facts(), signing_role(state)),
        endpoints=state.endpoints,
    )
    if not may_be_public(bucket.policy_text):
        return given
    restricts = bool(bucket.public_access_block.get(SETTING))
    if not restricts:
        given = given.with_defaults(_account_block(aws))
    return given.with_defaults(_policy_status(aws, bucket)) if restricts or given.blocks_public else given


def _account_block(aws: Aws) -> Facts:
    """Read Block Public Access of the account, which overrides the bucket's own."""
    facts = read_key_facts(aws, organization=False)
    if facts.public_access_block is None:
        return Facts(missing=tuple(each.action for each in facts.missing))
    return Facts(account_block=facts.public_access_block)


def _policy_status(aws: Aws, bucket: BucketState) -> Facts:
    """Read whether S3 calls the policy public; if this role cannot read that, our own verdict counts."""
    ours = is_surely_public(bucket.policy_text)
    theirs = read_policy_status(aws, bucket.name, bucket.region)
    if theirs is None:
        return Facts(missing=() if ours else (READ_STATUS,))
    return Facts(policy_is_public=theirs, notes=(status_text(theirs=theirs, ours=ours),))


def asks_for_signer(policy: str | None) -> bool:
    """Return whether a bucket policy tells signers of one account apart."""
    try:
        document = Policies(resource=policy).compiled.resource if policy else None
    except PolicyError:
        return False
    statements = document.document.statements if document is not None else ()
    named = any(entry.kind in ("role", "exact") for each in statements for entry in each.principals or ())
    return named or _asks(_mentioned(policy), "aws:principalarn", PRINCIPAL_TAG, "aws:username", "aws:userid")


def _mentioned(policy: str | Mapping[str, object] | None) -> frozenset[str]:
    try:
        return frozenset(spellings(Policies(resource=policy).compiled)) if policy else frozenset()
    except PolicyError:
        return frozenset()  # the answer itself says that the policy cannot be evaluated


def _values(value: str | tuple[str, ...]) -> Values:
    return (value,) if isinstance(value, str) else value
