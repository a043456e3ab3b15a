"""Answers of the policy lab: the engine of gt_secure, asked by the page that it runs in.

The page's worker imports this module into Python in the browser. It holds no rule of its own:
everything that decides is in gt_secure, and everything that is shown is rendered there.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from gt_secure.base import html
from gt_secure.base.allowed import Allowed
from gt_secure.base.errors import GtSecureError, InvalidInput, PolicyError
from gt_secure.base.network import Source
from gt_secure.engine.access.address_classes import count, minus, spans_of
from gt_secure.engine.access.answer import CLAIMS, Answer
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.exposure_text import answers_html
from gt_secure.engine.access.locks import locks_of_policies
from gt_secure.engine.access.proof import Claim, Proof, prove, signed_by
from gt_secure.engine.access.provisos import with_unless
from gt_secure.engine.iam.operators import policy_network
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.bucket_policy import BucketPolicy
from gt_secure.engine.policies.policy_text import lay_out

_STATEMENT = re.compile(r"statement ([0-9]+)")


def ask(text: str) -> str:
    """Answer one question of the page, both as JSON; an error is an answer too."""
    question = json.loads(text)
    try:
        return json.dumps(_ASKED[question["ask"]](question))
    except GtSecureError as error:
        place = getattr(error, "place", "")
        field = getattr(error, "field", "")
        return json.dumps(
            {"error": error.message, "next": error.next_step, "place": place, "field": field}
        )


def picture(question: dict[str, Any]) -> dict[str, Any]:
    """Return who can open the object, from every address."""
    exposure = _exposure(question)
    return {"exposure": exposure.to_dict(), "html": exposure._repr_html_()}


def answers(question: dict[str, Any]) -> dict[str, Any]:
    """Return the answers for one source, and the statement that decides each of them."""
    exposure = _exposure(question)
    if not question["source"].strip():
        return {"answers": [], "html": ""}
    found = exposure.at(Source.parse(question["source"]))
    policy = _policy(question)
    policy = policy.rjust(len(question["policy"]))  # the page counts the mark, too
    spans = lay_out(policy).statements
    return {"answers": [_shown(each, policy, spans) for each in found], "html": answers_html(found)}


def proof(question: dict[str, Any]) -> dict[str, Any]:
    """Return the proof for the lists or a request that is opened, and the verdict in a sentence."""
    exposure, claim = _claimed(question)
    found = prove(exposure.locks, claim)
    tone, words = _verdict(found, exposure, claim)
    words = " ".join((*exposure.locks.unnamed, words))
    return {**found.to_dict(), "html": _proof_html(found), "tone": tone, "verdict": words}


def guard(question: dict[str, Any]) -> dict[str, Any]:
    """Return the guard's statement for the lists, and the policy with it;
    both are empty without a list.
    """
    exposure, claim = _claimed(question)
    if claim.allowed.is_empty:
        return {"guard": "", "merged": ""}
    partition = exposure.locks.partition
    statement = build_guard(
        exposure.locks.bucket, claim.allowed, prefix=claim.prefix, partition=partition
    )
    merged = BucketPolicy.of(_policy(question)).with_statement(statement)
    return {"guard": json.dumps(statement, indent=2), "merged": _laid_out(merged)}


def _claimed(question: dict[str, Any]) -> tuple[Exposure, Claim]:
    exposure = _exposure(question)
    return exposure, Claim(exposure.key if exposure.is_prefix else "", _allowed(question["allow"]))


def _policy(question: dict[str, Any]) -> str:
    """Return the policy without the mark that some editors begin a file with."""
    return str(question["policy"]).removeprefix("\ufeff")


def _exposure(question: dict[str, Any]) -> Exposure:
    return _exposure_of(question["object"].strip(), question["account"].strip(), _policy(question))


@lru_cache(maxsize=2)
def _exposure_of(name: str, account: str, policy: str) -> Exposure:
    bucket, _, key = name.removeprefix("s3://").partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", bucket):
        raise InvalidInput(
            f'"{bucket[:80]}" is not the name of a bucket.',
            next_step="Write s3://gt-images/scans/.",
            field="object",
        )
    if not re.fullmatch(r"[0-9]{12}", account):
        raise InvalidInput(
            f'"{account[:40]}" is not an AWS account.',
            next_step="Write its 12 digits.",
            field="account",
        )
    if not policy.strip():
        raise PolicyError(
            "There is no policy.",
            next_step='Without a policy, write {"Version": "2012-10-17", "Statement": []}.',
        )
    return Exposure(
        locks_of_policies(bucket, policy, account), key, is_prefix=not key or key.endswith("/")
    )


def _allowed(text: str) -> Allowed:
    """Return the sources of a list with commas, blanks or lines between them."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    try:
        return Allowed.of(parts, partial(policy_network, place="the list"))
    except InvalidInput as error:
        raise InvalidInput(
            error.message, next_step="Write 203.0.113.0/24, or vpce-0a1b2c3d.", field="allow"
        ) from error


def _shown(answer: Answer, policy: str, spans: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    verdict = answer.verdict
    is_bucket = verdict is not None and verdict.policy == "bucket policy"
    label = verdict.statement if verdict is not None and is_bucket else ""
    match = _STATEMENT.match(label)
    start, end = spans[int(match[1]) - 1] if match else (0, 0)
    if answer.answer == "opened":
        why = (
            f"{label[:1].upper()}{label[1:]} of the bucket policy allows it." if label else _NO_DENY
        )
        why += "".join(f" Opened {each}." for each in answer.when)
    else:
        why = replace(answer, source="").reason
    why = with_unless(why, answer.unless)
    claim = CLAIMS[answer.request]
    return {
        "request": answer.request,
        "claim": claim[:1].upper() + claim[1:],
        "answer": answer.answer,
        "why": why,
        "statement": label,
        # The page counts in UTF-16.
        "span": [_utf16(policy[:start]), _utf16(policy[:end])],
    }


_NO_DENY = "No statement refuses it, and the signer's own policies allow it."


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _verdict(found: Proof, exposure: Exposure, claim: Claim) -> tuple[str, str]:
    """Return the tone of a proof, and the sentence that the page begins with."""
    if found.proved:
        return "ok", with_unless(_PROVED, found.unless)
    if found.counterexample is None:
        return "warn", f"Not known: it depends on {', '.join(found.depends_on)}."
    opened = next(row.opened for row in exposure if row.request == "presigned")
    number = count(minus(opened.spans, spans_of(claim.allowed.networks)), 4)
    if number and not opened.keys:
        when = f", {'; '.join(opened.when)}" if opened.when else ""
        return "no", f"Not proved: anyone with a URL opens this from {number:,} addresses{when}."
    case = found.counterexample
    how = ", without a signature" if case["form"] == "unsigned" else ""
    return "no", f"Not proved: {case['request']['action']} is opened from {case['source']}{how}."


_PROVED = "Proved: no presigned request, POST form or anonymous request from elsewhere is opened."


def _proof_html(found: Proof) -> str:
    limits = html.fold(
        "Limits", html.Markup("<br>".join(html.text(each, 300) for each in found.limits))
    )
    if found.proved:
        return html.output(html.notice("ok", with_unless(_PROVED, found.unless)), limits)
    if found.counterexample is None:
        return html.output(
            html.notice("warn", "Not known.", f"It depends on {', '.join(found.depends_on)}."),
            limits,
        )
    case = found.counterexample
    rows = [
        ("Action", html.code(case["request"]["action"])),
        ("Object", html.code(case["request"]["resource"])),
        ("From", html.code(case["source"])),
        ("Signature", html.code(signed_by(case))),
        ("Opened by", case["opened_by"]),
    ]
    request = html.fold("The whole request", html.pre(case))
    return html.output(
        html.notice("no", "Not proved: this request is opened."), html.facts(rows), request, limits
    )


def _laid_out(policy: str) -> str:
    return json.dumps(json.loads(policy), indent=2)


_ASKED = {"proof": proof, "answers": answers, "picture": picture, "guard": guard}
"""The panes of the page, in the order in which it asks for them."""
