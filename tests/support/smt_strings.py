"""A claim put to z3 over strings. It reads the texts of policies, and shares no code and no classes
with the package.

The key of the object, the action, the name and account of the signer, tags and headers are strings;
addresses are bit vectors. Wildcards are regular expressions, or where a policy variable stands
beside them prefixes, suffixes and substrings, so that no formula has a quantifier. A pattern may
hold variables or a question mark, not both.

Semantics: IAM User Guide, *Condition operators*, *Variables and tags*, *Policy evaluation logic*,
*SCP evaluation*; Service Authorization Reference, *Actions, resources, and condition keys for
Amazon S3*.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

ME = "111122223333"
BUCKET = "arn:aws:s3:::gt-images"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TAGGED = frozenset({
    "deleteobjecttagging", "deleteobjectversiontagging", "getobject", "getobjectacl", "getobjectattributes",
    "getobjecttagging", "getobjectversion", "getobjectversionacl", "getobjectversionattributes",
    "getobjectversiontagging", "putobjectacl", "putobjecttagging", "putobjectversionacl", "putobjectversiontagging",
    "putobjectannotation", "getobjectannotation", "listobjectannotations", "deleteobjectannotation",
})  # fmt: skip
"""Actions for which S3 gives the tags of an object that exists, and annotations,
for which it may.
"""
KINDS = ("role", "user", "root", "federated-user")
_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")
_OPTIONAL = ("aws:referer", "aws:principaltag/dept", "s3:existingobjecttag/owner")


def listed(value: Any) -> list[Any]:
    """Return a list of what may be one value."""
    return value if isinstance(value, list) else [value]


def text(value: str) -> z3.SeqRef:
    """Return a constant."""
    return z3.StringVal(value)


_LOWER = z3.Range("a", "z")
_DIGIT = z3.Range("0", "9")
_NAME = z3.Plus(z3.Union(_LOWER, _DIGIT, z3.Re("-"), z3.Re("@"), z3.Re("="), z3.Re(".")))
_KEY = z3.Plus(z3.Range(" ", "~"))
_ANY = z3.Full(z3.ReSort(z3.StringSort()))


@dataclass(frozen=True)
class Sender:
    """Who sends a request and how: a form, a kind of principal (empty: nobody),
    and whether of the bucket's account.
    """

    form: str
    kind: str
    own: bool


SENDERS = [
    *(Sender("REST-QUERY-STRING", kind, own) for own in (True, False) for kind in KINDS),
    *(Sender("POST", kind, own) for own in (True, False) for kind in KINDS),
    Sender("POST", "", False),
]


@dataclass(frozen=True)
class Question:
    """Policies and a claim: no request from outside the networks is opened,
    for keys under a prefix.
    """

    policy: Mapping[str, Any]
    prefix: str
    networks: Sequence[str]
    rcp: Sequence[Sequence[Mapping[str, Any]]] = ()
    scp: Sequence[Sequence[Mapping[str, Any]]] = ()
    actions: Sequence[str] = ()
    bucket_actions: Sequence[str] = ()


class Asked:
    """The request of a sender as variables of z3,
    and the formula for *it is outside and opened*.
    """

    def __init__(self, question: Question, sender: Sender, *, on_bucket: bool) -> None:
        self.question, self.sender, self.on_bucket = question, sender, on_bucket
        self.through, self.is_v6 = z3.Bool("through"), z3.Bool("v6")
        self.wanted: list[Any] = []
        self.name = self._string("name", _NAME, 16)
        self.rest = self._string(
            "rest", _KEY if not question.prefix else z3.Star(z3.Range(" ", "~")), 24
        )
        self.key = z3.Concat(text(question.prefix), self.rest) if question.prefix else self.rest
        known = question.bucket_actions if on_bucket else question.actions
        self.names_of_actions = (
            ["putobject"] if sender.form == "POST" else [each.lower() for each in known]
        )
        self.action = z3.Int("action")
        self.wanted += [self.action >= 0, self.action < len(self.names_of_actions)]
        self.is_later = z3.Bool("later")
        self.later = self._string("later name", z3.Plus(_LOWER), 20)
        every = {each.lower() for each in (*question.actions, *question.bucket_actions)}
        self.wanted += [self.later != text(each) for each in sorted(every)]
        self.account = text(ME)
        if not sender.own:
            self.account = self._string("account", z3.Loop(_DIGIT, 12, 12), 12)
            self.wanted.append(self.account != text(ME))
        self.a4, self.a6 = z3.BitVec("a4", 32), z3.BitVec("a6", 128)
        self.keys = dict(self._keys())
        self._choose_action()
        self.wanted += [
            z3.Or(self.through, z3.Not(self.inside(question.networks))),
            self._allowed(),
        ]

    def _string(self, name: str, regex: Any, most: int) -> z3.SeqRef:
        variable = z3.String(name)
        self.wanted += [z3.InRe(variable, regex), z3.Length(variable) <= most]
        return variable

    def _choose_action(self) -> None:
        tagged = z3.Or(self.is_later, self._is_action(TAGGED.__contains__))
        self.wanted.append(z3.Implies(self.keys["s3:existingobjecttag/owner"][0], tagged))

    def _is_action(self, holds: Callable[[str], bool]) -> Any:
        """Return whether the action is one of those for which something holds."""
        return z3.Or(
            *(
                self.action == number
                for number, name in enumerate(self.names_of_actions)
                if holds(name)
            )
        )

    def _acts(self, pattern: str) -> Any:
        regex = re.compile(re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", "."))
        listed_one = self._is_action(lambda name: regex.fullmatch(f"s3:{name}") is not None)
        return z3.If(self.is_later, self._names_later(pattern.lower()), listed_one)

    def _names_later(self, pattern: str) -> Any:
        """Return whether a pattern covers the name of the action that S3 adds later."""
        if pattern == "*":
            return z3.BoolVal(True)
        service, _, name = pattern.partition(":")
        return z3.InRe(self.later, regex_of(name)) if service == "s3" else z3.BoolVal(False)

    def _is_resource(self, pattern: str) -> Any:
        """Return whether a pattern covers the bucket or the object;
        its first five colons are text.
        """
        if pattern == "*":
            return z3.BoolVal(True)
        if self.on_bucket or not pattern.startswith(f"{BUCKET}/"):
            return z3.BoolVal(self.on_bucket and pattern == BUCKET)
        return self.like(self.key, pattern.removeprefix(f"{BUCKET}/"), wild=True)

    def _is_arn(self, pattern: str) -> Any:
        """Compare an ARN in its parts; of those only the account and the name vary."""
        *head, account, last = pattern.split(":", 5)
        service = "sts" if self.sender.kind == "federated-user" else "iam"
        if head[:2] != ["arn", "aws"] or head[2] not in (service, "*") or head[3] not in ("", "*"):
            return z3.BoolVal(False)
        return z3.And(
            self.like(self.account, account, wild=True), self.like(self.who, last, wild=True)
        )

    def _keys(self) -> Iterator[tuple[str, tuple[Any, Any]]]:
        signed, sender = bool(self.sender.kind), self.sender
        yes, no = z3.BoolVal(True), z3.BoolVal(False)
        self.who = (
            text("root") if sender.kind == "root" else z3.Concat(text(f"{sender.kind}/"), self.name)
        )
        service = "sts" if sender.kind == "federated-user" else "iam"
        arn = z3.Concat(text(f"arn:aws:{service}::"), self.account, text(":"), self.who)
        yield "aws:principalarn", (yes if signed else no, arn)
        yield "aws:principalaccount", (yes, self.account if signed else text("anonymous"))
        yield "aws:username", (yes if sender.kind == "user" else no, self.name)
        yield "s3:authtype", (yes, text(sender.form))
        secure = z3.Bool("secure")
        yield "aws:securetransport", (yes, z3.If(secure, text("true"), text("false")))
        for key in _OPTIONAL:
            value = self._string(key, z3.Plus(z3.Range("!", "~")), 32)
            yield (
                key,
                (
                    no
                    if key.startswith("aws:principaltag") and not signed
                    else z3.Bool(f"has {key}"),
                    value,
                ),
            )
        endpoint = self._string(
            "vpce", z3.Concat(z3.Re("vpce-"), z3.Plus(z3.Union(_LOWER, _DIGIT))), 22
        )
        yield "aws:sourcevpce", (self.through, endpoint)
        yield "aws:sourceip", (z3.Not(self.through), None)

    def places(self) -> list[list[Any]]:
        """Return what makes smaller questions: how the request comes,
        and whether its action is listed.
        """
        direct, known = z3.Not(self.through), z3.Not(self.is_later)
        ways = [[direct, z3.Not(self.is_v6)], [direct, self.is_v6], [self.through]]
        actions = [known] if self.sender.form == "POST" else [known, self.is_later]
        return [[*way, action] for action in actions for way in ways]

    def inside(self, networks: Iterable[str]) -> Any:
        """Return whether the source address is in one of some networks."""
        terms = []
        for each in map(ipaddress.ip_network, networks):
            size, value = each.max_prefixlen, self.a4 if each.version == 4 else self.a6
            inside = (value & z3.BitVecVal(int(each.netmask), size)) == z3.BitVecVal(
                int(each.network_address), size
            )
            terms.append(z3.And(self.is_v6 if each.version == 6 else z3.Not(self.is_v6), inside))
        return z3.Or(*terms)

    # Texts.

    def like(self, value: z3.SeqRef, pattern: str, *, wild: bool) -> Any:
        """Return whether a string matches a pattern;
        false where a variable has neither value nor default.
        """
        present: list[Any] = []
        pieces: list[list[Any]] = [[]]
        start = 0
        has_variable = bool(_VARIABLE.search(pattern))
        if wild and not has_variable:
            return z3.InRe(value, regex_of(pattern))
        for match in [*_VARIABLE.finditer(pattern), None]:
            literal = pattern[start : match.start() if match else None]
            for index, part in enumerate(literal.split("*") if wild else [literal]):
                if index:
                    pieces.append([])
                if part:
                    pieces[-1].append(text(part))
            if match:
                start = match.end()
                has, filled = self.keys[match[1].lower()]
                if match[2] is None:
                    present.append(has)
                    pieces[-1].append(filled)
                else:
                    pieces[-1].append(z3.If(has, filled, text(match[2])))
        return z3.And(*present, self._pieces(value, [joined(each) for each in pieces]))

    def _pieces(self, value: z3.SeqRef, pieces: list[z3.SeqRef]) -> Any:
        if len(pieces) == 1:
            return value == pieces[0]
        first, *middle, last = pieces
        both = z3.Length(first) + z3.Length(last)
        ends = [z3.PrefixOf(first, value), z3.SuffixOf(last, value), z3.Length(value) >= both]
        assert len(middle) <= 1, "a pattern with variables has at most two stars"
        inner = z3.SubString(value, z3.Length(first), z3.Length(value) - both)
        return z3.And(*ends, *(z3.Contains(inner, each) for each in middle))

    # Statements.

    def condition(self, operator: str, key: str, values: list[str]) -> Any:
        """Return whether one condition holds."""
        has, value = self.keys[key.lower()]
        if operator == "Null":
            return z3.Or(*(z3.Not(has) if each == "true" else has for each in values))
        name = operator.removesuffix("IfExists")
        negated = "Not" in name
        plain = name.replace("Not", "")
        if plain == "IpAddress":
            matched = self.inside(values)
        elif plain == "ArnLike":
            matched = z3.Or(*map(self._is_arn, values))
        else:
            matched = z3.Or(
                *(self.like(value, each, wild=plain == "StringLike") for each in values)
            )
        absent = z3.BoolVal(negated or operator.endswith("IfExists"))
        return z3.If(has, z3.Not(matched) if negated else matched, absent)

    def applies(self, statement: Mapping[str, Any]) -> Any:
        """Return whether a statement applies, its principals apart."""
        terms = [
            self.condition(operator, key, listed(values))
            for operator, block in statement.get("Condition", {}).items()
            for key, values in block.items()
        ]
        named = "NotAction" if "NotAction" in statement else "Action"
        actions = z3.Or(*map(self._acts, listed(statement[named])))
        terms.append(z3.Not(actions) if named == "NotAction" else actions)
        where = "NotResource" if "NotResource" in statement else "Resource"
        resources = z3.Or(*map(self._is_resource, listed(statement[where])))
        if where == "NotResource":
            missing = [z3.Not(self._is_filled(each)) for each in listed(statement[where])]
            resources = z3.Not(resources)
            if statement["Effect"] == "Allow":
                resources = z3.And(resources, z3.Not(z3.Or(*missing)))
        return z3.And(*terms, resources)

    def _is_filled(self, pattern: str) -> Any:
        has = [
            self.keys[match[1].lower()][0]
            for match in _VARIABLE.finditer(pattern)
            if match[2] is None
        ]
        return z3.And(*has)

    def names(self, statement: Mapping[str, Any]) -> Any:
        """Return whether a statement names the sender: everybody, or an account."""
        principal = statement.get("Principal", "*")
        entries = ["*"] if principal == "*" else listed(principal["AWS"])
        accounts = [each.split(":")[4] if each.startswith("arn:") else each for each in entries]
        if "*" in accounts:
            return z3.BoolVal(True)
        return (
            z3.Or(*(self.account == text(each) for each in accounts))
            if self.sender.kind
            else z3.BoolVal(False)
        )

    def some(self, documents: Iterable[Mapping[str, Any]], effect: str) -> Any:
        """Return whether some statement of an effect applies."""
        every = [
            each
            for document in documents
            for each in listed(document["Statement"])
            if each["Effect"] == effect
        ]
        return z3.Or(*(z3.And(self.names(each), self.applies(each)) for each in every))

    def _allowed(self) -> Any:
        question = self.question
        levels = [*question.rcp, *(question.scp if self.sender.own and self.sender.kind else ())]
        denied = [
            self.some([question.policy], "Deny"),
            *(self.some(level, "Deny") for level in levels),
        ]
        granted = z3.BoolVal(True) if self.sender.own else self.some([question.policy], "Allow")
        return z3.And(
            granted, z3.Not(z3.Or(*denied)), *(self.some(level, "Allow") for level in levels)
        )

    # Models.

    def request(self, model: z3.ModelRef) -> dict[str, Any]:
        """Return the request of a model, as a case names it."""

        def valued(term: Any) -> str:
            return str(model.eval(term, model_completion=True).as_string())

        context: dict[str, Any] = {}
        for key, (has, value) in self.keys.items():
            if z3.is_true(model.eval(has, model_completion=True)):
                context[key] = self._address(model) if value is None else valued(value)
        account = valued(self.account)
        name = valued(self.name)
        principal = {
            "role": f"arn:aws:sts::{account}:assumed-role/{name}/some-session",
            "user": f"arn:aws:iam::{account}:user/{name}",
            "root": f"arn:aws:iam::{account}:root",
            "federated-user": f"arn:aws:sts::{account}:federated-user/{name}",
        }.get(self.sender.kind, "*")
        action = (
            f"s3:{self.names_of_actions[model.eval(self.action, model_completion=True).as_long()]}"
        )
        if z3.is_true(model.eval(self.is_later, model_completion=True)):
            action = f"s3:{valued(self.later)}"
        resource = BUCKET if self.on_bucket else f"{BUCKET}/{valued(self.key)}"
        return {"action": action, "resource": resource, "principal": principal, "context": context}

    def _address(self, model: z3.ModelRef) -> str:
        if z3.is_true(model.eval(self.is_v6, model_completion=True)):
            return str(ipaddress.IPv6Address(model.eval(self.a6, model_completion=True).as_long()))
        return str(ipaddress.IPv4Address(model.eval(self.a4, model_completion=True).as_long()))


def joined(parts: list[Any]) -> z3.SeqRef:
    """Return strings as one."""
    if not parts:
        return text("")
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)


def regex_of(pattern: str) -> Any:
    """Return the regular expression of a pattern without variables."""
    parts = [
        _ANY
        if each == "*"
        else z3.AllChar(z3.ReSort(z3.StringSort()))
        if each == "?"
        else z3.Re(each)
        for each in re.split(r"([*?])", pattern)
        if each
    ]
    if not parts:
        return z3.Re("")
    return parts[0] if len(parts) == 1 else z3.Concat(*parts)


def opened(question: Question, limit_ms: int) -> tuple[str, dict[str, Any] | None]:
    """Return ``sat`` with a request that contradicts the claim, ``unsat``,
    or ``unknown`` where time ran out.
    """
    answer = "unsat"
    for sender in SENDERS:
        for on_bucket in (False, True):
            if on_bucket and (question.prefix or sender.form == "POST"):
                continue
            asked = Asked(question, sender, on_bucket=on_bucket)
            for place in asked.places():
                solver = z3.Solver()
                solver.set("timeout", limit_ms)
                solver.add(*place, *asked.wanted)
                found = solver.check()
                if found == z3.sat:
                    return "sat", asked.request(solver.model())
                if found == z3.unknown:
                    answer = "unknown"
    return answer, None
