"""``gt-secure sign``, ``probe`` and ``inspect``: test URLs on the command line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from ..aws.buckets import parse_s3_uri
from ..base.errors import InvalidInput
from ..base.files import read_text
from ..base.text import Json, printable
from ..connection import Connection
from ..logs import Viewers
from ..presign import Probe, TestUrl, inspect
from ..presign.probe import READS, WRITES
from ..presign.sign import SIGN_WITH
from .exit_codes import FOUND, OK, UNKNOWN
from .output import connection, note, say, show_json, table
from .parser import Commands, Parser

_Explained: TypeAlias = tuple[Probe, Json]
"""A probe, and its explanation as JSON-able data."""


def add(commands: Commands) -> None:
    """Add the commands sign, probe and inspect."""
    sign = commands.add(
        "sign",
        _run_sign,
        description="Sign a presigned URL for one object, bound to a source as by the URL lock. "
        "The URL is a secret: it is printed only with --show.",
        examples=(
            (
                "gt-secure sign s3://gt-images/scans/0001.png --bound-to 203.0.113.7",
                "describe it without printing it",
            ),
            (
                "gt-secure sign s3://gt-images/scans/0001.png --sign-with ground-truth --role-arn "
                "arn:aws:iam::111122223333:role/GroundTruthExecution",
                "a URL of grant_read_access itself",
            ),
            (
                "gt-secure sign s3://gt-images/scans/0001.png -o new-url.txt",
                "write it to a file that only you can read",
            ),
            (
                "gt-secure sign s3://gt-images/scans/0001.png --viewer anna --show",
                "name the viewer in the log",
            ),
            (
                "gt-secure sign s3://gt-images/scans/0001.png --trial radiology-team --show",
                "see from where a team works",
            ),
        ),
        result=_signed_from,
    )
    _add_signing(sign)
    add_viewer(sign, "sign the person into the URL; the access log then names the viewer")
    sign.add_argument(
        "--trial", metavar="TEAM", help="workteam whose people open the URL once where they work"
    )
    sign.add_argument("--method", default="GET", help="GET, HEAD or PUT (default: %(default)s)")
    sign.add_argument("--expires-in", metavar="SECONDS", help="lifetime (default: 600)")
    sign.add_argument(
        "--show", action="store_true", help="print the URL (whoever has it can open the object)"
    )
    sign.add_argument(
        "-o", "--output", metavar="FILE", help="write the URL to a new file that only you can read"
    )

    probe = commands.add(
        "probe",
        _run_probe,
        description=(
            "Sign a test URL (or read one from standard input with -), fetch it, and explain the"
            " answer."
        ),
        examples=(
            ("gt-secure probe s3://gt-images/scans/0001.png", "fetch it from here"),
            (
                "gt-secure probe s3://gt-images/scans/0001.png --expect refused",
                "fail in CI if it opens",
            ),
            (
                (
                    "gt-secure probe s3://gt-images/scans/0001.png --from 203.0.113.7 --from"
                    " 198.51.100.9 --expect opened --expect refused"
                ),
                "sandbox: two sources",
            ),
            (
                "gt-secure probe - --method HEAD < test-url.txt",
                "a URL that is signed for another method",
            ),
        ),
        exit_codes=(
            "0 opened, or each as predicted from several sources; 3 refused, no answer, or one of"
            " several not as predicted; with --expect: 0 as expected, 2 not, 3 nothing was decided"
        ),
    )
    _add_signing(probe)
    probe.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="SOURCE",
        help=(
            "fetch from this source: 203.0.113.7 or '10.0.3.4 via vpce-0a1b2c3d' (sandbox only;"
            " repeatable)"
        ),
    )
    probe.add_argument(
        "--method",
        default="",
        choices=(*READS, *WRITES),
        help="method to send (default: GET, or the HEAD or listing that the URL shows)",
    )
    probe.add_argument(
        "--expect",
        action="append",
        default=[],
        choices=("opened", "refused"),
        help="expected result of all fetches, or of each --from in order (repeatable)",
    )
    probe.reads_only(
        "object=-", "--from", "--method", "--expect", "--json", "--profile", "--region"
    )

    commands.add(
        "inspect",
        _run_inspect,
        account=False,
        description=(
            "Describe a presigned URL of any tool, read from standard input, without its secrets."
            " No AWS call."
        ),
        examples=(
            ("gt-secure inspect < url.txt", "signer, object and expiry"),
            ("gt-secure inspect --json < url.txt", "the same as JSON"),
        ),
    )


def _add_signing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "object",
        metavar="S3URI",
        help="s3://bucket/key"
        + (", or - for a URL on standard input" if "probe" in parser.prog else ""),
    )
    parser.add_argument(
        "--bound-to", metavar="SOURCE", help="bind the URL to this source, as by the URL lock"
    )
    parser.add_argument(
        "--role-arn", metavar="ARN", help="role to assume (default: the caller's own)"
    )
    parser.add_argument("--version-id", metavar="ID", help="one version of the object")
    parser.add_argument(
        "--sign-with",
        choices=SIGN_WITH,
        default="session",
        help="signer: a session, own-keys or ground-truth",
    )


def add_viewer(parser: Parser, text: str) -> None:
    """Add the options that name a viewer."""
    parser.add_argument("--viewer", metavar="NAME", help=text)
    parser.add_argument(
        "--viewer-key",
        metavar="FILE",
        help="file with a secret: the tag is a keyed hash of the name",
    )
    parser.needs("--viewer-key", "--viewer")


def with_key(gt: Connection, args: argparse.Namespace) -> Connection:
    """Return the connection with the secret of ``--viewer-key``;
    the line end of a file is no part of it.
    """
    path = getattr(args, "viewer_key", None)
    return gt if path is None else replace(gt, viewers=Viewers(key=read_text(path).rstrip("\r\n")))


def _sign(gt: Connection, args: argparse.Namespace) -> TestUrl:
    bucket, key = parse_s3_uri(args.object)
    return with_key(gt, args).sign(
        bucket,
        key,
        expires_in=getattr(args, "expires_in", None),
        bound_to=args.bound_to,
        role_arn=args.role_arn,
        version_id=args.version_id,
        viewer=getattr(args, "viewer", None),
        trial=getattr(args, "trial", None),
        method=(args.method or "GET").upper(),
        sign_with=args.sign_with,
    )


def _signed_from(args: argparse.Namespace) -> TestUrl:
    made = _sign(connection(args), args)
    if args.output:
        _write(Path(args.output), made.reveal())
    if args.trial:
        people = args.viewer or f"the people of {args.trial}"
        note(
            f"Send the URL to {printable(people)}, who open it once where they work. Then see:"
            f" gt-secure hits --bucket {made.bucket} --by viewer,remote_ip --since 1d"
        )
    return made


def _run_sign(args: argparse.Namespace) -> int:
    made = _signed_from(args)
    if args.json:
        show_json({**made.to_dict(), **({"url": made.reveal()} if args.show else {})})
        return 0
    if args.show:
        say(made.reveal())
        note(f"Valid for {made.seconds_left:.0f} s. Whoever has this URL can open the object.")
        return 0
    bound = (
        f"bound to {made.bound_to}"
        if made.bound_to
        else "not bound to a source; only the bucket guard restricts it"
    )
    say(made.masked)
    say(f"  {bound}; expires in {made.seconds_left:.0f} s; signed as {made.signer}")
    if args.output:
        say(f"  written to {args.output}")
    else:
        note(
            f"Add --show to print the URL, or fetch it: gt-secure probe {shlex.quote(args.object)}"
        )
    return 0


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written: {error.strerror}.",
            next_step="Choose a new file.",
            field="output",
        ) from error
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")


def _run_probe(args: argparse.Namespace) -> int:
    if len(args.expect) not in (0, 1, len(args.sources)):
        raise InvalidInput(
            "--expect and --from have different numbers of values.",
            next_step="Give one --expect for all sources, or one for each --from in this order.",
            field="expect",
        )
    gt = connection(args)
    results: list[_Explained] = []
    url = _read_url() if args.object == "-" else _sign(gt, args)
    for source in args.sources or [None]:
        probe = gt.probe(url, source, method=args.method)
        results.append((probe, gt.explain(probe, url=url).to_dict()))
    if args.json:
        show_json({"probes": [{**probe.to_dict(), "explanation": why} for probe, why in results]})
    else:
        _show_probes(results)
    code = _exit_code(results, args.expect)
    if code == UNKNOWN and not args.json:
        for probe, why in results:
            if why.get("next_step") and probe.answer != "opened":
                origin = probe.source or "this machine"
                note(f"Not what you wanted from {origin}? {printable(why['next_step'])}")
        note(f"Exit code {UNKNOWN} tells scripts that not every request was opened.")
    return code


def _show_probes(results: Sequence[_Explained]) -> None:
    """Print a row for each probe, with the method where one is no GET."""
    first = 0 if any(probe.method != "GET" for probe, _ in results) else 1
    rows = [
        [p.method, p.source or "this machine", p.status or "-", p.result, why["headline"]]
        for p, why in results
    ]
    say(table(("method", "from", "status", "result", "why")[first:], [row[first:] for row in rows]))


def _exit_code(results: Sequence[_Explained], expect: list[str]) -> int:
    """Return the code of answers: each as expected, or all opened, or several as predicted; none of
    several may be another than predicted.
    """
    answers = [probe.answer for probe, _ in results]
    wanted = (expect or ["opened"]) * len(answers)
    others = {answer for answer, each in zip(answers, wanted, strict=False) if answer != each}
    if expect and others - {"unknown"}:
        return FOUND
    agrees = {why["agrees"] for _, why in results} if not expect and len(results) > 1 else set()
    return OK if agrees == {True} or not (others or False in agrees) else UNKNOWN


def _read_url() -> str:
    text = sys.stdin.readline().strip()
    if not text:
        raise InvalidInput(
            "There is no URL on standard input.",
            next_step="Pipe one in: gt-secure inspect < url.txt",
        )
    return text


def _run_inspect(args: argparse.Namespace) -> int:
    facts = inspect(_read_url())
    data = {name: getattr(facts, name) for name in facts.__slots__}
    if args.json:
        show_json({**data, "expired": facts.expired})
        return 0
    for name, value in data.items():
        if name != "problems" and value is not None:
            say(f"{name.replace('_', ' '):18} {printable(value)}")
    say(f"{'expired':18} {facts.expired}")
    for problem in facts.problems:
        note(f"note: {problem}")
    return 0
