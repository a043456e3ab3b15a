import json
import re

import pytest

from gt_secure.access.who_can_open import who_can_open, who_html, who_text
from gt_secure.network import parse_networks
from gt_secure.policies.bucket_guard import build_guard, merge_guard

OFFICE, OTHER, VPC = "203.0.113.7", "198.51.100.20", "10.0.3.4 via vpce-0a1b2c3d"
GUARD = merge_guard(None, build_guard("gt-images", networks=["203.0.113.0/24"]))
PUBLIC = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::gt-images/*",
        }
    }
)


def ask(sources=(OFFICE, OTHER, VPC), **facts):
    rows = who_can_open("gt-images", "scans/1.png", sources, **facts)
    return {(row.source, row.link): (row.opens, row.lock) for row in rows}


def test_without_locks_everybody_with_the_link_comes_in():
    assert set(ask().values()) == {(True, "")}
    assert len(ask()) == 6


def test_the_url_lock_stops_forwarded_links_only():
    found = ask(url_lock="SourceIp")
    assert found[OFFICE, "own URL"] == (True, "")
    assert found[OTHER, "own URL"] == (True, "")
    assert found[OTHER, "forwarded from 192.0.2.1"] == (False, "URL lock")
    assert found[VPC, "own URL"] == (False, "URL lock")


def test_the_vpc_url_lock_wants_an_endpoint():
    found = ask(url_lock="VpcSourceIp")
    assert found[VPC, "own URL"] == (True, "")
    assert found[OFFICE, "own URL"] == (False, "URL lock")


def test_both_toggles_let_nobody_in():
    assert {opens for opens, _ in ask(url_lock="both").values()} == {False}


def test_the_guard_stops_whoever_is_not_listed():
    found = ask(bucket_policy=GUARD)
    assert found[OFFICE, "forwarded from 192.0.2.1"] == (True, "")
    assert found[OTHER, "own URL"] == (False, "bucket guard")
    assert found[VPC, "own URL"] == (False, "bucket guard")


def test_the_portal_lock_stops_links_made_here():
    found = ask(portal=parse_networks("203.0.113.0/24"))
    assert found[OFFICE, "own URL"] == (True, "")
    assert found[OTHER, "own URL"] == (False, "portal lock")
    assert found[OTHER, "forwarded from 192.0.2.1"] == (True, "")
    assert found[VPC, "own URL"] == (True, "")


def test_a_public_grant_undoes_the_url_lock():
    assert ask(url_lock="SourceIp", bucket_policy=PUBLIC)[OTHER, "forwarded from 192.0.2.1"] == (True, "")


def test_an_endpoint_policy_counts_for_its_endpoint():
    closed = {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}
    found = ask(endpoint_policies={"vpce-0a1b2c3d": closed})
    assert found[VPC, "own URL"] == (False, "VPC endpoint policy")
    assert found[OFFICE, "own URL"] == (True, "")
    other = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::other/*"}}
    found = ask(endpoint_policies={"vpce-0a1b2c3d": other}, url_lock="VpcSourceIp")
    assert found[VPC, "own URL"] == (False, "VPC endpoint policy")


def test_a_role_that_may_not_read_is_named():
    assert ask(identity=[])[OFFICE, "own URL"] == (False, "identity policy")


@pytest.mark.parametrize("facts", [{}, {"url_lock": "SourceIp"}])
def test_what_was_not_read_is_not_answered(facts):
    rows = who_can_open("gt-images", "k", [OTHER], unknown=["bucket policy"], **facts)
    assert [row.opens for row in rows] == [None, None]
    assert "Not read: bucket policy" in rows[0].note
    # but a Deny that was read is certain
    rows = who_can_open("gt-images", "k", [OTHER], unknown=["boundary"], bucket_policy=GUARD)
    assert [row.opens for row in rows] == [False, False]
    invalid = who_can_open("gt-images", "k", [OTHER], bucket_policy="{")
    assert invalid[0].opens is None
    assert "bucket policy is not valid" in invalid[0].note
    assert who_can_open("gt-images", "k", [OTHER], portal=None)[0].portal == "unknown"


def test_rows_tell_what_was_assumed_and_read_as_text_html_and_json():
    rows = who_can_open("gt-images", "<b>\n", [OFFICE, OTHER], bucket_policy=GUARD, url_lock="SourceIp")
    assert "assumed" in rows[0].note
    assert rows[0].to_dict()["opens"] is True
    assert rows[2].statement == 'statement 1 "GtSecurePresignGuard"'
    json.dumps([row.to_dict() for row in rows])
    text = who_text(rows)
    assert len(text.splitlines()) == 6, "head, four rows and the note that two of them have"
    assert text.splitlines()[-1].startswith("[1] ")
    assert "bucket guard" in text
    html = who_html(rows)
    assert html.count("<tr>") == 5
    assert "<b>" not in html
    assert [row.link for row in who_can_open("b", "k", [OFFICE], forwarded_from=None)] == ["own URL"]


def test_the_signing_role_is_known_to_conditions():
    role = "arn:aws:iam::111122223333:role/GroundTruthExecution"
    others = {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
                            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": role}}}}  # fmt: skip
    signer = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/worker"
    assert ask(bucket_policy=others, principal=signer)[OFFICE, "own URL"] == (True, "")
    assert ask(bucket_policy=others)[OFFICE, "own URL"] == (None, "")
    session = "arn:aws:sts::111122223333:assumed-role/Other/worker"
    assert ask(bucket_policy=others, principal=session)[OFFICE, "own URL"] == (False, "bucket policy")
    user = "arn:aws:iam::111122223333:user/alice"
    alice = {"Statement": {**others["Statement"], "Condition": {"ArnNotEquals": {"aws:PrincipalArn": user}}}}
    assert ask(bucket_policy=alice, principal=user)[OFFICE, "own URL"] == (True, "")


def test_an_account_in_the_policy_of_a_gateway_endpoint_lets_no_role_through():
    mine = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "*", "Resource": "*"}}
    through = {"endpoint_policies": {"vpce-0a1b2c3d": mine}}
    assert ask(**through)[VPC, "own URL"] == (True, "")
    assert ask(**through, gateway_endpoints=["vpce-0a1b2c3d"])[VPC, "own URL"] == (False, "VPC endpoint policy")
    assert ask(**through, gateway_endpoints=["vpce-0b1b2c3d"])[VPC, "own URL"] == (True, "")


def test_the_statement_is_named_only_where_it_may_stand_in_the_way():
    (row,) = who_can_open("gt-images", "k", [OFFICE], forwarded_from=None)
    assert (row.opens, row.statement) == (True, "")
    (row,) = who_can_open("gt-images", "k", [OFFICE], forwarded_from=None, unknown=["bucket policy"])
    assert (row.opens, row.statement) == (None, "statement 1")
    (row,) = who_can_open("gt-images", "k", [OTHER], forwarded_from=None, bucket_policy=GUARD)
    assert (row.opens, row.statement) == (False, 'statement 1 "GtSecurePresignGuard"')


def test_the_columns_of_the_text_are_as_wide_as_their_widest_cell():
    lines = who_text(who_can_open("gt-images", "k", [OFFICE, VPC], bucket_policy=GUARD)).splitlines()
    head, *rows = [line for line in lines if not line.startswith("[")]
    assert head.split() == ["SOURCE", "URL", "ANSWER", "DECIDED", "BY", "STATEMENT", "NOTE"]
    for row in rows:
        assert row[head.index("URL") :].startswith(("own URL ", "forwarded from "))
        assert row[head.index("ANSWER") :].split(maxsplit=1)[0] in ("opened", "refused", "unknown")
        assert row[head.index("URL") - 2 : head.index("URL")] == "  "


def test_colours_mean_security():
    rows = who_can_open("gt-images", "k", [OFFICE, OTHER], bucket_policy=GUARD)
    html = who_html(rows)
    tones = re.findall(r"gts-chip gts-(\w+)[^>]*>(?:<span[^>]*>.</span> )?<bdi>(\w+)<", html)
    assert tones == [("ok", "opened"), ("no", "opened"), ("plain", "refused"), ("ok", "refused")]
    (row,) = who_can_open("gt-images", "k", [OFFICE], forwarded_from=None, unknown=["bucket policy"])
    assert "gts-warn" in who_html([row]).partition("</style>")[2]
