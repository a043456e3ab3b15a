"""Credentials that cannot be loaded: one sentence with the cause that botocore names,
whatever botocore raises.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import botocore.session
import pytest

from gt_secure import connect
from gt_secure.base.errors import CredentialsError, GtSecureError
from gt_secure.cli.main import main

CLASSES = [
    each
    for _, each in inspect.getmembers(botocore.exceptions, inspect.isclass)
    if issubclass(each, botocore.exceptions.BotoCoreError)
]
OTHERS = [
    EOFError("EOF when reading a line"),
    OSError(5, "Input/output error"),
    FileNotFoundError(2, "No such file or directory", "tool"),
    NotImplementedError("this frontend does not support input requests"),
    json.JSONDecodeError("Expecting value", "", 0),
    KeyError("Version"),
    TypeError("no text"),
    RuntimeError("refresh failed"),
    subprocess.TimeoutExpired("tool", 1),
    botocore.exceptions.ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "MultiFactorAuthentication failed"}},
        "AssumeRole",
    ),
]


class Fails:
    """A provider of credentials that fails."""

    METHOD = CANONICAL_NAME = "fails"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def load(self) -> None:
        raise self._error


def made(kind: type[botocore.exceptions.BotoCoreError]) -> Exception:
    class Words(dict[str, str]):
        def __missing__(self, name: str) -> str:
            return name

    error = kind.__new__(kind)
    try:
        text = kind.fmt.format_map(Words())
    except (ValueError, AttributeError):
        text = kind.fmt
    Exception.__init__(error, text)
    error.kwargs = {}
    return error


def failing(error: Exception) -> boto3.session.Session:
    core = botocore.session.Session()
    core.get_component("credential_provider").providers[:] = [Fails(error)]
    return boto3.session.Session(botocore_session=core, region_name="us-east-1")


@pytest.mark.parametrize(
    "error", [*map(made, CLASSES), *OTHERS], ids=lambda each: type(each).__name__
)
def test_every_error_of_the_credentials_is_a_sentence(error: Exception) -> None:
    gt = connect(boto3_session=failing(error), endpoint_url="http://127.0.0.1:1")
    for call in (gt.workteams, lambda: gt.aws.client("s3"), lambda: gt.aws.account_id):
        with pytest.raises(GtSecureError) as caught:
            call()
        text = f"{caught.value} {caught.value.next_step}"
        assert "__cause__" not in text
        assert "sagemaker:" not in text or not isinstance(caught.value, CredentialsError)
        if isinstance(caught.value, CredentialsError):
            assert str(error) in text or isinstance(error, botocore.exceptions.NoCredentialsError)


def test_most_are_of_the_credentials() -> None:
    kinds = [type(outcome(each)) for each in (*map(made, CLASSES[::4]), *OTHERS)]
    assert kinds.count(CredentialsError) > 0.8 * len(kinds)


def outcome(error: Exception) -> GtSecureError:
    with pytest.raises(GtSecureError) as caught:
        connect(boto3_session=failing(error), endpoint_url="http://127.0.0.1:1").workteams()
    return caught.value


KEYS = "aws_access_key_id = AKIAEXAMPLE"
PROFILES = {
    "half a key": (
        KEYS,
        "Partial credentials found in shared-credentials-file, missing: aws_secret_access_key",
    ),
    "a process that fails": (
        f"credential_process = {sys.executable} -c \"raise SystemExit('no ticket')\"",
        "Error when retrieving credentials from custom-process: no ticket",
    ),
    "a process that is missing": (
        "credential_process = /none/tool",
        "No such file or directory: '/none/tool'",
    ),
    "a process that prints nothing": (
        f"credential_process = {sys.executable} -c pass",
        "Expecting value",
    ),
    "a role of no profile": (
        "role_arn = arn:aws:iam::111122223333:role/r\nsource_profile = none",
        "none",
    ),
    "a role of itself": (
        "role_arn = arn:aws:iam::111122223333:role/r\nsource_profile = a\n[b]",
        "",
    ),
    "a source that is unknown": (
        "role_arn = arn:aws:iam::111122223333:role/r\ncredential_source = Magic",
        "Magic",
    ),
}
MFA = f"""role_arn = arn:aws:iam::111122223333:role/r
source_profile = b
mfa_serial = arn:aws:iam::111122223333:mfa/m
[b]
{KEYS}
aws_secret_access_key = s"""


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "a")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    return lambda text: path.write_text(f"[a]\n{text}\n")


@pytest.mark.parametrize(
    "command", [["teams"], ["doctor"], ["plan", "s3://gt-images", "--allow", "203.0.113.0/24"]]
)
@pytest.mark.parametrize("name", PROFILES)
def test_a_command_names_the_cause(
    name: str, command: list[str], profile: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    text, cause = PROFILES[name]
    profile(text)
    assert main(command) not in (0, None)
    said = capsys.readouterr().err
    assert "__cause__" not in said
    assert "Traceback" not in said
    assert cause in said
    assert said.count("\n") <= 3, said


def test_without_a_terminal_the_code_of_a_device_is_asked_for_in_vain(profile: Any) -> None:
    profile(MFA)
    done = subprocess.run(
        [sys.executable, "-m", "gt_secure", "teams"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True,
    )  # fmt: skip
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    said = " ".join(done.stderr.split())
    assert re.search(
        "AWS credentials cannot be loaded: (no terminal answers the prompt|.*MFA token required)",
        said,
    )
    assert "use a terminal if it asks for an MFA code" in said
    assert "__cause__" not in done.stderr
