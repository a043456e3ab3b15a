"""Whatever evaluates a text from outside ends within two seconds of a processor and 100 MB; beyond
them the answer is unknown or an error of ours, and nothing else is lost.

The evaluators of the package are in ``EVALUATORS``; templates of tasks are in
``test_text_from_outside_has_a_budget.py``. JSONata, zip and eval are not in it, and a test sees
that none comes. For each evaluator a text is drawn by doubling, powers, ranges, nesting and
repetition of what it is made of.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gt_secure.account.reader import _task_lines
from gt_secure.aws.answers import is_policy
from gt_secure.aws.object_page import _read
from gt_secure.base import budget
from gt_secure.base.errors import GtSecureError
from gt_secure.base.files import loads
from gt_secure.base.task_liquid import labels_in
from gt_secure.engine import Allowed, Claim, Exposure, locks_of_policies, prove
from gt_secure.engine.access.cloudformation_template import cloudformation_policies
from gt_secure.engine.access.terraform_plan import terraform_policies
from gt_secure.logs import read_hits
from gt_secure.secrets import redact

SIZE, POLICY = 500_000, 20_000
ACCOUNT = "111122223333"


def exposure(text: str) -> None:
    row = Exposure(locks_of_policies("b", text, ACCOUNT), "x/1.png").row("presigned")
    assert row.opened.is_empty in (True, False)


def proof(text: str) -> None:
    prove(locks_of_policies("b", text, ACCOUNT), Claim(allowed=Allowed.of("203.0.113.0/24")))


def log(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.gz"
        file.write_bytes(gzip.compress(text.encode(), 1))
        with read_hits(file) as hits:
            len(hits)


EVALUATORS: dict[str, Callable[[str], object]] = {
    "YAML": lambda text: loads(text, yaml=True),
    "JSON": loads,
    "template": lambda text: cloudformation_policies(text, ACCOUNT),
    "plan": terraform_policies,
    "policy of an answer": is_policy,
    "XML": lambda text: _read(text.encode()),
    "tasks": lambda text: _task_lines((text, True)),
    "labels": labels_in,
    "masks": redact,
    "gzip": log,
    "exposure": exposure,
    "proof": proof,
}
"""Every evaluator but Liquid."""

PIECES = {
    "YAML": ("- a\n", "- 1\n", "[a,", "{a: ", "a: b\n", "? ", "- ", "&a x\n", "*a,", "!!str a\n", "a:", "'", '"\\n', "1:",
             "0x", "%a\n", "--- ", "<<: ", "a: |\n x\n", "#", "\n", " ", "\t", "2026-01-01 ", "a: b,", "!!set {a", ": "),
    "JSON": ("[", "{", '{"a":', "1,", "9", "1e9", '"a":1,', '"', "\\", '"\\u0041', "null,", "-", " ", "[[],", '{"a":[{},'),
    "XML": ("<a>", "<a b='c' ", "&lt;", "<!--", "<![CDATA[", "<Contents><Key>a</Key></Contents>", "<", "&#65;", "]]>"),
    "template": ("${", "${!", "${a", "${a.b", "}", "a", "$", "${AWS::Region}"),
    "masks": ("=", "\\", "'", "?X-Amz-Signature=", "%25", "eyJ", "a", "&a=", " ", "\n", "AKIA", "://", "@", "a:", "-----BEGIN "),
    "gzip": ("a ", "a\n", "\0", '{"Records":[', '{"a":', "[", "{},", '"', " ", "\r"),
}  # fmt: skip
AROUND = {
    "template": ('{"Resources":{"P":{"Type":"AWS::S3::BucketPolicy","Properties":{"Bucket":"b","PolicyDocument":'
                 '{"Fn::Sub":"', '"}}}}}'),
    "XML": ("<ListBucketResult>", "</ListBucketResult>"),
    "plan": ('{"format_version":"1.2","resource_changes":', "}"),
}  # fmt: skip
KEYS = (
    ("StringLike", "aws:UserAgent", "*{}*"), ("StringNotEquals", "aws:SourceVpce", "vpce-{:08x}"),
    ("IpAddress", "aws:SourceIp", "10.{}.0.0/16"), ("NotIpAddress", "aws:VpcSourceIp", "10.{}.0.0/16"),
    ("StringLike", "aws:Referer", "http*{}*"), ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*{}*"),
    ("Bool", "aws:SecureTransport", "true"), ("NumericGreaterThan", "s3:signatureAge", "{}"),
    ("StringLike", "aws:RequestTag/k{}", "*{}*"), ("StringNotLike", "s3:ExistingObjectTag/k", "*{}*a*"),
    ("DateLessThan", "aws:CurrentTime", "20{:02}-01-01T00:00:00Z"), ("StringLike", "aws:PrincipalTag/t", "*{}*"),
)  # fmt: skip
"""Operators, keys and values of conditions."""


def policy(draw: random.Random) -> str:
    """Return a policy as long as S3 takes one."""
    statements: list[Any] = []
    kinds = draw.sample(KEYS, draw.randint(1, 8))
    resources = ("*", "x/*", "*{0}*a*{0}*", "${{aws:username}}*{0}*", "*a*a*a*a*b", "x/{0}/*")
    resource_of = draw.choice(resources)
    while len(json.dumps(statements)) < POLICY - 600:
        number = len(statements) % 90 + 1
        condition: dict[str, Any] = {}
        for operator, key, value in draw.sample(kinds, min(len(kinds), draw.choice((1, 1, 2, 4)))):
            condition.setdefault(operator, {})[key.format(number)] = value.format(number, number)
        statements.append(
            {
                "Effect": draw.choice(("Allow", "Deny")),
                "Principal": "*",
                "Action": draw.choice(("s3:GetObject", "s3:*", f"s3:*{number}*e*")),
                draw.choice(("Resource",) * 4 + ("NotResource",)): "arn:aws:s3:::b/"
                + resource_of.format(number),
                "Condition": condition,
            }
        )
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def doubling(draw: random.Random, _: str, size: int) -> str:
    """Return anchors of which each holds the one before it several times."""
    link = draw.choice(("[*a{0}, *a{0}]", "{{a: *a{0}, b: *a{0}}}", "{{<<: [*a{0}, *a{0}]}}"))
    return "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} {link.format(i - 1)}\n" for i in range(1, min(size // 20, 500))
    )


def powers(draw: random.Random, name: str, size: int) -> str:
    """Return a number of as many digits."""
    start, digits = draw.choice((("", "9"), ("0x", "f"), ("1", ":1"), ("1.", "9"), ("1e", "9")))
    return ("a: " if name == "YAML" else "") + start + digits * (size // len(digits))


def ranges(draw: random.Random, name: str, size: int) -> str:
    """Return a mapping of as many keys; the hashes of some of them are the same."""
    step = draw.choice((1, (1 << 61) - 1))
    quote, line = ("", "{}: \n") if name == "YAML" else ('"', "{}")
    count = size // (len(str(step)) + 8)
    if quote:
        return json.dumps({str(i * step): i for i in range(count)})
    return "".join(line.format(i * step) for i in range(count))


def nesting(draw: random.Random, name: str, size: int) -> str:
    piece = draw.choice(PIECES.get(name, PIECES["JSON"]))
    ends = "".join({"[": "]", "{": "}"}.get(char, "") for char in reversed(piece))
    times = draw.choice((900, 5_000, size // (len(piece) + len(ends) or 1)))
    return piece * times + "1" + ends * times


def repetition(draw: random.Random, name: str, size: int) -> str:
    pieces = PIECES.get(name, PIECES["JSON"])
    piece = "".join(draw.choices(pieces, k=draw.choice((1, 1, 2, 3))))
    return piece * (size // len(piece))


FORMS = (doubling, powers, ranges, nesting, repetition)


def drawn(name: str, seed: int, size: int = SIZE) -> str:
    """Return a text for an evaluator."""
    draw = random.Random(f"{name} {seed}")
    if name in ("exposure", "proof"):
        return policy(draw)
    start, end = AROUND.get(name, ("", ""))
    return start + FORMS[seed % len(FORMS)](draw, name, size) + end


def cost(name: str, text: str) -> tuple[float, float, str]:
    """Evaluate a text in a fork; return the processor seconds, the MB that it grew by,
    and how it ended.
    """
    reading, writing = os.pipe()
    if not (child := os.fork()):
        ended = "KILLED"
        try:
            signal.setitimer(signal.ITIMER_PROF, 8)
            before, used_kb = time.process_time(), _peak_kb()
            try:
                EVALUATORS[name](text)
                ended = "evaluated"
            except GtSecureError as error:
                ended = "given up" if "too costly" in str(error) else "refused"
            except BaseException as error:
                ended = f"LOST: {type(error).__name__} {error}"[:200]
            used = (time.process_time() - before, (_peak_kb() - used_kb) / 1024, ended)
            os.write(writing, json.dumps(used).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as said:
        text = said.read()
    os.waitpid(child, 0)
    return tuple(json.loads(text)) if text else (8.0, 0.0, "KILLED")


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check_cost(name: str, text: str, most_s: float = 2.0) -> tuple[float, float, str]:
    seconds, grown, ended = cost(name, text)
    assert ended in ("evaluated", "refused", "given up"), (name, text[:80], ended)
    assert seconds <= most_s + 0.5, (name, text[:80], seconds)
    assert grown <= 100, (name, text[:80], grown)
    return seconds, grown, ended


def loop_s() -> float:
    """Return the seconds of a loop that takes 0.04 s on the machine of the limits."""
    begun = time.process_time()
    sum(i * i for i in range(500_000))
    return time.process_time() - begun


CHOSEN = {
    "YAML": ("".join(f"{i}: \n" for i in range(12_000)), "a: 1" + ":1" * 60_000, "[" + "a," * 30_000 + "]",
             "".join(f"{i * ((1 << 61) - 1)}: \n" for i in range(6_000))),
    "template": (AROUND["template"][0] + "${" * 60_000 + AROUND["template"][1],),
}  # fmt: skip
"""Texts that took minutes before there was a budget, in a size for the quick tests."""


@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, texts in CHOSEN.items() for i in range(len(texts))]
)
def test_a_chosen_text_ends(name: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = budget.LIMITS["YAML"]._replace(seconds=0.1)
    monkeypatch.setitem(budget.LIMITS, "YAML", limit)
    check_cost(name, CHOSEN[name][number], 0.1)


def test_what_a_file_may_unpack_to_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a " * 3_000_000
    assert cost("gzip", text)[2] == "evaluated"
    monkeypatch.setitem(budget.LIMITS, "gzip", budget.LIMITS["gzip"]._replace(size=1 << 20))
    assert cost("gzip", text)[2] == "refused"


@pytest.mark.check
@pytest.mark.parametrize("line", ["\n", "\r\n", "a\n", "a,b\n", '""\n'])
def test_a_log_of_line_ends_ends(line: str) -> None:
    check_cost("gzip", line * (20_000_000 // len(line)), 2.0 * max(1.0, loop_s() / 0.04))


@pytest.mark.slow
@pytest.mark.parametrize("name", EVALUATORS)
def test_drawn_texts_end(name: str) -> None:
    show(name, range(60))


@pytest.mark.check
@pytest.mark.parametrize("name", EVALUATORS)
def test_some_drawn_texts_end(name: str) -> None:
    show(name, range(5))


def show(name: str, seeds: range) -> None:
    """Check the law for drawn texts, and print the worst."""
    slow = max(1.0, loop_s() / 0.04)
    found = [check_cost(name, drawn(name, seed), 2.0 * slow) for seed in seeds]
    ends = sorted({ended for _, _, ended in found})
    worst = f"{max(s for s, _, _ in found):.2f} s, {max(mb for _, mb, _ in found):.0f} MB"
    print(f"{name}: {len(found)} texts, {worst}, {ends}")


def sources() -> Iterator[tuple[Path, str]]:
    for file in Path(budget.__file__).parents[1].rglob("*.py"):
        yield file, file.read_text(encoding="utf-8")


def test_no_evaluator_comes_unseen() -> None:
    """A new evaluator is added to the law first."""
    unseen = re.compile(
        r"^\s*(?:import|from) (?:jsonata|jmespath|jinja2|zipfile|tarfile|lzma|bz2|pickle|marshal|xmltodict|lxml)\b"
        r"|(?<![.\w])(?:eval|exec)\(", re.MULTILINE
    )  # fmt: skip
    assert [
        (file.name, found[0]) for file, text in sources() if (found := unseen.search(text))
    ] == []
