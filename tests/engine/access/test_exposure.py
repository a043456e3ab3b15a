"""Exposure from policies: the exact sets of sources for each kind of request."""

from __future__ import annotations

import ipaddress

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.proof import Claim, prove
from gt_secure.engine.iam.facts import parse_facts, supplied_facts
from support.answers import exposed

EVERYWHERE = ["0.0.0.0/0", "::/0"]
RCP_ORG = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "*",
            "Condition": {
                "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        }
    ],
}


def policy(*statements):
    base = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::gt-images/*",
    }
    return {"Version": "2012-10-17", "Statement": [{**base, **each} for each in statements]}


def deny(*conditions):
    return policy(*({"Condition": each} for each in conditions))


PUBLIC = {"Effect": "Allow", "Action": "s3:GetObject"}


def ask(document, facts=(), kind="presigned", **layers):
    return exposed(document, "k.png", facts, **layers).row(kind).to_dict()


def answer(document, facts=(), kind="presigned", **layers):
    """Return the one answer for all addresses."""
    row = ask(document, facts, kind, **layers)
    found = [name for name in ("opened", "refused", "unknown") if row[name]["cidrs"] == EVERYWHERE]
    assert len(found) == 1, row
    return found[0], row["unknown"]["depends_on"]


@pytest.mark.parametrize(
    ("document", "facts", "kind", "expected"),
    [
        (None, [], "presigned", ("opened", [])),
        (None, [], "anonymous", ("refused", [])),
        (None, [], "other-account", ("refused", [])),
        (policy(PUBLIC), [], "anonymous", ("opened", [])),
        (policy(PUBLIC), [], "other-account", ("opened", [])),
        (deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}}), [], "presigned",
         ("unknown", ["aws:PrincipalOrgID"])),
        (deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}}), ["aws:PrincipalOrgID=o-a"], "presigned",
         ("opened", [])),
        (deny({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}}), ["aws:PrincipalOrgID="], "presigned",
         ("refused", [])),
        (policy(PUBLIC, {"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}}}),
         ["aws:PrincipalOrgID=o-a"], "other-account", ("unknown", ["aws:PrincipalOrgID"])),
        (policy(PUBLIC, {"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}}}),
         ["aws:PrincipalOrgID=o-a"], "anonymous", ("refused", [])),
        (deny({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}), [], "presigned", ("opened", [])),
        (policy(PUBLIC, {"Condition": {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}}), [],
         "other-account", ("refused", [])),
        (deny({"StringNotEquals": {"aws:ResourceAccount": "111122223333"}}), [], "presigned", ("opened", [])),
        (deny({"StringNotEquals": {"aws:ResourceAccount": "111122223333"}}), ["aws:ResourceAccount="], "presigned",
         ("refused", [])),
        (deny({"Null": {"aws:ResourceAccount": "false"}}), ["aws:ResourceAccount="], "presigned", ("opened", [])),
        (deny({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}), [], "presigned",
         ("unknown", ["aws:RequestedRegion"])),
        (deny({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}), ["aws:RequestedRegion=us-east-1"],
         "presigned", ("opened", [])),
        (deny({"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}}), [], "header",
         ("unknown", ["s3:ExistingObjectTag/secret"])),
        (deny({"StringEquals": {"aws:ResourceTag/x": "a"}}, {"StringNotEquals": {"aws:ResourceTag/x": "a"}}), [],
         "presigned", ("refused", [])),
        (deny({"StringNotLike": {"aws:Referer": "https://x.example/*"}}), [], "presigned", ("opened", [])),
        (deny({"Bool": {"aws:ViaAWSService": "false"}}), [], "presigned", ("refused", [])),
        (deny({"Null": {"aws:username": "true"}}), [], "presigned", ("opened", [])),
        (deny({"Null": {"aws:username": "true"}}), ["aws:PrincipalArn=arn:aws:iam::111122223333:role/GT"], "presigned",
         ("refused", [])),
        (deny({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}), [], "presigned", ("refused", [])),
        (deny({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}), [], "header", ("opened", [])),
        (deny({"StringEquals": {"s3:authType": "POST"}}), [], "post-form", ("refused", [])),
        (deny({"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}), [], "presigned",
         ("unknown", ["s3:x-amz-content-sha256"])),
        (deny({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/service-role/*"}}), [], "presigned",
         ("opened", [])),
        (deny({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/service-role/*"}}),
         ["aws:PrincipalArn=arn:aws:iam::111122223333:role/service-role/GT"], "presigned", ("opened", [])),
        (policy({"Principal": {"AWS": "arn:aws:iam::111122223333:role/GT"}}), [], "presigned", ("opened", [])),
        (policy({**PUBLIC, "Principal": {"AWS": "444455556666"}}), [], "other-account", ("opened", [])),
        (policy({"Resource": "arn:aws:s3:::gt-images/${aws:PrincipalTag/t}*"}), [], "presigned",
         ("unknown", ["aws:PrincipalTag/t"])),
        (deny({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a/r-1/*"}}), [], "presigned",
         ("unknown", ["aws:PrincipalOrgPaths"])),
    ],
)  # fmt: skip
def test_one_answer_for_all_addresses(document, facts, kind, expected):
    assert answer(document, facts, kind) == expected


def test_addresses_and_endpoints_are_exact():
    row = ask(
        deny(
            {
                "StringEquals": {"s3:authType": "REST-QUERY-STRING"},
                "NotIpAddressIfExists": {"aws:SourceIp": ["203.0.113.7/24", "2001:db8::/32"]},
                "StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-22222222", "vpce-11111111"]},
            }
        )
    )
    assert row["opened"] == {
        "cidrs": ["203.0.113.0/24", "2001:db8::/32"],
        "endpoints": ["vpce-11111111", "vpce-22222222"],
        "when": [],
    }
    assert row["refused"]["endpoints"] == "any"
    assert row["unknown"] == {"cidrs": [], "endpoints": [], "depends_on": []}


def test_the_sets_are_disjoint_and_cover_everything():
    row = ask(deny({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::ffff:0:0/96"]}}, {"IpAddress": {"aws:SourceIp": "10.1.0.0/16"},
                   "StringEquals": {"aws:ResourceOrgID": "o-a"}}, {"NotIpAddress": {"aws:SourceIp": ["11.0.0.0/9", "10.0.0.0/8", "::/1"]}}))  # fmt: skip
    networks = [
        ipaddress.ip_network(c)
        for name in ("opened", "refused", "unknown")
        for c in row[name]["cidrs"]
    ]
    for version, bits in ((4, 32), (6, 128)):
        own = [network for network in networks if network.version == version]
        assert sum(network.num_addresses for network in own) == 1 << bits
        assert list(ipaddress.collapse_addresses(own)) == [
            ipaddress.ip_network("0.0.0.0/0" if bits == 32 else "::/0")
        ]
    assert row["opened"]["cidrs"][0] == "11.0.0.0/9"


def test_an_address_compared_as_text():
    row = ask(deny({"StringNotLike": {"aws:SourceIp": ["203.0.113.*", "10.*"]}}))
    assert row["opened"]["cidrs"] == ["10.0.0.0/8", "203.0.113.0/24"]
    row = ask(deny({"StringLike": {"aws:SourceIp": "2001:db8:*"}}))
    assert row["unknown"]["cidrs"] == ["::/0"]
    assert row["unknown"]["depends_on"] == ["aws:SourceIp"]
    assert row["opened"]["cidrs"] == ["0.0.0.0/0"]


@pytest.mark.parametrize("pattern", ["*", "**"])
def test_any_text_is_every_address_and_no_endpoint(pattern):
    row = ask(deny({"StringLike": {"aws:SourceIp": pattern}}))
    assert row["refused"] == {"cidrs": EVERYWHERE, "endpoints": []}
    assert (row["opened"]["cidrs"], row["opened"]["endpoints"]) == ([], "any")


def test_when_names_the_choices():
    row = ask(
        deny(
            {"Bool": {"aws:SecureTransport": "false"}},
            {"NumericGreaterThan": {"s3:signatureAge": "900000"}},
            {"StringNotLike": {"aws:Referer": "https://x.example/*"}},
        )
    )
    assert [phrase.split(" ")[0] for phrase in row["opened"]["when"]] == [
        "over",
        "with",
        "with",
        "with",
    ]
    assert "with a signature not older than 15 minutes" in row["opened"]["when"]
    assert "with signature version 2 at any age as well" in row["opened"]["when"]
    assert "over HTTPS only" in row["opened"]["when"]


def test_endpoints_in_a_vpc_and_their_owners():
    row = ask(deny({"StringNotEquals": {"aws:SourceVpc": "vpc-11111111"}}))
    assert row["opened"] == {"cidrs": [], "endpoints": ["vpc-11111111"], "when": []}
    assert row["refused"] == {"cidrs": EVERYWHERE, "endpoints": "any"}
    row = ask(
        deny(
            {
                "StringNotEqualsIfExists": {"aws:VpceOrgID": "o-a"},
                "Null": {"aws:SourceVpce": "false"},
            }
        )
    )
    assert row["opened"]["cidrs"] == EVERYWHERE
    assert row["unknown"] == {"cidrs": [], "endpoints": "any", "depends_on": ["aws:VpceOrgID"]}
    row = ask(deny({"StringEquals": {"aws:SourceVpce": "vpce-11111111"}}))
    assert row["opened"]["endpoints"] == "any"
    assert row["refused"]["endpoints"] == ["vpce-11111111"]
    row = ask(deny({"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}}))
    assert (row["opened"]["cidrs"], row["opened"]["endpoints"]) == ([], "any")
    assert row["opened"]["when"]


@pytest.mark.parametrize(
    ("facts", "behind", "when"),
    [
        ([], "opened", ["with aws:VpcSourceIp in 10.0.0.0/16"]),
        (["aws:VpcSourceIp=10.0.3.4"], "opened", []),
        (["aws:VpcSourceIp=10.1.0.1"], "refused", []),
        (["aws:VpcSourceIp="], "refused", []),
    ],
)
def test_a_private_address_varies_behind_an_endpoint_unless_it_is_known(facts, behind, when):
    row = ask(deny({"NotIpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}}), facts)
    assert [name for name in ("opened", "refused") if row[name]["endpoints"] == "any"] == [behind]
    assert row["opened"]["when"] == when


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"NumericGreaterThan": 10}, "not above 10, or without it"),
        ({"NumericGreaterThanEquals": 10}, "not above 9, or without it"),
        ({"NumericLessThan": 10}, "of 10 or more, or without it"),
        ({"NumericLessThanIfExists": 10}, "of 10 or more"),
        ({"NumericLessThanEquals": 10}, "of 11 or more, or without it"),
    ],
)
def test_numbers_that_the_sender_chooses_are_named_by_their_limit(condition, words):
    days = "s3:object-lock-remaining-retention-days"
    row = ask(
        deny({operator: {days: str(limit)} for operator, limit in condition.items()}),
        kind="post-form",
    )
    assert row["opened"]["when"] == [f"with {days} {words}"]


@pytest.mark.parametrize(
    ("variable", "facts", "kind", "words"),
    [
        (
            "aws:username",
            ["aws:PrincipalArn=arn:aws:iam::111122223333:user/alice"],
            "presigned",
            "opened: home/alice/",
        ),
        (
            "aws:username",
            ["aws:PrincipalArn=arn:aws:iam::111122223333:role/GT"],
            "presigned",
            "refused",
        ),
        ("aws:PrincipalTag/team", ["aws:PrincipalTag/team=red"], "presigned", "opened: home/red/"),
        ("aws:PrincipalTag/team", ["aws:PrincipalTag/team="], "presigned", "refused"),
        ("aws:PrincipalTag/team", [], "presigned", "unknown"),
        ("aws:PrincipalAccount", [], "header", "opened: home/111122223333/"),
        ("aws:PrincipalAccount", [], "other-account", "opened: home/444455556666/"),
    ],
)
def test_a_prefix_with_a_folder_for_each_signer_opens_if_one_of_them_does(
    variable, facts, kind, words
):
    spared = {"NotResource": f"arn:aws:s3:::gt-images/home/${{{variable}}}/*"}
    document = policy(PUBLIC)
    document["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "s3:*", **spared})
    row = (
        Exposure(exposed(document, facts=facts).locks, "home/", is_prefix=True).row(kind).to_dict()
    )
    [answer] = [
        word for word in ("opened", "refused", "unknown") if row[word]["cidrs"] == EVERYWHERE
    ]
    assert answer == words.partition(":")[0]
    assert [text for text in row["opened"]["when"] if "for keys" in text] == [
        f'for keys such as "{key}"' for key in words.split(": ")[1:]
    ]


@pytest.mark.parametrize("value", [":red", ":*", ":?"])
def test_a_header_may_begin_with_a_colon(value):
    row = ask(deny({"StringNotLike": {"aws:Referer": value}}))
    assert (row["opened"]["cidrs"], row["opened"]["when"]) == (
        EVERYWHERE,
        [f'with aws:Referer "{value}"'],
    )


HERE, THERE = (
    f"arn:aws:ec2:{region}:111122223333:vpc/vpc-11111111" for region in ("us-east-1", "eu-west-1")
)
OTHER_VPC = HERE.replace("vpc-1", "vpc-2")


@pytest.mark.parametrize(
    ("arns", "opened", "others"),
    [
        ([HERE], ["vpc-11111111"], "refused"),
        ([HERE, OTHER_VPC], ["vpc-11111111", "vpc-21111111"], "refused"),
        ([HERE, THERE], [], "unknown"),
    ],
)
def test_a_vpc_that_is_named_by_its_arn_is_known_by_its_id(arns, opened, others):
    """An id with two ARNs leaves open which of them the VPC has."""
    row = ask(deny({"ArnNotEquals": {"aws:SourceVpcArn": arns}}))
    assert (row["opened"]["endpoints"], row[others]["endpoints"]) == (opened, "any")


def test_organization_policies():
    assert answer(None, rcp=[RCP_ORG]) == ("unknown", ["aws:PrincipalOrgID"])
    assert answer(policy(PUBLIC), kind="anonymous", rcp=[RCP_ORG]) == ("refused", [])
    scp = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}],
    }
    assert answer(policy(PUBLIC), scp=[scp]) == ("refused", [])
    assert answer(policy(PUBLIC), kind="other-account", scp=[scp]) == ("opened", [])
    assert answer(policy(PUBLIC), kind="post-form", scp=[scp]) == ("opened", [])


def test_a_name_that_only_aws_gives_opens_nothing():
    condition = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws:ec2-infrastructure"}}
    document = policy(PUBLIC, {"Condition": condition})
    assert answer(document, kind="other-account") == ("refused", [])


def test_a_session_policy_limits_the_worker_and_a_public_grant_undoes_it():
    session = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "*",
                "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.7"}},
            }
        ],
    }
    assert ask(None, session=session)["opened"] == {
        "cidrs": ["198.51.100.7/32"],
        "endpoints": [],
        "when": [],
    }
    assert answer(policy(PUBLIC), session=session) == ("opened", [])
    assert answer(policy(PUBLIC), kind="other-account", session=session) == ("opened", [])


@pytest.mark.parametrize(
    "text", ["aws:PrincipalOrgID", "x=y", "aws:PrincipleOrgID=o-a", "aws:PrincipalOrgID=abc"]
)
def test_a_fact_that_is_none(text):
    with pytest.raises(InvalidInput):
        supplied_facts(parse_facts([text]))


@pytest.mark.parametrize(
    "text",
    [
        "aws:SourceIp=203.0.113.7",
        "aws:SourceVpce=vpce-1a2b3c4d",
        "s3:authType=POST",
        "aws:SourceAccount=111122223333",
    ],
)
def test_a_key_that_the_answer_varies_is_not_used_and_the_answer_says_so(text):
    document = deny({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    assert ask(document, [text]) == ask(document)
    (sentence,) = set(exposed(document, facts=[text]).facts) - set(exposed(document).facts)
    assert sentence.startswith(text.partition("=")[0])


def test_a_value_that_the_sender_chooses_narrows_the_exposure_but_not_the_proof():
    document = deny({"StringNotEquals": {"aws:Referer": "https://x.example/"}})
    assert answer(document, ["aws:Referer=https://x.example/"]) == ("opened", [])
    assert answer(document, ["aws:Referer=https://y.example/"]) == ("refused", [])
    proof = prove(exposed(document, facts=["aws:Referer=https://y.example/"]).locks, Claim())
    assert proof.proved is False
    assert any(sentence.startswith("aws:Referer was given") for sentence in proof.limits)


@pytest.mark.parametrize(
    ("key", "value", "other"),
    [("aws:VpceOrgID", "o-a", "o-b"), ("aws:VpceAccount", "111122223333", "999988887777")],
)
@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotEqualsIfExists"])
def test_a_fact_about_endpoints_says_nothing_of_requests_past_them(key, value, other, operator):
    """The key is absent outside an endpoint, whatever it is behind one."""
    for known, behind in ((value, "opened"), (other, "refused")):
        row = ask(deny({operator: {key: value}}), [f"{key}={known}"])
        assert row["refused"]["cidrs"] == EVERYWHERE
        assert row[behind]["endpoints"] == "any"


@pytest.mark.parametrize(
    ("operator", "milliseconds", "words"),
    [
        ("NumericEquals", "0", "with a signature older than 0 ms"),
        ("NumericLessThanEquals", "1000", "with a signature older than 1 second"),
        ("NumericLessThan", "3000", "with a signature at least 3 seconds old"),
        ("NumericNotEquals", "600000", "with a signature exactly 10 minutes old"),
        ("NumericLessThan", "604800000", "with a signature exactly 7 days old"),
    ],
)
def test_ages_that_open_are_named_as_ranges(operator, milliseconds, words):
    row = ask(deny({operator: {"s3:signatureAge": milliseconds}}))
    assert words in row["opened"]["when"]
