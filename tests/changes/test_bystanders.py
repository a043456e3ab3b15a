"""Features of AWS that sign presigned requests: named by every plan,
and asked about where a plan would stop them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from gt_secure.aws.client import Aws
from gt_secure.changes.plan import Plan, plan
from gt_secure.logs import read_hits
from gt_secure.restriction.applications import bystanders
from gt_secure.restriction.model import Restriction
from support import corpus
from support.states import state

pytestmark = pytest.mark.usefixtures("known_texts")

ROLE = "arn:aws:sts::111122223333:assumed-role"
CONSOLE = {
    "requester": f"{ROLE}/AWSReservedSSO_Admin_0123456789abcdef/jane",
    "user_agent": "Mozilla/5.0",
    "more": "&response-content-disposition=attachment",
}
SPECTRUM = {"requester": f"{ROLE}/cluster/RedshiftIamRoleSession", "user_agent": "aws-sdk-cpp/1.9"}
LAMBDA = {
    "access_point_arn": "arn:aws:s3:us-east-1:1:accesspoint/a",
    "user_agent": "python-requests/2",
}
COPY = {"operation": "REST.COPY.OBJECT_GET", "user_agent": "-"}
SEEN = {"S3 console": CONSOLE, "Redshift Spectrum": SPECTRUM, "S3 Object Lambda": LAMBDA}
SEEN["CopyObject across Regions"] = COPY


def made(tmp_path: Path, address: str, rows: list[dict[str, Any]], **more: Any) -> Plan:
    path = tmp_path / "log"
    lines = []
    for row in ({"user_agent": "curl/8"}, *rows):
        fields = dict(row)
        query = f"X-Amz-Date=20261120T091400Z&X-Amz-Expires=300{fields.pop('more', '')}&X-Amz-Signature=a"
        record = {
            **corpus.BASE,
            **corpus.PRESIGNED,
            "request_uri": f"GET /k?{query} HTTP/1.1",
            "key": "k",
            **fields,
        }
        lines.append(corpus.write({**record, "remote_ip": address}))
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    wish = Restriction(addresses="203.0.113.0/24", bucket="gt-images", **more)
    return plan(cast(Aws, None), wish, state=state(), hits=read_hits(path))


def asks(one: Plan) -> dict[str, str]:
    return {each.code: str(each) for each in one.asks if each.code.startswith("bystander")}


@pytest.mark.parametrize("name", SEEN)
def test_a_guard_that_would_stop_one_asks(tmp_path: Path, name: str) -> None:
    outside = asks(made(tmp_path, "198.51.100.9", [SEEN[name]]))
    assert list(outside) == ["bystander-refused"]
    assert (
        f"presigned requests of {name}, and the guard would refuse them"
        in outside["bystander-refused"]
    )
    advice = next(each.advice for each in bystanders() if each.name == name)
    assert advice in outside["bystander-refused"]
    assert asks(made(tmp_path, "203.0.113.7", [SEEN[name]])) == {}


def test_without_one_nothing_is_asked(tmp_path: Path) -> None:
    assert asks(made(tmp_path, "198.51.100.9", [])) == {}


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("more_s", [-1, 0])
def test_an_age_limit_that_is_too_short_for_one_in_the_log_asks(
    tmp_path: Path, name: str, more_s: int
) -> None:
    needs = next(each.needs_age_s for each in bystanders() if each.name == name)
    one = made(tmp_path, "203.0.113.7", [SEEN[name]], age_limit=f"{needs + more_s}s")
    assert ("bystander-age-limit" in asks(one)) == (more_s < 0)
    if more_s < 0:
        assert f"The access log shows {name}" in asks(one)["bystander-age-limit"]


@pytest.mark.parametrize(
    ("limit", "names"), [("60s", 4), ("61s", 3), ("2m", 2), ("5m", 1), ("15m", 1), ("16m", 0)]
)
def test_an_age_limit_names_those_that_the_log_does_not_have(
    tmp_path: Path, limit: str, names: int
) -> None:
    one = made(tmp_path, "203.0.113.7", [], age_limit=limit)
    found = [each for each in one.notices if each.code == "bystander-age-limit"]
    assert asks(one) == {}
    assert sum(each.name in str(found) for each in bystanders()) == names


def test_every_plan_names_them() -> None:
    one = plan(
        cast(Aws, None), Restriction(addresses="203.0.113.0/24", bucket="gt-images"), state=state()
    )
    assert len(bystanders()) == 4
    for text in (one.to_text(full=True), one.to_html(), json.dumps(one.to_dict())):
        assert all(each.name in text for each in bystanders())
    assert all(each.needs_age_s and each.advice and each.refused for each in bystanders())
