"""Rules about the application of a plan, features of AWS that sign, and age limits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from ...base.text import capital, count
from ...engine.policies.age_limit import USUAL_LIMITS_S, age_text
from ...explain.dry_run import Usage
from ...restriction.applications import (
    ApplicationProfile,
    SignatureVersion,
    applications,
    bystanders,
)
from ...restriction.messages import Notice, notice
from ..case import Case, on_change
from ..change import find_change
from ..targets import BucketGuard

_MOST_KEYS = 10_000


def profile_of(case: Case) -> ApplicationProfile | None:
    """Return the profile of the application that a restriction names."""
    return applications().get(case.restriction.application or "")


def signature_of(case: Case) -> tuple[SignatureVersion, str]:
    """Return the signature version of the next URL of the application, and where that comes from.

    What the log shows counts for more than the profile: somebody may have set the application up
    differently.
    """
    profile = profile_of(case)
    if profile is None:
        return "unknown", ""
    every = () if case.tried is None else case.tried.usages
    named = {each.name for each in applications().values()}
    own = [each for each in every if each.application == profile.name]
    # without a row of its name, the rows of no named product are its own
    rows = own or [each for each in every if each.application not in named]
    if rows and profile.signature != "none":
        version_2 = sum(each.signed_with_2 for each in rows)
        if version_2 and version_2 < sum(each.requests for each in rows):
            return "2", "signs some URLs with version 2, as the log shows"
        version: SignatureVersion = "2" if version_2 else "4"
        return version, f"signs with version {version}, as the log shows"
    version = profile.version_in(case.region)
    default = f", boto3's default in {case.region}" if profile.signature == "boto3" else ""
    return version, f"signs with version {version}{default}"


@on_change()
def version_2(case: Case) -> Iterator[Notice]:
    """Yield what a limit refuses of signature version 2: every URL."""
    restriction = case.restriction
    if not (restriction.version_4_only or restriction.age_limit):
        return
    profile, (version, _) = profile_of(case), signature_of(case)
    requests = 0 if case.tried is None else case.tried.signed_with_2
    key, fix = "age-limit-version-2", None
    if requests:
        key += "/logged"
    elif profile is not None and version == "2":
        key += "/application"
    if profile is not None and profile.signature_setting:
        fix = f"Sign with version 4: {profile.signature_setting}."
    asks = (requests or version == "2") and find_change(case.changes, BucketGuard) is not None
    yield notice(
        key,
        severity="blocker" if asks else "info",
        fix=fix,
        requests=count(requests, "such request"),
        name=profile and profile.name,
        region=case.region,
    )


@on_change()
def too_old(case: Case) -> Iterator[Notice]:
    """Yield how many requests of the log an age limit would have refused."""
    if case.restriction.age_limit and case.tried is not None and case.tried.too_old:
        yield notice("age-limit-refuses", requests=count(case.tried.too_old, "request"))


@on_change()
def use(case: Case) -> Iterator[Notice]:
    """Yield what the guard does to the application."""
    profile = profile_of(case) if case.restriction.guard else None
    if profile is None:
        return
    if profile.signature == "none":
        yield notice("application-signs-nothing", name=profile.name)
        return
    yield notice(
        "application-use",
        fix=f"Add the networks of its clients. {profile.advice}".strip(),
        name=profile.name,
        refused=(case.restriction.guard == "reads" and profile.refused_reads) or profile.refused,
        signs=capital(profile.signs),
        spared=profile.header_signed or "unknown",
    )
    root = "" if case.restriction.prefix else _root(profile, case)
    if root:
        place = shlex.quote(f"{case.restriction.bucket}/{root}")
        options = case.restriction.allowed.options
        fix = f"To guard these alone: gt-secure plan s3://{place} {options}"
        yield notice("application-prefix", fix=fix, name=profile.name, prefix=root)
    yield _age_limit(profile, case)


def _age_limit(profile: ApplicationProfile, case: Case) -> Notice:
    """Return what a limit does, or which one is proposed."""
    limit, longest = case.restriction.age_limit_s, profile.longest_s
    version, signs = signature_of(case)
    usual = next((each for each in USUAL_LIMITS_S if each >= longest), None)
    if version == "2":
        key = "limited-version-2" if limit else "version-2"
    elif version == "unknown":
        key = "limited-unknown" if limit else "unknown"
    elif limit is None:
        key = "proposed" if longest and usual else "possible"
    else:
        key = "ends" if longest > limit else "fits"
    code = "application-age-limit"
    return notice(
        f"{code}/{key}",
        name=profile.name,
        signs=signs,
        lives=f", and its URLs live up to {age_text(longest)}" if longest else "",
        setting=profile.signature_setting or "see its settings",
        lifetime=profile.lifetime_setting
        and f" Setting of the lifetime: {profile.lifetime_setting}.",
        limit=age_text(limit or usual or 0),
    )


def _root(profile: ApplicationProfile, case: Case) -> str:
    """Return the prefix of all keys that the application presigned in a log;
    empty if they share none.
    """
    if not profile.root or case.hits is None:
        return ""
    rows = case.hits.filter(
        presigned=True, refused=False, bucket=case.restriction.bucket, application=profile.name
    )
    query = f"SELECT DISTINCT key FROM {{hits}} WHERE key <> '' LIMIT {_MOST_KEYS}"  # noqa: S608
    keys = [key for each in rows.readings for (key,) in each.query(query)]
    found = {match[1] for key in keys if (match := re.match(profile.root, key))}
    return found.pop() if len(found) == 1 and len(keys) < _MOST_KEYS else ""


def _features(case: Case) -> list[tuple[ApplicationProfile, list[Usage]]]:
    """Return the features of AWS that sign, each with its requests in the log."""
    usages = () if case.tried is None else case.tried.usages
    return [
        (each, [one for one in usages if one.application.startswith(each.name)])
        for each in bystanders()
    ]


@on_change("bucket-guard")
def refused_features(case: Case) -> Iterator[Notice]:
    """Yield features of AWS in the log that the guard would refuse."""
    uses = _features(case) if case.restriction.guard else ()
    refused = [each for each, logged in uses if sum(one.refused for one in logged)]
    if refused:
        fix = " ".join(each.advice for each in refused)
        services = " and ".join(each.name for each in refused)
        yield notice("bystander-refused", fix=fix, services=services)


@on_change("bucket-guard")
def limited_features(case: Case) -> Iterator[Notice]:
    """Yield the features of AWS that need a longer age limit;
    it asks where the log shows one of them.
    """
    limit_s = case.restriction.age_limit_s if case.restriction.guard else None
    short = [
        (each, logged)
        for each, logged in _features(case)
        if limit_s is not None and limit_s < each.needs_age_s
    ]
    known = [each.name for each, logged in short if logged]
    if short:
        yield notice(
            "bystander-age-limit/logged" if known else "bystander-age-limit",
            severity=None if known else "info",
            limit=age_text(limit_s or 0),
            services=", ".join(f"{each.name} ({age_text(each.needs_age_s)})" for each, _ in short),
            known=" and ".join(known),
        )
