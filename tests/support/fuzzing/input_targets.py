"""Targets that read what people and other programs write: pasted ranges, policies, files,
URLs, answers of S3.
"""

from __future__ import annotations

import importlib
import json
import random
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from gt_secure.aws import endpoints
from gt_secure.aws.buckets import check_prefix
from gt_secure.base import network
from gt_secure.base.errors import GtSecureError, InvalidInput, PolicyError
from gt_secure.check.spec import load_check_file
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.exposure_text import answers_html, answers_text
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.iam import batch as ndjson
from gt_secure.engine.iam.documents import parse_document
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.strict_json import parse_json
from gt_secure.engine.policies.bucket_guard import GUARD_SID, build_guard
from gt_secure.engine.policies.equivalence import policies_equal
from gt_secure.engine.policies.policy_text import lay_out
from gt_secure.engine.policies.url_lock import UrlLock
from gt_secure.explain.explanation import explain
from gt_secure.findings.run import examine
from gt_secure.logs.time_range import parse_time
from gt_secure.presign.inspect import inspect
from gt_secure.restriction import validation as lists
from gt_secure.restriction.files import dumps_restriction
from gt_secure.restriction.model import Restriction
from gt_secure.restriction.validation import named_place, named_team
from support import corpus, states
from support.fuzzing import log_targets, spelling_target
from support.fuzzing.target import Target, check, check_markup, landmark
from support.guards import deleted_principals, find_guard, merge_guard, remove_guard
from support.restrictions import loads_restriction

# the package has a function of this name
probing = importlib.import_module("gt_secure.presign.probe")
DATA = Path(__file__).parents[2] / "data"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _told(call: Callable[..., Any], *values: Any) -> Any:
    """What a call returns; None for an error of ours, which says something and what to do."""
    try:
        return call(*values)
    except GtSecureError as error:
        landmark((call.__qualname__, type(error).__name__, error.message[:24]))
        check(
            error.message and len(str(error)) < 4000,
            "an error says something, and not too much",
            str(error),
        )
        json.dumps(error.to_dict())
        return None


def run_ranges(data: bytes) -> None:
    """Pasted text gives addresses or an error; nothing is admitted that was not written."""
    text = _text(data)
    words = _told(network.split_list, text)
    check(
        words is None or all(isinstance(word, str) and word.strip() for word in words),
        "words",
        words,
    )
    found = _told(network.parse_networks, text)
    if found:
        check(tuple(map(network.parse_network, map(str, found))) == found, "written again", found)
        merged = network.collapse(found)
        check(
            not network.outside(found, merged) and not network.outside(merged, found),
            "merged without loss",
            found,
        )
    checked = _told(lambda: lists.check_addresses(text, [], portal_only=False))
    if checked:
        check(
            all(network.scope(one) == "public" for one in checked),
            "only public ranges are admitted",
            checked,
        )
    for read in (network.parse_address, network.parse_endpoint_id, network.Source.parse):
        one = _told(read, text)
        check(one is None or read(str(one)) == one, "written again", one)  # type: ignore[operator]
    _told(lists.check_endpoints, text, [])
    for other in (parse_time, check_prefix, named_team, named_place, probing.check_lifetime):
        _told(other, text)


GUARD = build_guard(
    "gt-data", prefix="task/", networks=["203.0.113.0/24"], endpoints=["vpce-0a1b2c3d"]
)
REQUEST = Request(
    "s3:GetObject", "arn:aws:s3:::gt-data/task/<b>img</b>.jpg",
    "arn:aws:sts::111122223333:assumed-role/GTWorker/worker-7",
    {"aws:SourceIp": "203.0.113.9", "s3:authType": "REST-QUERY-STRING", "aws:SecureTransport": "true",
    "s3:signatureAge": "5000",
     "aws:CurrentTime": "2026-11-20T09:14:07Z", "aws:PrincipalArn": "arn:aws:iam::111122223333:role/GTWorker",
     "aws:username": "<i>w",
     "aws:PrincipalTag/team": "${*}", "aws:TagKeys": ["a", "b"]},
)  # fmt: skip


def run_policy(data: bytes) -> None:
    """A document is read or refused with a place; the guard goes in and out without a trace."""
    text = _text(data)
    _told(parse_json, text)
    read = [
        _told(parse_document, text, kind)
        for kind in ("resource", "identity", "session", "endpoint")
    ]
    _told(deleted_principals, text)
    policies = Policies(identity=(text,) if read[1] else (), resource=text if read[0] else None,
                        session=text if read[2] else None, endpoint=text if read[3] else None)  # fmt: skip
    verdict = evaluate(REQUEST, policies)
    landmark((verdict.decision, verdict.policy, len(verdict.layers)))
    check(
        (verdict.decision == "invalid") == (not any(read)) or not read[1],
        "what is read can be decided",
        verdict,
    )
    check(
        verdict.reason and json.dumps([verdict.reason, verdict.statement]),
        "a decision has a reason",
        verdict,
    )
    if _told(lay_out, text) is None:
        return
    try:
        before = find_guard(text)
        merged = merge_guard(text, GUARD)
    except PolicyError:
        return
    after = find_guard(merged)
    check(after is not None and not after.drifted, "the guard that was put in is found", text)
    check(
        policies_equal(merged, merged) and policies_equal(text, text), "a policy is as itself", text
    )
    out = remove_guard(merged)
    if before is None and lay_out(text).statements:
        check(out == text, "the policy is as it was", text, out)
    elif out is not None:
        check(find_guard(out) is None, "the guard that was taken out is gone", text)


def run_account(data: bytes) -> None:
    """Whatever policies, templates and lists an account holds: findings are found,
    and who can open is said.
    """
    parts = [*_text(data).split(ACCOUNT_SEPARATOR), "", "", ""]
    policy, other, words = parts[0] or None, parts[1] or None, tuple(parts[2].split("\n"))
    seen = states.state(
        team=states.workteam("t", vpc_source_ip=len(words) > 1),
        workforce=states.workforce(
            "private-crowd", words, "vpc-0a1b2c3d" if len(words) > 2 else None
        ),
        bucket=states.data_bucket("gt-data", policy=policy, **states.logs(policy=other)),
        templates=(states.template("job", parts[2]),),
        endpoints=(states.endpoint("vpce-0a1b2c3d", "vpc-0a1b2c3d", policy_text=other),),
        wanted=Restriction(bucket="gt-data", addresses="203.0.113.0/24"),
    )
    for finding in examine(seen).findings:
        landmark(finding.code)
        json.dumps(finding.to_dict())
    known = endpoints.VpcEndpoint(
        "vpce-0a1b2c3d", "vpc-0a1b2c3d", "Gateway", "available", policy_text=other
    )
    locks = EffectiveLocks(
        "gt-data", policy, url_lock=UrlLock(source_ip=True), has_portal=True, account="111122223333",
        endpoints={known.id: known},
    )  # fmt: skip
    answers = Exposure(locks, "task/a.jpg").at(["203.0.113.9", "10.0.0.4 via vpce-0a1b2c3d"])
    landmark(tuple(each.answer for each in answers))
    check_markup(answers_html(answers))
    answers_text(answers)


ACCOUNT_SEPARATOR = "\x1e"


def run_restriction(data: bytes) -> None:
    """A restriction file is read or refused, and written again it says the same."""
    text = _text(data[1:])
    wish = _told(lambda: loads_restriction(text, yaml=data[:1] == b"y"))
    if wish is not None:
        landmark(
            (wish.guard, wish.url_lock, wish.portal_lock, len(wish.notices), len(wish.expectations))
        )
        for yaml in (False, True):
            check(
                loads_restriction(dumps_restriction(wish, yaml=yaml), yaml=yaml) == wish,
                "written again",
                wish,
            )


def run_checks(data: bytes) -> None:
    """A file of checks is read or refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("c.yaml" if data[:1] == b"y" else "c.json")
        path.write_bytes(data[1:])
        found = _told(load_check_file, path)
        for spec in found.specs if found else ():
            landmark((spec.check, len(spec.arguments)))


_SECRETS = (
    "X-Amz-Signature",
    "X-Amz-Security-Token",
    "X-Amz-Credential",
    "Signature",
    "AWSAccessKeyId",
)


def run_url(data: bytes) -> None:
    """A URL is read or refused, and neither answer holds what signs it."""
    text = _text(data)
    secrets = {part for name in _SECRETS for value in parse_qs(text.partition("?")[2]).get(name, ())
               for part in value.split("/")[:1] if len(part) > 12}  # fmt: skip
    try:
        said = inspect(text)
    except InvalidInput as error:
        shown = f"{error} {error.to_dict()}"
        landmark(error.message[:30])
    else:
        public = {said.host, said.bucket, said.key, said.region, said.version_id, said.marker}
        secrets = {
            one for one in secrets if not any(one.lower() in str(place).lower() for place in public)
        }
        shown = repr(said)
        landmark((said.signature_version, said.temporary, said.problems))
        check(said.expired in (True, False), "expiry")
        _told(probing._pool, text, 1.0)
    check(not any(secret in shown for secret in secrets), "no secret is shown", shown)


_STATUS = (200, 206, 301, 307, 400, 403, 404, 405, 412, 416, 500, 503)


def run_answer(data: bytes) -> None:
    """What a server answers is explained; nothing of it becomes markup or a control character."""
    rng, body = random.Random(data[:2]), data[2:]
    head, _, body = body.partition(b"\n\n")
    headers = dict(
        line.split(": ", 1) for line in head.decode("latin-1").split("\n") if ": " in line
    )
    lower = {k.lower(): v for k, v in headers.items()}
    answer = SimpleNamespace(status=rng.choice(_STATUS), headers=lower, body=body)
    base = {"probe_origin": "x", "source": network.Source.parse("203.0.113.9"), "bucket": "gt-data", "key": "<b>k</b>",
            "proxied": rng.random() < 0.3, "marker": None}  # fmt: skip
    came = probing._read(answer, base | {"elapsed_ms": 1.0})  # type: ignore[arg-type]
    verdict = (
        evaluate(REQUEST, Policies(identity=(_ALLOW,), resource=json.dumps({"Statement": [GUARD]})))
        if rng.random() < 0.5
        else None
    )
    bound = rng.choice((None, "203.0.113.9", "10.0.3.4 via vpce-0a1b2c3d", "2001:db8::1"))
    guard = find_guard(json.dumps({"Version": "2012-10-17", "Statement": [GUARD]}))
    said = explain(came, verdict=verdict, bound_to=bound, guard=guard, kms=rng.random() < 0.2,
                   origin=rng.choice(("", "https://x.example")), signed=rng.choice((None, inspect(URL))))  # fmt: skip
    landmark((said.cause, said.lock, said.agrees))
    check_markup(said.to_html())
    check("<b>k" not in said.to_html(), "the key became markup", said.to_html())
    check(
        all(c.isprintable() or c == "\n" for c in said.to_text()),
        "text for a terminal",
        said.to_text(),
    )
    json.dumps([came.to_dict(), said.to_dict()])


_ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


def run_ndjson(data: bytes) -> None:
    """One answer a line, in order, each JSON, and none for want of an idea."""
    lines = _text(data).split("\n")
    answers = list(ndjson.run(lines))
    check(len(answers) == len(lines), "one answer a line", len(answers), len(lines))
    for line, answer in zip(lines, answers, strict=True):
        check("\n" not in answer, "an answer is one line", answer)
        said = json.loads(answer)
        check(
            "could not be decided" not in said["reason"],
            "a case that a fault of ours left open",
            line,
            said,
        )
        landmark((said["verdict"], said["reason"][:16] if said["verdict"] == "invalid" else ""))


@cache
def _cases() -> tuple[dict[str, Any], ...]:
    found = []
    for name in ("policy-cases.ndjson", "own-policy-cases.ndjson"):
        found += [
            json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()
        ]
    return tuple(found[:: max(1, len(found) // 60)])


URL = "https://gt-images.s3.us-east-1.amazonaws.com" + corpus.PRESIGNED["request_uri"].split(" ")[1]


def _seeds_ranges() -> list[bytes]:
    return [
        b"203.0.113.0/24, 2001:db8:40::/48", b"203.0.113.7\n203.0.113.8 # office\n",
        b'["203.0.113.7", {"CidrIp": "198.51.100.0/24"}]',
        b'{"ip_prefix": "203.0.113.0/24"}', b"name,cidr\noffice,203.0.113.0/24\nvpn,2001:db8::/32\n",
        b'"203.0.113.7";"203.0.113.9"',
        b"vpce-0a1b2c3d4e5f60718", b"10.0.3.4 via vpce-0a1b2c3d", b"::ffff:203.0.113.7", b"203.0.113.7/24",
        b"fe80::1%eth0", b"7d", b"24h",
        b"2026-11-20T09:00+02:00", b"0001-01-01T00:00+14:00", b"600", b"1e5", b"radiology-team", b"gt-images",
        b"s3://gt-images/scans/",
        b"arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/radiology-team",
        b"203.0.113.0/255.255.255.0", b"203.0.113.1-203.0.113.9",
    ]  # fmt: skip


def _seeds_policy() -> list[bytes]:
    found = [
        case.get("resourcePolicy") or (case.get("identityPolicies") or [None])[0]
        for case in _cases()
    ]
    texts = [one if isinstance(one, str) else json.dumps(one) for one in found if one is not None]
    whole = {"Version": "2012-10-17", "Statement": [{"Sid": "A", "Effect": "Allow", "Principal": "*",
    "Action": "s3:GetObject",
             "Resource": "arn:aws:s3:::gt-data/*", "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}},
             GUARD]}  # fmt: skip
    single = {**whole, "Statement": whole["Statement"][0]}
    return [
        text.encode()
        for text in (
            *texts,
            json.dumps(whole, indent=2),
            json.dumps(single),
            json.dumps({**whole, "Statement": [GUARD]}),
        )
    ]


def _seeds_account() -> list[bytes]:
    policies, rng = _seeds_policy(), random.Random(2)
    lists_ = [
        b"203.0.113.0/24",
        b"203.0.113.0/24\n0.0.0.0/0",
        b"10.0.0.0/16\nx\n::/0",
        b"{{ task.input.src | grant_read_access }}",
    ]
    mark = ACCOUNT_SEPARATOR.encode()
    return [
        mark.join([policy, rng.choice(policies), rng.choice(lists_)]) for policy in policies[::2]
    ] + [
        mark,
        mark + mark,
    ]


def _seeds_restriction() -> list[bytes]:
    wish = {"version": 1, "team": "radiology-team", "addresses": ["203.0.113.0/24", "2001:db8:40::/48"],
    "endpoints": ["vpce-0a1b2c3d"],
            "url_lock": True, "portal_lock": None, "guard": True, "bucket": "gt-images", "prefix": "scans/",
            "expectations": [{"allowed": ["203.0.113.7"], "of": "bucket"}, {"refused": "198.51.100.9",
            "prefix": "scans/"}]}  # fmt: skip
    yaml = "\n".join(f"{key}: {json.dumps(value)}" for key, value in wish.items())
    listed = (
        "team: a\nbucket: gt-images\naddresses:\n  - 203.0.113.7 # office\n  - &x"
        " 198.51.100.0/24\nguard: yes\n"
    )
    return [b"j" + json.dumps(wish).encode(), b"y" + yaml.encode(), b"y" + listed.encode(), b"j[]", b"y",
    b"y---\n...\n", b"y? [a]\n: b\n",
            b"ya: &a [*a]", b"ya: 2026-13-45", b"ya: 0b12", b"y!!python/object:x {}", b"ya: !!binary x",
            b"ya: !!timestamp x"]  # fmt: skip


def _seeds_checks() -> list[bytes]:
    checks = {"version": 1, "checks": [
        {"check": "team_is_restricted", "team": "radiology-team", "portal": ["203.0.113.0/24"]},
        {"check": "no_foreign_hits", "restriction": "radiology.yaml", "since": "7d", "max_unreadable": 3,
        "logs": ["a"], "trust_private": True},
        "guard-is-in-place", {"check": "guard_is_in_place", "bucket": "gt-images", "prefix": ""}]}  # fmt: skip
    yaml = "version: 1\nchecks:\n  - check: guard_is_in_place\n    bucket: gt-images\n"
    yaml += "  - check: no_findings\n    team: a\n    ignore: [x]\n"
    return [
        b"j" + json.dumps(checks).encode(),
        b"y" + yaml.encode(),
        b"j" + json.dumps(checks["checks"]).encode(),
        b"y- no_findings",
    ]


def _seeds_url() -> list[bytes]:
    two = "https://s3.amazonaws.com/gt-images/a%20b.png?AWSAccessKeyId=AKIAEXAMPLEKEYID0001&Expires=1795166047&Signature=E3e%2FxEXAMPLEEXAMPLE%3D"
    host = URL.replace(
        "gt-images.s3.us-east-1", "gt-images.bucket.vpce-0a1b2c3d-x.s3.us-east-1.vpce"
    )
    more = [
        URL.replace("https", "http").replace("gt-images.s3.us-east-1.amazonaws.com", where)
        for where in ("127.0.0.1:4566/b", "[::1]:9", "u:p@h:1")
    ]
    return [
        url.encode() for url in (URL, two, host, *more, URL + "&versionId=3&x-gt-secure-test=1")
    ]


def _seeds_answer() -> list[bytes]:
    def error(code: str, message: str, more: str = "") -> str:
        said = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}<RequestId>1A</RequestId></Error>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{said}'

    who = (
        "User: arn:aws:sts::111122223333:assumed-role/GTWorker/w is not authorized to perform:"
        " s3:GetObject"
    )
    bodies = [
        error("AccessDenied", "Access Denied"), error("AccessDenied",
        f"{who} with an explicit deny in a resource-based policy"),
        error("AccessDenied", f"{who} because no session policy allows the s3:GetObject action"),
        error("AccessDenied", "Request has expired",
        "<X-Amz-Expires>600</X-Amz-Expires><Expires>2026-11-20T09:24:07Z</Expires><ServerTime>2026-11-20T10:00:00Z</ServerTime>"),
        error("SignatureDoesNotMatch", "The request signature we calculated does not match"), error("ExpiredToken",
        "The provided token has expired."),
        error("PermanentRedirect", "The bucket must be addressed",
        "<Endpoint>gt.s3.eu-west-1.amazonaws.com</Endpoint>"), error("NoSuchKey", "&lt;b&gt;"),
        error("AuthorizationHeaderMalformed", "wrong", "<Region>eu-west-1</Region>"),
        "<html><body>proxy</body></html>", "\x89PNG", "",
        error("KMS.DisabledException", "arn:aws:kms is disabled"), error("SlowDown", "x"), error("InvalidObjectState",
        "x"), error("MethodNotAllowed", "x"),
    ]  # fmt: skip
    head = (
        "x-amz-request-id: 1A\nContent-Type: application/xml\nLocation:"
        " https://u:p@x.example/\nServer: AmazonS3\n\n"
    )
    return [bytes([0, i]) + (head + body).encode() for i, body in enumerate(bodies * 3)]


def _seeds_ndjson() -> list[bytes]:
    return [json.dumps(case).encode() for case in _cases()] + [
        b'{"id": "a"}\n\n{"id":1}',
        b"\xef\xbb\xbf{}",
        b'{"id": "a", ',
    ]


_IAM_WORDS = tuple(
    word.encode()
    for word in (
        *(f'"{name}": ' for name in ("Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal",
        "Action", "NotAction", "Resource",
                                     "NotResource", "Condition", "AWS", "Service", "Federated", "CanonicalUser")),
        '"2012-10-17"', '"2008-10-17"', '"Allow"', '"Deny"', '"*"', '"s3:*"', '"s3:GetObject"', "arn:aws:s3:::",
        "arn:aws:iam::111122223333:root",
        *(f'"{name}": ' for name in ("StringEquals", "StringLike", "ForAllValues:StringNotEqualsIfExists",
        "ForAnyValue:StringLike", "IpAddress",
                                     "NotIpAddressIfExists", "Bool", "BoolIfExists", "Null", "NumericLessThan",
                                     "DateGreaterThan", "ArnLike",
                                     "BinaryEquals", "ArnNotEquals")),
        *(f'"{name}": ' for name in ("aws:SourceIp", "aws:VpcSourceIp", "aws:SourceVpce", "s3:authType",
        "s3:signatureAge", "aws:CurrentTime",
                                     "aws:PrincipalArn", "aws:TagKeys", "aws:username", "aws:PrincipalTag/team")),
        "${aws:username}", "${aws:PrincipalTag/team, 'x'}", "${*}", "${$}", "${?}", "?", "*", "**", '"true"', "true",
        "5", "1e9", "1.50", "203.0.113.0/24",
        "::/0", '"2026-11-20T09:14:07Z"', GUARD_SID, "[", "]", "{", "}", ",", ":", '"', '\\"', "\\u0041",
        "REST-QUERY-STRING", "<b>", "AIDAEXAMPLE",
        '{"Version": "2012-10-17", "Statement": []}',
    )
)  # fmt: skip
_CASE_WORDS = (*_IAM_WORDS, *(f'"{name}": '.encode() for name in (
    "id", "request", "action", "resource", "principal", "context", "resourceAccount", "identityPolicies",
    "sessionPolicy", "resourcePolicy",
    "permissionsBoundary", "endpointPolicy")), b"null", b"\n")  # fmt: skip
_FILE_WORDS = tuple(
    word.encode()
    for word in (
        "version: ", "team: ", "addresses: ", "endpoints: ", "url_lock: ", "portal_lock: ", "guard: ", "bucket: ",
        "prefix: ", "expectations: ",
        "allowed: ", "refused: ", "of: ", "checks: ", "check: ", "restriction: ", "since: ", "max_unreadable: ",
        "logs: ", "\n", "\n  - ", "\n- ",
        "? ", ": ", "&a ", "*a", "<<: ", "!!binary ", "!!timestamp ", "!!set ", "!!omap ", "!!int ", "!!float ",
        "!!python/name:os.system ", "|\n ", ">-\n ",
        "%YAML 1.1\n", "---\n", "...\n", "# ", "2026-11-20", "2026-99-99", "12:30:45", "0x_", "0b_", "._", "0o9",
        ".inf", ".nan", "~", "yes", "no", "=",
        '"version": 1', '"team": ', '"addresses": ', '"checks": ', '"check": ', '"$schema": ', "SourceIp",
        "VpcSourceIp", "[", "]", "{", "}", ",", '"', "'",
        "203.0.113.0/24", "10.0.0.0/8", "vpce-0a1b2c3d", "team_is_restricted", "no_foreign_hits", "nothing_drifted",
        "\t", "0.0.0.0/0",
    )
)  # fmt: skip
_RANGE_WORDS = tuple(
    word.encode()
    for word in (
        ",", ";", "|", "\n", "/", "/24", "/0", "/32", "/128", "/-1", "/+8", "/08", "%eth0", "%", "::", ":", ".",
        "1.2.3.4", "0x7f.1", "::ffff:", "fe80::1",
        "2001:db8::/32", "203.0.113.0/24", "10.0.0.0/8", "vpce-", "vpce-svc-0a1b2c3d", "vpc-0a1b2c3d", " via ", "#",
        '"', "'", "[", "]", "{", "}", '"a": ',
        "٣", "²", "１", "\u2028", "ip,cidr\n", "d", "h", "w", "999999w", "2026-W01-1", "24:00", "T", "Z", "+00:00",
        "-23:59", "1_0", "inf", "nan", "s3://",
        "arn:aws:sagemaker:", "*", "?", "${a}",
    )
)  # fmt: skip
_URL_WORDS = tuple(
    word.encode()
    for word in (
        "https://", "http://", "://", "//", "@", ":", ":99999", ":x", "[", "]", "[::1]", "[v1.x]", "/", "//", "?",
        "#", "&", "=", ";", "%", "%00", "%2F", "%25", "+",
        "X-Amz-Algorithm=", "X-Amz-Credential=", "X-Amz-Date=", "X-Amz-Expires=", "X-Amz-Signature=",
        "X-Amz-Security-Token=", "versionId=",
        "x-gt-secure-test=", "AWSAccessKeyId=", "Expires=", "Signature=", "20261120T091400Z", "00010101T000000Z",
        "99991231T235959Z", "-1", "1" + "0" * 30,
        ".s3.amazonaws.com", ".s3.us-east-1.amazonaws.com", ".s3.dualstack.us-east-1.amazonaws.com.cn",
        ".vpce.amazonaws.com", "℀", "\u3002", "xn--", "\t", "\n",
    )
)  # fmt: skip
_XML_WORDS = tuple(
    word.encode()
    for word in (
        *(f"<{end}{name}>" for name in ("Error", "Code", "Message", "RequestId", "Expires", "ServerTime", "Endpoint",
        "Region", "X-Amz-Expires") for end in ("", "/")),
        "AccessDenied", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed",
        "PermanentRedirect", "TemporaryRedirect", "NoSuchKey",
        "with an explicit deny in a", "because no ", " allows the s3:GetObject action", "session policy",
        "resource-based policy", "identity-based policy",
        "VPC endpoint policy", "service control policy", "permissions boundary", "Block Public Access",
        "Request has expired", "KMS", "kms:Decrypt",
        "&lt;b&gt;", "&#27;", "&#x202e;", "&#999999999;", "&amp;", "<![CDATA[", "]]>", "\x1b[31m", "\n\n",
        "\nLocation: ", "https://[", "2026-11-20T09:24:07Z",
        "Server: ", "x-amz-request-id: ", "Access-Control-Allow-Origin: *",
    )
)  # fmt: skip

TARGETS = (
    *log_targets.TARGETS,
    spelling_target.SPELLING,
    Target("ranges", run_ranges, _seeds_ranges, _RANGE_WORDS, 4),
    Target("policy", run_policy, _seeds_policy, _IAM_WORDS, 4),
    Target("account", run_account, _seeds_account, _IAM_WORDS, 4),
    Target("restriction", run_restriction, _seeds_restriction, _FILE_WORDS, 3),
    Target("checks", run_checks, _seeds_checks, _FILE_WORDS, 2),
    Target("url", run_url, _seeds_url, _URL_WORDS, 2),
    Target("answer", run_answer, _seeds_answer, _XML_WORDS, 2),
    Target("ndjson", run_ndjson, _seeds_ndjson, _CASE_WORDS, 3),
)
