"""A part that was copied without the recogniser leaves out what may hold a secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


def test_a_part_that_was_copied_alone_leaves_out_what_may_hold_a_secret(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    for name in ("errors", "tracebacks", "text", "mask", "handed"):
        text = (Path(mask.__file__).with_name(f"{name}.py")).read_text()
        (tmp_path / "part" / f"{name}.py").write_text(text)
    code = f"from part.errors import GtSecureError\n{RAISE}"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
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
    assert mask.redact_data({"a": [text, text.encode()]}) == {
        "a": [mask.LEFT_OUT, mask.LEFT_OUT.encode()]
    }


@pytest.mark.usefixtures("alone")
def test_a_name_decides_for_its_value() -> None:
    assert mask.redact_data({"Signature": "x", "n": 1}) == {"Signature": mask.LEFT_OUT, "n": 1}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "text",
    [
        "Pass bucket='photos'.",
        "arn:aws:s3:::b/k",
        "Condition key s3:signatureversion is not known",
        {"a": [1, None]},
    ],
)
def test_the_rest_stays(text: Any) -> None:
    assert mask.redact_data(text) == text
    assert not mask.holds_presigned_url(text)
