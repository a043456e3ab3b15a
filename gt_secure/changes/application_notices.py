"""Notices about the application that a restriction names: what the guard and an age cap do to it, and what to set."""

# ruff: noqa: S608 - SQL is put together from our own names; expressions come from our own file of profiles

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..access.dry_run import DryRun, Usage
from ..applications import ApplicationProfile, SignatureVersion, applications
from ..policies.age_cap import LONGEST_S, age_text
from ..restriction.messages import Notice, notice
from ..restriction.model import Restriction
from ..text import capital

if TYPE_CHECKING:
    from ..logs.hits import Hits

_CAPS_S = (900, 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400)
_MOST_KEYS = 10_000
_SHOWN = "signs with version {}, as the log shows"


def signature_of(wish: Restriction, region: str, tried: DryRun | None) -> tuple[SignatureVersion, str]:
    """Return the signature version of the next URL of the application, and where that comes from.

    What the log shows counts for more than the profile: somebody may have set the application up differently.
    """
    profile = applications().get(wish.application or "")
    if profile is None:
        return "unknown", ""
    rows = _usages(profile, tried)
    if rows and profile.signature != "none":
        version_2, total = sum(each.signed_with_2 for each in rows), sum(each.requests for each in rows)
        if version_2 < total:
            return ("2", "signs some URLs with version 2, as the log shows") if version_2 else ("4", _SHOWN.format(4))
        return "2", _SHOWN.format(2)
    found = profile.version_in(region)
    default = f", boto3's default in {region}" if profile.signature == "boto3" else ""
    return found, f"signs with version {found}{default}"


def _usages(profile: ApplicationProfile, tried: DryRun | None) -> list[Usage]:
    """Return the requests of the application in the log: those of its name, or those of no named product."""
    every = () if tried is None else tried.usages
    named = {each.name for each in applications().values()}
    own = [each for each in every if each.application == profile.name]
    return own or [each for each in every if each.application not in named]


def application_notices(wish: Restriction, region: str, tried: DryRun | None, hits: Hits | None) -> Iterator[Notice]:
    """Yield what a plan says about its application."""
    profile = applications().get(wish.application or "")
    if profile is None or not wish.guard:
        return
    if profile.signature == "none":
        yield notice("application-signs-nothing", name=profile.name)
        return
    advice = f"Add the networks of its clients. {profile.advice}".strip()
    yield notice(
        "application-use",
        fix=advice,
        name=profile.name,
        refused=profile.refused,
        signs=capital(profile.signs),
        spared=profile.header_signed or "unknown",
    )
    root = "" if wish.prefix else _root(profile, hits, wish)
    if root:
        fix = f"To guard these alone, add --prefix {root}"
        yield notice("application-prefix", fix=fix, name=profile.name, prefix=root)
    version, words = signature_of(wish, region, tried)
    yield _age_cap(wish, profile, version, words)


def _age_cap(wish: Restriction, profile: ApplicationProfile, version: SignatureVersion, words: str) -> Notice:
    """Return what a cap does, or which one is proposed."""
    cap, longest = wish.max_age_s, profile.longest_s
    lives = f", and its URLs live up to {age_text(longest)}" if longest else ""
    lifetime = f" Setting of the lifetime: {profile.lifetime_setting}." if profile.lifetime_setting else ""

    def said(effect: str, fix: str) -> Notice:
        return notice("application-age-cap", fix=fix, name=profile.name, version=words, effect=effect)

    if version == "2":
        refuses = ": an age cap refuses every such URL"
        setting = profile.signature_setting or "see its settings"
        return said(refuses if cap else f"{refuses}, so none is proposed", f"Sign with version 4 first: {setting}.")
    if version == "unknown":
        return notice(
            "application-age-cap",
            severity="warning" if cap else None,
            fix="Look at one of its URLs with gt-secure inspect.",
            name=profile.name,
            version="signs with a version that is unknown here",
            effect=": an age cap may refuse every URL" if cap else ": no age cap is proposed",
        )
    if cap is None:
        fitting = next((each for each in _CAPS_S if each >= longest and each < LONGEST_S), None) if longest else None
        if fitting is None:
            return said(f"{lives}: an age cap is possible", f"Choose --max-age above the age of its URLs.{lifetime}")
        return said(lives, f"Proposed: --max-age {age_text(fitting)}, which ends none of them early.{lifetime}")
    if longest > cap:
        fix = f"That is right if they are used immediately.{lifetime}"
        return said(f"{lives}: the cap ends them after {age_text(cap)}", fix)
    return said(f"{lives}: the cap ends none of them early", f"Keep it above their lifetime.{lifetime}")


def _root(profile: ApplicationProfile, hits: Hits | None, wish: Restriction) -> str:
    """Return the prefix of all keys that the application presigned in a log; empty if they share none."""
    if not profile.root or hits is None:
        return ""
    rows = hits.filter(presigned=True, refused=False, bucket=wish.bucket, application=profile.name)
    keys = [key for (key,) in rows.query(f"SELECT DISTINCT key FROM {{hits}} WHERE key <> '' LIMIT {_MOST_KEYS}")]
    found = {match[1] for key in keys if (match := re.match(profile.root, key))}
    return found.pop() if len(found) == 1 and len(keys) < _MOST_KEYS else ""
