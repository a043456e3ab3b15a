"""What policies say about one resource decides each request on it as the whole policies do."""

import random

from gt_secure.engine.iam.documents import Pattern
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request

OWN, BUCKET = "111122223333", "arn:aws:s3:::gt-data"
USER = f"arn:aws:iam::{OWN}:user/ann"
PATTERNS = (
    f"{BUCKET}/*", BUCKET, f"{BUCKET}/a/*", f"{BUCKET}/${{aws:username}}/*", f"{BUCKET}/${{aws:Referer}}x?",
    "arn:aws:s3:::*/a/?", "arn:*:s3:::gt-data/a*", "arn:aws:${aws:Referer}", "arn:aws:s3:${aws:Referer}::gt-data/a/x",
    "arn:aws:s3:::${aws:userid}/*", f"{BUCKET}/${{aws:PrincipalTag/t, 'a'}}/*", "*", "arn:aws:s3", "arn:*x",
)  # fmt: skip
KEYS = {
    "aws:username": "ann",
    "aws:userid": "gt-data",
    "aws:Referer": "s3:::gt-data/a/x",
    "aws:PrincipalTag/t": "b",
}
CONDITIONS = (
    {},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
)


def document(draw: random.Random, **more: object) -> dict[str, object]:
    statements = [
        {
            "Effect": draw.choice(["Allow", "Deny", "Deny"]),
            "Action": draw.choice(["s3:*", "s3:GetObject", "s3:Put*"]),
            draw.choice(["Resource", "NotResource"]): draw.sample(PATTERNS, draw.randint(0, 3)),
            "Condition": draw.choice(CONDITIONS),
            **more,
        }
        for _ in range(draw.randint(1, 5))
    ]
    return {
        "Version": draw.choice(["2012-10-17", "2012-10-17", "2008-10-17"]),
        "Statement": statements,
    }


def cases(draw: random.Random, number: int) -> tuple[int, dict[str, int]]:
    differing, met = 0, {}
    for _ in range(number):
        whole = Policies(
            (document(draw),), resource=document(draw, Principal="*"), scp=(document(draw),)
        )
        keys = {key: value for key, value in KEYS.items() if draw.random() < 0.7}
        context = {
            **keys,
            "aws:SourceIp": draw.choice(["10.0.0.1", "192.0.2.1"]),
            "aws:SecureTransport": "true",
        }
        resource = (
            f"{BUCKET}/{draw.choice(['a/x', 'ann/x', 'b/x', 's3:::gt-data/a/xxz', ''])}".rstrip("/")
        )
        request = Request(
            draw.choice(["s3:GetObject", "s3:PutObject"]), resource, USER, context, OWN
        )
        some = Policies.of_compiled(whole.compiled.about(request.action, resource))
        answers = [evaluate(request, each) for each in (whole, some)]
        differing += len({(each.decision, each.policy, each.statement) for each in answers}) > 1
        met[answers[0].decision] = met.get(answers[0].decision, 0) + 1
    return differing, met


def test_a_part_decides_as_the_whole() -> None:
    differing, met = cases(random.Random(39), 250)
    assert differing == 0
    assert min(met[each] for each in ("allow", "explicit-deny", "implicit-deny")) > 5, met


def test_a_pattern_that_may_match_counts(monkeypatch) -> None:
    monkeypatch.setattr(
        Pattern,
        "may_match",
        property(lambda pattern: pattern.matcher or (lambda _: False)),
        raising=False,
    )
    assert cases(random.Random(39), 100)[0] > 0


def test_statements_that_say_the_same_are_one() -> None:
    statements = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "NotResource": f"{BUCKET}/{number}/*",
            "Sid": f"S{number}",
        }
        for number in range(30)
    ]
    compiled = Policies(resource={"Version": "2012-10-17", "Statement": statements}).compiled
    one, other = (
        compiled.about("s3:GetObject", f"{BUCKET}/{key}").statements for key in ("0/x", "x")
    )
    assert ([each.label for each in one], [each.label for each in other]) == (
        ['statement 2 "S1"'],
        ['statement 1 "S0"'],
    )
    again = compiled.about("s3:GetObject", f"{BUCKET}/y").statements
    assert again[0] is other[0]
