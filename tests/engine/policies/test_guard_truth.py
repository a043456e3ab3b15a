"""What the guard refuses and what it must never touch, proved with the engine."""

import itertools
import json

import pytest
from hypothesis import given, strategies as st

from gt_secure.base.allowed import Allowed
from gt_secure.base.network import Source, contains, parse_address, parse_network
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import POST_FORM, header_context, presigned_context
from gt_secure.engine.policies.bucket_guard import build_guard
from support.guards import find_guard, merge_guard

ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
SESSION = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/worker-7"
IDENTITY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
OURS = "vpce-0a1b2c3d4e5f60718"
GROUND_TRUTH = "vpce-08408e335ebf95b40"  # AWS's own endpoint in us-east-1
KEY = "arn:aws:s3:::gt-images/scans/0001.png"

LISTS = {
    "addresses": {"networks": ["203.0.113.0/24"]},
    "endpoints": {"endpoints": [OURS]},
    "both": {"networks": ["203.0.113.0/24"], "endpoints": [OURS]},
    "v6": {"networks": ["2001:db8:40::/48"]},
    "both families": {"networks": ["203.0.113.0/24", "2001:db8:40::/48"], "endpoints": [OURS]},
}
SOURCES = {
    "203.0.113.7": {"addresses", "both", "both families"},
    "203.0.114.7": set(),
    "2001:db8:40::7": {"v6", "both families"},
    "2001:db8:41::7": set(),
    f"10.0.3.4 via {OURS}": {"endpoints", "both", "both families"},
    f"203.0.113.7 via {OURS}": {"endpoints", "both", "both families"},
    "10.0.3.4 via vpce-0ffffffffffffffff": set(),
    f"10.0.3.4 via {GROUND_TRUTH}": set(),
}


def ask(guard, context, *, action="s3:GetObject", principal=SESSION, resource=KEY, policy=None):
    bucket = json.loads(merge_guard(policy, guard))
    return evaluate(
        Request(action, resource, principal, context),
        Policies(identity=[IDENTITY], resource=bucket),
    )


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:GetObjectTagging"]
)
@pytest.mark.parametrize(("lists", "source"), list(itertools.product(LISTS, SOURCES)))
def test_presigned_requests_pass_only_from_what_is_listed(lists, source, action):
    guard = build_guard("gt-images", prefix="scans/", **LISTS[lists])
    verdict = ask(guard, presigned_context(source, principal_arn=ROLE), action=action)
    assert verdict.decision == ("allow" if lists in SOURCES[source] else "explicit-deny"), (
        verdict.reason
    )
    if not verdict.allowed:
        assert verdict.statement == 'statement 1 "GtSecurePresignGuard"'


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging"])
@pytest.mark.parametrize(("lists", "source"), list(itertools.product(LISTS, SOURCES)))
def test_forms_pass_only_from_what_is_listed(lists, source, action):
    guard = build_guard("gt-images", prefix="scans/", **LISTS[lists])
    context = presigned_context(source, principal_arn=ROLE, extra={"s3:authType": POST_FORM})
    assert ask(guard, context, action=action).allowed == (lists in SOURCES[source])


@pytest.mark.parametrize(
    "action", ["s3:ListBucket", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy", "s3:DeleteBucket"]
)
@pytest.mark.parametrize(("lists", "source"), list(itertools.product(LISTS, SOURCES)))
def test_presigned_requests_on_the_bucket_pass_only_from_what_is_listed(lists, source, action):
    guard = build_guard("gt-images", **LISTS[lists])
    context = presigned_context(source, principal_arn=ROLE)
    on_bucket = {"action": action, "resource": "arn:aws:s3:::gt-images"}
    assert ask(guard, context, **on_bucket).allowed == (lists in SOURCES[source])
    assert ask(guard, header_context(source, principal_arn=ROLE), **on_bucket).allowed
    assert ask(guard, context, action=action, resource="arn:aws:s3:::gt-images2").allowed


@pytest.mark.parametrize("version", ["AWS", "AWS4-HMAC-SHA256"])
def test_old_signatures_are_presigned_too(version):
    guard = build_guard("gt-images", networks=["203.0.113.0/24"])
    context = presigned_context("198.51.100.1", signature_version=version)
    assert context["s3:signatureAge"] == "0"
    assert ask(guard, context).decision == "explicit-deny"


@pytest.mark.parametrize(("lists", "source"), list(itertools.product(LISTS, SOURCES)))
def test_header_signed_calls_are_never_touched(lists, source):
    guard = build_guard("gt-images", **LISTS[lists])
    for action in ("s3:GetObject", "s3:PutObject", "s3:GetObjectVersion"):
        assert ask(guard, header_context(source, principal_arn=ROLE), action=action).allowed


@pytest.mark.parametrize("lists", list(LISTS))
def test_ground_truth_back_end_log_delivery_and_forwarded_calls_pass(lists):
    guard = build_guard("gt-images", **LISTS[lists])
    back_end = header_context(f"10.0.0.1 via {GROUND_TRUTH}", principal_arn=ROLE)
    for action in ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"):
        assert ask(guard, back_end, action=action).allowed

    logging = "logging.s3.amazonaws.com"
    delivery = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": logging}, "Action": "s3:PutObject",
             "Resource": "arn:aws:s3:::gt-images/*"}
        ],
    }  # fmt: skip
    context = header_context("198.51.100.200", service=logging)
    assert ask(
        guard, context, action="s3:PutObject", principal=logging, policy=json.dumps(delivery)
    ).allowed

    # S3 itself calls KMS and other services with the caller's session: even if it kept the caller's
    # authentication type
    forwarded = presigned_context(
        "198.51.100.200", principal_arn=ROLE, extra={"aws:ViaAWSService": "true"}
    )
    assert ask(guard, forwarded).allowed


def test_other_prefixes_and_buckets_are_not_touched():
    guard = build_guard("gt-images", prefix="scans/", networks=["203.0.113.0/24"])
    outside = presigned_context("198.51.100.1")
    assert ask(guard, outside, resource="arn:aws:s3:::gt-images/other/1.png").allowed
    assert ask(guard, outside, resource="arn:aws:s3:::gt-images2/scans/1.png").allowed
    assert not ask(guard, outside, resource="arn:aws:s3:::gt-images/scans/deep/1.png").allowed


def test_a_prefix_with_wildcards_guards_only_itself():
    guard = build_guard("gt-images", prefix="a*/", networks=["203.0.113.0/24"])
    outside = presigned_context("198.51.100.1")
    assert not ask(guard, outside, resource="arn:aws:s3:::gt-images/a*/1.png").allowed
    assert ask(guard, outside, resource="arn:aws:s3:::gt-images/ab/1.png").allowed


def test_the_guard_wins_over_every_grant():
    public = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
        }
    )
    guard = build_guard("gt-images", networks=["203.0.113.0/24"])
    assert ask(guard, presigned_context("198.51.100.1"), policy=public).decision == "explicit-deny"


v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).filter(lambda a: a.ipv4_mapped is None).map(str)
nets = st.one_of(
    st.tuples(v4, st.integers(0, 32)).map(lambda p: f"{p[0]}/{p[1]}"),
    st.tuples(v6, st.integers(17, 128)).map(lambda p: f"{p[0]}/{p[1]}"),
)


def canonical(text):
    import ipaddress

    return str(ipaddress.ip_network(text, strict=False))


@given(st.lists(nets.map(canonical), min_size=1, max_size=6), st.one_of(v4, v6), st.data())
def test_the_guard_agrees_with_plain_arithmetic(networks, address, data):
    try:
        parsed = [parse_network(text) for text in networks]
    except ValueError:
        return
    if data.draw(st.booleans()):
        inside = data.draw(st.sampled_from(parsed))
        address = str(
            data.draw(st.sampled_from([inside.network_address, inside.broadcast_address]))
        )
    try:
        expected = contains(parsed, parse_address(address))
    except ValueError:
        return
    guard = build_guard("gt-images", networks=networks)
    assert ask(guard, presigned_context(address)).allowed == expected


places = st.sampled_from(["203.0.113.7", "203.0.113.200", "2001:db8:40::7", OURS, f"203.0.113.7 via {OURS}",
                          "10.0.3.4 via vpce-0ffffffffffffffff"])  # fmt: skip
listed = st.sampled_from(
    ["203.0.113.0/25", "203.0.113.192/26", "2001:db8::/32", OURS, "vpce-0ffffffffffffffff"]
)


@given(st.lists(listed, min_size=1, max_size=4), places)
def test_the_value_of_a_guard_admits_what_the_engine_opens(words, place):
    allowed, source = Allowed.of(words), Source.parse(place)
    guard = build_guard("gt-images", allowed)
    found = find_guard(merge_guard(None, guard))
    assert (found.allowed, found.drifted) == (allowed, False)
    assert ask(guard, presigned_context(source)).allowed == allowed.admits(source)
