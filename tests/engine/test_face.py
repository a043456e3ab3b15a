"""The face of the engine: about twelve names, cheap to import,
and an error that says what to type for each slip.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gt_secure import engine
from gt_secure.base.errors import InvalidInput
from gt_secure.engine import (
    Allowed,
    BucketPolicy,
    Claim,
    Exposure,
    build_guard,
    locks_of_policies,
    principals_of,
    prove,
    signers_of,
)

ACCOUNT = "111122223333"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/labeling"},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::gt-images/*",
        }
    ],
}
OFFICE = Allowed.of("203.0.113.0/24")
ROW = "Write one of: presigned, header, "


def exposure() -> Exposure:
    return Exposure(locks_of_policies("gt-images", POLICY, ACCOUNT), "scans/1.png")


def test_it_has_about_twelve_names_and_each_is_there() -> None:
    assert 10 <= len(engine.__all__) <= 14
    assert all(getattr(engine, name) for name in engine.__all__)


def test_importing_it_loads_nothing_else() -> None:
    code = (
        "import sys; before = {*sys.modules}; import gt_secure.engine; print(*sorted({*sys.modules}"
        " - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mine = {name for name in done.stdout.split() if name.startswith("gt_secure")}
    assert mine - {"gt_secure", "gt_secure.engine"} <= {
        f"gt_secure.base{each}" for each in ("", ".lazy", ".handed", ".version")
    }


def test_from_policies_to_who_can_open_a_proof_and_signers() -> None:
    now = exposure()
    assert now.row("presigned").opened.cidrs == ("0.0.0.0/0", "::/0")
    policy = BucketPolicy(json.dumps(POLICY)).with_statement(build_guard("gt-images", OFFICE))
    guarded = locks_of_policies("gt-images", policy, ACCOUNT)
    assert Exposure(guarded, "scans/1.png").row("presigned").opened.cidrs == ("203.0.113.0/24",)
    assert prove(guarded, Claim(allowed=OFFICE)).proved
    trust = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ]
    }
    arn = f"arn:aws:iam::{ACCOUNT}:role/labeling"
    role = {
        "RoleName": "labeling",
        "Arn": arn,
        "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [],
    }
    people = principals_of(
        [{"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [role]}]
    )
    assert [each.arn for each in signers_of(now, people)] == [arn]


SLIPS: dict[str, tuple[Callable[[], object], str, str]] = {
    "a misspelt kind": (lambda: exposure().row("presign"), "presign", ROW),
    "a kind of no team": (lambda: exposure().row("worker of anna"), "worker of anna", ROW),
    "a misspelt kind from a source": (
        lambda: exposure().at("203.0.113.7", "presign"),
        "presign",
        ROW,
    ),
    "a misspelt kind of a browser": (
        lambda: exposure().plain("203.0.113.7", "presign"),
        "presign",
        ROW,
    ),
    "a word that is not a source": (
        lambda: Claim(allowed="203.0.113.0/33"),
        "203.0.113.0/33",
        "203.0.113.0/24",
    ),
    "an endpoint with a letter too much": (
        lambda: Claim(allowed=["vpce-0a1b2c3dx"]),
        "vpce-0a1b2c3dx",
        "vpce-",
    ),
    "a text for signers": (
        lambda: Claim(signers="arn:aws:iam::1:role/x"),
        "signers",
        'Write signers=["arn:aws:iam::1:',
    ),
    "a short account": (
        lambda: locks_of_policies("gt-images", POLICY, "1111"),
        "1111",
        "12 digits",
    ),
    "a number as account": (
        lambda: locks_of_policies("gt-images", POLICY, 111122223333),
        "111122223333",
        '"111122223333"',
    ),  # type: ignore[arg-type]
    "an account with hyphens": (
        lambda: locks_of_policies("b", None, "1111-2222-3333"),
        "1111-2222-3333",
        "12 digits",
    ),
    "no account": (lambda: locks_of_policies("gt-images", POLICY, ""), "''", "12 digits"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_an_error_that_says_what_to_type(slip: str) -> None:
    ask, named, step = SLIPS[slip]
    with pytest.raises(InvalidInput) as caught:
        ask()
    assert named in caught.value.message
    assert step in caught.value.next_step


def test_a_claim_reads_texts() -> None:
    assert Claim(allowed="203.0.113.0/24") == Claim(allowed=["203.0.113.0/24"]) == Claim("", OFFICE)


def test_the_page_of_the_engine_imports_its_face_alone() -> None:
    page = (Path(engine.__file__).parent / "README.md").read_text(encoding="utf-8")
    [example] = re.findall("```python\n(.*?)```", page, re.DOTALL)
    homes = set(re.findall(r"^(?:from|import) (gt_secure[\w.]*)", example, re.MULTILINE))
    assert homes == {"gt_secure.engine"}
