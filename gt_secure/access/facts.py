"""Facts for an answer: values of those keys that the policies ask for and this role can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..account.key_facts import OBJECT_TAG, KeyFacts, read_key_facts
from ..account.snapshot import State
from ..aws.client import Aws
from ..errors import PolicyError
from ..iam.request import Policies
from ..iam.three_valued import spellings
from ..restriction.model import Restriction
from .policy_files import given_facts
from .request_kinds import Given, Values

_ORGANIZATION = ("aws:principalorg", "aws:resourceorg", "aws:vpceorg")
_READABLE = (*_ORGANIZATION, "aws:resourceaccount", "aws:vpceaccount", OBJECT_TAG.lower())


def given_from(facts: KeyFacts, mentioned: Iterable[str]) -> Given:
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
    return Given({**dict.fromkeys(absent, ()), **values})


def read_given(
    aws: Aws, policy: str | Mapping[str, object] | None, *, bucket: str, key: str | None, region: str | None = None
) -> Given:
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
    """
    mentioned = _mentioned(policy)
    wanted = {name for name in mentioned if name.startswith(_READABLE)}
    if not wanted:
        return Given()
    tagged = key is not None and any(name.startswith(OBJECT_TAG.lower()) for name in wanted)
    organization = any(name.startswith(_ORGANIZATION) for name in wanted)
    facts = read_key_facts(
        aws, bucket=bucket, region=region, key=key if tagged else None, organization=organization, settings=False
    )
    return Given({name: value for name, value in given_from(facts, mentioned).values.items() if name in wanted})


def facts_for(aws: Aws, wish: Restriction, state: State) -> Given:
    """Return what is known for a restriction: facts that its bucket's policy asks for, and those that it supplies.

    Parameters
    ----------
    aws : Aws
    wish : Restriction
        Its facts win over those that are read.
    state : State
    """
    supplied = given_facts(wish.facts)
    if state.bucket is None:
        return supplied
    bucket = state.bucket
    read = read_given(aws, bucket.policy_text, bucket=bucket.name, key=None, region=bucket.region)
    return supplied.with_defaults(read)


def _mentioned(policy: str | Mapping[str, object] | None) -> frozenset[str]:
    try:
        return frozenset(spellings(Policies(resource=policy).compiled)) if policy else frozenset()
    except PolicyError:
        return frozenset()  # the answer itself says that the policy cannot be evaluated


def _values(value: str | tuple[str, ...]) -> Values:
    return (value,) if isinstance(value, str) else value
