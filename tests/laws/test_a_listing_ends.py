"""Each listing of AWS ends in bounded work: with pages again and again, or without end, it is an
error and no count.

The listing calls are found in the source, so that a new one fails until it is tried here. Pages are
written by the descriptions of operations in botocore, not by what the callers read.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

import gt_secure
from gt_secure.account.bucket import _access_points
from gt_secure.account.event_history import lookup_events
from gt_secure.account.organization import _texts
from gt_secure.account.principals import read_principals
from gt_secure.aws import client as aws_client
from gt_secure.aws.buckets import buckets_here
from gt_secure.aws.client import Aws, all_items, connect_aws
from gt_secure.aws.endpoints import list_s3_endpoints
from gt_secure.aws.managed_lists import _ip_sets, _prefix_list
from gt_secure.aws.s3_opener import AwsOpener
from gt_secure.aws.teams import (
    _list_vendor_workteams,
    jobs_of_team,
    list_private_workteams,
    list_reviews,
    list_workforces,
    team_from_api,
)
from gt_secure.base import pages
from gt_secure.base.errors import GtSecureError
from gt_secure.engine.access.part import Part
from gt_secure.logs.engines.athena_query import Flow
from gt_secure.logs.engines.athena_settings import Athena
from gt_secure.logs.storage.pages import _pages
from gt_secure.report.accounts import organization_accounts

MOST = 30
NOW = datetime(2026, 11, 29, tzinfo=UTC)
TEAM = {
    "WorkteamName": "t",
    "WorkteamArn": "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/t",
}
Way = Callable[[], Iterator[str]]

WAYS: dict[str, Way] = {
    "one token again": lambda: iter(lambda: "one", None),
    "two tokens in turn": lambda: (f"token {number % 2}" for number in count()),
    "ever new tokens": lambda: (f"token {number}" for number in count()),
}
CALLS: dict[str, Callable[[Aws], object]] = {
    "list_workteams": list_private_workteams,
    "list_subscribed_workteams": _list_vendor_workteams,
    "list_workforces": list_workforces,
    "list_flow_definitions": list_reviews,
    "list_labeling_jobs_for_workteam": lambda aws: jobs_of_team(aws, team_from_api(TEAM)),
    "get_managed_prefix_list_entries": lambda aws: _prefix_list(aws, "x"),
    "describe_vpc_endpoints": list_s3_endpoints,
    "list_role_tags": lambda aws: all_items(aws, "iam", "list_role_tags", "Tags", RoleName="r"),
    "list_evaluation_jobs": lambda aws: all_items(
        aws, "bedrock", "list_evaluation_jobs", "jobSummaries"
    ),
    "list_accounts": organization_accounts,
    "list_buckets": buckets_here,
    "list_policies_for_target": lambda aws: list(
        _texts(aws, ["r-1"], "SERVICE_CONTROL_POLICY", str)
    ),
    "lookup_events": lambda aws: lookup_events(
        aws, "EventName", "x", NOW - timedelta(1), NOW, most=10**6
    ),
    "get_account_authorization_details": read_principals,
    "list_roles": read_principals,
    "list_access_points": lambda aws: _access_points(aws, aws.client("s3"), "b"),
    "list_ip_sets": _ip_sets,
    "list_page": lambda aws: list(_pages(AwsOpener(aws.client("s3")), {"Bucket": "b"})),
    "results": lambda aws: list(Flow(_Athena(aws), Athena(), None, None).results("q")),
}
"""What reads each listing."""


class _Athena:
    def __init__(self, aws: Aws) -> None:
        self.results = aws.client("athena").get_query_results


def of_shape(shape: Any, depth: int = 0) -> Any:
    """Return a value of a shape of botocore."""
    if shape.type_name == "structure":
        return (
            {name: of_shape(each, depth + 1) for name, each in shape.members.items()}
            if depth < 4
            else {}
        )
    if shape.type_name == "list":
        return [of_shape(shape.member, depth + 1)] if depth < 2 else []
    words = {"boolean": True, "timestamp": NOW, "integer": 1, "long": 1, "map": {}}
    return words.get(shape.type_name, "{}")


class Server:
    """Answers each operation with its pages, and counts the calls."""

    def __init__(self, way: str, endless: str) -> None:
        self.tokens, self.endless, self.calls = WAYS[way](), endless, 0

    def __call__(self, client: Any, operation: str, _asked: object) -> dict[str, Any]:
        self.calls += 1
        if self.calls > 20 * MOST:
            pytest.fail("The listing does not end.")
        page: dict[str, Any] = of_shape(
            client.meta.service_model.operation_model(operation).output_shape
        )
        if operation == "GetCallerIdentity":
            return {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/ann"}
        ending = self.endless == "list_roles" and operation == "GetAccountAuthorizationDetails"
        token = "" if ending else next(self.tokens)
        names = [name for name in pages._TOKENS if name in page]
        page |= dict.fromkeys(names, token)
        page |= {"IsTruncated": not ending} if "IsTruncated" in page else {}
        page |= {"PrefixLists": [{"PrefixListId": "x"}]} if "PrefixLists" in page else {}
        return page


def listings() -> set[str]:
    """Return the names of listing operations in the source."""
    found = set()
    for path in Path(gt_secure.__file__).parent.rglob("*.py"):
        text = "" if "sandbox" in path.parts else path.read_text()
        if any(word in text for word in ("all_items(", "all_pages(", "followed(")):
            calls = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Call)]
            found |= {name for each in calls for name in _listed(each)}
    return found


def _listed(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "followed" and isinstance(call.args[0], ast.Attribute):
        yield call.args[0].attr
    place = {"all_items": 2, "all_pages": 1, "pages": 0}.get(name)
    if place is not None and len(call.args) > place and isinstance(call.args[place], ast.Constant):
        yield call.args[place].value


def test_every_listing_of_the_source_is_tried() -> None:
    assert listings() == set(CALLS)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setattr(pages, "MOST_PAGES", MOST)
    monkeypatch.setattr("gt_secure.logs.storage.pages.MOST_OF_DATA", MOST)
    monkeypatch.setattr("gt_secure.logs.engines.athena_query.MOST_OF_DATA", MOST)
    session = boto3.Session(
        aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1"
    )
    return connect_aws(boto3_session=session, region="us-east-1")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CALLS)
def test_a_listing_without_end_is_an_error(
    name: str, way: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(way, name)
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *asked: server(*asked))
    try:
        answer = CALLS[name](aws)
    except GtSecureError as error:
        answer = str(error)
    if isinstance(answer, str):
        assert "not whole" in answer
    else:
        assert isinstance(answer, Part), answer
        assert answer.missing or all(each.max_session_s is None for each in answer.value.all), (
            answer
        )
    assert server.calls <= (MOST + 4 if way == "ever new tokens" else 8)


def test_a_page_that_is_missing_is_an_error(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = {"Contents": [{"Key": "a"}], "IsTruncated": True}
    with pytest.raises(GtSecureError, match="not whole"):
        list(
            _pages(
                type("Opener", (), {"list_page": staticmethod(lambda **_: dict(cut))})(),
                {"Bucket": "b"},
            )
        )


def test_a_page_that_repeats_the_token_of_its_request_may_be_the_last_one(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 does so; the token of the next page alone tells whether there is one."""

    def page(_client: Any, _operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        number = int(asked.get("ContinuationToken", 0)) + 1
        more = (
            {"IsTruncated": True, "NextContinuationToken": str(number)}
            if number < 3
            else {"IsTruncated": False}
        )
        repeated = (
            {"ContinuationToken": asked["ContinuationToken"]}
            if "ContinuationToken" in asked
            else {}
        )
        return {"Contents": [{"Key": f"a{number}"}], **repeated, **more}

    monkeypatch.setattr(BaseClient, "_make_api_call", page)
    found = list(_pages(AwsOpener(aws.client("s3")), {"Bucket": "b"}))
    assert [entry["Key"] for each in found for entry in each["Contents"]] == ["a1", "a2", "a3"]


def test_no_other_module_follows_pages() -> None:
    """A paginator of botocore compares only tokens that follow each other, and knows no end."""
    root = Path(aws_client.__file__).parents[1]
    users = [
        p.name
        for p in root.rglob("*.py")
        if ".paginate(" in p.read_text() and "sandbox" not in p.parts
    ]
    assert users == ["client.py"]


def test_a_fault_is_seen(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_client, "ending", iter)
    server = Server("two tokens in turn", "list_workteams")
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *asked: server(*asked))
    with pytest.raises(pytest.fail.Exception):
        list_private_workteams(aws)
