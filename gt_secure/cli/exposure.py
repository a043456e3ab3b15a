"""``gt-secure exposure`` and ``gt-secure prove``: exact answers from policies, for reviewers and CI."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..access.policy_files import DEFAULT_ACCOUNT, PolicyFiles, exposure_dict
from ..access.proof import Claim, prove
from ..errors import InvalidInput
from ..iam.facts import parse_facts, supplied_facts
from ..iam.operators import policy_network
from ..network import parse_endpoint_id
from ..restriction.files import load_restriction
from ..text import count, printable
from .context import add_context
from .exit_codes import FOUND, OK, UNKNOWN
from .output import connection, fit, say, show_json
from .parser import Commands

if TYPE_CHECKING:
    from ..access.proof import Proof


def add(commands: Commands) -> None:
    exposure = commands.add(
        "exposure",
        run_exposure,
        account=False,
        description="Decide for all addresses and VPC endpoints whether an object is opened, refused, or unknown, from "
        "policy files alone. No AWS call.",
        examples=(
            ("gt-secure exposure --bucket-policy policy.json --bucket gt-images --key scans/0001.png", "all kinds"),
            (
                "gt-secure exposure --bucket-policy policy.json --bucket gt-images --key scans/0001.png "
                "--context aws:PrincipalOrgID=o-abc123 --json",
                "with a known organization, as JSON",
            ),
        ),
    )
    _add_files(exposure)
    exposure.add_argument("--key", required=True, help="key of the object")
    exposure.add_argument("--session-policy", metavar="FILE", help="policy of the session that signs")

    prove = commands.add(
        "prove",
        run_prove,
        description="Prove that no request signed in the query string, and no POST form, is opened from outside the "
        "allowed addresses and endpoints, or show one that is: from policy files without an AWS call, or with the "
        "current bucket policy for a restriction file.",
        examples=(
            (
                "gt-secure prove --bucket-policy policy.json --bucket gt-images --allow 203.0.113.0/24",
                "the whole bucket",
            ),
            (
                "gt-secure prove --bucket-policy policy.json --bucket gt-images --prefix scans/ "
                "--allow 203.0.113.0/24 --endpoint vpce-0a1b2c3d4e5f60718 --json",
                "some keys, as JSON",
            ),
        ),
        exit_codes="0 proved, 2 not proved, 3 unknown",
    )
    prove.add_argument("-f", "--file", help="restriction file; its bucket's policy is read from AWS")
    _add_files(prove, required=False)
    prove.add_argument("--prefix", default="", help="key prefix (default: the whole bucket)")
    prove.add_argument("--allow", action="append", default=[], metavar="CIDR", help="allowed addresses (repeatable)")
    prove.add_argument("--endpoint", action="append", default=[], metavar="ID", help="allowed endpoint (repeatable)")


def _add_files(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--bucket-policy", required=required, metavar="FILE", help="JSON file with the bucket policy")
    parser.add_argument("--bucket", required=required, help="name of the bucket")
    parser.add_argument(
        "--rcp", action="append", default=[], metavar="FILE", help="resource control policy (repeatable)"
    )
    parser.add_argument(
        "--scp", action="append", default=[], metavar="FILE", help="service control policy (repeatable)"
    )
    add_context(parser)
    parser.add_argument("--account", default=None, metavar="ID", help="account of the bucket (default: 111122223333)")


def _files(args: argparse.Namespace) -> Any:
    _check_words(args)
    session = getattr(args, "session_policy", None)
    return PolicyFiles(
        bucket=args.bucket,
        bucket_policy=_read(args.bucket_policy),
        session_policy=_read(session) if session else None,
        rcp=tuple(_read(name) for name in args.rcp),
        scp=tuple(_read(name) for name in args.scp),
        given=supplied_facts(parse_facts(args.context)),
        account=args.account or DEFAULT_ACCOUNT,
    )


def _check_words(args: argparse.Namespace) -> None:
    """Raise for a bucket, key or account that no object can have."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", args.bucket):  # old buckets of us-east-1 have longer names
        raise InvalidInput(
            f'"{args.bucket[:80]}" is not the name of a bucket.', next_step="Write --bucket gt-images.", field="bucket"
        )
    if getattr(args, "key", "x") == "":
        raise InvalidInput("The key is empty.", next_step="Write --key scans/0001.png.", field="key")
    if args.account is not None and not re.fullmatch(r"[0-9]{12}", args.account):
        raise InvalidInput(
            f'"{args.account[:40]}" is not an AWS account.', next_step="Write its 12 digits.", field="account"
        )


def _read(name: str) -> str:
    try:
        text = Path(name).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f'The file "{name}" cannot be read ({type(error).__name__}).', next_step="Choose a JSON file.", field="file"
        ) from error
    if not text:
        raise InvalidInput(
            f'The file "{name}" is empty.',
            next_step='For a bucket without a policy write {"Version": "2012-10-17", "Statement": []}.',
            field="file",
        )
    return text


def run_exposure(args: argparse.Namespace) -> int:
    """Print the exposure of one object."""
    data = exposure_dict(_files(args), args.key)
    if args.json:
        show_json(data)
        return OK
    for row in data["requests"]:
        say(row["request"])
        for answer in ("opened", "refused", "unknown"):
            say(fit(f"  {answer}: {_places(row[answer])}"))
    _say_assumed(data["assumed"])
    return OK


def _places(places: dict[str, Any]) -> str:
    ranges = places["cidrs"]
    named = ", ".join(ranges[:5]) + (f" and {count(len(ranges) - 5, 'more range')}" if len(ranges) > 5 else "")
    endpoints = places["endpoints"]
    through = "any endpoint not named elsewhere" if endpoints == "any" else ", ".join(endpoints)
    more = [*places.get("when", ()), *(f"depends on {key}" for key in places.get("depends_on", ()))]
    parts = [part for part in (named, f"through {through}" if through else "", *more) if part]
    return "; ".join(parts) or "nowhere"


def run_prove(args: argparse.Namespace) -> int:
    """Print the proof or the counterexample."""
    proof = _prove_account(args) if args.file else _prove_files(args)
    if args.json:
        show_json(proof.to_dict())
    elif proof.proved:
        say("Proved: no presigned request or POST form from elsewhere is opened.")
        _say_assumed(proof.assumed)
    elif proof.counterexample is not None:
        request = proof.counterexample["request"]
        say(fit(f"Not proved: {request['action']} of {printable(request['resource'])} is opened"))
        say(fit(f"  from {printable(proof.counterexample['source'])}, signed by {printable(request['principal'])}"))
        say(fit(f"  {printable(proof.counterexample['opened_by'])}"))
        if "finding" in proof.counterexample:
            say(f"  Apply the restriction to fix it: finding {proof.counterexample['finding']}")
    else:
        say(f"Not known: it depends on {printable(', '.join(proof.depends_on))}.")
    return OK if proof.proved else UNKNOWN if proof.proved is None else FOUND


def _prove_account(args: argparse.Namespace) -> Proof:
    if args.bucket_policy:
        raise InvalidInput(
            "Both a restriction file and a bucket policy are given.", next_step="Remove one of them.", field="file"
        )
    return connection(args, context=parse_facts(args.context)).prove(load_restriction(args.file))


def _prove_files(args: argparse.Namespace) -> Proof:
    if not args.bucket_policy or not args.bucket:
        raise InvalidInput(
            "prove needs a bucket policy or a restriction file.",
            next_step="Add --bucket-policy FILE --bucket NAME, or -f FILE for a restriction.",
            field="file",
        )
    claim = Claim(
        prefix=args.prefix,
        addresses=tuple(policy_network(text, "--allow") for text in args.allow),
        endpoints=tuple(parse_endpoint_id(text) for text in args.endpoint),
    )
    return prove(_files(args), claim)


def _say_assumed(sentences: Any) -> None:
    say("Assumed:")
    for sentence in sentences:
        say(fit(f"  {printable(sentence)}"))
