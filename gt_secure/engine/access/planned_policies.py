"""Bucket policies before they are deployed: the documents that each may become.

A file leaves open which document a policy is, whether it exists, how often, its values and its
version. A claim is proved only if it holds under each document, and refuted only if it fails under
each. What is unknown in a statement widens or narrows its own element alone: the statement then
has its widest and its narrowest form. A document of which nothing is known stands for any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

from ...base.errors import InvalidInput, PolicyError
from ...base.groups import as_list, grouped
from ...base.text import Json, JsonLike, Texts, capital
from ..iam.documents import VERSIONS
from .keep import Kept, rights
from .locks import EffectiveLocks, check_policy, partition_of
from .proof import Claim, Proof, both, prove_closed, prove_kept, prove_open, told_of

_ELEMENTS = ("Principal", "Action", "Resource")
"""Elements of which one more value widens a statement."""
NO_POLICY = '{"Version":"2012-10-17","Statement":[]}'


SERVICES = (
    "accessanalyzer|acm|acmpca|amazonmq|amplify|appflow|appintegrations|appstream|api_?gateway"
    "|api_?gatewayv2|app_?config|app_?mesh|app_?autoscaling|apprunner|appsync"
    "|applicationautoscaling|athena|auditmanager|autoscaling|backup|batch|bedrock|bedrockagent"
    "|budgets|cassandra|ce|certificatemanager|chatbot|cleanrooms|cloud9|cloudfront|cloudtrail"
    "|cloudwatch|codeartifact|codebuild|codecommit|codeconnections|codeguru\\w*|codedeploy"
    "|codepipeline|codestar\\w*|cognito|comprehend|connect|cur|data_?sync|databrew|dax|db"
    "|detective|devopsguru|directory_?service|dlm|dms|docdb|docdbelastic|dsql|dynamodb|ec2|ecr"
    "|ecrpublic|ecs|efs|eks|elasticache|elasticsearch|elasticloadbalancing|elasticloadbalancingv2"
    "|elb|emr|emrcontainers|emrserverless|events|evidently|eventschemas|firehose|fms|forecast"
    "|frauddetector|fsx|gamelift|glacier|globalaccelerator|glue|grafana|guardduty|iam"
    "|identitystore|imagebuilder|inspector|inspectorv?2|internetmonitor|iot|ivs|ivschat"
    "|kafkaconnect|kendra|keyspaces|kinesis|kinesis_?analytics\\w*|kinesis_?firehose|kinesisvideo"
    "|kms|lake_?formation|lambda|lex|licensemanager|lightsail|location|logs|macie|macie2"
    "|media\\w*|memorydb|mq|msk|mskconnect|mwaa|neptune|networkfirewall|networkmanager|oam|osis"
    "|personalize|opensearch|opensearch_?service|opensearch_?serverless|organizations|pinpoint"
    "|pipes|prometheus|aps|qldb|quicksight|ram|rds|redshift|redshift_?serverless|redshiftdata"
    "|rekognition|resource_?groups|rbin|rolesanywhere|route53|route53resolver|rum|s3_?control"
    "|s3express|s3objectlambda|s3outposts|s3tables|s3vectors|sagemaker|scheduler|schemas"
    "|secretsmanager|securityhub|securitylake|service_?discovery|servicequotas|ses|sesv2|sfn"
    "|shield|signer|sns|sqs|ssm|ssmcontacts|sso|ssoadmin|stepfunctions|synthetics|timestream"
    "|transfer|verifiedpermissions|vpclattice|waf|waf_?regional|wafv2|workspaces|xray"
)
"""Services whose resources set no bucket policy, as Terraform and CloudFormation write them."""


@dataclass(frozen=True)
class Unknown:
    """A value that a file leaves open, with the reason as a clause.

    ``most`` has the texts that it is at most, each of which it may be; empty for any. Among
    principals it is part of ``person``, and of anybody if that is empty.
    """

    reason: str
    most: Texts = ()
    person: str = ""


def leaves(value: object) -> Iterator[object]:
    """Yield the values in a value of JSON that hold no others, at any depth."""
    if isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(each)
    else:
        yield value


def reasons(value: object) -> list[str]:
    """Return the reasons of the unknown values in a value of JSON."""
    return [each.reason for each in leaves(value) if isinstance(each, Unknown)]


@dataclass(frozen=True)
class PlannedDocument:
    """A document that a policy may become, of which values may be unknown.

    Attributes
    ----------
    address : str
        The resource that sets it.
    bucket : str or Unknown
        The bucket of which it may be the policy.
    value : text, mapping, list or Unknown
        The document, or its statements.
    when : str
        The choices that lead to it, in words.
    provided : str
        The clause under which it is the document.
    """

    address: str
    bucket: str | Unknown
    value: Any
    when: str = ""
    provided: str = ""

    def __post_init__(self) -> None:
        """Take a document that S3 would refuse as unknown: the policy stays as it was."""
        try:
            for text in self.texts("Allow"):
                check_policy(text, self.bucket if isinstance(self.bucket, str) else "")
        except PolicyError as error:
            reason = f"{self.address} is not a valid policy: {error.message.rstrip('.')}"
            object.__setattr__(self, "value", Unknown(reason))

    def texts(self, most: str) -> list[str]:
        """Return the document in each version that it may have, with statements of an effect in
        their widest form, and with the others in their narrowest; all of them without an effect.
        """
        if isinstance(self.value, str):
            return [self.value]
        value = (
            self.value
            if isinstance(self.value, Mapping)
            else {"Version": VERSIONS[-1], "Statement": self.value}
        )
        known = _limited(value, most)
        versions = (
            [{"Version": each} for each in VERSIONS]
            if isinstance(value.get("Version"), Unknown)
            else [{}]
        )
        return [json.dumps(known | version) for version in versions]

    @property
    def filled(self) -> str:
        """The document with a text for each value that is unknown in a condition of an Allow; empty
        if something else is unknown.
        """
        value = self.value
        if not isinstance(value, Mapping) or reasons({**value, "Statement": None}):
            return ""
        for each in as_list(value.get("Statement")):
            if reasons(each) and (
                not isinstance(each, Mapping)
                or each.get("Effect") != "Allow"
                or reasons({**each, "Condition": None})
                or not all(re.search("^(For.*:)?(String|Arn)", name) for name in each["Condition"])
            ):
                return ""
        return json.dumps(value, default=lambda _: "arn:aws:sns:::unknown")


def _at_most(value: Any) -> str:
    """Return a policy of a user or role in its widest form."""
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else NO_POLICY
    return json.dumps(_limited(value, "Allow"))


def _limited(value: JsonLike, most: str) -> Json:
    """Return what is known of a document, with its statements as wide or narrow as asked."""
    bounded = (_bounded(each, most) for each in as_list(value.get("Statement")))
    return {**_sure(value), "Statement": [each for each in bounded if each is not None]}


def _sure(value: JsonLike) -> Json:
    """Return the members of which all is known."""
    return {name: each for name, each in value.items() if not reasons(each)}


def _bounded(statement: Any, most: str) -> Any:
    """Return a statement in its widest form if its effect is or may be this one, and else in its
    narrowest; None if that has no effect.
    """
    if not reasons(statement):
        return statement
    if not isinstance(statement, Mapping):
        return {"Effect": most, **dict.fromkeys(_ELEMENTS, "*")} if most else None
    effect = statement.get("Effect")
    is_known = isinstance(effect, str)
    is_wide = bool(most) and (effect == most or not is_known)
    if not is_wide and not is_known:
        return None
    known = _sure(statement)
    bounded = {**known, "Effect": most} if is_wide else known
    for name in statement.keys() - known.keys() - {"Sid", "Effect"}:
        if name == "Condition":
            element = _conditions(statement[name], is_wide=is_wide)
        elif is_wide:
            is_person = name == "Principal" and most == "Allow"
            element = (_people if is_person else _widest)(statement[name])
            name = name.removeprefix("Not")
        else:
            element = None if name not in _ELEMENTS else _known(statement[name])
        if element is None:
            return None
        if element:
            bounded[name] = element
    return bounded


def _widest(value: Any) -> Any:
    """Return what an element is at most, of which a part is unknown."""
    texts = [
        each.most if isinstance(each, Unknown) else [each] * (not reasons(each))
        for each in as_list(value)
    ]
    return [*chain(*texts)] if all(texts) else "*"


def _people(principal: Any) -> Any:
    """Return whom an Allow names at most."""
    if not isinstance(principal, Mapping) or reasons({**principal, "AWS": None}):
        return "*"
    people = as_list(principal["AWS"])
    named = [each.person if isinstance(each, Unknown) else each for each in people]
    return {**principal, "AWS": named} if all(named) and not reasons(named) else "*"


def _known(value: Any) -> Any:
    """Return what is known of a value that is one of several; None for nothing."""
    if isinstance(value, list):
        return [each for each in value if not reasons(each)] or None
    if isinstance(value, Mapping):
        pairs = ((name, _known(each)) for name, each in value.items())
        return {name: each for name, each in pairs if each is not None} or None
    return None if isinstance(value, Unknown) else value


def _conditions(blocks: Any, *, is_wide: bool) -> Any:
    """Return the conditions that hold whenever these do, or only where these do; None if no known
    ones do.

    One more value widens a condition, and narrows a negated one.
    """
    if not isinstance(blocks, Mapping):
        return {} if is_wide else None
    bounded: Json = {}
    for operator, keys in blocks.items():
        for key, values in keys.items() if isinstance(keys, Mapping) else [("", Unknown(""))]:
            some = values
            if reasons(values):
                some = _known(values) if ("not" in operator.lower()) is is_wide else None
            if some is not None:
                bounded.setdefault(operator, {})[key] = some
            elif not is_wide:
                return None
    return bounded


def _each(proofs: Sequence[Proof], doubts: Iterable[str]) -> Proof:
    """Return the proof that all are: proved or refuted only if each is,
    else unknown for these reasons.
    """
    if {each.proved for each in proofs} in ({True}, {False}):
        return proofs[0]
    depends_on = dict.fromkeys((*doubts, *(key for each in proofs for key in each.depends_on)))
    return replace(_undecided(proofs[0]), depends_on=tuple(depends_on))


def _undecided(proof: Proof) -> Proof:
    return replace(proof, proved=None, counterexample=None, refused=None, kept=())


@dataclass(frozen=True)
class PlannedPolicy:
    """A bucket policy as the documents that it may become.

    Attributes
    ----------
    bucket : str
        Empty if it is not known.
    address : str
        The resource, or the words in its place.
    documents : sequence of PlannedDocument
        At least one.
    provided : tuple of str
        Clauses that a person has to accept before an answer is certain.
    assumed : tuple of str
        Sentences that an answer takes for granted.
    public : sequence of bool or None
        Values that Block Public Access may have: whether it refuses what a public policy grants.
    people : sequence of tuple
        Users and roles that the file defines, as ``role/ci``, each with a policy that allows
        something.
    """

    bucket: str
    address: str
    documents: Sequence[PlannedDocument]
    provided: Texts
    assumed: Texts
    public: Sequence[bool | None]
    people: Sequence[tuple[str, Any]] = ()

    @property
    def subject(self) -> str:
        """The bucket in words."""
        return self.bucket or f"a bucket that is not known yet ({self.address})"

    @property
    def condition(self) -> str:
        """The clauses to accept, as one; empty without any."""
        return " and ".join(self.provided)

    @property
    def doubts(self) -> list[str]:
        """The reasons why not all is known of it; empty for one known document."""
        labels = ", ".join(f"{each.address}{each.when}" for each in self.documents)
        number = len(self.documents)
        which = f"the file does not say which of {number} documents it is ({labels})"
        conditional = (f"the plan does not show whether {each}" for each in self.provided)
        open_values = dict.fromkeys(reasons([each.value for each in self.documents]))
        return [*conditional, *[which] * (number > 1), *open_values]

    def accepting(self) -> PlannedPolicy:
        """Return the policy with its clauses accepted: they are assumed then."""
        words = (f"{capital(each)}." for each in self.provided)
        return replace(self, provided=(), assumed=(*self.assumed, *words))

    def prove(
        self,
        locks: EffectiveLocks,
        claim: Claim,
        closed: Callable[[EffectiveLocks, Claim], Proof] = prove_closed,
    ) -> Proof:
        """Decide a claim: proved or refuted only if it is under each document,
        and nothing has to be accepted. ``closed`` decides what strangers may do.
        """
        doubts = [
            *self.doubts,
            *["whether Block Public Access is on"] * (len(self.public) > 1),
        ]

        # Block Public Access also refuses others because of an Allow that is left out
        facts = replace(locks.facts, policy_is_public=True)

        def decide(most: str, ask: Callable[[EffectiveLocks, Claim], Proof]) -> Proof:
            texts = dict.fromkeys(text for each in self.documents for text in each.texts(most))
            variants = [
                replace(
                    locks,
                    policy=text,
                    partition=partition_of(text),
                    restricts_public=public,
                    facts=facts if public and most == "Deny" else locks.facts,
                )
                for text in texts
                for public in self.public
            ]
            return _each([ask(each, claim) for each in variants], doubts)

        def bounded(ask: Callable[[EffectiveLocks, Claim], Proof], *mosts: str) -> Proof:
            """Decide under what speaks most against a claim, and then under what speaks least."""
            proof = decide(mosts[0], ask)
            if not proof.proved and self.doubts:
                least = decide(mosts[1], ask)
                proof = least if least.proved is False else _each((proof, least), doubts)
            return proof

        proof = both(bounded(closed, "Allow", "Deny"), bounded(prove_open, "Deny", "Allow"))
        if self.provided:
            proof = replace(_undecided(proof), depends_on=tuple(doubts))
        else:
            sentences = told_of(
                claim,
                self._works(locks),
                lambda worker: bounded(partial(prove_kept, kept=worker), "Deny", "Allow"),
            )
            proof = replace(proof, locked_out=sentences)
        return replace(proof, limits=(*proof.limits, *self.assumed))

    def _works(self, locks: EffectiveLocks) -> Iterator[Kept]:
        """Yield the users and roles of the file that have rights on the bucket."""
        for name, policies in grouped(self.people).items():
            with suppress(InvalidInput):
                if found := rights(map(_at_most, policies), locks.arn):
                    start = f"arn:{locks.partition}:iam::{locks.account}"
                    yield Kept.of(f"{start}:{name} for {', '.join(found)}")


World: TypeAlias = "Sequence[PlannedDocument | Unknown]"
"""A possible outcome of a file: documents that a bucket may have,
and the reasons why others are missing.
"""


@dataclass(frozen=True)
class PlannedFile:
    """The bucket policies of a plan or a template.

    Attributes
    ----------
    worlds : callable
        Returns the possible outcomes for a bucket, or with an empty name for the buckets that are
        not known.
    buckets : mapping
        Names of the buckets, with the addresses of the resource and of those that set a policy.
    doubts : sequence of str
        Reasons why any policy may be another one.
    near : sequence of str
        Resources that may set the policy of any bucket.
    provided, assumed, public, people : sequence
        As in a policy.
    """

    worlds: Callable[[str], Sequence[World]]
    buckets: Mapping[str, Sequence[str]]
    doubts: Sequence[str]
    near: Sequence[str]
    provided: Sequence[str]
    assumed: Sequence[str]
    public: Sequence[bool | None]
    people: Sequence[tuple[str, Any]] = ()

    def policy(self, bucket: str) -> PlannedPolicy:
        """Return the policy of a bucket: what no resource is known to set is
        unknown, not missing.
        """
        others = [*self.doubts, *(f"{each} may set it too" for each in self.near)]
        if bucket.endswith("--x-s3"):
            others.append(f"{bucket} is a directory bucket, whose policy grants sessions")
        documents: list[PlannedDocument] = []
        for world in self.worlds(bucket):
            possible = [each for each in world if isinstance(each, PlannedDocument)]
            documents += possible
            if not any(each.bucket == bucket for each in possible):
                others += reasons([*world, *(each.bucket for each in possible)]) or [
                    "it is not managed here"
                ]
        if others:
            addresses = "".join(f" ({each})" for each in self.buckets.get(bucket, ())[:1])
            place = f"the policy of {bucket}, which is not managed here{addresses}"
            value = [Unknown(each) for each in dict.fromkeys(others)]
            documents.append(PlannedDocument("any other" if documents else place, bucket, value))
        return self._planned(bucket, documents)

    def policies(self) -> Iterator[PlannedPolicy]:
        """Yield the policies of all buckets, and those of which the bucket is not known."""
        yield from map(self.policy, self.buckets)
        nameless = (
            each for world in self.worlds("") for each in world if isinstance(each, PlannedDocument)
        )
        for documents in grouped((each.address, each) for each in nameless).values():
            yield self._planned("", documents)

    def _planned(self, bucket: str, listed: Sequence[PlannedDocument]) -> PlannedPolicy:
        documents = [each for i, each in enumerate(listed) if each not in listed[:i]]
        provided = tuple(
            dict.fromkeys(filter(None, (*(each.provided for each in documents), *self.provided)))
        )
        return PlannedPolicy(
            bucket,
            listed[0].address,
            documents,
            provided,
            tuple(self.assumed),
            self.public,
            self.people,
        )


def public_access(data: Any) -> Sequence[bool | None]:
    """Return the values that Block Public Access may have under a file:
    both where it is a part of it.
    """
    is_part = re.search("restrict_?public_?buckets", json.dumps(data, default=str), re.IGNORECASE)
    return (None, True) if is_part else (None,)


def line_of(policy: PlannedPolicy, text: str) -> int:
    """Return the line of a resource in its file;
    1 where no line of the file begins with its name.
    """
    name = re.escape(policy.address)
    found = re.search(
        rf'^\s*(?:"?{name}"?\s*:|"address"\s*:\s*{re.escape(json.dumps(policy.address))})',
        text,
        re.MULTILINE,
    )
    return 1 if found is None else text.count("\n", 0, found.end()) + 1
