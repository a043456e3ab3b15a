"""`Restriction`: the wanted state, validated when it is created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import timedelta
from inspect import signature
from typing import Literal, Never, TypeAlias

from ..aws.managed_lists import ManagedList
from ..aws.teams import TeamArn, TeamLike, team_reference
from ..base.allowed import Allowed
from ..base.errors import InvalidInput, refuse_keywords
from ..base.files import FORMAT, check_format
from ..base.network import AddressesLike, IPNetworks
from ..base.text import Json, JsonLike, Texts, TextsLike, did_you_mean
from ..engine.access.expectation import Expectation
from ..engine.access.keep import Kept, parse_keep
from ..engine.iam.facts import check_facts
from ..engine.policies.age_limit import age_text, parse_age
from ..engine.policies.signer_limit import parse_signers
from . import validation as checks
from .applications import check_application
from .expectations import check_expectations
from .messages import Notice, notice
from .validation import named_place, named_team

UrlLockMode: TypeAlias = Literal["SourceIp", "VpcSourceIp"]
UrlLockWord: TypeAlias = Literal["auto", "keep", "off"]
URL_LOCK_WORDS: Mapping[str, bool | None] = {"auto": True, "keep": None, "off": False}
"""The words of the command line: the setting that fits the portal, no change,
and both settings off.
"""
Spared: TypeAlias = Literal["reads"]
"""A guard of reads spares uploads."""


@dataclass(frozen=True, init=False)
class Restriction:
    """The allowed addresses and endpoints, and the locks that enforce them.

    ``Restriction(bucket="ml-artifacts", addresses="203.0.113.0/24")`` guards the objects of any
    application that hands out presigned URLs. A workteam of Ground Truth adds the URL lock and the
    portal lock.

    Parameters
    ----------
    bucket, prefix : str
        The bucket and key prefix that the guard protects.
    team : str or Workteam, optional
        Name of a private workteam, or ARN of any workteam. A vendor or public team has no URL lock.
    addresses : str or iterable
        Addresses and CIDR ranges, or a pasted text with them. The bucket guard and the portal lock
        use them. Names of lists that AWS keeps may be among them: a managed prefix list of EC2
        (``pl-0a1b2c3d4e5f60718``) or a regional IP set of WAF (``wafv2:ipset/NAME``). A plan reads
        their ranges.
    endpoints : str or iterable
        Ids of S3 VPC endpoints, and of VPCs. The bucket guard uses them.
    vpcs : str or iterable
        More ids of VPCs: every S3 endpoint in them is allowed. Ids among the endpoints count by
        their form.
    url_lock : bool, str or None
        True: the setting that fits the portal: ``SourceIp`` for a public one. A workforce in a VPC
        has two portals; there, addresses alone mean ``SourceIp``, endpoints alone ``VpcSourceIp``,
        and otherwise the setting that is on stays. If none is on, it is ``SourceIp``, or
        ``VpcSourceIp`` where the portal lock closes the public portal. False: both off. None:
        unchanged. The words of the command line mean the same: ``auto``, ``off``, ``keep``.
    portal_lock : bool or None
        True: only the addresses may open the worker portal, of **all** private workteams of the
        region. False: the portal is opened to everybody. None: unchanged.
    guard : bool, str or None
        True: presigned URLs of the bucket work only from the addresses and through the endpoints.
        ``reads``: except uploads, so that whoever has an upload URL can overwrite from anywhere.
        False: our guard is removed. None: unchanged.
    age_limit : str, timedelta or None
        The guard also refuses presigned requests whose signature is older, such as ``15m``, and
        signature version 2, whose age S3 does not know. None: no limit.
    signers : str, iterable or None
        ARNs of users and roles: the signer limit refuses URLs of the bucket and prefix that anybody
        else signed, except uploads. SDK and CLI calls keep working. The limit does not stop those
        who can change a policy, a trust policy or keys so that they become a listed signer. Empty:
        our signer limit is removed. None: unchanged.
    version_4_only : bool or None
        True: presigned URLs and forms of signature version 2 are refused, which has neither an age
        nor a viewer that anybody can trust; alone, or beside the guard for what it covers. False:
        our statement is removed. None: unchanged. An age limit refuses them anyway.
    expectations : iterable of Expectation
        Sources that must be allowed or refused; see :class:`gt_secure.restriction.expect`.
    facts : mapping
        Values of condition keys that the account's policies ask for and nobody can read here, such
        as ``{"aws:PrincipalOrgID": "o-abc123"}``. An empty value means that requests do not have
        the key.
    lists : iterable of str
        More names of lists, beside those among the addresses.
    application : str, optional
        The application that hands out the URLs, such as ``mlflow``. It changes no lock: a plan then
        says what the guard does to it, and what to set there.
    keep : str or iterable
        Principals who must keep working: ARNs of users, roles or the root user, and services of
        AWS. Each may say for which actions and from where, such as
        ``arn:aws:iam::111122223333:role/ci for s3:GetObject from vpce-0a1b2c3d``. Without actions
        it reads, writes, lists and changes the policy back. It changes no lock: a plan asks if one
        of them would be refused, and a proof shows that none is.

    Raises
    ------
    InvalidInput
        For anything that AWS would refuse, that could never match, or that would protect nothing.
    """

    team: str | None
    addresses: IPNetworks
    endpoints: Texts
    vpcs: Texts
    url_lock: bool | UrlLockMode | None
    portal_lock: bool | None
    guard: bool | Spared | None
    bucket: str | None
    prefix: str
    age_limit: str | None
    signers: Texts | None
    version_4_only: bool | None
    expectations: tuple[Expectation, ...]
    facts: Mapping[str, str | Texts] = field(hash=False)
    lists: Texts
    application: str | None
    keep: tuple[Kept, ...]
    written: IPNetworks = field(init=False)
    managed: tuple[ManagedList, ...] = field(init=False)
    team_arn: str = field(init=False, compare=False, repr=False)
    notices: tuple[Notice, ...] = field(init=False, compare=False, repr=False)

    def __init__(
        self,
        team: TeamLike | None = None,
        *,
        addresses: AddressesLike = (),
        endpoints: TextsLike = (),
        vpcs: TextsLike = (),
        url_lock: bool | UrlLockMode | UrlLockWord | None = True,
        portal_lock: bool | None = None,
        guard: bool | Spared | None = True,
        bucket: str | None = None,
        prefix: str = "",
        age_limit: str | timedelta | None = None,
        signers: TextsLike | None = None,
        version_4_only: bool | None = None,
        expectations: Iterable[Expectation] = (),
        facts: Mapping[str, str | Sequence[str]] | None = None,
        lists: Iterable[str] = (),
        application: str | None = None,
        keep: str | Kept | Iterable[str | Kept] = (),
        **unknown: Never,
    ) -> None:
        known = [each.name for each in fields(self) if each.init]
        refuse_keywords("Restriction", unknown, known, {"allow": "addresses", "ips": "addresses"})
        notices: list[Notice] = []
        name = None if team is None else named_team(team)
        names, ranges = checks.split_lists(addresses, lists)
        place, start = named_place(bucket, prefix)
        limited = signers is not None or version_4_only is not None
        if limited and guard is True and not ranges and not names and not endpoints and not vpcs:
            guard = None  # these limits need no list of sources
        guarded = guard in (True, "reads") and place is not None
        behind = checks.check_endpoints(endpoints, notices).plus(
            checks.check_endpoints(vpcs, notices, "vpcs")
        )
        values = {
            "team": name,
            "team_arn": "" if team is None or (word := team_reference(team)) == name else word,
            "addresses": checks.check_addresses(
                ranges, notices, portal_only=portal_lock is True and not guarded
            ),
            "lists": names,
            "managed": (),
            "endpoints": behind.endpoints,
            "vpcs": behind.vpcs,
            "url_lock": _url_lock(url_lock, name, notices),
            "portal_lock": _switch("portal_lock", portal_lock),
            "guard": _guard(guard, place, notices),
            "bucket": place,
            "prefix": start,
            "age_limit": None if age_limit is None else age_text(parse_age(age_limit)),
            "signers": None if signers is None else parse_signers(signers),
            "version_4_only": _switch("version_4_only", version_4_only),
            "expectations": check_expectations(expectations),
            "facts": _facts(facts, "facts"),
            "application": check_application(application),
            "keep": parse_keep(keep),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        object.__setattr__(self, "written", self.addresses)
        _check_together(self, notices)
        object.__setattr__(self, "notices", tuple(notices))

    @classmethod
    def for_reading(
        cls,
        bucket: str,
        prefix: str = "",
        guard: bool | Spared | None = None,
        keep: Iterable[str | Kept] = (),
    ) -> Restriction:
        """Return a restriction that asks for no lock: it says what a plan of another kind reads."""
        result = cls(bucket=bucket, prefix=prefix, signers=(), keep=keep)
        for name, value in {"signers": None, "guard": guard}.items():
            object.__setattr__(result, name, value)
        return result

    @property
    def limits(self) -> tuple[object, ...]:
        """The wanted guard, signers and version limit: None leaves one unchanged."""
        return self.guard, self.signers, self.version_4_only

    @property
    def allowed(self) -> Allowed:
        """The addresses, with those of the lists that were read,
        the endpoints and the VPCs, as one value.
        """
        return Allowed(self.addresses, self.endpoints, self.vpcs)

    @property
    def team_is_private(self) -> bool:
        """True if the name or ARN is that of a private team."""
        return self.team is not None and not self.team.startswith("arn:")

    @property
    def age_limit_s(self) -> int | None:
        """The age limit in seconds."""
        return None if self.age_limit is None else parse_age(self.age_limit)

    @property
    def allowed_names(self) -> Texts:
        """The addresses and lists as a person knows them:
        each list with its name and number of ranges.
        """
        known = {each.name: each.label for each in self.managed}
        return (*map(str, self.written), *(known.get(name, name) for name in self.lists))

    def with_lists(self, found: Sequence[ManagedList]) -> Restriction:
        """Return the restriction with the ranges of its lists among the addresses;
        an unread list is an error.
        """
        if {each.name for each in found} != set(self.lists):
            raise InvalidInput(
                "Not every list of the restriction was read.",
                next_step="Read them all.",
                field="lists",
            )
        more = copy(self)
        notices: list[Notice] = []
        ranges = [*self.written, *(network for each in found for network in each.networks)]
        try:
            merged = (
                checks.check_addresses(ranges, notices, portal_only=False)
                if found
                else self.written
            )
            for key, value in {"managed": tuple(found), "addresses": merged}.items():
                object.__setattr__(more, key, value)
            _check_together(more, notices)
            object.__setattr__(more, "notices", tuple(dict.fromkeys((*self.notices, *notices))))
        except InvalidInput as error:
            labels = ", ".join(each.label for each in found)
            raise InvalidInput(
                f"With {labels}: {error.message}", next_step=error.next_step, field="addresses"
            ) from error
        return more

    def to_dict(self) -> Json:
        """Return the restriction as JSON-able data; :meth:`from_dict` reads it back."""
        data: Json = {
            "version": FORMAT,
            "team": self.team_arn or self.team,
            "addresses": [*(str(network) for network in self.written), *self.lists],
            "endpoints": list(self.endpoints),
            "url_lock": self.url_lock,
            "portal_lock": self.portal_lock,
            "guard": self.guard,
            "bucket": self.bucket,
            "prefix": self.prefix,
        }
        facts = {
            key: value if isinstance(value, str) else list(value)
            for key, value in self.facts.items()
        }
        optional: Json = {
            "vpcs": list(self.vpcs) or None,
            "age_limit": self.age_limit,
            "signers": None if self.signers is None else list(self.signers),
            "version_4_only": self.version_4_only,
            "expectations": [one.to_dict() for one in self.expectations] or None,
            "application": self.application,
            "keep": [str(each) for each in self.keep] or None,
            "facts": facts or None,
        }
        return data | {name: value for name, value in optional.items() if value is not None}

    def with_facts(self, context: Mapping[str, str | Sequence[str]] | None) -> Restriction:
        """Return the restriction with more facts; they win over its own.
        Raises :class:`InvalidInput`.
        """
        if not context:
            return self
        more = copy(self)
        object.__setattr__(more, "facts", {**self.facts, **_facts(context, "context")})
        return more

    def including(self, others: Iterable[Restriction]) -> Restriction:
        """Return the restriction that also admits the addresses and endpoints of others: one guard
        for several teams.

        Raises
        ------
        InvalidInput
            If the guard cannot list all of them.

        Examples
        --------
        >>> office = Restriction("office-team", bucket="gt-images", addresses="203.0.113.0/24")
        >>> vpc = Restriction("vpc-team", bucket="gt-images", endpoints="vpce-0a1b2c3d")
        >>> joined = vpc.including([office])
        >>> [str(network) for network in joined.addresses], joined.endpoints
        (['203.0.113.0/24'], ('vpce-0a1b2c3d',))
        """
        data = self.to_dict()
        for more in [each.to_dict() for each in others]:
            for name in ("addresses", "endpoints", "vpcs"):
                data[name] = list(dict.fromkeys([*data.get(name, ()), *more.get(name, ())]))
        return Restriction.from_dict(data)

    @classmethod
    def from_dict(cls, data: JsonLike) -> Restriction:
        """Read a mapping from :meth:`to_dict` or a file; an unknown field is an error."""
        if not isinstance(data, Mapping):
            raise InvalidInput(
                f"A restriction must be a mapping, not {type(data).__name__}.",
                next_step="Start with 'team: name-of-the-workteam'.",
                field="file",
            )
        rest = {str(key): value for key, value in data.items() if key != "$schema"}
        check_format(rest, "This restriction")
        rest.pop("version", None)
        # which are among the addresses
        known = [name for name in signature(cls).parameters if name != "lists"]
        for key in rest:
            if key not in known:
                raise InvalidInput(
                    f"Unknown field '{key[:60]}' in the restriction.",
                    next_step=did_you_mean(
                        key, known, f"Valid fields: {', '.join(known)}.", form="'{}'"
                    ),
                    field="file",
                    value=key,
                )
        for key in ("addresses", "endpoints", "vpcs", "expectations", "keep"):
            rest[key] = rest[key] if rest.get(key) is not None else ()
        rest["prefix"] = rest["prefix"] if rest.get("prefix") is not None else ""
        return cls(**rest)


def _facts(values: object, argument: str) -> dict[str, str | Texts]:
    facts = check_facts(values, argument)
    return {key: texts[0] if len(texts) == 1 else texts or "" for key, texts in facts.items()}


def _switch(name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidInput(
        f"{name} must be True, False or None, not {str(value)[:40]!r}.",
        next_step="True turns the lock on, False turns it off, None leaves it unchanged.",
        field=name,
        value=value,
    )


def _url_lock(value: object, team: str | None, notices: list[Notice]) -> bool | UrlLockMode | None:
    if isinstance(value, str) and value in URL_LOCK_WORDS:
        value = URL_LOCK_WORDS[value]
    if isinstance(value, str) and value in {"SourceIp", "VpcSourceIp"}:
        mode: bool | UrlLockMode | None = "SourceIp" if value == "SourceIp" else "VpcSourceIp"
    elif value is None or isinstance(value, bool):
        mode = value
    else:
        both = (
            {"SourceIp", "VpcSourceIp"} <= set(value)
            if isinstance(value, list | tuple | set)
            else value == "both"
        )
        raise InvalidInput(
            (
                "SourceIp and VpcSourceIp cannot both be on: one key exists only outside VPC"
                " endpoints and the other only in them, so no URL would ever work."
                if both
                else (
                    "The URL lock must be auto, off, keep, SourceIp or VpcSourceIp, not"
                    f" {str(value)[:40]!r}."
                )
            ),
            next_step=(
                "Choose one. The URL lock needs no addresses: it binds each URL to the worker's own"
                " address."
            ),
            field="url_lock",
            value=value,
        )
    if team is None:
        if mode in (None, True):
            return None  # the default of a restriction for a bucket alone
        raise InvalidInput(
            "The URL lock requires a workteam.", next_step="Pass team=.", field="team"
        )
    if team.startswith("arn:"):
        kind = TeamArn.parse(team).crowd
        if mode not in (None, True):
            raise InvalidInput(
                f"A {kind.removesuffix('-crowd')} team has no URL lock; AWS offers it for private"
                " teams only.",
                next_step="Leave url_lock= out, and guard the bucket with bucket=.",
                field="url_lock",
                value=value,
            )
        notices.append(notice("no-url-lock", kind=kind.removesuffix("-crowd")))
        return None
    return mode


def _guard(value: object, bucket: str | None, notices: list[Notice]) -> bool | Spared | None:
    wanted: bool | Spared | None = "reads" if value == "reads" else _switch("guard", value)
    if bucket is not None:
        return wanted
    if wanted is False:
        raise InvalidInput(
            "Removing the guard requires a bucket.", next_step="Pass bucket=.", field="bucket"
        )
    notices.append(notice("no-guard"))
    return None


def _check_together(restriction: Restriction, notices: list[Notice]) -> None:
    """Check the combination of all fields."""
    unread = bool(restriction.lists) and not restriction.managed
    if restriction.portal_lock is not None and restriction.team and not restriction.team_is_private:
        raise InvalidInput(
            "Vendor and public teams do not use your worker portal: the portal lock would not"
            " affect them and could block your own private workers.",
            next_step=(
                "Leave portal_lock= out. The bucket guard protects the objects from other teams."
            ),
            field="portal_lock",
        )
    if restriction.portal_lock and not unread:
        checks.check_portal(restriction.addresses, notices)
    if restriction.guard and not unread:
        _check_guard(restriction, notices)
    _check_used(restriction)
    for each in restriction.expectations:
        if each.of == "team" and restriction.team is None:
            raise InvalidInput(
                f"The expectation '{each}' requires a team.",
                next_step="Name the team, or write of: bucket.",
                field="expectations",
            )
        needs_bucket = each.of == "bucket" or each.prefix is not None or restriction.team is None
        if needs_bucket and restriction.bucket is None:
            raise InvalidInput(
                f"The expectation '{each}' requires a bucket.",
                next_step="Name the bucket.",
                field="expectations",
            )
    if restriction.keep and restriction.bucket is None:
        raise InvalidInput(
            "Principals who must keep working use a bucket, and none is named.",
            next_step="Name the bucket.",
            field="keep",
        )
    locks = (restriction.url_lock, restriction.portal_lock, *restriction.limits)
    asked = restriction.expectations or restriction.keep
    if not asked and all(each is None for each in locks):
        raise InvalidInput(
            "This restriction changes nothing: it neither enables nor disables a lock.",
            next_step="Pass bucket= and addresses= for the guard, or team= for the URL lock.",
            field="team",
        )


def _check_guard(restriction: Restriction, notices: list[Notice]) -> None:
    """Check that the bucket guard refuses some but not all, and its size."""
    if restriction.allowed.is_empty:
        raise InvalidInput(
            "No address and no endpoint is allowed, so the bucket guard would refuse every URL.",
            next_step="Pass addresses= or endpoints=.",
            field="addresses",
        )
    reads, prefix = restriction.guard == "reads", restriction.prefix
    checks.check_guard(
        restriction.bucket or "", prefix, restriction.allowed, restriction.age_limit_s, reads=reads
    )
    checks.note_guard(restriction.addresses, prefix, notices, reads=reads)


def _check_used(restriction: Restriction) -> None:
    """Check that a lock reads each of age limit, signers, addresses and endpoints."""
    if restriction.age_limit is not None and not restriction.guard:
        raise InvalidInput(
            "The maximum age would have no effect: the bucket guard enforces it, and no guard is"
            " asked for.",
            next_step="Pass bucket= and addresses= or endpoints=.",
            field="age_limit",
        )
    _check_limits(restriction)
    unused = (
        (restriction.addresses or restriction.lists)
        and not restriction.guard
        and not restriction.portal_lock
    )
    if unused or (restriction.allowed.ids and not restriction.guard):
        what = "addresses" if unused else "VPC endpoints"
        raise InvalidInput(
            f"The {what} would have no effect: the URL lock uses no list, and no lock that uses one"
            " is on.",
            next_step=(
                "Turn the guard on (guard=True)"
                if restriction.bucket
                else "Pass bucket= for the guard"
            )
            + (
                ", or turn the portal lock on (portal_lock=True)."
                if unused
                else ". Only the guard uses endpoints."
            ),
            field="bucket" if restriction.bucket is None else "guard",
        )


def _check_limits(restriction: Restriction) -> None:
    """Check that the limits that need no guard have a bucket,
    and do not contradict the age limit.
    """
    limits = (restriction.signers, restriction.version_4_only)
    if restriction.bucket is None and limits != (None, None):
        limit = "version" if restriction.signers is None else "signer"
        raise InvalidInput(
            f"The {limit} limit requires a bucket.", next_step="Pass bucket=.", field="bucket"
        )
    if restriction.version_4_only is False and restriction.age_limit is not None:
        raise InvalidInput(
            "An age limit refuses signature version 2, whose age S3 does not know.",
            next_step="Leave version_4_only= out, or the age limit.",
            field="version_4_only",
        )
