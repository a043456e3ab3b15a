"""Facts: values of condition keys that were supplied or read,
checked before an answer rests on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from ...base.clock import utc_now
from ...base.errors import InvalidInput
from ...base.text import Texts
from .operators import read_date
from .request_keys import (
    ABSENT,
    ENDPOINT_KEYS,
    FAMILIES,
    KEYS,
    SOURCE_KEYS,
    TIME_KEYS,
    TLS_KEYS,
    is_chosen,
    is_principal_key,
    key_facts,
)
from .variables import Keys

_SIGNATURE = frozenset({"s3:authtype", "s3:signatureversion"})
_OF_THE_SENDER = frozenset(
    {
        *TLS_KEYS,
        *TIME_KEYS,
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
        "aws:vpcsourceip",
        "s3:signatureage",
    }
)
"""Keys that tell requests apart, beside what :func:`is_chosen` names:
a fact about it leaves the others out.
"""
_FLAGS = ("true", "false")
_NEAR = 0.8
_EXAMPLE = "aws:PrincipalOrgID: o-abc123"
_CONTEXT = "context"
"""The parameter in which an answer takes facts."""

Signer: TypeAlias = Literal["own", "other", "anonymous"]
Values: TypeAlias = Texts


@dataclass(frozen=True)
class Facts:
    """Values of condition keys that were supplied or read, in lower case; an empty one says that
    the key is absent.

    ``notes`` name keys that no answer can use and assumptions, ``endpoints`` has keys of requests
    through an endpoint by its id, ``missing`` the permissions to read more. ``policy_is_public`` is
    None if it was not read.
    """

    values: Keys = field(default_factory=dict)
    notes: Texts = ()
    endpoints: Mapping[str, Keys] = field(default_factory=dict)
    missing: Texts = ()
    policy_is_public: bool | None = None

    def with_defaults(self, *others: Facts) -> Facts:
        """Return these facts, and those of others for keys that are not among them."""
        values: dict[str, Values] = {}
        endpoints: dict[str, Keys] = {}
        for other in (*others, self):
            values |= other.values
            endpoints |= other.endpoints
        every = (self, *others)
        notes = dict.fromkeys(note for each in every for note in each.notes)
        missing = dict.fromkeys(action for each in every for action in each.missing)
        public = next(
            (each.policy_is_public for each in every if each.policy_is_public is not None), None
        )
        return Facts(values, tuple(notes), endpoints, tuple(missing), public)

    def without_choices(self) -> Facts:
        """Return the facts for a claim about every sender, time and choice."""
        chosen = sorted(key for key in self.values if is_chosen(key) or key in _OF_THE_SENDER)
        reason = "was given and is not used: the claim is for every value that a sender can choose."
        return replace(
            self,
            values={key: value for key, value in self.values.items() if key not in chosen},
            notes=(*self.notes, *(f"{key_facts(key).name} {reason}" for key in chosen)),
        )

    def about(self, signer: Signer) -> Keys:
        """Return what is known for requests of a signer:
        facts of a principal are about the account's own alone.
        """
        if signer == "own":
            return dict(self.values)
        absent = {"aws:principalisawsservice"} if signer == "anonymous" else set()
        return {
            key: value
            for key, value in self.values.items()
            if not is_principal_key(key) and key not in absent
        }

    def off_endpoint(self, signer: Signer) -> Keys:
        """Return what is known of requests that come past no endpoint:
        keys of endpoints are absent there.
        """
        return {key: value for key, value in self.about(signer).items() if key not in ENDPOINT_KEYS}

    def behind_endpoint(self, signer: Signer) -> Keys:
        """Return the facts that have a value for requests of a signer only behind an endpoint."""
        keys = ENDPOINT_KEYS - {"aws:sourceip", "aws:sourcevpce"}
        return {key: value for key, value in self.about(signer).items() if key in keys and value}


def parse_facts(texts: Iterable[str]) -> dict[str, list[str]]:
    """Read ``KEY=VALUE`` texts; a key that is repeated has several values,
    and ``KEY=`` is absent.
    """
    values: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or ":" not in key:
            raise InvalidInput(
                f'"{text[:80]}" is not a condition key with a value.',
                next_step="Write context={'aws:PrincipalOrgID': 'o-abc123'}.",
                field="context",
            )
        values.setdefault(key.strip(), []).extend([value] if value else [])
    return values


def usable_facts(values: object) -> tuple[Keys, Texts]:
    """Return the facts that an answer can use, and a sentence about each of the others.

    An answer that changes nothing accepts more than a restriction keeps: a value that the sender of
    a request chooses narrows the answer to such requests. What the answer itself varies is left
    out, and the sentence says so.
    """
    if not isinstance(values, Mapping):
        return check_facts(values, _CONTEXT), ()
    facts: dict[str, object] = {}
    chosen: dict[str, Values] = {}
    sentences = []
    for key, value in values.items():
        lower = str(key).strip().lower()
        name = key_facts(lower, str(key).strip()).name
        reason = _unused(lower) if value else ""
        if reason:
            sentences.append(f"{name} was given and is not used: {reason}.")
        elif is_chosen(lower):
            chosen[name] = _texts(str(key), value, _CONTEXT)
        else:
            facts[str(key)] = value
    return {**check_facts(facts, _CONTEXT), **chosen}, tuple(sentences)


def _unused(lower: str) -> str:
    if lower in SOURCE_KEYS:
        return "the answer is for the sources that it names"
    if lower in _SIGNATURE:
        return "the kind of request settles it"
    return "no request that is decided here has this key" if lower in ABSENT else ""


def check_facts(values: object, field: str = "facts") -> Keys:
    """Return facts as AWS spells them; raises :class:`InvalidInput` for what cannot be one.
    No value means absent.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise _bad(
            f"Facts are a mapping of condition keys to values, not {type(values).__name__}.", field
        )
    found: dict[str, Values] = {}
    for key, value in values.items():
        texts = _texts(str(key), value, field)
        name = fact_name(str(key), field, absent=not texts)
        if name in found:
            raise _bad(f"{name} is given twice.", field, "Keep one of them.")
        found[name] = (
            tuple(text.lower() for text in texts)
            if key_facts(name.lower()).values == _FLAGS
            else texts
        )
        for text in found[name]:
            _check_value(name, text, field)
    return found


def fact_name(key: str, field: str = "facts", *, absent: bool = False) -> str:
    """Return the name of a key that can be a fact, as AWS spells it;
    raises :class:`InvalidInput`.
    """
    name = key.strip()
    lower = name.lower()
    prefix, colon, rest = lower.partition(":")
    if not colon or not prefix or not rest:
        raise _bad(f'"{name[:80]}" is not a condition key.', field)
    family = lower.partition("/")[0] + "/"
    known = (
        lower in KEYS
        or ("/" in lower and family in _FAMILIES and lower != family)
        or is_chosen(lower)
    )
    if not known and prefix in ("aws", "s3"):
        _suggest(name, field)
    spelled = key_facts(lower, name).name
    if lower in SOURCE_KEYS:
        raise _bad(
            f"{spelled} is not a fact: the answer is for all sources.", field, "Leave it out."
        )
    if lower in _SIGNATURE or is_chosen(lower):
        raise _bad(
            f"{spelled} is not a fact: whoever sends the request chooses it.",
            field,
            "Leave it out.",
        )
    if lower in ABSENT and not absent:
        raise _bad(
            f"{spelled} is not a fact: no request that is decided here has this key.",
            field,
            "Leave it out.",
        )
    return spelled


def can_be_fact(key: str) -> bool:
    """Return whether a value can be supplied for a condition key."""
    try:
        fact_name(key)
    except InvalidInput:
        return False
    return True


_FAMILIES = {family.lower(): family for family in FAMILIES}


def _suggest(name: str, field: str) -> None:
    """Raise for a key that looks like another one;
    a key that looks like none may be newer than this table.
    """
    from difflib import get_close_matches

    lower = name.lower()
    head, slash, _ = lower.partition("/")
    if slash or f"{lower}/" in _FAMILIES:
        near = get_close_matches(f"{head}/", _FAMILIES, 1, _NEAR)
        names = [_FAMILIES[each] + (name[len(head) + 1 :] or "TAG") for each in near]
    else:
        names = [KEYS[each].name for each in get_close_matches(lower, KEYS, 1, _NEAR)]
    if names:
        raise _bad(f'AWS has no condition key "{name[:80]}".', field, f"Did you mean {names[0]}?")


def _texts(key: str, value: object, field: str) -> Texts:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Iterable) or isinstance(items, bytes | Mapping):
        raise _bad(
            f"The value of {key[:80]} is {str(value)[:40]}, which is not a text.",
            field,
            "Write it between quotes.",
        )
    texts = list(items)
    for each in texts:
        if not isinstance(each, str):
            raise _bad(
                f"A value of {key[:80]} is {str(each)[:40]}, which is not a text.",
                field,
                "Write it between quotes.",
            )
    return tuple(each for each in texts if each)


def _check_value(name: str, text: str, field: str) -> None:
    if name == "aws:PrincipalArn" and ":assumed-role/" in text:
        raise _bad(
            f'aws:PrincipalArn cannot be "{text[:80]}": for a session it is the ARN of its role.',
            field,
            "Write arn:aws:iam::111122223333:role/NAME.",
        )
    facts = key_facts(name.lower(), name)
    if facts.values and text not in facts.values:
        raise _bad(
            f'{name} cannot be "{text[:80]}".', field, f"Its values are: {', '.join(facts.values)}."
        )
    fits = fnmatchcase(text, facts.like) and (
        not facts.alphabet or not set(text) - set(facts.alphabet)
    )
    if not facts.values and not fits:
        raise _bad(f'{name} cannot be "{text[:80]}".', field, f"Its values look like {facts.like}.")


def _bad(
    message: str, field: str, fix: str = f"Write a key and its value: {_EXAMPLE}."
) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field=field)


def moment_of(given: Facts) -> datetime:
    """Return the time of the requests: the supplied one, else now."""
    for key in ("aws:currenttime", "aws:epochtime"):
        values = given.values.get(key)
        seconds = read_date(values[0]) if values else None
        if seconds is not None:
            return datetime.fromtimestamp(float(seconds), UTC)
    return utc_now().replace(microsecond=0)


def supplied_facts(values: Mapping[str, object] | None) -> Facts:
    """Return supplied facts for an answer; a key that has no value is absent;
    raises InvalidInput for a bad one.
    """
    facts, unused = usable_facts(values)
    given = {key.lower(): texts for key, texts in facts.items()}
    if given.keys() & {"aws:currenttime", "aws:epochtime"}:
        moment = moment_of(Facts(given))
        given["aws:currenttime"] = (moment.strftime("%Y-%m-%dT%H:%M:%SZ"),)
        given["aws:epochtime"] = (str(int(moment.timestamp())),)
    return Facts(given, unused)
