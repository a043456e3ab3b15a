"""Policies with variables at random, and requests that AWS could get under them.

The sampler knows the texts of the policies and what AWS documents about the keys of a request, and
nothing of how gt_secure divides requests into classes: it fills every key with literals of the
policies, values of the other keys of the same request, defaults, the empty text where AWS can send
one, and texts that nobody names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from gt_secure.engine.iam.request import Policies, Request

BUCKET, OWN, OTHER, THIRD = "gt-images", "111122223333", "444455556666", "777788889999"
ARN = f"arn:aws:s3:::{BUCKET}"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FULL: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
OFFICE = "203.0.113.0/24"
VPCE = "vpce-0a1b2c3d"

WORDS = ("pub", "scans", "alice", "home", "x", "red")
VARIABLES = (
    "aws:username", "aws:username", "aws:username", "aws:userid", "aws:PrincipalTag/team", "aws:PrincipalAccount",
    "aws:Referer", "s3:ExistingObjectTag/owner", "aws:RequestedRegion", "aws:ResourceAccount", "aws:PrincipalType",
    "aws:SecureTransport", "s3:authType", "s3:signatureversion", "aws:UserAgent", "s3:x-amz-acl", "aws:PrincipalArn",
    "aws:PrincipalOrgID", "s3:RequestObjectTag/class", "aws:CurrentTime",
)  # fmt: skip
TEXT_KEYS = (
    "s3:ExistingObjectTag/owner", "aws:PrincipalTag/team", "aws:Referer", "aws:username", "aws:PrincipalAccount",
    "aws:PrincipalType", "aws:UserAgent", "s3:x-amz-acl", "s3:RequestObjectTag/class", "aws:userid", "s3:authType",
    "aws:PrincipalOrgID",
)  # fmt: skip
SETS = ("s3:RequestObjectTagKeys", "aws:PrincipalOrgPaths")
ACTIONS = ("s3:GetObject", "s3:*", "s3:PutObject", "s3:Get*", "*")


_UNLISTED = {
    "AWS4-HMAC-SHA256": ("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA512"),
    "1.3": ("1.4", "2"),
    "AssumedRole": ("Robot", "Workload"),
}
"""Values that AWS does not list, beside those that they resemble."""


@dataclass(frozen=True)
class Account:
    """The policies of one bucket and those around it."""

    policy: dict[str, Any]
    scp: tuple[dict[str, Any], ...] = ()
    rcp: tuple[dict[str, Any], ...] = ()
    session: dict[str, Any] | None = None
    endpoint: dict[str, Any] | None = None
    texts: tuple[str, ...] = field(default=(), compare=False)

    def policies(self, signer: str, *, through_endpoint: bool = False) -> Policies:
        """Return what decides a request of a signer: ``own``, ``other`` or ``anonymous``."""
        return Policies(
            identity=() if signer == "anonymous" else (FULL,),
            session=self.session if signer == "own" else None,
            resource=self.policy,
            endpoint=self.endpoint if through_endpoint else None,
            rcp=self.rcp,
            scp=self.scp,
        )


def accounts(random: Random) -> Iterator[Account]:
    """Yield accounts without end."""
    while True:
        yield _account(random)


def _account(random: Random) -> Account:
    """Return an account: a guard that spares something, a guard beside a grant,
    or a few statements of any kind.
    """
    kind = random.random()
    if kind < 0.7:
        bucket = [_guard(random), *([_grant(random)] if kind < 0.4 else [])]
    else:
        bucket = [_statement(random, principal=True) for _ in range(random.choice((1, 2)))]
    more = {
        "scp": _levels(random, 0.08),
        "rcp": _levels(random, 0.08, principal=True),
        "session": _around(random, 0.08),
        "endpoint": _around(random, 0.08, principal=True),
    }
    policy = {"Version": "2012-10-17", "Statement": bucket}
    return Account(policy, **more, texts=tuple(_literals([policy, *more.values()])))


def _grant(random: Random) -> dict[str, Any]:
    """Return an Allow for other accounts."""
    who = random.choice(("*", {"AWS": OTHER}))
    action = random.choice(("s3:GetObject", "s3:PutObject", "s3:*"))
    grant = {
        "Effect": "Allow",
        "Principal": who,
        "Action": action,
        "Resource": f"{ARN}/{_pattern(random)}",
    }
    if random.random() < 0.5:
        operator, values = _condition(random)
        grant["Condition"] = {operator: values}
    return grant


def _levels(random: Random, share: float, **how: bool) -> tuple[dict[str, Any], ...]:
    policy = _around(random, share, **how)
    return () if policy is None else (policy,)


def _around(random: Random, share: float, *, principal: bool = False) -> dict[str, Any] | None:
    """Return a policy that allows all but what a few statements deny."""
    if random.random() > share:
        return None
    allow = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        **({"Principal": "*"} if principal else {}),
    }
    deny = {
        **_statement(random, principal=principal, effect="Deny"),
        **({"Principal": "*"} if principal else {}),
    }
    return {"Version": "2012-10-17", "Statement": [allow, deny]}


def _guard(random: Random) -> dict[str, Any]:
    """Return a Deny of requests from outside, which spares something."""
    condition: dict[str, Any] = {"NotIpAddress": {"aws:SourceIp": OFFICE}}
    statement: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    spares_keys = random.random() < 0.4
    statement |= (
        {"NotResource": [f"{ARN}/{_pattern(random)}", ARN]}
        if spares_keys
        else {"Resource": [f"{ARN}/*", ARN]}
    )
    if random.random() < (0.2 if spares_keys else 0.8):
        operator, values = random.choice((_condition, _of_several, _tied))(random)
        condition.setdefault(operator, {}).update(values)
    return {**statement, "Condition": condition}


def _of_several(random: Random) -> tuple[str, dict[str, Any]]:
    """Return a condition on a key with several values that a filled value may meet and
    an empty one does not.
    """
    operator = random.choice(
        ("ForAllValues:StringNotLike", "ForAllValues:StringNotLike", "ForAllValues:StringNotEquals")
    )
    return operator, {random.choice((SETS[0], *SETS)): random.choice(("*", "*", "x"))}


def _tied(random: Random) -> tuple[str, dict[str, Any]]:
    """Return a condition that compares a key of the request with what its
    sender or signer settles.
    """
    variable = random.choice(
        ("aws:username", "aws:PrincipalType", "aws:SecureTransport", "s3:signatureversion")
    )
    operator = random.choice(("StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase"))
    return operator, {random.choice(TEXT_KEYS[:4]): f"${{{variable}}}"}


def _statement(random: Random, *, principal: bool, effect: str = "") -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": effect or random.choice(("Allow", "Allow", "Deny"))}
    if principal:
        who = ("*", "*", "*", {"AWS": OTHER}, {"AWS": f"arn:aws:iam::{OWN}:role/app"}, {"AWS": OWN})
        statement["Principal"] = random.choice(who)
    statement["Action"] = random.choice(ACTIONS)
    resource = (
        "NotResource" if random.random() < 0.2 and statement["Effect"] == "Deny" else "Resource"
    )
    statement[resource] = [f"{ARN}/{_pattern(random)}" for _ in range(random.choice((1, 1, 2)))]
    condition: dict[str, Any] = {}
    for _ in range(random.choice((0, 1, 1))):
        operator, values = _condition(random)
        condition.setdefault(operator, {}).update(values)
    return {**statement, **({"Condition": condition} if condition else {})}


def _variable(random: Random) -> str:
    default = f", '{random.choice(WORDS)}'" if random.random() < 0.25 else ""
    return f"${{{random.choice(VARIABLES)}{default}}}"


def _pattern(random: Random) -> str:
    word = random.choice(WORDS)
    plain = ("*", f"{word}/*", f"*/{word}", f"{word}/?*.png")
    made = (
        f"{word}/{_variable(random)}/*", f"{_variable(random)}/*", f"{word}/{_variable(random)}",
        f"*/{_variable(random)}",
        f"{word}-{_variable(random)}/*", f"{_variable(random)}/{_variable(random)}/*", f"{word}/*/{_variable(random)}*",
    )  # fmt: skip
    return random.choice(made if random.random() < 0.6 else plain)


def _condition(random: Random) -> tuple[str, dict[str, Any]]:
    kind = random.random()
    if_exists = "IfExists" if random.random() < 0.2 else ""
    if kind < 0.15:
        return random.choice(("IpAddress", "NotIpAddress")) + if_exists, {
            "aws:SourceIp": random.choice(
                (OFFICE, "198.51.100.0/24", ["203.0.113.128/25", "2001:db8::/32"])
            )
        }
    if kind < 0.25:
        return "Bool" + if_exists, {"aws:SecureTransport": random.choice(("true", "false"))}
    if kind < 0.33:
        return "Null", {random.choice(TEXT_KEYS + SETS): random.choice(("true", "false"))}
    if kind < 0.4:
        return random.choice(("NumericGreaterThan", "NumericLessThanEquals")) + if_exists, {
            "s3:signatureAge": "600000"
        }
    if kind < 0.56:
        operator = random.choice(("ForAllValues:", "ForAnyValue:")) + random.choice(
            ("StringLike", "StringNotLike", "StringEquals", "StringNotEquals")
        )
        return operator + if_exists, {
            random.choice(SETS): random.choice(("*", "*", "x", "", "?*", ["x", "red"], "x*"))
        }
    operator = random.choice(
        ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase")
    )
    value = random.choice(
        (random.choice(WORDS), _variable(random), _variable(random), "a" + _variable(random))
    )
    if "Like" in operator:
        value = random.choice((value, f"{value}*", "*", f"https://{value}/*", "?*"))
    return operator + if_exists, {random.choice(TEXT_KEYS): value}


_PARTS = re.compile(r"[\w+=.@-]+")


def _literals(value: Any) -> list[str]:
    """Return the texts of policies, whole and in pieces, and the defaults of their variables."""
    found: dict[str, None] = {}
    for text in re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(value)):
        plain = re.sub(r"\$\{[^}]*?(?:'([^']*)'\s*)?\}", lambda match: match[1] or "", text)
        found.update(
            dict.fromkeys(
                (plain.replace("*", ""), *_PARTS.findall(plain), *re.findall(r"'([^']*)'", text))
            )
        )
    return [text for text in found if text]


_AUTH = {"presigned": "REST-QUERY-STRING", "header": "REST-HEADER", "post-form": "POST"}
_NAME = re.compile(r"[\w+=,.@-]{1,64}")
_BY_ACTION = {"s3:ExistingObjectTag/owner": "s3:GetObject"}
_OF_UPLOADS = ("s3:RequestObjectTag/class", "s3:RequestObjectTagKeys", "s3:x-amz-acl")
_CHOSEN = ("aws:Referer", "aws:UserAgent", *_OF_UPLOADS)


class Sampler:
    """Requests of some form to one account.

    Parameters
    ----------
    account : Account
    random : Random
    everybody : bool
        Whether users and root users of the bucket's account sign at any time, as in a proof.
        Otherwise they sign now, or, where a session policy is given, a role does.
    roles : bool
        Whether roles alone sign for the bucket's account.
    """

    def __init__(
        self, account: Account, random: Random, *, everybody: bool = False, roles: bool = False
    ) -> None:
        self._account, self._random, self._everybody = account, random, everybody
        self._roles = roles or (account.session is not None and not everybody)
        self._texts = json.dumps(
            [account.policy, *account.scp, *account.rcp, account.session, account.endpoint]
        )

    def sample(self, form: str, signer: str, action: str, source: str, prefix: str = "") -> Request:
        """Return one request."""
        random, keys = self._random, {}
        caller = self._caller(signer, keys)
        is_plain = random.random() < 0.4
        self._signature(form, signer, keys, is_plain)
        keys |= {
            "aws:ViaAWSService": "false",
            "aws:ResourceAccount": OWN,
            "s3:ResourceAccount": OWN,
        }
        keys |= {} if signer == "anonymous" else {"aws:PrincipalIsAWSService": "false"}
        moment = (
            NOW
            if not self._everybody
            else datetime(random.choice((2026, 2027, 2030)), 12, 1, tzinfo=UTC)
        )
        keys |= {
            "aws:CurrentTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(moment.timestamp())),
        }
        keys["aws:RequestedRegion"] = "eu-west-1"
        is_tls = is_plain or random.random() < 0.6
        keys |= {
            "aws:SecureTransport": "true" if is_tls else "false",
            **({"s3:TlsVersion": self._listed_or("1.3", is_plain)} if is_tls else {}),
        }
        address, _, endpoint = source.partition(" via ")
        keys |= (
            {"aws:SourceVpce": endpoint, "aws:VpcSourceIp": address, "aws:SourceVpc": "vpc-1"}
            if endpoint
            else {"aws:SourceIp": address}
        )
        self._free(signer, action, keys, is_plain)
        key = self._key(keys, prefix)
        return Request(action, f"{ARN}/{key}", caller, keys, OWN)

    def _listed_or(self, value: str, is_plain: bool) -> str:
        """Return a value that AWS lists, or at times another one, as version 4A is;
        the draw of everything else stays the same.
        """
        apart = Random(f"{self._random.getstate()[1][0]} {self._random.getstate()[1][-1]} {value}")
        is_listed = is_plain or apart.random() < 0.8
        return value if is_listed else apart.choice(_UNLISTED[value])

    def _caller(self, signer: str, keys: dict[str, Any]) -> str:
        if signer == "anonymous":
            keys |= {"aws:PrincipalAccount": "anonymous", "aws:PrincipalType": "Anonymous"}
            return "*"
        random = self._random
        account = OWN if signer == "own" else random.choice((OTHER, OTHER, THIRD, "123123123123"))
        name = self._name()
        kinds = ("role",) if signer == "own" and self._roles else ("role", "user", "user", "root")
        kind = random.choice(kinds)
        keys["aws:PrincipalAccount"] = account
        if kind == "role":
            role = random.choice(("app", "some-role", name))
            keys |= {
                "aws:PrincipalArn": f"arn:aws:iam::{account}:role/{role}",
                "aws:PrincipalType": self._listed_or("AssumedRole", self._roles),
            }
            keys["aws:userid"] = f"AROAEXAMPLE1:{name}"
            return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
        if kind == "user":
            arn = f"arn:aws:iam::{account}:user/{name}"
            keys |= {"aws:PrincipalArn": arn, "aws:PrincipalType": "User", "aws:username": name}
            keys["aws:userid"] = f"AIDA{name.upper()}"
            return arn
        arn = f"arn:aws:iam::{account}:root"
        keys |= {"aws:PrincipalArn": arn, "aws:PrincipalType": "Account", "aws:userid": account}
        return arn

    def _name(self) -> str:
        names = [text for text in self._account.texts if _NAME.fullmatch(text)]
        return self._random.choice(
            (*WORDS, "true", "false", "User", "zed", OWN, OTHER, "eu-west-1", *names)
        )

    def _signature(self, form: str, signer: str, keys: dict[str, Any], is_plain: bool) -> None:
        if form in _AUTH:
            keys["s3:authType"] = _AUTH[form]
        if form == "unsigned" or signer == "anonymous":
            return
        two = not is_plain and self._random.random() < 0.2
        keys["s3:signatureversion"] = (
            "AWS" if two else self._listed_or("AWS4-HMAC-SHA256", is_plain)
        )
        if form != "header":
            ages = ("1000",) if is_plain else ("0", "1", "599999", "600000", "600001", "604800000")
            keys["s3:signatureAge"] = "0" if two else self._random.choice(ages)

    def _free(self, signer: str, action: str, keys: dict[str, Any], is_plain: bool) -> None:
        """Give a value to each key that policies name and nobody settles, or leave it out."""
        random = self._random
        names = [
            name
            for name in (*TEXT_KEYS, *SETS)
            if name.lower() in self._texts.lower() and name not in keys
        ]
        random.shuffle(names)
        for name in names:
            of_principal = name.startswith(("aws:Principal", "aws:username", "aws:userid"))
            if name in (
                "aws:username",
                "aws:userid",
                "s3:authType",
                "aws:PrincipalAccount",
                "aws:PrincipalType",
            ):
                continue
            if (of_principal and signer == "anonymous") or (
                of_principal and keys["aws:PrincipalType"] == "Account" and "Tag" in name
            ):
                continue
            if action != _BY_ACTION.get(name, action) or (
                name in _OF_UPLOADS and action != "s3:PutObject"
            ):
                continue
            if (is_plain and name in _CHOSEN and name != "aws:UserAgent") or random.random() < 0.25:
                continue
            value = self._value(name, keys)
            if value is not None:
                keys[name] = value

    def _value(self, name: str, keys: dict[str, Any]) -> str | list[str] | None:
        random = self._random
        others = [value for value in keys.values() if isinstance(value, str)]
        pool = [
            *self._account.texts,
            *others,
            *WORDS,
            "fresh",
            *(f"a{each}" for each in others[:6]),
        ]
        if name == "aws:PrincipalOrgID":
            return random.choice(("o-a1b2c3d4e5", "o-zzzzzzzzzz"))
        if name == "aws:PrincipalOrgPaths":
            return random.sample(
                ("o-a1/r-1/", "o-a1/r-1/ou-2/", "o-b/r-9/"), random.choice((1, 1, 2))
            )
        if name == "s3:RequestObjectTagKeys":
            return random.sample(
                ("x", "red", "fresh", *self._account.texts[:3]), random.choice((1, 1, 2))
            )
        if name in ("aws:Referer",):
            pool += [f"https://{each}/page" for each in (*others, *WORDS)]
        if "Tag/" in name:
            pool.append("")
        return random.choice(pool)

    def _key(self, keys: dict[str, Any], prefix: str) -> str:
        """Return a key: the text behind the bucket of a resource pattern with its parts filled,
        or another one.
        """
        random = self._random
        patterns = re.findall(rf'"{ARN}/([^"]*)"', self._texts)
        if patterns and random.random() < 0.75:
            lower = {name.lower(): value for name, value in keys.items()}

            def fill(match: re.Match[str]) -> str:
                own = lower.get(match[1].strip().lower())
                choices = [match[2], own if isinstance(own, str) else None, random.choice(WORDS)]
                weights = (3, 3, 1)
                usable = [
                    (each, weight) for each, weight in zip(choices, weights, strict=True) if each
                ]
                return random.choices(
                    [each for each, _ in usable], [weight for _, weight in usable]
                )[0]

            text = re.sub(r"\$\{([^},]*)(?:,\s*'([^']*)')?\s*\}", fill, random.choice(patterns))
            text = re.sub(r"[*?]", lambda _: random.choice(("x", "scan.png", "a", *WORDS)), text)
        else:
            text = random.choice(
                ("x", "other/file", *(f"{word}/scan.png" for word in WORDS), *WORDS)
            )
        return text if text.startswith(prefix) else prefix + text
