"""Each branch of plans, history and journal that answers *unknown*,
beside its neighbours that are certain.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.base.network import Source
from gt_secure.changes import services
from gt_secure.changes.history import _of_event
from gt_secure.changes.journal import JournalCheck
from gt_secure.changes.lock import _held
from gt_secure.changes.rules import applications
from gt_secure.restriction.model import Restriction

WISH = Restriction(bucket="gt-images", addresses=["203.0.113.0/24"], application="mlflow")
LIMITED = Restriction(
    bucket="gt-images", addresses=["203.0.113.0/24"], application="mlflow", age_limit="15m"
)
ARN = "arn:aws:iam::111122223333:user/anna"


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"arn": ARN, "invokedBy": "cloudformation.amazonaws.com"}, ARN),
        ({"invokedBy": "cloudformation.amazonaws.com"}, "cloudformation.amazonaws.com"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_writer_that_an_event_does_not_name_is_unknown(identity: Any, who: str) -> None:
    assert _of_event({"userIdentity": identity}, "gt-images").who == who


@pytest.mark.parametrize(
    ("said", "broken", "passed"),
    [
        ({"a": (), "b": ()}, (), True),
        ({"a": (), "b": ("it has no end",)}, (), None),
        ({}, (), None),
        ({"a": ("a line is cut",), "b": ()}, ("a",), False),
    ],
)
def test_a_journal_is_intact_only_if_every_file_has_its_end(
    said: dict[str, tuple[str, ...]], broken: tuple[str, ...], passed: bool | None
) -> None:
    check = JournalCheck(said)
    check.broken = broken
    assert check.passed is passed
    assert bool(check) == (passed is True)


@pytest.mark.parametrize(
    ("holder", "said"),
    [
        (
            {"what": "apply c1", "pid": 7, "host": "lab", "since": "09:00"},
            "Another change is under way: apply c1, by process 7 on lab since 09:00.",
        ),
        (
            None,
            (
                "Another change is under way: a change, by process unknown on this machine since"
                " just now."
            ),
        ),
    ],
)
def test_a_change_under_way_is_named_as_far_as_it_is_known(holder: Any, said: str) -> None:
    error = _held(holder)
    assert (error.message, error.details["holder"]) == (said, holder or {})


def test_without_an_application_the_signature_is_unknown() -> None:
    assert applications.signature_of(case_of(replace_application(None))) == ("unknown", "")


def case_of(wish: Restriction) -> Any:
    """Return a case without a log."""
    return SimpleNamespace(restriction=wish, region="us-east-1", tried=None, hits=None)


def replace_application(name: str | None) -> Restriction:
    return Restriction(bucket="gt-images", addresses=["203.0.113.0/24"], application=name)


@pytest.mark.parametrize(
    ("wish", "severity", "effect"),
    [
        (LIMITED, "warning", "an age limit may refuse every URL"),
        (WISH, "info", "no age limit is proposed"),
    ],
)
def test_an_age_limit_for_a_signature_that_is_unknown_asks(
    wish: Restriction, severity: str, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = applications.applications()["mlflow"]
    monkeypatch.setattr(applications, "signature_of", lambda _: ("unknown", ""))
    made = applications._age_limit(profile, case_of(wish))
    assert (made.code, made.severity) == ("application-age-limit", severity)
    assert effect in made.text
    assert "signs with an unknown signature version" in made.text
    monkeypatch.setattr(applications, "signature_of", lambda _: ("4", "signs with version 4"))
    certain = applications._age_limit(profile, case_of(wish))
    assert "unknown" not in certain.text


@pytest.mark.parametrize(("signed", "said"), [("its API", "its API"), ("", "unknown")])
def test_what_an_application_signs_in_the_header_is_named_or_unknown(
    signed: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = replace(applications.applications()["mlflow"], header_signed=signed)
    monkeypatch.setattr(applications, "applications", lambda: {"mlflow": profile})
    notices = {each.code: each for each in applications.use.run(case_of(WISH))}
    assert said in notices["application-use"].text


def exposure(others: str, **endpoints: str) -> Any:
    row = SimpleNamespace(
        others=others,
        labels=tuple(endpoints),
        at_endpoint=endpoints.get,
        refused=SimpleNamespace(decided_by=("bucket guard",)),
    )
    return SimpleNamespace(row=lambda request: row)


@pytest.mark.parametrize(
    ("seen", "answer"),
    [
        (exposure("opened", a="opened"), "opened"),
        (exposure("refused", a="refused"), "refused"),
        (exposure("refused", a="opened"), "unknown"),
        (exposure("unknown", a="unknown"), "unknown"),
        (exposure("unknown"), "unknown"),
    ],
)
def test_a_private_address_is_answered_where_all_endpoints_agree(seen: Any, answer: str) -> None:
    found = services._through_some_endpoint(
        seen, Source.parse("10.0.3.4 via vpce-0a1b2c3d"), "presigned"
    )
    assert found.answer == answer
    assert bool(found.depends_on) == (answer == "unknown")
    assert found.lock == ("" if answer == "unknown" else "bucket guard")


@pytest.mark.parametrize(
    ("answers", "best"),
    [
        (("refused", "unknown"), "unknown"),
        (("unknown", "opened"), "opened"),
        (("refused", "refused"), "refused"),
        (("unknown", "refused", "opened"), "opened"),
    ],
)
def test_unknown_is_between_refused_and_opened(
    answers: tuple[str, ...], best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        services.Exposure, "plain", lambda self, source, each: SimpleNamespace(answer=each)
    )
    assert services._best(cast(Any, None), Source.parse("203.0.113.7"), answers).answer == best
