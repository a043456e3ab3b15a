"""The Terraform module of the guard says what gt_secure would write."""

from __future__ import annotations

import json
import random
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.cli.main import main
from gt_secure.engine.policies.bucket_guard import build_guard, read_guard
from gt_secure.engine.policies.equivalence import statements_equal
from support import planned_policies as planned
from support.hcl import Expression, arguments, block
from support.rooms import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "make_terraform.py"))
TEXTS: dict[str, str] = TOOL["files"]()
DEFAULTS: dict[str, Any] = {
    "prefix": "", "addresses": [], "endpoints": [], "reads_only": False, "partition": "aws",
}  # fmt: skip
PREFIXES = ("", "scans/", "a*b?/", "${aws:username}/", "$5 {x}/", 'q"\\/', "é/${*}", "$${/")
ADDRESSES = ("203.0.113.0/24", "198.51.100.7/32", "2001:db8:40::/48", "192.0.2.128/25")
ENDPOINTS = ("vpce-0123456789abcdef0", "vpce-01234567", "vpc-0123456789abcdef0")


def module(**given: Any) -> dict[str, Any]:
    """Return what the module's locals are for its variables."""
    names = {f"var.{name}": value for name, value in (DEFAULTS | given).items()}
    return arguments(block(TEXTS["main.tf"], "locals"), names, "local.")


def valid(name: str, value: Any) -> bool:
    rule = block(TEXTS["variables.tf"], f'variable "{name}"')
    condition = re.search(r"condition +=(.*)", block(rule, "validation"))
    assert condition is not None
    return bool(Expression(condition[1], {f"var.{name}": value}).value())


def test_the_files_are_those_that_the_tool_writes() -> None:
    for name, text in TEXTS.items():
        written = (ROOT / "integrations" / "terraform" / name).read_text(encoding="utf-8")
        assert written == text, "run tools/make_terraform.py"


def test_the_statement_is_that_of_gt_secure() -> None:
    rng, drawn = random.Random(70), 0
    for prefix in PREFIXES:
        for _ in range(25):
            ranges = rng.sample(ADDRESSES, rng.randint(0, len(ADDRESSES)))
            ids = rng.sample(ENDPOINTS, rng.randint(0 if ranges else 1, len(ENDPOINTS)))
            partition, reads = rng.choice(("aws", "aws-cn", "aws-us-gov")), rng.random() < 0.5
            given = {"bucket": "gt-images", "prefix": prefix, "partition": partition}
            made = module(**given, addresses=ranges, endpoints=ids, reads_only=reads)
            wanted = build_guard(**given, allowed=[*ranges, *ids], reads=reads)
            assert statements_equal(made["statement"], wanted), (made["statement"], wanted)
            assert not read_guard(made["statement"]).drifted
            drawn += 1
    assert drawn == 200


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("bucket", ["gt-images", "a.b"], ["", "s3://gt-images", "a/b", "gt*"]),
        ("addresses", [[], [*ADDRESSES]], [["203.0.113.7"], ["0.0.0.0/0"], ["::/0"], ["office"]]),
        ("endpoints", [[], [*ENDPOINTS]], [["vpce-"], ["o-123"], ["vpce-0123456789abcdef0 "]]),
    ],
)
def test_a_variable_refuses_what_the_guard_refuses(
    name: str, good: list[Any], bad: list[Any]
) -> None:
    assert [each for each in good if not valid(name, each)] == []
    assert [each for each in bad if valid(name, each)] == []


def test_an_empty_list_fails_the_plan() -> None:
    rule = block(block(TEXTS["outputs.tf"], 'output "statement"'), "precondition")
    condition = re.search(r"condition +=(.*)", rule)
    assert condition is not None
    for ranges, ids in (([], []), (["203.0.113.0/24"], []), ([], ["vpc-01234567"])):
        names = {"var.addresses": ranges, "var.endpoints": ids}
        assert Expression(condition[1], names).value() is bool(ranges or ids)
    with pytest.raises(InvalidInput):
        build_guard("gt-images")


@pytest.mark.parametrize(("size", "fits"), [(3, True), (2000, False)])
def test_the_check_warns_where_the_statement_is_too_large(size: int, fits: bool) -> None:
    made = module(
        bucket="gt-images", addresses=[f"203.0.{n // 256}.{n % 256}/32" for n in range(size)]
    )
    rule = block(block(TEXTS["main.tf"], 'check "guard"'), "assert")
    condition = re.search(r"condition +=(.*)", rule)
    assert condition is not None
    found = Expression(condition[1], {f"local.{name}": each for name, each in made.items()})
    assert found.value() is fits


@pytest.mark.parametrize(("allowed", "code"), [("203.0.113.0/24", 0), ("203.0.113.0/25", 2)])
def test_the_plan_with_the_module_is_proved(tmp_path: Path, allowed: str, code: int) -> None:
    made = module(bucket="gt-images", addresses=["203.0.113.0/24"])
    output = re.search(r"value +=(.*)", block(TEXTS["outputs.tf"], 'output "json"'))
    assert output is not None
    document = Expression(output[1], {"local.statement": made["statement"]}).value()
    after = {"bucket": "gt-images", "policy": document}
    policy = planned.change("aws_s3_bucket_policy", "p", after)
    path = tmp_path / "plan.json"
    path.write_text(planned.plan(policy), encoding="utf-8")
    words = ["prove", "s3://gt-images", "--tf-plan", str(path), "--account", "111122223333"]
    assert main([*words, "--allow", allowed]) == code
    assert json.loads(document)["Statement"][0]["Sid"] == "GtSecurePresignGuard"
