"""Ready files that run the checks of a file on a schedule, and upload the reports.

Sources: GitHub Actions, *Workflow syntax*, *Uploading a SARIF file*, *OpenID Connect in Amazon Web Services*; GitLab,
*CI/CD YAML syntax* (``id_tokens``, ``artifacts:reports:junit``); AWS CodeBuild, *Build specification reference*; Amazon
SageMaker AI, *Schedule notebook jobs* (parameters by papermill).
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any

from ..errors import InvalidInput

PACKAGE = "wheels/gt_secure-*.whl"
"""The requirement that the files install: a wheel in the repository, which needs no package index."""

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
_EXAMPLE_ROLE = "arn:aws:iam::111122223333:role/GtSecureChecks"

_GITHUB = """\
name: gt-secure checks
on:
  schedule:
    - cron: "17 5 * * *"
  workflow_dispatch:
permissions:
  contents: read
  id-token: write  # assumes the role below
  security-events: write  # uploads the SARIF report
jobs:
  checks:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    env:
      # A wheel in the repository, or a requirement of your package index.
      GT_SECURE_PACKAGE: @PACKAGE@
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: @ROLE@
          aws-region: @REGION@
      - name: Install gt_secure
        run: python -m pip install $GT_SECURE_PACKAGE
      - name: Run the checks
        run: gt-secure check -f @CHECKS@ --junit report.xml --sarif report.sarif
      - uses: github/codeql-action/upload-sarif@v3
        if: ${{ !cancelled() }}
        with:
          sarif_file: report.sarif
          category: gt-secure
      - uses: actions/upload-artifact@v4
        if: ${{ !cancelled() }}
        with:
          name: gt-secure-report
          path: |
            report.xml
            report.sarif
"""

_GITLAB = """\
gt-secure-checks:
  image: python:3.12
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
    - if: $CI_PIPELINE_SOURCE == "web"
  id_tokens:
    GT_SECURE_TOKEN:
      aud: sts.amazonaws.com
  variables:
    # A wheel in the repository, or a requirement of your package index.
    GT_SECURE_PACKAGE: @PACKAGE@
    AWS_ROLE_ARN: @ROLE@
    AWS_REGION: @REGION@
    AWS_WEB_IDENTITY_TOKEN_FILE: $CI_PROJECT_DIR/.gt-secure-token
  script:
    - (umask 077 && printf '%s' "$GT_SECURE_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE")
    - python -m pip install $GT_SECURE_PACKAGE
    - gt-secure check -f @CHECKS@ --junit report.xml --sarif report.sarif
  after_script:
    - rm -f .gt-secure-token
  artifacts:
    when: always
    expire_in: 90 days
    paths:
      - report.xml
      - report.sarif
    reports:
      junit: report.xml
"""

_CODEBUILD = """\
version: 0.2
env:
  variables:
    # A wheel in the repository, or a requirement of your package index.
    GT_SECURE_PACKAGE: @PACKAGE@
    AWS_REGION: @REGION@
phases:
  install:
    runtime-versions:
      python: "3.12"
    commands:
      - python -m pip install $GT_SECURE_PACKAGE
  build:
    # The service role of the project needs the permissions that 'gt-secure doctor' lists.
    commands:
      - gt-secure check -f @CHECKS@ --junit report.xml --sarif report.sarif
reports:
  gt-secure:
    files:
      - report.xml
    file-format: JUNITXML
artifacts:
  files:
    - report.xml
    - report.sarif
"""

_INTRO = """\
# Checks of a file, on a schedule

In Studio: right-click this notebook, choose *Create Notebook Job*, and set the parameters and a schedule. Add the check
file and the wheel as input files. The job fails if a check fails or cannot be decided. By hand:

```
papermill @NAME@ result.ipynb -p CHECKS @CHECKS@ -p REPORTS s3://BUCKET/gt-secure/
```
"""

_PARAMETERS = """\
CHECKS = "@CHECKS@"  # the check file
REPORTS = ""  # s3://BUCKET/PREFIX/ for the reports; empty: keep them beside the notebook
REGION = ""  # Region of the workteams; empty: that of the credentials
SANDBOX = False  # True: a sandbox that AWS_ENDPOINT_URL names
"""

_RUN = """\
import datetime as dt
import json
from pathlib import Path

import gt_secure
from gt_secure import check

gt = gt_secure.connect(sandbox=str(SANDBOX).lower() == "true", region=REGION or None)
report = check.run_file(gt, CHECKS)
Path("report.xml").write_text(report.to_junit(), encoding="utf-8")
Path("report.sarif").write_text(json.dumps(report.to_sarif(), indent=2), encoding="utf-8")
report
"""

_UPLOAD = """\
if REPORTS:
    bucket, _, prefix = REPORTS.removeprefix("s3://").partition("/")
    day = f"{dt.datetime.now(dt.UTC):%Y-%m-%d-%H%M%S}"
    for name in ("report.xml", "report.sarif"):
        key = f"{prefix.rstrip('/')}/{day}/{name}".lstrip("/")
        gt.aws.client("s3").upload_file(name, bucket, key)
        print(f"s3://{bucket}/{key}")
"""

_FAIL = """\
failed = [f"{each.name}: {each.message}" for each in report if not each.passed]
assert report.exit_code == 0, "; ".join(failed)
"""

_FORMS = {"github-actions": _GITHUB, "gitlab": _GITLAB, "codebuild": _CODEBUILD}
FORMATS = (*_FORMS, "notebook-job")
"""Formats of :func:`schedule`."""

FILE_NAMES = {
    "github-actions": ".github/workflows/gt-secure.yml",
    "gitlab": ".gitlab-ci.yml",
    "codebuild": "buildspec.yml",
    "notebook-job": "gt_secure_checks.ipynb",
}
"""The usual name of each file."""


def schedule(
    form: str,
    checks: str = "checks.json",
    *,
    role_arn: str = _EXAMPLE_ROLE,
    region: str = "us-east-1",
    package: str = PACKAGE,
) -> str:
    """Return a file that runs the checks of a file on a schedule and uploads the reports.

    Parameters
    ----------
    form : str
        ``github-actions``, ``gitlab``, ``codebuild`` (a build specification), or ``notebook-job`` (a notebook for a
        SageMaker notebook job or papermill).
    checks : str
        Path of the check file in the repository.
    role_arn : str
        The role that GitHub or GitLab assume with their identity token.
    region : str
        The region of the workteams.
    package : str
        The requirement to install: a wheel, or a package of your index.

    Raises
    ------
    InvalidInput
        For another format, or a value that cannot be written into a script.

    Examples
    --------
    >>> schedule("codebuild", "checks.yaml").splitlines()[0]
    'version: 0.2'
    """
    if form not in FORMATS:
        raise InvalidInput(
            f"Unknown format '{str(form)[:40]}'.", next_step=f"Choose from: {', '.join(FORMATS)}.", field="format"
        )
    path = PurePosixPath(str(checks))
    values = {
        "@CHECKS@": _checked("file", str(path), re.compile(r"(?!-)[\w./-]+", re.ASCII)),
        "@ROLE@": _checked("role_arn", role_arn, _ROLE),
        "@REGION@": _checked("region", region, re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")),
        "@PACKAGE@": _checked("package", package, re.compile(r"(?!-)[\w./*=<>~!\[\],+-]+", re.ASCII)),
        "@NAME@": FILE_NAMES["notebook-job"],
    }
    if form == "notebook-job":
        return json.dumps(_notebook(values), indent=1) + "\n"
    # JSON strings are YAML strings: a value such as '*.whl' or 'a: b' stays text.
    quoted = {key: value if key == "@CHECKS@" else json.dumps(value) for key, value in values.items()}
    return _filled(_FORMS[form], quoted)


def _checked(field: str, value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(str(value)):
        raise InvalidInput(
            f"'{str(value)[:60]}' cannot be written into the file.",
            next_step="Use letters, digits and the characters of a path.",
            field=field,
            value=value,
        )
    return value


def _filled(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def _notebook(values: dict[str, str]) -> dict[str, Any]:
    cells = [("markdown", _INTRO), ("parameters", _PARAMETERS), ("code", _RUN), ("code", _UPLOAD), ("code", _FAIL)]
    return {
        "cells": [_cell(number, kind, _filled(text, values)) for number, (kind, text) in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    source = text.rstrip("\n").splitlines(keepends=True)
    tags = {"tags": ["parameters"]} if kind == "parameters" else {}
    cell: dict[str, Any] = {"cell_type": "code", "id": f"cell-{number}", "metadata": tags, "source": source}
    if kind == "markdown":
        return cell | {"cell_type": "markdown"}
    return cell | {"execution_count": None, "outputs": []}
