"""No secret reaches an error by any way of importing, nor in a part that was copied without the recogniser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gt_secure
from gt_secure.base import handed, mask
from gt_secure.base.errors import InvalidInput

SIGNATURE = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
URL = f"https://b.s3.amazonaws.com/k?X-Amz-Expires=600&X-Amz-Signature={SIGNATURE}"
RAISE = f"""
try:
    try:
        open({URL!r})
    except OSError as cause:
        raise GtSecureError({URL!r}, next_step={URL!r}, details={{"url": {URL!r}}}) from cause
except GtSecureError as error:
    print(str(error), repr(error), error.to_dict(), *error._render_traceback_())
"""


def printed(code: str, folder: Path | None = None) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder).stdout


@pytest.mark.parametrize(
    "statement",
    [
        "from gt_secure.base.errors import GtSecureError",
        "from importlib import import_module; GtSecureError = import_module('gt_secure.base.errors').GtSecureError",
        "import gt_secure.engine.iam; GtSecureError = gt_secure.errors.GtSecureError",
        "from gt_secure import logs, errors; GtSecureError = errors.GtSecureError",
        "from gt_secure.cli.main import main; from gt_secure.base.errors import GtSecureError",
    ],
)
def test_an_error_is_masked_however_it_was_imported(statement: str) -> None:
    shown = printed(f"{statement}\n{RAISE}")
    assert SIGNATURE not in shown
    assert "X-Amz-Signature=***" in shown


def test_an_error_costs_no_recogniser_until_it_has_a_text() -> None:
    code = "import gt_secure.base.errors, sys; print([x for x in sys.modules if x.startswith('gt_secure.secrets')])"
    assert printed(code).strip() == "[]"


def test_a_part_that_was_copied_alone_leaves_out_what_may_hold_a_secret(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    for name in ("errors", "tracebacks", "text", "mask", "handed"):
        text = (Path(gt_secure.__file__).parent / "base" / f"{name}.py").read_text()
        (tmp_path / "part" / f"{name}.py").write_text(text)
    shown = printed(f"from part.errors import GtSecureError\n{RAISE}", tmp_path)
    assert SIGNATURE not in shown
    assert mask.LEFT_OUT in shown


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mask was handed in."""
    monkeypatch.setattr(handed, "_loaders", {})
    monkeypatch.setattr(handed, "_loaded", {})


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "text",
    [
        URL,
        URL.replace("=", "%3D"),
        URL.replace("=", "%253D"),
        URL.replace("=", "\\u003d"),
        f"k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature={SIGNATURE}",
        f"Authorization: AWS4-HMAC-SHA256 Credential=x, Signature={SIGNATURE}",
        f'{{"aws_secret_access_key": "{SIGNATURE}"}}',
        "the key ASIAIOSFODNN7EXAMPLE",
        "aws_session_token=IQoJb3JpZ2lu",
    ],
)
def test_a_text_with_a_sign_of_a_secret_is_left_out(text: str) -> None:
    assert mask.redact(text) == mask.LEFT_OUT
    assert str(InvalidInput(text).message) == mask.LEFT_OUT
    assert mask.redact_data({"a": [text, text.encode()]}) == {"a": [mask.LEFT_OUT, mask.LEFT_OUT.encode()]}


@pytest.mark.usefixtures("alone")
def test_a_name_decides_for_its_value() -> None:
    assert mask.redact_data({"Signature": "x", "n": 1}) == {"Signature": mask.LEFT_OUT, "n": 1}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "text",
    ["Pass bucket='photos'.", "arn:aws:s3:::b/k", "Condition key s3:signatureversion is not known", {"a": [1, None]}],
)
def test_the_rest_stays(text: Any) -> None:
    assert mask.redact_data(text) == text
    assert not mask.holds_presigned_url(text)
