"""The command line: parse, call, print. Every command that returns data takes ``--json``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module, metadata
from typing import Any

from ..errors import AccessDenied, GtSecureError
from ..text import json_text

_MODULES = (
    "gt_secure.cli.teams",
    "gt_secure.cli.changes",
    "gt_secure.cli.url",
    "gt_secure.cli.explain",
    "gt_secure.cli.logs",
    "gt_secure.cli.verdict",
    "gt_secure.cli.check",
    "gt_secure.cli.doctor",
    "gt_secure.cli.demo",
    "gt_secure.cli.tutorials",
    "gt_secure.cli.sandbox",
)


def build_parser() -> argparse.ArgumentParser:
    """Build the whole parser; the reference in the docs is made from it."""
    parser = argparse.ArgumentParser(
        prog="gt-secure",
        description="Restrict, test and watch who can open SageMaker Ground Truth images.",
        epilog="Exit codes: 0 done, 1 error; plan: 0 no change, 2 changes; probe: 0 opened, 3 refused, 4 no answer.",
    )
    parser.add_argument("--version", action="version", version=f"gt-secure {metadata.version('gt_secure')}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parents = [_common()]
    for name in _MODULES:
        import_module(name).add(subparsers, parents)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("connection and output")
    group.add_argument("--profile", help="profile of the AWS configuration (default: AWS_PROFILE)")
    group.add_argument("--region", help="region of the workteams (default: AWS_REGION)")
    group.add_argument(
        "--endpoint-url", help="another address than AWS, such as the sandbox (default: AWS_ENDPOINT_URL)"
    )
    group.add_argument("--json", action="store_true", help="print JSON")
    return common


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except GtSecureError as error:
        return _report(error, getattr(args, "json", False))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away, as “head” does: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _report(error: GtSecureError, as_json: bool) -> int:
    if os.environ.get("GT_SECURE_DEBUG"):
        raise error
    if as_json:
        sys.stdout.write(json_text(error.to_dict(), indent=2) + "\n")
    sys.stderr.write(f"gt-secure: {error.message}\n")
    if error.next_step:
        sys.stderr.write(f"  next: {error.next_step}\n")
    if isinstance(error, AccessDenied):
        sys.stderr.write(json_text(error.policy, indent=2) + "\n")
        _trust(error.details)
    return 1


def _trust(details: dict[str, Any]) -> None:
    if "trust_statement" in details:
        sys.stderr.write("Trust statement:\n" + json_text(details["trust_statement"], indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
