"""Each service of AWS that uses a bucket has a row in a plan, with its answers before and after."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gt_secure.base.network import Source, parse_networks
from gt_secure.changes import services
from gt_secure.changes.plan import plan
from gt_secure.changes.rules import log
from gt_secure.restriction.messages import Notice
from gt_secure.restriction.model import Restriction
from support.states import data_bucket, state

pytestmark = pytest.mark.usefixtures("known_texts")
FEATURES = {
    "S3 console": "downloads and uploads by presigned URLs",
    "S3 Object Lambda": "its function fetches the object with a presigned URL",
    "Redshift Spectrum": "queries of external tables read with presigned URLs",
    "CopyObject across Regions": "S3 reads the source of a copy with a presigned URL",
}
ME = "arn:aws:sts::111122223333:assumed-role/Studio/me"
BACK_END = [
    ("Ground Truth in us-east-1", "Ground Truth", f"{action}, signed in the header, through vpce-08408e335ebf95b40")
    for action in ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
]  # fmt: skip
DELIVERY = [("logging.s3.amazonaws.com", "log delivery", "delivers access logs into the bucket")]
CALLER = [
    (ME, "caller", f"s3:{action}BucketPolicy, to undo") for action in ("Get", "Put", "Delete")
]
LOGS = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::gt-images/*",
    }],
})  # fmt: skip


def rows(wish: Restriction, **account: Any) -> list[Any]:
    return list(plan(cast(Any, None), wish, state=state(**account)).simulation)


def features(place: str) -> list[tuple[str, str, str]]:
    return [(name, "feature of AWS", f"{why}, {place}") for name, why in FEATURES.items()]


def named(found: list[Any]) -> list[tuple[str, str, str]]:
    return [(row.source, row.request, row.why) for row in found]


def test_a_bucket_has_the_features_of_aws_and_the_caller() -> None:
    wish = Restriction(bucket="gt-images", addresses=["203.0.113.0/24"])
    found = rows(wish, team=None, workforce=None, bucket=data_bucket(policy=LOGS))
    assert named(found) == [*features("from outside the list"), *DELIVERY, *CALLER]
    answers = [(row.before.answer, row.after.answer, row.after.lock) for row in found]
    assert answers == [("opened", "refused", "bucket guard")] * 4 + [("opened", "opened", "")] * 4


def test_a_team_has_ground_truth_and_most_buckets_take_no_logs() -> None:
    found = rows(Restriction("radiology-team", bucket="gt-images", addresses=["198.51.100.0/24"]))
    assert named(found) == [*features("from outside the list"), *BACK_END, *CALLER]


@pytest.mark.parametrize(
    ("listed", "place"),
    [
        ([], "from outside the list"),
        (["198.51.100.0/24"], "from outside the list"),
        (["203.0.113.0/24"], "from outside the list"),
        (["198.51.100.0/24", "203.0.113.0/24"], "from an address of the list"),
    ],
)
def test_a_feature_of_aws_comes_from_outside_where_there_is_an_outside(
    listed: list[str], place: str
) -> None:
    asked: list[tuple[Source, str]] = []
    made: Any = SimpleNamespace(plain=lambda *given: asked.append(given))
    networks = parse_networks(listed)
    found = list(services._presigners(networks, made, made))
    assert named(found) == features(place)
    outside = "203.0.113.7" if listed == ["198.51.100.0/24"] else "198.51.100.9"
    assert asked == [(Source.parse(outside), "presigned")] * 2


@pytest.mark.parametrize(
    ("refused", "codes"),
    [
        ((), []),
        (("Ground Truth",), ["refuses-ground-truth"]),
        (("log delivery", "caller"), ["refuses-log-delivery", "loses-undo"]),
        (("feature of AWS",), []),
    ],
)
def test_a_service_that_a_plan_would_refuse_is_a_blocker(
    refused: tuple[str, ...], codes: list[str]
) -> None:
    seen = [SimpleNamespace(request=each, why="-", source="x", shut_out=True) for each in refused]
    open_row = SimpleNamespace(request="caller", why="-", source="x", shut_out=False)
    case = SimpleNamespace(simulation=[*seen, open_row])
    assert [each.code for each in log.services.run(case)] == codes


@pytest.mark.parametrize(
    ("known", "others", "code"),
    [
        (("198.51.100.1",), (), "refuses-source"), (("198.51.100.1",), ("198.51.100.2",), "refuses-labeler"),
        (("198.51.100.1",), ("198.51.100.2",), "refuses-source"),
    ],
)  # fmt: skip
def test_sources_that_only_followed_others_are_not_proposed(
    known: tuple[str, ...], others: tuple[str, ...], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(logged: list[str], late: set[str]) -> Notice:
        monkeypatch.setattr(log, "strangers", lambda *_: late)
        scene = "worker" if code == "refuses-labeler" else "presigned"
        rows = [
            SimpleNamespace(request=scene, why=services.LOGGED, source=each, shut_out=True)
            for each in logged
        ]
        wish = SimpleNamespace(team="radiology", bucket="gt-images", prefix="")
        [made] = log.sources.run(SimpleNamespace(restriction=wish, hits=None, simulation=rows))
        assert made.code == code
        return cast(Notice, made)

    notice = told([*known, *others], set(others))
    assert "198.51.100.1" in notice.text
    late = " So would 198.51.100.2, which opened only URLs that others had opened before."
    assert (late in notice.text) == bool(others)
    alone = told(list(others) or ["198.51.100.3"], {*others, "198.51.100.3"})
    assert "They opened only URLs that others had opened before." in alone.text
    assert alone.fix == "Confirm that they will be refused."
    assert notice.fix != alone.fix


def test_a_row_is_data() -> None:
    row = rows(
        Restriction(bucket="gt-images", addresses=["203.0.113.0/24"]), team=None, workforce=None
    )[0]
    data = services.service_data(row)
    assert data == {
        "source": "S3 console",
        "why": f"{FEATURES['S3 console']}, from outside the list",
        "scene": "feature of AWS",
        "now": row.before.to_dict(),
        "after": row.after.to_dict(),
    }
    assert data["now"] != data["after"]
