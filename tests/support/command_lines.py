"""One command line for each way in which a command runs, and a folder with the files that they
name.

Only the public face of the package is used: ``tools/compare_outputs.py`` runs these lines with
other versions of it.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import gt_secure

WISH = "s3://gt-images --team open-team --allow 203.0.113.0/24"
LINES: tuple[str, ...] = (
    "teams",
    "teams radiology-team",
    f"plan {WISH}",
    "plan -f open-team.json",
    "plan -f open-team.json --json",
    f"apply {WISH} --yes --confirm url-lock-one-path --confirm loses-access:radiology-team",
    "undo",
    "undo CHANGE --yes",
    "apply --resume --yes",
    "history",
    "history show CHANGE",
    "history verify",
    "history s3://gt-images",
    "export --team open-team",
    "export --team open-team -o exported.json",
    "revoke s3://gt-images --before 1h --yes",
    "revoke s3://gt-images --before 30m --logs log --yes",
    (
        "revoke s3://gt-images --fingerprint FINGERPRINT --logs log --yes --confirm"
        " revoke-every-signer"
    ),
    "sign s3://gt-images/scans/0001.png",
    "probe s3://gt-images/scans/0001.png",
    "probe - < url.txt",
    "probe s3://gt-images/scans/0001.png --method HEAD",
    "findings --team open-team",
    "findings --explain url-lock-off",
    "doctor --team open-team",
    "doctor --policy teams",
    "report --buckets gt-images -o report.html",
    "check no-findings --team open-team",
    "check is-proved s3://gt-images --allow 203.0.113.0/24",
    "check no-secret-saved --path book.ipynb --fix",
    "check no-code-cell-skipped --path book.ipynb --write",
    "check -f checks.json",
    "report --role GtSecureReport --accounts accounts.txt --regions us-east-1",
    "report --print-role",
    "hits log",
    "hits log --json",
    "hits log --format csv",
    "hits log --dedupe",
    "hits log --wait-for 1",
    "hits --bucket gt-images --follow --wait-s 1",
    "hits --cache show",
    "leaks log",
    "leaks log --json",
    "leaks log --per-address --team open-team",
    "plot log -o hits.svg",
    "who s3://gt-images/scans/0001.png --team open-team --from 203.0.113.7",
    "who s3://gt-images/scans/0001.png",
    "who s3://gt-images/scans/0001.png --bucket-policy policy.json --account 111122223333",
    (
        "who s3://gt-images/scans/0001.png --bucket-policy policy.json --account 111122223333"
        " --signers --principals principals.json"
    ),
    "who s3://gt-images/scans/0001.png --as arn:aws:iam::111122223333:root",
    (
        "who s3://gt-images/scans/0001.png --bucket-policy policy.json --account 111122223333"
        " --principals principals.json --as arn:aws:iam::111122223333:root"
    ),
    "who s3://gt-images/scans/0001.png --signers",
    "who s3://gt-images/scans/0001.png --signers --logs log",
    "plan s3://gt-images --allow 203.0.113.0/24 --keep-teams",
    "plan s3://gt-images --signers arn:aws:iam::111122223333:role/Scanner",
    "prove s3://gt-images --signers arn:aws:iam::111122223333:role/Scanner",
    "findings s3://gt-images --principals",
    "findings --tf-plan plan.json --account 111122223333",
    "findings --tf-plan plan.json --account 111122223333 --assume-unchanged",
    "findings --cloudformation template.json --account 111122223333",
    (
        "findings --cloudformation template.json --account 111122223333 --parameters"
        " AWS::Region=eu-west-1"
    ),
    "prove -f open-team.json",
    f"prove {WISH}",
    (
        "prove s3://gt-images --bucket-policy policy.json --allow 203.0.113.0/24 --account"
        " 111122223333"
    ),
    "prove s3://gt-images --tf-plan plan.json --allow 203.0.113.0/24 --account 111122223333",
    (
        "prove s3://gt-images --tf-plan plan.json --allow 203.0.113.0/24 --account 111122223333"
        " --assume-unchanged"
    ),
    (
        "prove s3://gt-images --cloudformation template.json --allow 203.0.113.0/24 --account"
        " 111122223333"
    ),
    (
        "prove s3://gt-images --cloudformation template.json --allow 203.0.113.0/24 --account"
        " 111122223333 --parameters AWS::Region=eu-west-1"
    ),
    "tutorials notebooks",
    "inspect < url.txt",
    "verdict < cases.ndjson",
)
"""One command line for each way in which a command runs."""
FIRST = (
    "apply s3://gt-images/scans/ --team open-team --allow 203.0.113.0/24 --yes --confirm"
    " url-lock-one-path --confirm loses-access:radiology-team"
)
"""The line that applies the first change; the others need it."""


def log_line(
    now: dt.datetime,
    ip: str = "198.51.100.23",
    key: str = "scans/1.png",
    status: str = "200 -",
    signed_s: int = 0,
) -> str:
    """Return a line of an access log for a request of now,
    whose URL was signed some seconds ago.
    """
    signed = now - dt.timedelta(seconds=signed_s)
    return (
        f"79a5 gt-images [{now:%d/%b/%Y:%H:%M:%S} +0000] {ip} - ID1 REST.GET.OBJECT {key} "
        f'"GET /{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=600'
        f"&X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F{signed:%Y%m%d}%2Fus-east-1%2Fs3"
        f'%2Faws4_request HTTP/1.1" {status} 10 10 5 4 "-" "agent" - '
        "hostid SigV4 cipher QueryString gt-images.s3.amazonaws.com TLSv1.2 - -\n"
    )


def write_files(folder: Path, now: dt.datetime) -> None:
    """Write the files that the lines name; the log has one request, made now."""
    wish = gt_secure.Restriction("open-team", addresses=["203.0.113.0/24"], bucket="gt-images")
    (folder / "open-team.json").write_text(json.dumps(wish.to_dict()))
    (folder / "checks.json").write_text(
        '{"checks": [{"check": "guard_is_in_place", "bucket": "gt-images"}]}'
    )
    (folder / "log").write_text(log_line(now))
    (folder / "url.txt").write_text(
        "https://gt-images.s3.us-east-1.amazonaws.com/scans/0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261124T100000Z"
        f"&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}\n"
    )
    (folder / "book.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    (folder / "accounts.txt").write_text("111122223333\n")
    (folder / "cases.ndjson").write_text("{}\n")
    (folder / "plan.json").write_text('{"format_version": "1.2", "resource_changes": []}')
    (folder / "template.json").write_text('{"Resources": {}}')
    (folder / "principals.json").write_text('{"UserDetailList": []}')
    (folder / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')


def names_of_lines() -> dict[str, str]:
    """Return what the words in capitals mean: here is the folder, and a first change is applied."""
    with gt_secure.read_hits("log") as hits:
        fingerprint = str(hits.count("fingerprint").rows[0][0])
    return {"CHANGE": next(iter(gt_secure.connect().journal)).id, "FINGERPRINT": fingerprint}


def filled_in(line: str, names: dict[str, str]) -> str:
    """Return a line with an id and a fingerprint that exist."""
    for word, name in names.items():
        line = line.replace(word, name)
    return line
