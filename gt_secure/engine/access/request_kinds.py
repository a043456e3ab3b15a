"""Kinds of requests: what is settled for each, what its sender chooses, and which facts about it
are not known.

Sources: IAM User Guide, *AWS global condition context keys* (which keys are present, and when); S3
API Reference, *Amazon S3 Signature Version 4 authentication-specific policy keys*; Service
Authorization Reference, *Condition keys for Amazon S3*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypeAlias

from ...base.clock import utc_now
from ...base.errors import InvalidInput
from ...base.groups import OrderedNames
from ...base.text import Texts
from ..iam.conditions import Condition
from ..iam.facts import Facts, Signer, Values
from ..iam.operators import read_date
from ..iam.principals import CANONICAL_USER, Caller, is_linked_path, parse_caller, session_of
from ..iam.request import Compiled
from ..iam.request_context import HEADER_SIGNED, POST_FORM, PRESIGNED, SIGV2, SIGV4
from ..iam.request_keys import (
    ABSENT,
    ANONYMOUS,
    ENDPOINT_KEYS,
    OF_ROLES,
    TIME_KEYS,
    TLS_KEYS,
    TOKEN_TIME,
    ConditionKey,
    is_absent_for,
    is_chosen,
    is_of_other_service,
    is_principal_key,
    key_facts,
)
from ..iam.request_space import Dimension
from ..iam.statement_table import PRINCIPAL, DimensionValue, StatementTable, View
from ..iam.three_valued import (
    compares_text,
    conditions_on,
    fact,
    is_variable,
    key_values,
    spellings,
    variable_values,
)
from ..iam.variables import Keys, settled
from ..iam.wildcards import TooManyClassesError
from .access_points import AccessPoints, ways
from .unlisted_values import with_unlisted

Form: TypeAlias = Literal["presigned", "header", "post-form", "unsigned"]
By: TypeAlias = Literal["role", "all", "any", "session"]
"""Signers of the account who are not known: a role; all of its roles, users, federated users and
its root user; any of these that opens; or any session of a role or federated user.
"""

KINDS: dict[str, tuple[Form, Signer, str]] = {
    "presigned": ("presigned", "own", "s3:GetObject"),
    "header": ("header", "own", "s3:GetObject"),
    "post-form": ("post-form", "own", "s3:PutObject"),
    "upload": ("presigned", "own", "s3:PutObject"),
    "anonymous": ("unsigned", "anonymous", "s3:GetObject"),
    "other-account": ("presigned", "other", "s3:GetObject"),
}
"""Kinds of requests to S3: how they are signed, by whom, and what they ask for."""

_END_OF_TIME = 250_000_000_000
LONGEST_SIGNATURE_MS = 7 * 24 * 3600 * 1000
OTHER_ACCOUNT = "444455556666"
_NAME = re.compile(r"[\w+=,.@-]{1,64}")
_ID = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")

_AGE, _VERSION = "s3:signatureage", "s3:signatureversion"
_SIGNATURE = frozenset({"s3:authtype", _VERSION, _AGE})
_PAYLOAD = "s3:x-amz-content-sha256"
"""AWS documents it for requests that are signed in the header.
It withdrew what it had documented for URLs.
"""
_BY_ACCOUNT = frozenset({"aws:resourceaccount", "s3:resourceaccount"})
_OPEN_IN_PROOFS = frozenset({"s3:versionid"})
"""Keys of other requests that a proof includes: their sender chooses the value."""
_IDENTITY = frozenset(
    {PRINCIPAL, "aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:username"}
)


@dataclass(frozen=True)
class Kind:
    """One kind of request.

    Attributes
    ----------
    name : str
        As the answer calls it.
    form : str
        How it is signed.
    signer : str
        ``own`` (the bucket's account), ``other`` (any other account) or ``anonymous``.
    action, resource : str
        What it asks for.
    whoever : bool
        Whether the question is for every signer of that account, as in a proof, and for every time
        from now on.
    chooses : tuple of str
        Starts of further condition keys whose values the sender of this action chooses.
    absent : tuple of str
        Starts of further condition keys that no such request has, unless they are given.
    any_way : bool
        Whether it may go through an access point as well as to the bucket itself.
    by : str
        Who signs for the account, where that is not known.
    """

    name: str
    form: Form
    signer: Signer
    action: str
    resource: str
    whoever: bool = False
    chooses: Texts = ()
    absent: Texts = ()
    any_way: bool = False
    by: By = "role"

    @property
    def is_any(self) -> bool:
        """Return whether it is opened if one of those who may sign opens it."""
        return self.signer != "own" or self.whoever or self.by in ("any", "session")

    @property
    def principals(self) -> Container[str]:
        """Return the kinds of principals that may sign."""
        if self.signer != "own" or self.whoever or self.by in ("any", "all"):
            return _TYPES
        return ("session",) if self.by == "role" else ("session", "federated-user")


@dataclass(frozen=True)
class RoleSessions:
    """The sessions of a role under any name that its trust policy lets through.

    Attributes
    ----------
    id : str
        The unique id of the role.
    named : callable
        The values that the trust policy names for a key of the request for a session, in lower
        case.
    lets : callable
        Whether the trust policy lets a key of the request for a session, in lower case, have a
        value.
    """

    id: str
    named: Callable[[str], Sequence[str]]
    lets: Callable[[str, str], bool]


@dataclass(frozen=True)
class Circumstances:
    """Circumstances of all requests of one question.

    Attributes
    ----------
    account : str
        The bucket's account.
    partition : str
    given : Facts
    now : datetime
        The time of the requests.
    role : str
        ARN of the role that signs for the account, where it is known.
    sessions : RoleSessions, optional
        The sessions of that role, where whoever signs chooses the session.
    points : tuple of AccessPoint, optional
        Access points that the account made for the bucket, where they were listed.
    """

    account: str
    partition: str = "aws"
    given: Facts = field(default_factory=Facts)
    now: datetime = field(default_factory=utc_now)
    role: str = ""
    sessions: RoleSessions | None = None
    points: AccessPoints | None = None


def callers(kind: Kind, circumstances: Circumstances) -> Caller:
    """Return a caller of the kind that signs."""
    if kind.signer == "anonymous":
        return parse_caller("*")
    account = circumstances.account if kind.signer == "own" else _other(circumstances.account)
    given = circumstances.given.values.get("aws:principalarn") if kind.signer == "own" else None
    arn = given[0] if given else circumstances.role if kind.signer == "own" else ""
    caller = session_of(arn or f"arn:{circumstances.partition}:iam::{account}:role/some-role")
    return (
        replace(caller, linked=is_linked_path(arn.partition(":role/")[2]))
        if circumstances.sessions
        else caller
    )


def _other(account: str) -> str:
    return OTHER_ACCOUNT if account != OTHER_ACCOUNT else "999988887777"


def base_view(kind: Kind, circumstances: Circumstances) -> View:
    """Return what is settled for a kind of request, without its source."""
    keys: dict[str, Values] = {
        "aws:resourceaccount": (circumstances.account,),
        "s3:resourceaccount": (circumstances.account,),
        "aws:viaawsservice": ("false",),
        "aws:currenttime": (circumstances.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(circumstances.now.timestamp())),),
    }
    if kind.signer != "anonymous":
        keys["aws:principalisawsservice"] = ("false",)
    if kind.form != "unsigned":  # such a form has neither a version nor an age
        name = {"presigned": PRESIGNED, "header": HEADER_SIGNED, "post-form": POST_FORM}[kind.form]
        keys["s3:authtype"] = (name,)
        if kind.signer != "anonymous":
            keys["s3:signatureversion"] = (SIGV4,)
    caller = callers(kind, circumstances)
    keys |= principal_keys(caller, circumstances.partition)
    for key, value in circumstances.given.off_endpoint(kind.signer).items():
        if (key == _AGE and not has_age(kind)) or (key == _VERSION and kind.signer == "anonymous"):
            continue
        if value:
            keys[key] = value
        else:
            keys.pop(key, None)
    return View(kind.action, kind.resource, caller, keys)


def has_age(kind: Kind) -> bool:
    """Return whether requests of a kind have an age:
    what is signed in the query string or in a form.
    """
    return kind.form in ("presigned", "post-form") and kind.signer != "anonymous"


_TYPES = {
    "session": "AssumedRole",
    "role": "AssumedRole",
    "user": "User",
    "root": "Account",
    "federated-user": "FederatedUser",
}


def principal_keys(caller: Caller, partition: str) -> Keys:
    """Return the keys that follow from who calls."""
    if caller.kind == "anonymous":
        return dict(ANONYMOUS)
    if not caller.account:
        return {}
    arn = caller.text
    if caller.kind == "session":
        arn = f"arn:{caller.partition or partition}:iam::{caller.account}:role/{caller.role}"
    keys: dict[str, Values] = {
        "aws:principalaccount": (caller.account,),
        "aws:principaltype": (_TYPES[caller.kind],),
        "aws:principalarn": (arn,),
    }
    if caller.kind == "user":
        keys["aws:username"] = (caller.text.rpartition("/")[2],)
    return keys


def dimensions(
    table: StatementTable,
    kind: Kind,
    circumstances: Circumstances,
    policies: Compiled,
    *,
    resources: Iterable[str] = (),
    known: Keys | None = None,
) -> list[Dimension]:
    """Return what varies for a kind of request, apart from its source: choices and unknown facts.

    ``known`` are the keys that are settled, those of the source too, where it is settled.
    """
    supplied = circumstances.given.about(kind.signer)
    mentioned = spellings(policies)
    texts = [kind.resource, *resources]
    known = base_view(kind, circumstances).keys if known is None else known
    varying = signing(table, kind, circumstances, mentioned, resources=texts, known=known)
    settled = _settled_keys(kind, supplied, varying)
    is_role = kind.by == "role" and kind.signer == "own" and not kind.whoever
    is_role &= callers(kind, circumstances).kind == "session"
    if kind.any_way:
        varying.append(
            ways(table, circumstances.partition, circumstances.account, circumstances.points)
        )
    compared = all_values(known, varying)
    for key, spelled in mentioned.items():
        is_free = key.startswith(kind.chooses)
        if not is_free and (
            key in settled or key.startswith("aws:requesttag/") or _is_absent(key, kind)
        ):
            continue
        facts = _signer_facts(key, kind, is_role)
        chosen = is_free or _is_chosen_by(kind, key)
        dimension = fact(
            table, key, spelled, texts=texts, known=compared, chosen=chosen, facts=facts
        )
        if circumstances.sessions and key.startswith("aws:principaltag/"):
            dimension = _session_tag(dimension, key, circumstances.sessions)
        varying.append(
            _until_now(dimension, known, circumstances)
            if key == TOKEN_TIME and not kind.whoever
            else dimension
        )
    return varying


def all_values(known: Keys, varying: Iterable[Dimension]) -> Keys:
    """Return each value that a key has in some request:
    policy variables compare the values of two keys.
    """
    found = {key: dict.fromkeys(value) for key, value in known.items()}
    for dimension in varying:
        for setting in dimension.settings:
            for key, value in setting.values.items():
                found.setdefault(key, {}).update(dict.fromkeys(value))
    return {key: tuple(values) for key, values in found.items()}


def signing(
    table: StatementTable,
    kind: Kind,
    circumstances: Circumstances,
    mentioned: Mapping[str, str],
    *,
    resources: Sequence[str] = (),
    known: Keys,
) -> list[Dimension]:
    """Return how a request may be signed and sent: by whom, over which connection, with which
    signature, and when.

    ``mentioned`` are the keys that the policies name.
    """
    supplied = circumstances.given.about(kind.signer)
    sent: list[Dimension] = []
    if mentioned.keys() & TLS_KEYS:
        sent += with_unlisted(table, _tls(supplied), "s3:tlsversion", ("1.2", "1.3"), supplied)
    if (
        kind.form != "unsigned"
        and kind.signer != "anonymous"
        and mentioned.keys() & {_AGE, _VERSION}
    ):
        made = signatures(table, kind, supplied)
        sent += with_unlisted(table, made, _VERSION, (SIGV4,), supplied)
    if kind.whoever and mentioned.keys() & TIME_KEYS and not TIME_KEYS & set(supplied):
        sent.append(times(table, circumstances.now))
    if kind.signer == "anonymous":
        return sent
    who = named_sessions if circumstances.sessions else identities
    signers = who(table, kind, circumstances, resources, all_values(known, sent))
    types = _TYPES.values() if kind.is_any else ()
    return [
        *with_unlisted(table, signers, "aws:principaltype", types, supplied),
        *_canonical_users(table, kind),
        *sent,
    ]


def _settled_keys(
    kind: Kind, supplied: Iterable[str], varying: Iterable[Dimension]
) -> frozenset[str]:
    """Return the keys that are settled, or whose dimensions are made apart from
    those of other keys.
    """
    settled = (
        _IDENTITY
        | TLS_KEYS
        | _SIGNATURE
        | TIME_KEYS
        | _BY_ACCOUNT
        | ABSENT
        | ENDPOINT_KEYS
        | set(supplied)
    )
    settled |= {"aws:viaawsservice", "aws:principalisawsservice"}
    settled |= {_PAYLOAD} if kind.form == "post-form" else set()
    if kind.whoever:
        settled -= _OPEN_IN_PROOFS
    # it may follow from who signs
    return settled.union({"aws:userid"} & {key for each in varying for key in each.keys})


def _signer_facts(key: str, kind: Kind, is_role: bool) -> ConditionKey | None:
    """Return the facts about a key that only requests of this signer have;
    None for those about every request.
    """
    if key == TOKEN_TIME and is_role:
        # a role has temporary credentials only
        return ConditionKey("aws:TokenIssueTime", always=True)
    if key == "aws:userid" and is_role:
        return ConditionKey("aws:userid", like=OF_ROLES, always=True)
    if key == "aws:userid" and kind.signer == "anonymous":
        return ConditionKey("aws:userid", values=ANONYMOUS["aws:principalaccount"])
    return None


def _session_tag(made: Dimension, key: str, sessions: RoleSessions) -> Dimension:
    """Return the tags of a session that the trust policy lets through;
    without one the role's own holds.
    """
    asked = key.replace("aws:principaltag/", "aws:requesttag/")
    named = [DimensionValue({key: (value,)}, label=made.name) for value in sessions.named(asked)]
    every = (
        {str(each.values.get(key)): each for each in (*named, *made.settings)}.values()
        if made.settings
        else ()
    )
    lets = (
        each
        for each in every
        if not each.values.get(key) or sessions.lets(asked, each.values[key][0])
    )
    return replace(made, settings=tuple(lets))


def _is_chosen_by(kind: Kind, key: str) -> bool:
    """Return whether the sender of a request of this kind chooses the value of a key."""
    if key == _PAYLOAD:
        return kind.form in ("header", "unsigned")
    if key == "aws:userid":
        return kind.whoever and kind.signer != "anonymous"
    return is_chosen(key) or (kind.whoever and key in _OPEN_IN_PROOFS)


def _until_now(issued: Dimension, known: Keys, circumstances: Circumstances) -> Dimension:
    """Return the times of issue of credentials that sign now: none of them is in the future."""
    moment = read_date(known.get("aws:currenttime", ("",))[0])
    now = int(circumstances.now.timestamp() if moment is None else moment)
    moments = (read_date("".join(each.values.get(TOKEN_TIME, ()))) for each in issued.settings)
    past = [
        each for each, at in zip(issued.settings, moments, strict=True) if at is None or at <= now
    ]
    here = DimensionValue({TOKEN_TIME: (str(now),)}, label=issued.name)
    return replace(
        issued, settings=(*past, here) if issued.settings and here not in past else tuple(past)
    )


def _canonical_users(table: StatementTable, kind: Kind) -> list[Dimension]:
    """Return the canonical user IDs that policies name, and another one:
    whose account it is cannot be read.
    """
    ids = {
        e.text
        for each in table.every_statement
        for e in each.principals or ()
        if e.kind == "canonical"
    }
    settings = [
        DimensionValue({CANONICAL_USER: (each,)}) for each in (*sorted(ids), "of another account")
    ]
    name = "the canonical user ID of the signer's account"
    return (
        [Dimension(name, frozenset({CANONICAL_USER}), tuple(settings), chosen=kind.signer != "own")]
        if ids
        else []
    )


def _is_absent(key: str, kind: Kind) -> bool:
    """Return whether AWS documents that a request of this kind does not have a key."""
    if is_of_other_service(key) or key.startswith(kind.absent):
        return True
    if kind.signer == "anonymous" and is_principal_key(key) and key != "aws:userid":
        return True
    return not kind.whoever and is_absent_for(kind.action, key)


def _tls(given: Keys) -> Dimension:
    settings = [{"aws:securetransport": ("false",)}]
    settings += [
        {"aws:securetransport": ("true",), "s3:tlsversion": (version,)}
        for version in ("1.2", "1.3")
    ]
    fits = [
        s for s in settings if all(s.get(key, ()) == given[key] for key in TLS_KEYS if key in given)
    ]
    chosen = tuple(DimensionValue(each) for each in fits or settings)
    return Dimension("aws:SecureTransport", TLS_KEYS, chosen, chosen=True)


def signatures(table: StatementTable, kind: Kind, supplied: Keys) -> Dimension:
    """Return the signatures that a sender can choose: version 4 of each age up to seven days, and
    version 2.

    For version 2 S3 reports the age 0 whatever it is.
    """
    if not has_age(kind):
        versions: list[Keys] = [{_VERSION: (SIGV4,)}, {_VERSION: (SIGV2,)}]
        return Dimension(
            "s3:signatureversion",
            frozenset({_VERSION}),
            _of_version(versions, supplied),
            chosen=True,
        )
    keys = frozenset({_AGE, _VERSION})
    conditions = conditions_on(table, _AGE)
    name = "s3:signatureAge" if conditions else "s3:signatureversion"
    try:
        if _AGE not in supplied and is_variable(table, _AGE):
            raise TooManyClassesError("s3:signatureAge")
        ages = [supplied[_AGE]] if _AGE in supplied else [(str(age),) for age in _ages(conditions)]
    except TooManyClassesError:
        return Dimension(name, keys, (), chosen=True)
    settings: list[Keys] = [{**({_AGE: age} if age else {}), _VERSION: (SIGV4,)} for age in ages]
    if supplied.get(_AGE, ("0",)) == ("0",):
        settings.append({_AGE: ("0",), _VERSION: (SIGV2,)})
    return Dimension(name, keys, _of_version(settings, supplied), chosen=True)


def _of_version(settings: Sequence[Keys], supplied: Keys) -> tuple[DimensionValue, ...]:
    """Return the signatures of the version that was supplied; all if there is none of it."""
    version = supplied.get(_VERSION)
    fits = [each for each in settings if version is None or each[_VERSION] == version]
    return tuple(map(DimensionValue, fits or settings))


def signature_ages_ms(policies: Compiled) -> list[int]:
    """Return the ages of a signature, in milliseconds, that policies tell apart; 0 is the first.

    Raises TooManyClassesError if the policies name too many.
    """
    return _ages(
        [
            each
            for statement in policies.statements
            for each in statement.conditions
            if each.lower_key == _AGE
        ]
    )


def _ages(conditions: Sequence[Condition]) -> list[int]:
    """Return the ages at which conditions turn, and one of those between them;
    S3 counts whole milliseconds.
    """
    if any(map(compares_text, conditions)):
        raise TooManyClassesError("s3:signatureAge")
    values = key_values(ConditionKey("s3:signatureAge", always=True), conditions, extra=["0"])
    turns = {int(text) for text, *_ in values if text.isdecimal() and len(text) < 12}
    return sorted(age for age in turns | {age + 1 for age in turns} if age <= LONGEST_SIGNATURE_MS)


def identities(
    table: StatementTable,
    kind: Kind,
    circumstances: Circumstances,
    resources: Sequence[str] = (),
    values: Keys = MappingProxyType({}),
) -> Dimension:
    """Return who may sign: everybody whom policies tell apart from others.

    ``resources`` are the ARNs that a policy variable in a resource may have to match, ``values``
    those of other keys.
    """
    own = kind.signer == "own" and not kind.whoever
    supplied = {} if kind.whoever else circumstances.given.about(kind.signer)
    listed = circumstances.role if own and kind.by == "role" else ""
    known = next(iter(supplied.get("aws:principalarn", ())), listed)
    keys = frozenset(_IDENTITY - (supplied.keys() if own else set()))
    if own and kind.is_any and not known:
        keys |= {"aws:userid"} - supplied.keys()
    elif kind.whoever:
        keys |= {"aws:userid"}
    name = "aws:userid" if known else "aws:PrincipalArn"
    try:
        settings, is_whole = _signers(table, kind, circumstances, keys, known, resources, values)
    except TooManyClassesError as error:
        callers_of = (
            (_caller_of(arn, kind.principals), arn) for arn in _arns_of(error, kind, circumstances)
        )
        settings, is_whole = [], False
        settings += [
            _identity(caller, arn, keys, circumstances)
            for caller, arn in callers_of
            if caller is not None
        ]
    whole, samples = (settings, ()) if is_whole else ((), settings)
    return Dimension(name, keys, tuple(whole), kind.is_any, tuple(samples))


def _signers(
    table: StatementTable,
    kind: Kind,
    circumstances: Circumstances,
    keys: frozenset[str],
    known: str,
    resources: Sequence[str],
    values: Keys,
) -> tuple[list[DimensionValue], bool]:
    """Return who may sign, with each of their unique ids that policies tell apart, if these are
    among the keys; and whether these are all of them.
    """
    by_id = "aws:userid" in keys
    if by_id:  # a name may be equal to an id
        alike = _ids(circumstances.account).values()
        values = {**values, "aws:userid": tuple(each.replace("?*", "zq") for each in alike)}
    named = list(_named_callers(table, kind, circumstances, known, resources, values))
    # a role alone cannot sign without a time of issue
    is_dated = bool(conditions_on(table, TOKEN_TIME))
    settings: dict[tuple[str, str], DimensionValue] = {}
    for caller, arn in sorted(named, key=lambda each: is_dated and each[0].kind == "session"):
        settings.setdefault((caller.text, arn), _identity(caller, arn, keys, circumstances))
    if not (by_id and any("aws:userid" in part.keys for part in table.parts)):
        return [*settings.values()], True
    ids: dict[tuple[str, str], Dimension] = {}
    for account, of in {(caller.account, caller.kind) for caller, _ in named}:
        like = ConditionKey("aws:userid", like=_ids(account)[of], always=True)
        ids[account, of] = fact(
            table, "aws:userid", texts=resources, known=values, chosen=True, facts=like
        )
    with_ids = [
        replace(each, values={**each.values, **result.values})
        for each in settings.values()
        if each.caller is not None
        for one in (ids[each.caller.account, each.caller.kind],)
        for result in one.settings or one.samples
    ]
    is_whole = len(with_ids) <= _MOST_IDS and all(each.settings for each in ids.values())
    return with_ids[:_MOST_IDS], is_whole


_MOST_IDS = 2000
"""The most signers, each with each of its unique ids, that are told apart."""


def _ids(account: str) -> dict[str, str]:
    """Return a pattern of the values of ``aws:userid`` for each kind of caller."""
    return {
        "session": OF_ROLES,
        "user": "AIDA?*",
        "root": account,
        "federated-user": f"{account}:?*",
    }


def _identity(
    caller: Caller, arn: str, keys: frozenset[str], circumstances: Circumstances
) -> DimensionValue:
    """Return what follows from who signs, for the keys that vary with it."""
    values = {**principal_keys(caller, circumstances.partition), "aws:principalarn": (arn,)}
    return DimensionValue(
        {key: value for key, value in values.items() if key in keys}, caller=caller
    )


def _arns_of(error: TooManyClassesError, kind: Kind, circumstances: Circumstances) -> Iterator[str]:
    """Yield ARNs of some signers of the account where the policies tell too many apart."""
    account = circumstances.account if kind.signer == "own" else _other(circumstances.account)
    for text in error.texts:
        if error.key == "aws:username":
            yield f"arn:{circumstances.partition}:iam::{account}:user/{text}"
        elif error.key == "aws:principalarn":
            yield ":".join([*text.split(":")[:4], account, *text.split(":")[5:]])


def named_sessions(
    table: StatementTable,
    kind: Kind,
    circumstances: Circumstances,
    resources: Sequence[str] = (),
    values: Keys = MappingProxyType({}),
) -> Dimension:
    """Return the sessions of a role that policies tell apart and its trust policy lets through."""
    sessions, role = circumstances.sessions, callers(kind, circumstances)
    assert sessions is not None
    keys = frozenset({PRINCIPAL, "aws:userid"})
    like = ConditionKey("aws:userid", like=f"{sessions.id}:?*", always=True)
    try:
        by_id = fact(table, "aws:userid", texts=resources, known=values, facts=like).settings
        named = [each.rpartition("/")[2] for each in _session_texts(table, role)]
    except TooManyClassesError:
        return Dimension("sts:RoleSessionName", keys, (), chosen=True)
    names = [*named, *(each.values["aws:userid"][0].partition(":")[2] for each in by_id)]
    names += sessions.named("sts:rolesessionname")
    usable = [
        n
        for n in dict.fromkeys(names)
        if _NAME.fullmatch(n) and sessions.lets("sts:rolesessionname", n)
    ]
    other = role.text.rpartition("/")[2]
    if not usable or sessions.lets("sts:rolesessionname", other):
        usable.append(other)
    start = role.text.rpartition("/")[0]
    return Dimension(
        "sts:RoleSessionName",
        keys,
        tuple(
            DimensionValue(
                {"aws:userid": (f"{sessions.id}:{name}",)},
                caller=replace(role, text=f"{start}/{name}"),
                label=name,
            )
            for name in usable
        ),
        chosen=True,
    )


def _session_texts(table: StatementTable, role: Caller) -> list[str]:
    """Return the sessions of a role that principal elements name."""
    entries = (entry for statement in table.every_statement for entry in statement.principals or ())
    start = f"{role.text.rpartition('/')[0]}/" if role.kind == "session" else " "
    return [
        entry.text for entry in entries if entry.kind == "exact" and entry.text.startswith(start)
    ]


def _named_callers(
    table: StatementTable,
    kind: Kind,
    circumstances: Circumstances,
    known: str,
    resources: Sequence[str],
    values: Keys,
) -> Iterable[tuple[Caller, str]]:
    """Yield who may sign, with the ARN that ``aws:PrincipalArn`` then is.

    Policies tell callers apart by account and by name, so every name is asked for in every account.
    """
    own, account = kind.signer == "own", circumstances.account
    every = "federated-user" in kind.principals
    if known:
        signer = session_of(known)
        yield signer, known
        for text in _session_texts(table, signer) if signer.account == account else ():
            yield parse_caller(text), known
        return
    named, sessions = _in_elements(table, f"arn:{circumstances.partition}:iam::")
    accounts = _accounts(table, circumstances, own, resources, values)
    values = {
        **values,
        "aws:principalaccount": (*accounts,),
        "aws:principaltype": (*_TYPES.values(),),
    }
    # a variable may be a field of the ARN, and stand in it twice
    values["aws:principalarn"] = (
        *accounts,
        *_TYPES,
    )
    arns = [
        arn
        for each in accounts
        for arn in _in_account(table, circumstances, each, every, resources, values)
    ]
    compared = variable_values(table, "aws:principalarn", resources, values)
    for arn in dict.fromkeys([*arns, *named, *compared]):
        caller = _caller_of(arn, kind.principals)
        if caller is not None and (caller.account == account) == own:
            yield caller, arn
            yield from (
                (c, arn) for c in sessions if c.role == caller.role and c.account == caller.account
            )
    for session in sessions:
        if (session.account == account) == own:
            yield session, principal_keys(session, circumstances.partition)["aws:principalarn"][0]


def _caller_of(arn: str, kinds: Container[str]) -> Caller | None:
    """Return the caller with an ARN; None if it is not one, or not of these kinds."""
    if arn.split(":", 5)[-1] != "root" and not _NAME.fullmatch(arn.rpartition("/")[2]):
        return None  # AWS has such principals itself; nobody can make a role or user of this name
    try:
        caller = session_of(arn)
    except InvalidInput:
        return None
    return caller if caller.kind in kinds else None


def _accounts(
    table: StatementTable,
    circumstances: Circumstances,
    own: bool,
    resources: Sequence[str],
    values: Keys,
) -> list[str]:
    """Return the bucket's account, or each other one that policies tell apart,
    the first of which nobody names.
    """
    if own:
        return [circumstances.account]
    compared = variable_values(table, "aws:principalaccount", resources, values)
    accounts = [_unnamed_account(table, circumstances.account), *compared]
    for statement in table.every_statement:
        accounts += [entry.account for entry in statement.principals or ()]
        accounts += _ID.findall(
            " ".join(value for each in statement.conditions for value in each.values)
        )
    digits = ConditionKey("", like="????????????", alphabet="0123456789")
    accounts += _matching(table, "aws:principalaccount", digits, values)
    return [
        each
        for each in dict.fromkeys(accounts)
        if _ID.fullmatch(each) and each != circumstances.account
    ]


def _in_account(
    table: StatementTable,
    circumstances: Circumstances,
    account: str,
    every: bool,
    resources: Sequence[str],
    values: Keys,
) -> Iterator[str]:
    """Yield ARNs of principals of an account that policies tell apart."""
    values = {**values, "aws:principalaccount": (account,)}
    start = f"arn:{circumstances.partition}:iam::{account}:"
    federated = f"arn:{circumstances.partition}:sts::{account}:federated-user/"
    yield f"{start}role/some-role"
    if every:
        yield from (f"{start}user/some-user", f"{start}root", f"{federated}some-user")
        names = [
            *_matching(table, "aws:username", ConditionKey("", like="?*"), values),
            *variable_values(table, "aws:username", resources, values),
        ]
        yield from (f"{start}user/{name}" for name in dict.fromkeys(names))
    kinds = [
        f"{start}role/?*",
        *((f"{start}user/?*", f"{start}root", f"{federated}?*") if every else ()),
    ]
    for like in kinds:
        yield from _matching(table, "aws:principalarn", ConditionKey("", like=like), values)


def _unnamed_account(table: StatementTable, account: str) -> str:
    """Return another account that no policy names:
    it stands for all that the policies do not tell apart.
    """
    named = {account}
    for statement in table.every_statement:
        named |= {entry.account for entry in statement.principals or ()}
        named |= {
            text
            for condition in statement.conditions
            for value in condition.values
            for text in value.split(":")
        }
    return next(
        text for number in range(10**5) if (text := f"{int(_other(account)) + number}") not in named
    )


def _in_elements(table: StatementTable, prefix: str) -> tuple[OrderedNames, list[Caller]]:
    """Return ARNs of principals that principal elements name, and the sessions that they name."""
    arns: OrderedNames = {}
    sessions = []
    for statement in table.every_statement:
        for entry in statement.principals or ():
            if entry.kind == "account":
                arns[f"{prefix}{entry.account}:root"] = None
            elif entry.kind == "exact" and ":assumed-role/" in entry.text:
                sessions.append(parse_caller(entry.text))
            elif entry.kind in ("role", "exact"):
                arns[entry.text] = None
    return arns, sessions


def _matching(table: StatementTable, key: str, facts: ConditionKey, values: Keys) -> list[str]:
    """Return values of a key that conditions tell apart, those with variables among them."""
    conditions = [
        replace(each, values=tuple(settled(text, values) for text in each.values))
        for each in conditions_on(table, key)
    ]
    if not conditions:
        return []
    try:
        return [value[0] for value in key_values(facts, conditions, absent=False)]
    except TooManyClassesError as error:
        raise TooManyClassesError(key_facts(key).name, error.texts, key) from error


def times(table: StatementTable, now: datetime) -> Dimension:
    """Return the moments from now on that policies tell apart;
    none where they compare them as texts.
    """
    as_text = any(compares_text(each) for key in TIME_KEYS for each in conditions_on(table, key))
    if as_text or any(is_variable(table, key) for key in TIME_KEYS):
        return Dimension("aws:CurrentTime", TIME_KEYS, (), chosen=True)
    start = int(now.timestamp())
    moments = {start}
    for key in TIME_KEYS:
        for condition in conditions_on(table, key):
            for value in condition.values:
                seconds = read_date(value)
                if seconds is not None:
                    moments |= {int(seconds) + step for step in (-1, 0, 1)}
    settings = tuple(
        DimensionValue(
            {
                "aws:currenttime": (
                    datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                ),
                "aws:epochtime": (str(moment),),
            }
        )
        for moment in sorted(moments)
        if start <= moment < _END_OF_TIME
    )
    return Dimension("aws:CurrentTime", TIME_KEYS, settings, chosen=True)
