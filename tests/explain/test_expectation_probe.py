"""The probe of an expectation: what it signs, from where it asks,
and when its answer is unknown.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.aws.teams import Workteam
from gt_secure.base.errors import InvalidInput
from gt_secure.base.network import Source
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.explain import from_account
from gt_secure.explain.from_account import expectation_probe
from support.states import TEAM

AWS, URLS = cast(Any, SimpleNamespace()), cast(Any, "test URLs")
OFFICE, INSIDE = Source.parse("203.0.113.7"), Source.parse("vpce-0a1b2c3d")


class Account:
    """What the probe reads, signs and fetches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys, self.team, self.answer = ["scans/1.png", "scans/2.png"], TEAM, "opened"
        self.is_here = True
        self.calls: list[Any] = []
        for name in ("probe_origin_for", "list_keys", "sign", "probe", "get_workteam"):
            monkeypatch.setattr(from_account, name, getattr(self, name))

    def probe_origin_for(self, aws: Any, source: Source) -> str:
        if not self.is_here:
            raise InvalidInput("No.", next_step="None.")
        return f"from {source}"

    def list_keys(self, *asked: Any, **options: Any) -> list[str]:
        self.calls.append((*asked[1:], options))
        return self.keys

    def sign(self, aws: Any, *asked: Any, **options: Any) -> str:
        self.calls.append((*asked, options))
        return "a URL"

    def probe(self, *asked: Any, **options: Any) -> Any:
        self.calls.append((*asked, options))
        return SimpleNamespace(answer=self.answer, opened=self.answer == "opened")

    def get_workteam(self, aws: Any, name: str) -> Workteam:
        return self.team


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    return Account(monkeypatch)


@pytest.mark.parametrize(
    ("answer", "opened"), [("opened", True), ("refused", False), ("unknown", None)]
)
def test_the_first_object_is_asked_for_from_the_source(
    answer: str, opened: bool | None, account: Account
) -> None:
    account.answer = answer
    assert expectation_probe(AWS, None, URLS)(OFFICE, "gt-images", "scans/") is opened
    assert account.calls == [
        ("gt-images", "scans/", {"most": 10}),
        ("gt-images", "scans/1.png", {"expires_in": 60, "bound_to": None, "test_urls": URLS}),
        ("a URL", "from 203.0.113.7", {"test_urls": URLS}),
    ]


def test_a_source_that_cannot_be_reached_and_a_prefix_without_an_object_are_unknown(
    account: Account,
) -> None:
    account.keys = []
    assert expectation_probe(AWS, None)(OFFICE, "gt-images", "scans/") is None
    account.is_here = False
    assert expectation_probe(AWS, None)(OFFICE, "gt-images", "scans/") is None
    assert len(account.calls) == 1, "nothing is signed"


ROUTED = Source.parse("10.0.3.4 via vpce-0a1b2c3d")
NO_ENDPOINT = Source.parse("203.0.113.7 via vpce-00000000000000000")


@pytest.mark.parametrize(
    ("team", "lock", "source", "bound"),
    [
        ("radiology-team", UrlLock(True), OFFICE, OFFICE),
        ("radiology-team", UrlLock(True), ROUTED, Source.parse("10.0.3.4")),
        ("radiology-team", UrlLock(False, True), ROUTED, ROUTED),
        ("radiology-team", UrlLock(False, True), OFFICE, NO_ENDPOINT),
        ("radiology-team", UrlLock(), OFFICE, None),
        ("radiology-team", None, OFFICE, None),
        ("radiology-team", UrlLock(True), INSIDE, None),
        ("arn:aws:sagemaker:us-east-1:1:workteam/vendor-crowd/acme", UrlLock(True), OFFICE, None),
        (None, UrlLock(True), OFFICE, None),
    ],
)
def test_the_url_is_bound_as_ground_truth_would(
    team: str | None, lock: UrlLock | None, source: Source, bound: Source | None, account: Account
) -> None:
    account.team = replace(TEAM, url_lock=lock)
    expectation_probe(AWS, team)(source, "gt-images", "")
    _, (*_, options), _ = account.calls
    assert options["bound_to"] == bound
