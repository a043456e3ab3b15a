"""``gt-secure who``, ``prove`` and ``verdict``:
exact answers from the account or from policy files.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..aws.buckets import parse_s3_uri
from ..base import files as textfiles
from ..base.allowed import Allowed
from ..base.errors import InvalidInput
from ..base.network import Source
from ..base.text import printable
from ..engine.access.exposure_text import answers_text, exposure_text
from ..engine.access.keep import parse_keep
from ..engine.access.locks import check_control_policy, locks_of_policies
from ..engine.iam import batch
from ..engine.iam.facts import Facts, parse_facts, supplied_facts
from ..engine.iam.operators import policy_network
from ..engine.iam.principals import check_account
from ..engine.policies.signer_limit import parse_signers
from ..logs.activity import READING
from ..restriction.files import load_restriction
from ..restriction.model import Restriction
from .exit_codes import OK, UNKNOWN, code_of
from .output import connection, fit, line_width, note, report, say, show_json, table
from .parser import Commands, Parser, add_context
from .progress import working

if TYPE_CHECKING:
    from ..account import AccountExposure
    from ..engine.access.exposure import Exposure
    from ..engine.access.locks import EffectiveLocks
    from ..engine.access.planned_policies import PlannedPolicy
    from ..engine.access.proof import Claim, Proof
    from ..engine.access.signers import Signers


def add(commands: Commands) -> None:
    """Add the commands who, prove and verdict."""
    who = commands.add(
        "who",
        _run_who,
        description=(
            "Show the exact addresses and VPC endpoints from which an object is opened, refused, or"
            " unknown, for each kind of request; with --from, also the answer for each source and"
            " the lock that decides. From the current policies, or from policy files without an AWS"
            " call. No request is sent to the object."
        ),
        examples=(
            (
                (
                    "gt-secure who s3://gt-images/scans/0001.png --team radiology-team --from"
                    " 203.0.113.7"
                ),
                "one source",
            ),
            (
                (
                    "gt-secure who s3://gt-images/scans/ --from '10.0.3.4 via"
                    " vpce-0a1b2c3d4e5f60718' --json"
                ),
                "all keys under a prefix, as JSON",
            ),
            (
                (
                    "gt-secure who s3://gt-images/scans/0001.png --bucket-policy policy.json"
                    " --account 111122223333"
                ),
                "from a policy file",
            ),
            (
                (
                    "gt-secure who s3://gt-images/scans/ --as"
                    " arn:aws:iam::111122223333:role/GroundTruthExecution"
                ),
                "what one role signs",
            ),
        ),
        exit_codes="0; 3 if an answer is unknown",
        result=_exposure_from,
    )
    who.add_argument(
        "object",
        nargs="?",
        metavar="S3URI",
        help="s3://bucket/key, or s3://bucket/prefix/ for all keys under it",
    )
    who.usage = "%(prog)s S3URI [options]"
    who.add_argument("--team", help="private workteam whose locks apply")
    who.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="SOURCE",
        help="203.0.113.7, or '10.0.3.4 via vpce-0a1b2c3d' (repeatable)",
    )
    add_context(who)
    who.add_argument(
        "--as",
        dest="signer",
        metavar="ARN",
        help="ask about what one user, role or root user signs",
    )
    who.add_argument(
        "--signers", action="store_true", help="list who can sign a URL for the object"
    )
    who.add_argument("--all", action="store_true", help="with --signers, list also who cannot")
    who.add_argument(
        "--logs",
        action="append",
        metavar="SOURCE",
        help="with --signers, access logs: who did sign",
    )
    _add_files(who)
    who.add_argument(
        "--principals",
        metavar="FILE",
        help="output of aws iam get-account-authorization-details, for --signers, --as",
    )
    who.add_argument(
        "--session-policy", metavar="FILE", help="policy file of the session that signs"
    )
    who.needs("--session-policy", "--bucket-policy")
    who.needs("--principals", "--bucket-policy")
    who.needs("--principals", "--signers", "--as")
    who.needs("--all", "--signers")
    who.needs("--logs", "--signers")
    who.excludes("--signers", "--from", "--session-policy", "--as")
    who.excludes("--as", "--team")
    who.excludes("--bucket-policy", "--team", "--profile", "--region")

    prove = commands.add(
        "prove",
        _run_prove,
        description=(
            "Prove that no presigned request, no request without a signature and no POST form is"
            " opened from outside the allowed addresses and endpoints, or show one that is: under"
            " the current policies, or from policy files without an AWS call. With --keep, prove"
            " also that nothing refuses those who work here, or show one request that is refused."
            " With --base, prove instead that nothing is opened that the former policy refuses."
        ),
        examples=(
            ("gt-secure prove s3://gt-images --allow 203.0.113.0/24", "the whole bucket"),
            (
                (
                    "gt-secure prove s3://gt-images/scans/ --bucket-policy policy.json --account"
                    " 111122223333 --allow 203.0.113.0/24 --json"
                ),
                "from a policy file, as JSON",
            ),
            (
                (
                    "gt-secure prove s3://gt-images --tf-plan plan.json --account 111122223333"
                    " --allow 203.0.113.0/24 --keep arn:aws:iam::111122223333:role/ci"
                ),
                "closed to strangers, and open to a pipeline",
            ),
            (
                (
                    "gt-secure prove s3://gt-images --bucket-policy policy.json --account"
                    " 111122223333 --base git:main"
                ),
                "nothing new is opened against the file of a branch",
            ),
        ),
        exit_codes="0 proved, 2 not proved, 3 unknown",
        result=_proof_from,
    )
    prove.add_place("bucket")
    prove.add_argument(
        "-f", "--file", help="restriction file; its bucket's policy is read from AWS"
    )
    prove.add_argument("--team", help="workteam of the restriction")
    prove.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="CIDR",
        help="allowed addresses (repeatable)",
    )
    prove.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="ID",
        help="allowed endpoint or VPC (repeatable)",
    )
    prove.add_argument(
        "--signers",
        action="append",
        metavar="ARN",
        help="prove that URLs of nobody else are opened (repeatable)",
    )
    prove.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="ARN",
        help="must keep working: 'ARN for ACTIONS from SOURCES' (repeatable)",
    )
    prove.add_argument(
        "--guard",
        choices=("all", "reads"),
        default="all",
        help="leave uploads out of the claim: reads (default: all)",
    )
    prove.add_argument(
        "--base",
        metavar="FILE|git:REF",
        help="former bucket policy: prove that nothing new is opened",
    )
    add_context(prove)
    _add_files(prove, "--tf-plan", "--cloudformation")
    add_planned(prove, prove, "--bucket-policy", "--file", "--team", "--profile", "--region")
    prove.excludes(
        "--file", "--team", "s3uri", "--allow", "--endpoint", "--signers", "--guard", "--keep"
    )
    prove.excludes("--bucket-policy", "--file", "--team", "--profile", "--region")
    prove.excludes("--base", "--allow", "--endpoint", "--signers", "--guard", "--file", "--team")
    prove.needs("--base", "--bucket-policy", "--tf-plan", "--cloudformation")

    verdict = commands.add(
        "verdict",
        _run_verdict,
        account=False,
        json=False,
        description=(
            'Read one case per line ({"id", "request", "identityPolicies", "sessionPolicy",'
            ' "resourcePolicy"}) and write one {"id", "verdict", "reason"} per line, in order. No'
            " AWS call."
        ),
        examples=(
            ("gt-secure verdict < cases.ndjson > answers.ndjson", "decide a file of cases"),
            ("gt-secure verdict < cases.ndjson | grep explicit-deny", "list the refusals"),
        ),
    )
    # the output is JSON already
    verdict.add_argument("--json", action="store_true", help=argparse.SUPPRESS)


def _add_files(parser: Parser, *planned: str) -> None:
    group = parser.add_argument_group("policy files")
    group.add_argument("--bucket-policy", metavar="FILE", help="JSON file with the bucket policy")
    group.add_argument(
        "--account", metavar="ID", help="account of the bucket, needed with policy files"
    )
    group.add_argument(
        "--rcp",
        action="append",
        default=[],
        metavar="FILE",
        help="resource control policy (repeatable)",
    )
    group.add_argument(
        "--scp",
        action="append",
        default=[],
        metavar="FILE",
        help="service control policy (repeatable)",
    )
    for option in ("--account", "--rcp", "--scp"):
        parser.needs(option, "--bucket-policy", *planned)


def add_planned(parser: Parser, group: Parser | argparse._ArgumentGroup, *others: str) -> None:
    """Add the options of files before deployment, which exclude others."""
    group.add_argument(
        "--tf-plan", metavar="FILE", help="Terraform plan, as terraform show -json prints it"
    )
    group.add_argument(
        "--assume-unchanged", action="store_true", help="take what the plan refers to as unchanged"
    )
    group.add_argument(
        "--cloudformation", metavar="FILE", help="CloudFormation template, JSON or YAML"
    )
    group.add_argument(
        "--parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="value of a parameter (repeatable)",
    )
    parser.excludes("--tf-plan", "--cloudformation")
    parser.excludes("--tf-plan", *others)
    parser.excludes("--cloudformation", *others)
    parser.needs("--assume-unchanged", "--tf-plan")
    parser.needs("--parameters", "--cloudformation")


def _locks(args: argparse.Namespace, bucket: str, former: str = "") -> EffectiveLocks:
    """Return the locks of policy files; with the ``former`` bucket policy in place of the new."""
    policy = former
    if args.bucket_policy and not former:
        policy = _read_policy_file(args.bucket_policy)
    account = _check_account(args.account)
    # old buckets of us-east-1 have longer names
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", bucket):
        raise InvalidInput(
            f'"{bucket[:80]}" is not the name of a bucket.',
            next_step="Write s3://gt-images.",
            field="bucket",
        )
    session = getattr(args, "session_policy", None)
    rcp = tuple(_read_policy_file(name) for name in args.rcp)
    locks = locks_of_policies(
        bucket,
        policy or None,
        account,
        _known(args),
        session=_read_policy_file(session) if session else None,
        rcp=rcp,
        scp=tuple(_read_policy_file(name) for name in args.scp),
    )
    for text in rcp:
        check_control_policy(text)
    for sentence in locks.unnamed:
        note(f"In the base: {sentence}" if former else sentence)
    return locks


def _known(args: argparse.Namespace) -> Facts:
    """Return the known values; the VPC is that of the one endpoint that is asked about."""
    given = parse_facts(args.context)
    sources = map(Source.parse, getattr(args, "sources", ()))
    named = {each.endpoint for each in sources if each.endpoint is not None}
    vpc = {key: value for key, value in given.items() if key.lower() in _OF_VPC}
    if len(named) != 1 or not vpc:
        return supplied_facts(given)
    facts = supplied_facts({key: value for key, value in given.items() if key not in vpc})
    of_endpoint = {key.lower(): tuple(value) for key, value in vpc.items()}
    return replace(facts, endpoints={named.pop(): of_endpoint})


_OF_VPC = ("aws:sourcevpc", "aws:sourcevpcarn")


def _check_account(account: str | None) -> str:
    if account is None:
        raise InvalidInput(
            "The account of the bucket is missing.",
            next_step="Add --account with its 12 digits.",
            field="account",
        )
    return check_account(account)


def _read_policy_file(name: str) -> str:
    return _policy_text(textfiles.read_text(name), name)


def _policy_text(text: str, name: str) -> str:
    if not text.strip():
        raise InvalidInput(
            f'The file "{name}" is empty.',
            next_step=(
                'For a bucket without a policy write {"Version": "2012-10-17", "Statement": []}.'
            ),
            field="file",
        )
    return text.strip()


def _object(args: argparse.Namespace) -> tuple[str, str]:
    if not args.object:
        raise InvalidInput(
            "who needs an object.", next_step="Write gt-secure who s3://bucket/key.", field="object"
        )
    return parse_s3_uri(args.object)


def _exposure_from(args: argparse.Namespace) -> Exposure:
    bucket, key = _object(args)
    if not args.bucket_policy:
        return _of_account(args)
    from ..engine.access.exposure import Exposure

    is_prefix, locks = not key or key.endswith("/"), _locks(args, bucket)
    if args.signer is not None:
        from ..engine.access.identities import load_principals
        from ..engine.access.one_signer import locks_for_signer

        people = load_principals(args.principals) if args.principals else None
        locks = locks_for_signer(locks, args.signer, people)
    return Exposure(locks, key, is_prefix=is_prefix)


def _of_account(args: argparse.Namespace) -> AccountExposure:
    gt = connection(args, context=parse_facts(args.context))
    return gt.who_can_open(*_object(args), team=args.team, signer=args.signer)


def _run_who(args: argparse.Namespace) -> int:
    if args.signers:
        return _who_signs(args)
    sources = [Source.parse(each) for each in args.sources]
    exposure = _exposure_from(args)
    answers = exposure.at(sources)
    is_open = not sources and not all(row.unknown.is_empty for row in exposure)
    code = UNKNOWN if is_open or any(each.answer == "unknown" for each in answers) else OK
    if args.json:
        show_json(exposure.to_dict() | {"answers": answers.to_dicts()})
        return code
    if not args.signer:
        from ..account import access_under

        access = access_under(exposure.locks, exposure.key, is_prefix=exposure.is_prefix)
        say(f"{fit(access.text)}\n")
    if len(answers):
        say("Worst case for each kind of request:")
        say(answers_text(answers, line_width()))
        say("\nFrom everywhere:")
    say(fit(exposure_text(exposure, line_width())))
    _say_list("Facts", exposure.facts)
    return code


def _signers_from(args: argparse.Namespace) -> Signers:
    if args.bucket_policy and not args.principals:
        raise InvalidInput(
            "The users and roles of the account are missing.",
            next_step=(
                "Add --principals with the output of aws iam get-account-authorization-details."
            ),
            field="principals",
        )
    with working("Reading users and roles"):
        if args.bucket_policy:
            from ..engine.access.identities import load_principals
            from ..engine.access.signers import signers_of

            found = signers_of(_exposure_from(args), load_principals(args.principals))
        else:
            found = _of_account(args).signers
    if not args.logs:
        return found
    from ..logs import read_hits

    reading = read_hits if args.bucket_policy else lambda logs: connection(args).hits(logs=logs)
    with working(READING), reading(args.logs) as hits:
        return found.seen_in(hits)


def _who_signs(args: argparse.Namespace) -> int:
    found = _signers_from(args)
    is_open = found.unread or any(each.answer == "unknown" for each in found)
    code = UNKNOWN if is_open else OK
    if found.missing is not None and found.missing.error is not None:
        report(found.missing.error)
    if args.json:
        show_json(found.to_dict(every=args.all))
        return code
    rows = [found.row(each) for each in (*found, *(found.refused if args.all else ()))]
    say(table(found.titles, rows) if rows else found.empty)
    say(fit(printable(found.numbers)))
    if found.plan:
        say(f"  {printable(found.plan)}")  # a line that is broken is another command
    _say_list("Limits", found.assumed)
    return code


def _proof_from(args: argparse.Namespace) -> Proof:
    from ..engine.access.proof import both, prove_open, with_locked_out

    if args.tf_plan or args.cloudformation:
        [policy], _ = read_planned(args)
        return policy.prove(*_locks_and_claim(args), _closed(args))
    if args.bucket_policy:
        locks, claim = _locks_and_claim(args)
        closed = _closed(args)(locks, claim)
        proof = with_locked_out(both(closed, prove_open(locks, claim)), locks, claim)
        return replace(proof, locked_out=(*closed.locked_out, *proof.locked_out))
    if not args.file and not args.bucket:
        raise InvalidInput(
            "prove needs a bucket, a restriction file or a bucket policy.",
            next_step=(
                "Add s3://gt-images --allow 203.0.113.0/24, -f FILE, or --bucket-policy FILE."
            ),
            field="bucket",
        )
    gt = connection(args, context=parse_facts(args.context))
    if args.team:
        gt.workteam(args.team)
    return gt.prove(load_restriction(args.file) if args.file else _restriction(args))


def _closed(args: argparse.Namespace) -> Callable[[EffectiveLocks, Claim], Proof]:
    """Return what decides what strangers may do: a claim, or the former policy."""
    from ..changes.new_access import prove_no_new_access
    from ..engine.access.proof import prove_closed

    if not args.base:
        return prove_closed
    base = _locks(args, args.bucket, _former(args))
    return lambda locks, claim: prove_no_new_access(base, locks, claim.prefix)


def _former(args: argparse.Namespace) -> str:
    """Return the text of the former policy: a file, or the bucket policy's file in a commit."""
    kind, is_commit, commit = args.base.partition("git:")
    if kind or not is_commit:
        return _read_policy_file(args.base)
    if not args.bucket_policy or not commit or commit.startswith("-"):
        raise InvalidInput(
            f'"{args.base[:80]}" is not a commit of the file of --bucket-policy.',
            next_step="Write --base git:main with --bucket-policy, or --base FILE.",
            field="base",
        )
    path = Path(args.bucket_policy)
    asked = ["git", "cat-file", "blob", f"{commit}:./{path.name}"]
    try:
        done = subprocess.run(
            asked, cwd=path.parent, capture_output=True, check=True, encoding="utf-8"
        )
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError) as error:
        said = str(getattr(error, "stderr", "") or error).strip()
        raise InvalidInput(
            f"git cannot show {path.name} of {commit[:80]}: {printable(said[:200])}",
            next_step="Fetch the branch, or write --base FILE with the former policy.",
            field="base",
        ) from error
    return _policy_text(done.stdout, args.base)


def _run_prove(args: argparse.Namespace) -> int:
    if not (args.tf_plan or args.cloudformation):
        proof = _proof_from(args)
        return _show_proof(args, proof, f"it depends on {', '.join(proof.depends_on)}")
    locks, claim = _locks_and_claim(args)
    [policy], _ = read_planned(args)
    closed = _closed(args)
    proof = policy.prove(locks, claim, closed)
    if args.json or not policy.condition:
        return _show_proof(args, proof, "; ".join(proof.depends_on))
    say(fit(f"If {printable(policy.condition)}:"))
    proof = policy.accepting().prove(locks, claim, closed)
    _show_proof(args, proof, "; ".join(proof.depends_on))
    say(fit("The plan does not show whether that is so. Add --assume-unchanged to accept it."))
    return UNKNOWN


def _show_proof(args: argparse.Namespace, proof: Proof, unknown: str) -> int:
    if args.json:
        show_json(proof.to_dict())
    elif proof.proved:
        say(fit(proof.text))
        _say_list("Limits", proof.limits)
    elif proof.found:
        say("\n".join(_contradictions(args, proof)))
    else:
        say(f"Not known: {printable(unknown)}.")
        if "it is not managed here" in proof.depends_on:
            say(
                "Name a bucket whose policy the file sets, or pass its policy with --bucket-policy."
            )
    for sentence in () if args.json or proof.proved else proof.locked_out:
        say(fit(sentence))
    return code_of(proof.proved)


def _contradictions(args: argparse.Namespace, proof: Proof) -> Iterator[str]:
    """Yield the lines on the request that is opened, with its fix, and the one that is refused."""
    fixes = [(proof.counterexample or {}).get("finding"), None]
    for (what, who, why), finding in zip(proof.found, fixes, strict=False):
        yield fit(f"Not proved: {what}")
        yield fit(f"  {who.removesuffix(':')}")
        yield fit(f"  {why}")
        if finding is not None:
            # an account is asked about with the options of a plan
            command = shlex.join(["gt-secure", "apply", *args.words])
            fix = f"{'apply the restriction' if args.keep else command} (finding {finding})"
            if file := args.bucket_policy or args.tf_plan or args.cloudformation:
                fix = f"change the bucket policy in {file} to refuse this request"
            yield fit(f"  Fix: {printable(fix)}")


def _restriction(args: argparse.Namespace) -> Restriction:
    guard: Any = True if args.guard == "all" else "reads"
    if not args.allow and not args.endpoint and not args.signers:
        return Restriction.for_reading(args.bucket, args.prefix or "", guard, args.keep)
    place = {"bucket": args.bucket, "prefix": args.prefix or ""}
    return Restriction(
        addresses=args.allow,
        endpoints=args.endpoint,
        signers=args.signers,
        guard=guard,
        keep=args.keep,
        **place,
    )


def _locks_and_claim(args: argparse.Namespace) -> tuple[EffectiveLocks, Claim]:
    from ..engine.access.proof import Claim

    if not args.bucket:
        raise InvalidInput(
            "The bucket is missing.", next_step="Add it as s3://gt-images.", field="bucket"
        )
    claim = Claim(
        prefix=args.prefix or "",
        allowed=Allowed.of([*args.allow, *args.endpoint], partial(policy_network, place="--allow")),
        signers=parse_signers(args.signers or ()),
        reads=args.guard == "reads",
        keep=parse_keep(args.keep),
    )
    return _locks(args, args.bucket), claim


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(
            f"'{text[:80]}' has no value.", next_step="Write NAME=VALUE.", field="parameters"
        )
    return name, value


def read_planned(args: argparse.Namespace) -> tuple[list[PlannedPolicy], str]:
    """Return the policy of a bucket, or every bucket policy, of a plan or a template,
    and the text of the file.
    """
    from ..engine.access.cloudformation_template import cloudformation_policies
    from ..engine.access.terraform_plan import terraform_policies

    text, account = (
        _read_policy_file(args.tf_plan or args.cloudformation),
        _check_account(args.account),
    )
    if args.tf_plan:
        file = terraform_policies(text)
    else:
        file = cloudformation_policies(text, account, dict(map(_parameter, args.parameters)))
    policies = [file.policy(args.bucket)] if args.bucket else list(file.policies())
    is_accepted = args.assume_unchanged
    return [each.accepting() if is_accepted else each for each in policies], text


def _run_verdict(_: argparse.Namespace) -> int:
    # Bytes that are not UTF-8 invalidate one line, not the whole run. Only a line feed ends a line,
    # or a stray carriage return would turn one line into two answers.
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    for line in batch.run(sys.stdin):
        sys.stdout.write(line.rstrip("\n") + "\n")
        sys.stdout.flush()
    return 0


def _say_list(title: str, sentences: Sequence[str]) -> None:
    if sentences:
        say(f"{title}:")
    for sentence in sentences:
        say(fit(f"  {printable(sentence)}"))
