"""Facts in a restriction: kept in files, part of a plan,
and what decides where nobody can read them.
"""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from gt_secure import Restriction, connect, expect
from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.restriction.files import dump_restriction, load_restriction, schema
from gt_secure.sandbox import Sandbox
from support.consents import AGREED

BUCKET = "gt-images"
FACTS = {
    "aws:ResourceOrgID": "o-abc123",
    "aws:PrincipalOrgPaths": ("o-a/r-1/", "o-a/r-2/"),
    "aws:PrincipalTag/x": "",
}
WISH = Restriction(
    bucket=BUCKET,
    addresses="203.0.113.0/24",
    expectations=[expect.allowed("203.0.113.7")],
    facts=FACTS,
)
OF_ORGANIZATION = {
    "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*",
    "Condition": {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "o-abc123"}},
}  # fmt: skip


@pytest.mark.parametrize("name", ["wish.json", "wish.yaml"])
def test_facts_survive_a_file(name, tmp_path):
    path = dump_restriction(WISH, tmp_path / name)
    assert load_restriction(path) == WISH
    assert WISH.facts == FACTS
    jsonschema.validate(WISH.to_dict(), schema())
    assert hash(WISH) == hash(load_restriction(path))


def test_more_facts_win_and_leave_the_restriction_alone():
    more = WISH.with_facts({"aws:resourceorgid": "o-other1"})
    assert more.facts["aws:ResourceOrgID"] == "o-other1"
    assert more.facts["aws:PrincipalTag/x"] == ""
    assert WISH.facts == FACTS
    assert WISH.with_facts(None) is WISH


def test_a_bad_fact_is_refused_where_it_is_written():
    with pytest.raises(InvalidInput, match="PrincipleOrgID") as caught:
        Restriction.from_dict(
            {
                "bucket": BUCKET,
                "addresses": "203.0.113.0/24",
                "facts": {"aws:PrincipleOrgID": "o-a"},
            }
        )
    assert (caught.value.field, "aws:PrincipalOrgID" in caught.value.next_step) == ("facts", True)


@pytest.fixture
def gt(tmp_path, monkeypatch):
    with Sandbox(log_delay_s=60) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GT_SECURE_JOURNAL", str(tmp_path / "journal"))
        gt = connect()
        policy = {"Version": "2012-10-17", "Statement": [OF_ORGANIZATION]}
        gt.aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
        yield gt


def codes(plan):
    return {notice.code for notice in plan.notices}


def test_every_surface_takes_facts(gt, tmp_path, capsys):
    asked = Restriction(
        bucket=BUCKET, addresses="203.0.113.0/24", expectations=[expect.allowed("203.0.113.7")]
    )
    assert {"depends-on-facts", "expectation-broken"} <= codes(gt.plan(asked))
    known = {"aws:ResourceOrgID": "o-abc123"}
    for plan in (replace(gt, context=known).plan(asked), gt.plan(asked.with_facts(known))):
        assert not {"depends-on-facts", "expectation-broken"} & codes(plan)
    assert "expectation-broken" in codes(
        replace(gt, context={"aws:ResourceOrgID": "o-other1"}).plan(asked)
    )

    def answer(context):
        return (
            replace(gt, context=context)
            .who_can_open(BUCKET, "scans/0001.png")
            .at("203.0.113.7")[0]
            .answer
        )

    answers = [answer(context) for context in ({}, known, {"aws:ResourceOrgID": "o-other1"})]
    assert answers == ["unknown", "opened", "refused"]
    path = str(dump_restriction(asked, tmp_path / "wish.json"))
    assert main(["plan", "-f", path, "--context", "aws:ResourceOrgID=o-abc123", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["restriction"]["facts"] == known
    uri = f"s3://{BUCKET}/scans/0001.png"
    assert (
        main(
            [
                "who",
                uri,
                "--from",
                "203.0.113.7",
                "--context",
                "aws:ResourceOrgID=o-abc123",
                "--json",
            ]
        )
        == 0
    )
    assert '"opened"' in capsys.readouterr().out
    assert (
        main(["who", uri, "--from", "203.0.113.7", "--context", "aws:ResourceOrgId2=o-abc123"])
        == 64
    )
    assert "aws:ResourceOrgID" in capsys.readouterr().err
    assert gt.prove(asked.with_facts(known)).proved is False
    gt.apply(replace(gt, context=known).plan(asked), confirm=AGREED)
    assert replace(gt, context=known).prove(asked).proved is True
