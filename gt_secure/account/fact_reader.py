"""Facts that this role can read: values of those condition keys that any policy of an account asks
for.

A fact about a principal is about the account's own signers. The tags of a role are those of its
sessions too, unless a session passes its own tags: that none does is an assumption, which
:attr:`Facts.notes` states.

Sources: IAM User Guide, *AWS global condition context keys*; S3 User Guide, *Tagging and access
control policies* and *Blocking public access* (the account's setting overrides the bucket's).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from ..aws.arns import bucket_arn
from ..aws.client import Aws, all_items
from ..base.errors import PolicyError, Unsupported
from ..base.groups import OrderedNames
from ..engine.access.access_points import BlockSettings
from ..engine.access.identities import Principals
from ..engine.access.part import Part
from ..engine.access.vpc_endpoint import VpcEndpoint
from ..engine.iam.facts import Facts, Values
from ..engine.iam.request import Policies
from ..engine.iam.three_valued import spellings
from ..engine.iam.variables import Keys
from ..engine.policies.public_access import (
    READ_STATUS,
    SETTING,
    is_surely_public,
    may_be_public,
    status_text,
)
from .bucket import Bucket
from .organization import Organization
from .part_reader import part_of
from .state import WHAT, State

PRINCIPAL_TAG, OBJECT_TAG = "aws:principaltag/", "s3:existingobjecttag/"
READ_ACCOUNT_BLOCK = "s3:GetAccountPublicAccessBlock"
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_NO_BLOCK = "NoSuchPublicAccessBlockConfiguration"
_ORGANIZATION = ("aws:principalorg", "aws:resourceorg", "aws:vpceorg")
_BUCKET_TAGS = ("aws:resourcetag/", "s3:buckettag/")
_TAG = re.compile(r"(?:aws:resourcetag|s3:buckettag)/[^'\"}]+")
_READABLE = (
    *_ORGANIZATION,
    "aws:resourceaccount",
    "aws:vpceaccount",
    OBJECT_TAG,
    PRINCIPAL_TAG,
    *_BUCKET_TAGS,
)


def read_facts(aws: Aws, state: State, key: str | None = None) -> Facts:
    """Read the facts that the policies of a state ask for;
    ``key`` is the object whose tags are read.
    """
    bucket = state.bucket
    if bucket is None:
        return Facts()
    places = state.endpoints.if_read or ()
    text = bucket.policy.if_read
    policies = [
        Policies(resource=text),
        Policies(rcp=state.organization.rcp.if_read or ()),
        Policies(scp=state.organization.scp.if_read or ()),
        *(Policies(endpoint=each.policy_text) for each in places),
    ]
    keys: set[str] = set()
    for each in policies:
        with suppress(PolicyError):  # the answer itself says that it cannot be evaluated
            keys |= spellings(each.compiled).keys()
    reader = _FactReader(aws, bucket, state.organization, frozenset(keys))
    reader.read_organization()
    reader.read_owner()
    reader.read_object_tags(key)
    reader.read_bucket_tags()
    reader.read_role_tags(state.signer_arn)
    reader.read_endpoint_owners(places)
    own = bucket.public_access_block.if_read or {}
    reader.read_public_access(text, bool(own.get(SETTING)), state.account_block)
    return reader.facts()


def bucket_tags(aws: Aws, state: State, bucket: Bucket, people: Principals) -> Facts:
    """Return the facts of a state, with the tags of the bucket for which policies of users and
    roles ask.
    """
    asked = frozenset(_TAG.findall(repr(list(people.policies)).lower()))
    reader = _FactReader(aws, bucket, state.organization, asked)
    reader.read_bucket_tags()
    return state.facts.with_defaults(reader.facts())


class _FactReader:
    """Facts that the methods add to, one kind of key each."""

    def __init__(
        self, aws: Aws, bucket: Bucket, organization: Organization, named: frozenset[str]
    ) -> None:
        self.aws = aws
        self.bucket = bucket
        self.arn = bucket_arn(aws.partition, bucket.name)
        self.organization = organization
        self.named = frozenset(key for key in named if key.startswith(_READABLE))
        self.values: dict[str, Values] = {}
        self.endpoints: dict[str, Keys] = {}
        self.missing: OrderedNames = {}
        self.notes: list[str] = []
        self.policy_is_public: bool | None = None

    @property
    def _s3(self) -> Any:
        return self.aws.client("s3", self.bucket.region)

    def facts(self) -> Facts:
        values = {key: value for key, value in self.values.items() if key in self.named}
        return Facts(
            values, tuple(self.notes), self.endpoints, tuple(self.missing), self.policy_is_public
        )

    def _asks(self, *starts: str) -> bool:
        return any(key.startswith(starts) for key in self.named)

    def _is_read(self, part: Part[Any]) -> bool:
        """Return whether a part was read, and note the action of one that was not."""
        if part.missing is not None:
            self.missing[part.missing.action] = None
        return part.missing is None

    def _add_tags(self, what: str, action: str, resource: str, start: str, read: Any) -> bool:
        tags = part_of(what, action, read, resource=resource, absent="NoSuchTagSet")
        if not self._is_read(tags):
            return False
        self.values |= {key: () for key in self.named if key.startswith(start)}
        for tag in tags.value or ():
            self.values[f"{start}{tag['Key']}".lower()] = (str(tag["Value"]),)
        return True

    def _of_organization(self, start: str) -> dict[str, Values]:
        """Return the keys of the organization that are asked for, without a value where there is
        none.
        """
        parts = (("id", self.organization.id), ("paths", self.organization.path))
        return {
            f"{start}{end}": () if part.value is None else (part.value,)
            for end, part in parts
            if self._asks(f"{start}{end}") and self._is_read(part)
        }

    def read_organization(self) -> None:
        self.values |= self._of_organization("aws:principalorg")

    def read_owner(self) -> None:
        """Ask S3 whether the bucket belongs to this account:
        HeadBucket refuses another expected owner.
        """
        if not self._asks("aws:resourceaccount", "aws:resourceorg"):
            return
        arn, account = self.arn, self.aws.account_id

        def owner() -> str:
            self._s3.head_bucket(Bucket=self.bucket.name, ExpectedBucketOwner=account)
            return account

        if self._is_read(part_of("the owner of the bucket", "s3:ListBucket", owner, resource=arn)):
            self.values["aws:resourceaccount"] = (account,)
            self.values |= self._of_organization("aws:resourceorg")

    def read_object_tags(self, key: str | None) -> None:
        if key is None or not self._asks(OBJECT_TAG):
            return
        resource = f"{self.arn}/{key}"

        def read() -> Any:
            return self._s3.get_object_tagging(Bucket=self.bucket.name, Key=key)["TagSet"]

        self._add_tags("the tags of the object", "s3:GetObjectTagging", resource, OBJECT_TAG, read)

    def read_bucket_tags(self) -> None:
        """Read the tags of the bucket; requests have them only where its attribute-based
        access control is on.
        """
        resource = self.arn

        def read() -> Any:
            ask = getattr(self._s3, "get_bucket_abac", None)  # boto3 of 2025-11 or newer
            answer = {} if ask is None else ask(Bucket=self.bucket.name)
            status = (answer.get("AbacStatus") or {}).get("Status")
            if status is None:
                raise Unsupported(
                    "Nothing says whether requests have the bucket's tags.",
                    next_step="Update boto3.",
                )
            if status != "Enabled":
                return []
            return self._s3.get_bucket_tagging(Bucket=self.bucket.name)["TagSet"]

        for start in filter(self._asks, _BUCKET_TAGS):
            self._add_tags("the tags of the bucket", "s3:GetBucketAbac", resource, start, read)

    def read_role_tags(self, signer: str) -> None:
        if ":role/" not in signer or not self._asks(PRINCIPAL_TAG):
            return

        def read() -> Any:
            return all_items(
                self.aws, "iam", "list_role_tags", "Tags", RoleName=signer.rpartition("/")[2]
            )

        if self._add_tags("the tags of the role", "iam:ListRoleTags", signer, PRINCIPAL_TAG, read):
            self.notes.append("Sessions of the role pass no tags of their own.")

    def read_endpoint_owners(self, endpoints: tuple[VpcEndpoint, ...]) -> None:
        if not self._asks("aws:vpce"):
            return
        own = self._of_organization("aws:vpceorg")
        for each in endpoints:
            keys: dict[str, Values] = {"aws:sourcevpc": (each.vpc_id,)}
            if each.owner:
                keys["aws:vpceaccount"] = (each.owner,)
            if own and each.owner and each.owner == self.aws.account_id:
                keys |= own
            self.endpoints[each.id] = keys

    def read_public_access(
        self, text: str | None, restricts: bool, block: Part[BlockSettings]
    ) -> None:
        """Add whether S3 calls the policy public, where Block Public Access, the account's too,
        makes it decide.
        """
        if not may_be_public(text):
            return
        if restricts or (self._is_read(block) and (block.value or {}).get(SETTING)):
            self._read_policy_status(text)

    def _read_policy_status(self, text: str | None) -> None:
        """Read whether S3 calls the policy public; if this role cannot read that,
        our own verdict counts.
        """
        arn, ours = self.arn, is_surely_public(text)

        def read() -> bool:
            return bool(
                self._s3.get_bucket_policy_status(Bucket=self.bucket.name)["PolicyStatus"][
                    "IsPublic"
                ]
            )

        theirs = part_of("S3's verdict on the bucket policy", READ_STATUS, read, resource=arn)
        if theirs.missing is None:
            self.policy_is_public = bool(theirs.value)
            self.notes.append(status_text(theirs=bool(theirs.value), ours=ours))
        elif not ours:
            self.missing[READ_STATUS] = None


def read_account_block(aws: Aws) -> Part[BlockSettings]:
    """Read Block Public Access of the account, setting by setting;
    all are off where it was never set.
    """
    off = dict.fromkeys(BLOCKS, False)
    if aws.is_local:
        # the sandbox has none, and no host of an account to ask
        return Part.of(off)

    def read() -> BlockSettings:
        answer = aws.client("s3control").get_public_access_block(AccountId=aws.account_id)
        return {name: bool(answer["PublicAccessBlockConfiguration"].get(name)) for name in BLOCKS}

    found = part_of(*WHAT["account_block"], read, absent=_NO_BLOCK)
    return Part.of(off) if found == Part.of(None) else found
