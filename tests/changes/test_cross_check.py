"""A second opinion of IAM Access Analyzer: requests by the service's model, cost, agreement, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from gt_secure.changes.cross_check import CrossCheck, Opinion, cross_check
from gt_secure.cli.main import main
from gt_secure.errors import InvalidInput
from gt_secure.restriction.model import Restriction
from gt_secure.widgets import ReviewStep
from support.scene import BUCKET, WISH, Scene

PASS, FAIL = ({"result": each, "message": "m", "reasons": []} for each in ("PASS", "FAIL"))
NONE: dict[str, Any] = {"findings": []}
MORE = Restriction(addresses=["203.0.113.0/24", "198.51.100.0/24"], bucket=BUCKET, prefix=WISH.prefix)
FEWER = Restriction(addresses=["203.0.113.0/25"], bucket=BUCKET, prefix=WISH.prefix)


@pytest.fixture
def stub(scene: Scene):
    client = scene.gt.aws.client("accessanalyzer")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def valid(stub: Stubber, answer: dict[str, Any] = NONE) -> None:
    where = {
        "policyDocument": ANY,
        "policyType": "RESOURCE_POLICY",
        "validatePolicyResourceType": "AWS::S3::Bucket",
    }
    stub.add_response("validate_policy", answer, where)


def asked(stub: Stubber, new: dict[str, Any], public: dict[str, Any]) -> None:
    where = {"newPolicyDocument": ANY, "existingPolicyDocument": ANY, "policyType": "RESOURCE_POLICY"}
    stub.add_response("check_no_new_access", new, where)
    stub.add_response("check_no_public_access", public, {"policyDocument": ANY, "resourceType": "AWS::S3::Bucket"})


@pytest.mark.parametrize(
    ("wish", "new", "agreement", "ours"),
    [
        (MORE, FAIL, "agrees", "more is opened for presigned"),
        (MORE, PASS, "disagrees", "more is opened for presigned"),
        (FEWER, PASS, "agrees", "nothing more is opened"),
        (FEWER, FAIL, "disagrees", "nothing more is opened"),
        (FEWER, PASS | {"result": "MAYBE"}, "unknown", "nothing more is opened"),
    ],
)
def test_both_verdicts_are_compared(scene: Scene, stub, wish, new, agreement, ours):
    valid(stub)
    valid(stub)
    asked(stub, new, PASS)
    costs: list[str] = []
    result = cross_check(scene.gt.aws, scene.gt.plan(wish), progress=costs.append)
    assert [each.check for each in result.opinions] == ["ValidatePolicy", "CheckNoNewAccess", "CheckNoPublicAccess"]
    assert [each.agreement for each in result.opinions] == ["agrees", agreement, "agrees"]
    assert result.opinions[1].ours.startswith(ours)
    assert result.charged == 2
    assert len(costs) == 1
    assert "AWS charges for 2 calls" in costs[0]
    assert "https://aws.amazon.com/iam/access-analyzer/pricing/" in costs[0]
    assert (len(result.disagreements) == 1) == (agreement == "disagrees")


def test_the_cost_is_named_before_the_charged_calls(scene: Scene, stub):
    valid(stub)
    valid(stub)

    class Stop(Exception):
        """Raised by a person who reads the cost."""

    def stop(_: str) -> None:
        raise Stop

    with pytest.raises(Stop):
        cross_check(scene.gt.aws, scene.gt.plan(MORE), progress=stop)


def test_public_access_that_we_do_not_see_is_a_disagreement(scene: Scene, stub):
    valid(stub)
    valid(stub)
    reason = {"description": "Public access granted in statement 2", "statementIndex": 2}
    asked(stub, PASS, FAIL | {"reasons": [reason]})
    [opinion] = scene.gt.cross_check(scene.gt.plan(FEWER)).disagreements
    assert (opinion.check, opinion.theirs, opinion.ours) == ("CheckNoPublicAccess", "public access", "not public")
    assert "statement 2" in str(opinion)


def problem(kind: str, index: int = 0) -> dict[str, Any]:
    span = {name: {"line": 1, "column": 0, "offset": 0} for name in ("start", "end")}
    path = [{"value": "Statement"}, {"index": index}]
    return {
        "findingType": kind,
        "issueCode": "CODE",
        "findingDetails": "details",
        "learnMoreLink": "https://docs.aws.amazon.com/",
        "locations": [{"path": path, "span": span}],
    }


@pytest.mark.parametrize(
    ("before", "after", "agreement"),
    [
        ([], [problem("ERROR")], "disagrees"),
        ([problem("ERROR")], [problem("ERROR")], "agrees"),
        ([], [problem("SECURITY_WARNING")], "disagrees"),
        ([], [problem("SECURITY_WARNING", 99)], "agrees"),
        ([], [problem("SUGGESTION")], "agrees"),
    ],
)
def test_new_problems_of_the_policy(scene: Scene, stub, before, after, agreement):
    valid(stub, {"findings": before})
    valid(stub, {"findings": after})
    [opinion] = scene.gt.cross_check(scene.gt.plan(MORE), charged=False).opinions
    assert opinion.agreement == agreement


def test_pages_are_read(scene: Scene, stub):
    valid(stub)
    valid(stub, {"findings": [], "nextToken": "t"})
    where = {"policyDocument": ANY, "policyType": ANY, "validatePolicyResourceType": ANY, "nextToken": "t"}
    stub.add_response("validate_policy", {"findings": [problem("ERROR")]}, where)
    assert scene.gt.cross_check(scene.gt.plan(MORE), charged=False).disagreements


def test_a_plan_without_changes_asks_about_the_policy_of_now(scene: Scene, stub):
    valid(stub)
    valid(stub)
    stub.add_response("check_no_public_access", PASS)
    result = scene.gt.cross_check(scene.gt.plan(WISH))
    assert [each.check for each in result.opinions] == ["ValidatePolicy", "CheckNoPublicAccess"]


def test_what_the_role_may_not_ask_is_unknown(scene: Scene, stub):
    stub.add_client_error("validate_policy", "AccessDeniedException", "not authorized", 403)
    stub.add_client_error("check_no_new_access", "AccessDeniedException", "not authorized", 403)
    stub.add_client_error("check_no_public_access", "ThrottlingException", "slow down", 429)
    result = scene.gt.cross_check(scene.gt.plan(MORE))
    assert [each.agreement for each in result.opinions] == ["unknown"] * 3
    assert "access-analyzer:CheckNoNewAccess" in result.opinions[1].theirs
    assert not result.disagreements


def test_no_policy_left(scene: Scene):
    with pytest.raises(InvalidInput, match="no bucket policy"):
        scene.gt.cross_check(scene.gt.plan(Restriction("open-team")))


def test_the_command_line(scene: Scene, monkeypatch, capsys):
    scene.use_environment(monkeypatch)
    words = ["plan", "--bucket", BUCKET, "--prefix", WISH.prefix, "--allow", "203.0.113.0/25"]
    main([*words, "--cross-check"])  # the sandbox has no Access Analyzer: every opinion is unknown
    output = capsys.readouterr()
    assert "AWS charges for 2 calls" in output.err
    assert output.out.partition("IAM Access Analyzer:")[2].count(" unknown: ") == 3
    main([*words, "--cross-check", "free", "--json"])
    output = capsys.readouterr()
    assert "charged" not in output.err
    assert '"cross_check"' in output.out


def test_the_panel_shows_both_verdicts(scene: Scene, monkeypatch):
    step = ReviewStep(scene.gt, restriction=MORE)
    assert "AWS charges for 2 calls" in step.ask_button.tooltip
    nasty = "<script>alert(1)</script>"
    made = CrossCheck((Opinion("CheckNoNewAccess", "disagrees", nasty, "nothing more is opened"),), 2)
    monkeypatch.setattr(type(scene.gt), "cross_check", lambda *_, **__: made)
    step.cross_check()
    assert "disagrees" in step.opinions.value
    assert nasty not in step.opinions.value
    step.restriction = FEWER
    assert step.opinions.value == ""
