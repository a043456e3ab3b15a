"""Hypothesis strategies: whole cases of the conformance form,
with documents that are mostly valid and often match.
"""

from hypothesis import strategies as st

ACCOUNT, OTHER = "111122223333", "444455556666"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/w-7"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
KEY = "arn:aws:s3:::gt-data/task/img-001.jpg"

actions = st.sampled_from(
    ["s3:GetObject", "s3:getobject", "s3:Get*", "s3:*", "*", "s3:PutObject", "s3:Get?bject"]
)
resources = st.sampled_from(
    [KEY, "arn:aws:s3:::gt-data/*", "arn:aws:s3:::gt-*", "*", "arn:aws:s3:::gt-data/task/img-00?.jpg",
     "arn:aws:s3:::gt-data/*/img-*", "arn:aws:s3:::other/*", "arn:aws:s3:::gt-data/${aws:username}/*",
     "arn:aws:s3:::gt-data/${aws:PrincipalTag/team, 'task'}/*", "arn:aws:s3:*", "arn:*:s3:::gt-data/*"]
)  # fmt: skip
addresses = st.sampled_from(
    ["203.0.113.9", "203.0.113.200", "198.51.100.1", "2001:db8::7", "2001:db8:1::7"]
)
networks = st.sampled_from(
    ["203.0.113.0/24", "203.0.113.0/25", "203.0.113.9", "198.51.100.0/24", "0.0.0.0/0", "2001:db8::/32", "2001:db8::7",
     "::/0", "203.0.113.77/24"]
)  # fmt: skip
words = st.sampled_from(
    ["env", "team", "Team", "e*", "?nv", "${aws:username}", "${*}", "vpce-0a1b2c3d", ""]
)
numbers = st.sampled_from(["0", "5", "5000", "5000.0", "600000", "-1"])
dates = st.sampled_from(
    ["2025-06-01T12:00:00Z", "2025-06-01", "1748779200", "2025-06-01T14:00:00+02:00", "2026"]
)
booleans = st.sampled_from(["true", "false"])
arns = st.sampled_from(
    [f"arn:aws:iam::{ACCOUNT}:role/Worker", f"arn:aws:iam::{ACCOUNT}:role/*", "arn:aws:iam::*:role/Work?r",
     "arn:aws:iam::*", f"arn:aws:iam::{OTHER}:role/Worker"]
)  # fmt: skip

FAMILIES = {
    "String": (["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"], words,
               ["aws:TagKeys", "aws:PrincipalTag/team", "aws:SourceVpce", "AWS:sourcevpce"]),
    "Numeric": (["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"], numbers,
                ["s3:signatureAge"]),
    "Date": (["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"], dates,
             ["aws:CurrentTime"]),
    "Bool": ([""], booleans, ["aws:SecureTransport"]),
    "Arn": (["Equals", "NotEquals", "Like", "NotLike"], arns, ["aws:PrincipalArn"]),
    "IpAddress": ([""], networks, ["aws:SourceIp", "aws:VpcSourceIp"]),
    "NotIpAddress": ([""], networks, ["aws:SourceIp", "aws:VpcSourceIp"]),
    "Null": ([""], booleans, ["aws:SourceIp", "aws:TagKeys", "aws:SourceVpce", "aws:PrincipalTag/team"]),
}  # fmt: skip


@st.composite
def condition_blocks(draw):
    block = {}
    for _ in range(draw(st.integers(0, 2))):
        family = draw(st.sampled_from(list(FAMILIES)))
        names, values, keys = FAMILIES[family]
        operator = family + draw(st.sampled_from(names))
        if family != "Null":
            operator = (
                draw(st.sampled_from(["", "", "", "ForAllValues:", "ForAnyValue:"])) + operator
            )
            operator += draw(st.sampled_from(["", "", "IfExists"]))
        value = draw(st.one_of(values, st.lists(values, max_size=3)))
        block.setdefault(operator, {})[draw(st.sampled_from(keys))] = value
    return block


def principals(for_resource):
    named = st.sampled_from(
        [SESSION, USER, f"arn:aws:iam::{ACCOUNT}:role/Worker", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", OTHER,
         f"arn:aws:iam::{OTHER}:role/Worker", "*"]
    )  # fmt: skip
    return st.one_of(
        st.just({"Principal": "*"}),
        st.lists(named, min_size=1, max_size=2).map(lambda each: {"Principal": {"AWS": each}}),
        st.lists(named, min_size=1, max_size=3).map(lambda each: {"NotPrincipal": {"AWS": each}}),
        st.just({"Principal": {"Service": "sagemaker.amazonaws.com"}}),
    )


@st.composite
def statements(draw, for_resource=False):
    made = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    if for_resource:
        made.update(draw(principals(for_resource)))
    for name, values in (("Action", actions), ("Resource", resources)):
        name = draw(st.sampled_from([name, name, name, f"Not{name}"]))
        made[name] = draw(st.one_of(values, st.lists(values, min_size=1, max_size=2)))
    block = draw(condition_blocks())
    if block:
        made["Condition"] = block
    return made


def documents(for_resource=False):
    return st.builds(
        lambda version, body: {"Version": version, "Statement": body},
        st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]),
        st.lists(statements(for_resource), min_size=1, max_size=3),
    )


@st.composite
def contexts(draw):
    context = {"aws:SecureTransport": draw(booleans), "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/Worker",
               "aws:CurrentTime": draw(st.sampled_from(["2025-06-01T12:00:00Z", "2025-05-31T00:00:00Z"]))}  # fmt: skip
    optional = {
        "aws:SourceIp": addresses,
        "aws:VpcSourceIp": st.sampled_from(["10.1.2.3", "203.0.113.9"]),
        "aws:SourceVpce": st.just("vpce-0a1b2c3d"),
        "s3:signatureAge": numbers,
        "aws:username": st.sampled_from(["task", "alice", "*"]),
        "aws:PrincipalTag/team": st.sampled_from(["team", "env", ""]),
        "aws:TagKeys": st.lists(st.sampled_from(["env", "team", "cost", ""]), max_size=2),
    }
    for key, values in optional.items():
        if draw(st.booleans()):
            context[key] = draw(values)
    return context


@st.composite
def cases(draw):
    request = {"action": draw(st.sampled_from(["s3:GetObject", "s3:PutObject"])), "resource": KEY,
               "principal": draw(st.sampled_from([SESSION, SESSION, USER])), "context": draw(contexts())}  # fmt: skip
    owner = draw(st.sampled_from([None, None, None, ACCOUNT, OTHER]))
    if owner is not None:
        request["resourceAccount"] = owner
    return {
        "id": "generated",
        "request": request,
        "identityPolicies": draw(st.lists(documents(), max_size=2)),
        "sessionPolicy": draw(st.one_of(st.none(), documents()))
        if request["principal"] == SESSION
        else None,
        "resourcePolicy": draw(st.one_of(st.none(), documents(for_resource=True))),
    }
