"""Questions of a plan about the people of each workteam of a bucket: those whom the access log
shows, those whom nobody looked for, and those to whom today's guard gives access.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gt_secure.account.state import OtherTeam, State
from gt_secure.account.whereabouts import Whereabouts
from gt_secure.changes.plan import Plan, plan
from gt_secure.engine.access.part import Part
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.findings import examine
from gt_secure.restriction.model import Restriction
from support.answers import S3_ENDPOINT
from support.guards import merge_guard
from support.states import BUCKET, FORCE, JOB, OTHER, TEAM, data_bucket, endpoint, state, unread

pytestmark = pytest.mark.usefixtures("known_texts")

OFFICE, BRANCH, ELSEWHERE = "203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"
DESK, SECOND_DESK, HOME = "203.0.113.7", "203.0.113.9", "198.51.100.9"
SECOND = "vpce-0fedcba9876543210"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
DONE = replace(JOB, status="Completed")
NIGHT_JOB = replace(JOB, name="night-scans", workteam_arn=OTHER.arn)


def seen(*sources: str, missing: str = "") -> Whereabouts:
    """Return what the log of the last days shows."""
    return Whereabouts(sources, NOW - timedelta(days=7), NOW, missing)


def account(
    *guards: dict[str, Any],
    jobs: Any = (JOB,),
    people: Whereabouts | None = None,
    own: Whereabouts | None = None,
    own_jobs: Any = (),
    wish: Restriction | None = None,
    **more: Any,
) -> State:
    """Return an account in which radiology-team uses the bucket beside open-team."""
    policy = None
    for guard in guards:
        policy = merge_guard(policy, build_guard(BUCKET.name, **guard))
    known = {TEAM.arn: people, OTHER.arn: own}
    return state(
        **{
            "team": OTHER,
            "jobs": own_jobs,
            "bucket": data_bucket(policy=policy),
            "others": (OtherTeam(TEAM, Part.of(jobs), wish),),
            "portal": Part.of(FORCE),
            "seen": {arn: each for arn, each in known.items() if each is not None},
            **more,
        }
    )


def made(around: State, **wish: Any) -> Plan:
    """Plan for the team of an account, or for the bucket alone where it has none."""
    options = {"bucket": BUCKET.name, "url_lock": None, "addresses": ELSEWHERE, **wish}
    return plan(cast(Any, None), Restriction(around.team.value, **options), state=around)


def questions(one: Plan) -> dict[str, str]:
    return {each.code: each.text for each in one.asks}


ONE_OF = "radiology-team: 1 of 2 addresses that opened images this week would be refused"


@pytest.mark.parametrize(
    ("guards", "wish", "said"),
    [
        ((), {"team": None}, "radiology-team: 2 of 2 addresses that opened images this week"),
        ((), {"prefix": "scans/"}, "2 of 2 addresses that opened images this week"),
        ((), {}, "2 of 2 addresses that opened images this week would be refused"),
        ((), {"endpoints": S3_ENDPOINT.id, "addresses": ()}, "2 of 2 addresses"),
        ((), {"guard": "reads"}, "2 of 2 addresses that opened images this week"),
        ((), {"addresses": OFFICE}, ONE_OF),
        ((), {"addresses": [OFFICE, f"{HOME}/32"]}, ""),
        (({"networks": [OFFICE, BRANCH]},), {"addresses": OFFICE}, ONE_OF),
        (({"networks": [OFFICE]},), {"addresses": [OFFICE, ELSEWHERE]}, ""),
    ],
)
@pytest.mark.parametrize("jobs", [(JOB,), (DONE,)], ids=["in progress", "completed"])
def test_the_question_says_how_many_of_its_people_would_be_refused(
    guards: Any, wish: dict[str, Any], said: str, jobs: Any
) -> None:
    """Whoever was seen outside is asked about, also beside a job that is over;
    and nobody is where the log shows everybody inside.
    """
    around = account(*guards, jobs=jobs, people=seen(DESK, HOME))
    if "team" in wish:
        around = replace(around, team=Part.of(None), workforce=Part.of(None))
    asked = questions(made(around, **{name: wish[name] for name in wish if name != "team"}))
    text = asked.get("loses-access:radiology-team", "")
    assert said in text
    assert bool(text) == bool(said)
    assert ("is labeling chest-scans" in text) == bool(said and jobs == (JOB,))
    assert not said or "radiology-team opens no image of " in text


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (None, "workers are is unknown. No access log was read."),
        (seen(DESK, missing="2 of 9 log objects were not read."), "2 of 9 log objects were not read."),
        (seen(DESK), ""),
        (seen(), ""),
        (seen(DESK, HOME, missing="The log ends at 12:00."), "1 of 2 addresses"),
    ],
)  # fmt: skip
def test_another_team_is_asked_about_unless_the_log_shows_all_its_people_inside(
    known: Whereabouts | None, said: str
) -> None:
    text = questions(made(account(people=known), addresses=OFFICE)).get(
        "loses-access:radiology-team", ""
    )
    assert said in text
    assert bool(text) == bool(said)


@pytest.mark.parametrize(
    ("known", "own_jobs", "guards", "asked"),
    [
        (None, (NIGHT_JOB,), (), "workers are is unknown. No access log was read."),
        (None, (), (), ""),
        (None, (DONE,), (), ""),
        (seen(DESK, missing="The log ends at 12:00."), (NIGHT_JOB,), (), ""),
        (seen(DESK), (NIGHT_JOB,), (), ""),
        (seen(DESK, HOME), (), (), "open-team: 1 of 2 addresses that opened images this week"),
        (None, (NIGHT_JOB,), ({"networks": [OFFICE]},), ""),
        (None, (NIGHT_JOB,), ({"networks": [OFFICE, BRANCH]},), ""),  # guard-drops names it
    ],
)
def test_the_team_of_the_plan_is_asked_about_once(
    known: Whereabouts | None, own_jobs: Any, guards: Any, asked: str
) -> None:
    """The list is its answer: only evidence against it asks, or none at all while it works."""
    around = account(*guards, others=(), own=known, own_jobs=own_jobs)
    text = questions(made(around, addresses=OFFICE)).get("loses-access:open-team", "")
    assert asked in text
    assert bool(text) == bool(asked)


def test_a_lock_of_the_team_alone_asks_about_each_of_its_jobs() -> None:
    """Its job reads another bucket, and the URL lock holds there too;
    without a loss nothing is asked.
    """
    away = replace(NIGHT_JOB, input_uri="s3://else/a", output_uri="")
    around = account(others=(), own_jobs=(away,), team=OTHER)
    assert not questions(made(around, addresses=OFFICE))
    lock = {"url_lock": "SourceIp", "guard": None, "addresses": ()}
    asked = questions(made(around, **lock))
    assert "night-scans" in asked["loses-access:open-team"]
    assert "all endpoints" in asked["loses-access:open-team"]
    on = replace(OTHER, url_lock=UrlLock(True))
    assert not questions(made(account(others=(), own_jobs=(away,), team=on), **lock))


def test_a_team_that_could_not_be_read_hides_no_other_one() -> None:
    around = replace(account(people=seen(DESK, HOME)), team=unread("sagemaker:DescribeWorkteam"))
    wish = Restriction("open-team", bucket=BUCKET.name, url_lock=None, addresses=ELSEWHERE)
    assert "loses-access:radiology-team" in questions(plan(cast(Any, None), wish, state=around))


TAKEN = {
    "a network": ([OFFICE, BRANCH], [], [], {"addresses": OFFICE}, BRANCH),
    "an endpoint": ([OFFICE], [S3_ENDPOINT.id], [], {"addresses": OFFICE}, S3_ENDPOINT.id),
    "a VPC": ([OFFICE], [], ["vpc-0a1b2c3d"], {"addresses": OFFICE}, "vpc-0a1b2c3d"),
    "a part of a network": ([OFFICE], [], [], {"addresses": "203.0.113.0/25"}, OFFICE),
    "a part of a folder": ([OFFICE, BRANCH], [], [], {"addresses": OFFICE, "prefix": "scans/"}, BRANCH),
}  # fmt: skip


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize("jobs", [(JOB,), (DONE,)], ids=["in progress", "completed"])
def test_what_todays_guard_gives_is_taken_from_nobody_in_silence(taken: str, jobs: Any) -> None:
    """The list of the guard is the record of what is given, whoever wrote it: no journal is read."""
    networks, endpoints, vpcs, wish, lost = TAKEN[taken]
    guard = {"allowed": [*networks, *endpoints, *vpcs]}
    asked = questions(made(account(guard, jobs=jobs), **wish))
    assert lost in asked["guard-drops"]
    assert "chest-scans of radiology-team" in asked["guard-drops"]
    assert ("loses-access:radiology-team" in asked) == (jobs == (JOB,))
    assert "loses-access:open-team" not in asked


def test_who_loses_all_that_the_guard_gives_stops_the_plan_on_every_machine() -> None:
    """A way that opens in theory stands for none that is taken away."""
    around = account({"networks": [OFFICE]})
    one = made(around, addresses=BRANCH)
    assert [each.code for each in one.blockers] == ["refuses-team"]
    assert f"labeling job chest-scans of radiology-team ({OFFICE}" in questions(one)["refuses-team"]
    kept = replace(
        around, seen={TEAM.arn: seen(DESK, missing="The log ends at 12:00.")}, others=around.others
    )
    assert [each.code for each in made(kept, addresses=BRANCH).blockers] == ["refuses-team"]
    assert made(around, addresses=["203.0.113.128/25", BRANCH]).blockers == ()
    first = made(account(), addresses=BRANCH)  # anybody can open today, which is given to nobody
    assert first.blockers == ()
    assert "loses-access:radiology-team" in questions(first)
    vpc = account(
        {"endpoints": [S3_ENDPOINT.id]}, endpoints=(S3_ENDPOINT, endpoint(SECOND, "vpc-2"))
    )
    assert [each.code for each in made(vpc, addresses=(), endpoints=SECOND).blockers] == [
        "refuses-team"
    ]


def test_the_list_that_keeps_what_they_need_stands_beside_the_question() -> None:
    """It has what the guard lists today and where the log shows them; its plan then asks nothing."""
    around = account({"networks": [OFFICE, BRANCH]}, people=seen(DESK, HOME))
    one = made(around, addresses=[OFFICE])
    assert one.keeping is not None
    assert [*map(str, one.keeping.addresses)] == [BRANCH, OFFICE]
    for each in one.asks:
        assert "--keep-teams" in each.fix
        assert BRANCH in each.fix
    again = plan(cast(Any, None), one.keeping, state=around)
    assert (again.asks, again.keeping) == ((), None)

    first = account(people=seen(DESK, HOME, SECOND, "10.0.3.4"), own=seen(SECOND_DESK))
    one = made(first)
    assert one.keeping is not None
    assert {*map(str, one.keeping.addresses)} == {
        ELSEWHERE, f"{DESK}/32", f"{SECOND_DESK}/32", f"{HOME}/32",
    }  # fmt: skip
    assert one.keeping.endpoints == (SECOND,)
    assert {"loses-access:radiology-team", "loses-access:open-team"} <= questions(one).keys()

    nobody_knows = made(account(), addresses=OFFICE)
    assert nobody_knows.keeping is None
    assert "--keep-teams" not in "".join(each.fix for each in nobody_knows.asks)


@pytest.mark.parametrize(
    ("endpoints", "wish", "asks"),
    [
        ((S3_ENDPOINT,), {"endpoints": S3_ENDPOINT.id}, False),
        ((S3_ENDPOINT, endpoint(SECOND, "vpc-2")), {"endpoints": S3_ENDPOINT.id}, True),
        ((S3_ENDPOINT,), {}, True),
        ((), {"endpoints": S3_ENDPOINT.id}, True),
    ],
)
def test_a_private_address_came_through_any_endpoint_of_the_account(
    endpoints: Any, wish: dict[str, Any], asks: bool
) -> None:
    """The access log of S3 does not name the endpoint."""
    around = account(people=seen("10.0.3.4"), endpoints=endpoints)
    assert ("loses-access:radiology-team" in questions(made(around, **wish))) == asks


def test_an_endpoint_is_no_address() -> None:
    around = account(people=seen(SECOND, DESK))
    assert "2 of 2 sources that opened" in questions(made(around))["loses-access:radiology-team"]


@pytest.mark.parametrize(
    ("guard", "jobs", "people", "wish", "detail"),
    [
        ({"networks": [ELSEWHERE]}, (JOB,), seen(DESK, HOME), None, "2 of 2 addresses that opened images this week"),
        ({"networks": [ELSEWHERE], "prefix": "scans/"}, (JOB,), seen(DESK), None, "1 of 1 address"),
        ({"networks": [OFFICE]}, (JOB,), seen(DESK, HOME, missing="The log ends at 12:00."), None, "1 of 2 addresses"),
        ({"networks": [OFFICE]}, (JOB,), None, [BRANCH], f"lists: from {BRANCH}."),
        ({"networks": [OFFICE]}, (JOB,), None, [OFFICE], ""),
        ({"networks": [ELSEWHERE]}, (DONE,), seen(DESK), None, ""),
        ({"networks": [OFFICE]}, (JOB,), seen(DESK), None, ""),
        ({"networks": [OFFICE]}, (JOB,), None, None, ""),
        ({"networks": [ELSEWHERE], "prefix": "maps/"}, (JOB,), seen(DESK), None, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_own", [False, True], ids=["another team", "the team"])
def test_a_team_that_waits_outside_of_what_is_allowed_is_a_finding(
    guard: Any, jobs: Any, people: Whereabouts | None, wish: Any, detail: str, is_own: bool
) -> None:
    given = wish and Restriction(TEAM, bucket=BUCKET.name, addresses=wish, url_lock=None)
    around = account(guard, jobs=jobs, people=people, wish=given)
    if is_own:
        around = replace(around, team=Part.of(TEAM), jobs=Part.of(jobs), others=(), wanted=given)
    found = [each for each in examine(around).findings if each.code == "team-locked-out"]
    assert [each.subject for each in found] == ["radiology-team"] * bool(detail)
    for each in found:
        assert each.severity == "high"
        assert detail in each.detail
        assert "chest-scans" in each.detail
