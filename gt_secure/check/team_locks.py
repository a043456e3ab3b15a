"""``team_is_restricted``: the URL lock of a workteam, and on demand its portal lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from ..account.lists import ranges_and_lists
from ..aws.teams import TeamLike, Workforce, team_name
from ..connection import ConnectionLike, connection_of
from ..findings.model import Finding
from ..network import IPAddress, IPNetwork, outside, parse_networks
from .result import Check, CheckResult, some

_URL_LOCK = {"url-lock-both", "url-lock-off", "url-lock-portal-mismatch", "url-lock-impossible"}
_NEEDED = {"sagemaker:DescribeWorkteam", "sagemaker:DescribeWorkforce", "sagemaker:ListWorkforces"}


@Check
def team_is_restricted(
    gt: ConnectionLike,
    team: TeamLike,
    *,
    url_lock: Literal["SourceIp", "VpcSourceIp"] | None = None,
    portal: str | Iterable[str | IPNetwork | IPAddress] | None = None,
) -> CheckResult:
    """Check that the team's URL lock is on, with only one setting, and fits the portal.

    Parameters
    ----------
    gt : Connection or sagemaker.core Session
    team : str or Workteam
        Name of a private workteam; a vendor or public one has no URL lock, and the check fails.
    url_lock : str, optional
        The required setting.
    portal : str or iterable of networks, optional
        Also check the portal lock: it is on, and lists nothing outside these networks. They may name lists that AWS
        keeps (``pl-…``, ``wafv2:ipset/NAME``).
    """
    name = team_name(team)
    gt = connection_of(gt)
    found = gt.findings(team=team)
    wrong = [finding for finding in found if finding.code in _URL_LOCK and finding.state == "found"]
    details: dict[str, Any] = {"findings": [finding.code for finding in wrong]}
    if wrong:
        return _failed(name, wrong[0], details)
    unseen = _unseen(found)
    if unseen:
        return CheckResult(
            "team_is_restricted",
            name,
            None,
            f"Whether the URL lock fits the portal is not known: {some(unseen)}.",
            {**details, "not_read": unseen},
            "'gt-secure doctor --policy teams' prints the policy to hand to an administrator.",
        )
    lock = gt.workteam(team).url_lock
    mode = lock.mode if lock is not None else "off"
    details["url_lock"] = mode
    if url_lock is not None and mode != url_lock:
        said = f"The URL lock is {mode}, not {url_lock}."
        return CheckResult("team_is_restricted", name, False, said, details, "Plan the team's restriction again.")
    if portal is not None:
        return _portal(name, gt.workforce(), ranges_and_lists(gt.aws, portal)[0], mode, details)
    return CheckResult("team_is_restricted", name, True, f"The URL lock is on ({mode}).", details)


def _failed(name: str, finding: Finding, details: dict[str, Any]) -> CheckResult:
    said = f"{finding.title}. {finding.detail}".strip()
    return CheckResult("team_is_restricted", name, False, said, details, finding.fix)


def _unseen(found: Iterable[Finding]) -> list[str]:
    """Return what was not read of the team and its workforce, each with the reason."""
    blind = [each for each in found if each.code == "not-checked" and _NEEDED & set(each.could_not_see)]
    return sorted({each.detail.partition(". ")[0].rstrip(".") for each in blind})


def _portal(
    name: str, force: Workforce | None, wanted: tuple[IPNetwork, ...], mode: str, details: dict[str, Any]
) -> CheckResult:
    listed = [] if force is None else list(force.cidrs)
    details["portal_lock"] = listed
    if not listed:
        said = "The portal lock is off: the worker portal opens from every address."
        return CheckResult(
            "team_is_restricted", name, False, said, details, "Apply a restriction with portal_lock=True."
        )
    extra = [str(network) for network in outside(parse_networks(listed), wanted)]
    if extra:
        said = f"The portal lock also lists {some(extra)}."
        return CheckResult("team_is_restricted", name, False, said, details, "Take them out, or add them to the check.")
    said = f"The URL lock is on ({mode}), and the portal opens only from {some(listed)}."
    return CheckResult("team_is_restricted", name, True, said, details)
