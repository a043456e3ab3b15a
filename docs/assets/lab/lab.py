"""Answers of the policy lab: the engine of gt_secure, asked by the page that it runs in.

The page's worker imports this module into Python in the browser. It holds no rule of its own: everything that decides
is in gt_secure, and everything that is shown is rendered there.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from gt_secure.base import html
from gt_secure.base.errors import GtSecureError, InvalidInput, PolicyError
from gt_secure.base.network import Source, parse_endpoint_id
from gt_secure.engine.access.answer import CLAIMS, Answer
from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.exposure_text import answers_html
from gt_secure.engine.access.locks import locks_of_files
from gt_secure.engine.access.proof import Claim, Proof, prove
from gt_secure.engine.iam.operators import policy_network
from gt_secure.engine.policies.bucket_guard import build_guard, merge_guard
from gt_secure.engine.policies.equivalence import lay_out

_STATEMENT = re.compile(r"statement ([0-9]+)")


def ask(text: str) -> str:
    """Answer one question of the page, both as JSON; an error is an answer too."""
    question = json.loads(text)
    try:
        return json.dumps(_ASKED[question["ask"]](question))
    except GtSecureError as error:
        place = getattr(error, "place", "")
        field = getattr(error, "field", "")
        return json.dumps({"error": error.message, "next": error.next_step, "place": place, "field": field})


def who(question: dict[str, Any]) -> dict[str, Any]:
    """Return the exposure, the answers for one source, and the statement that decides each of them."""
    exposure = _exposure(question)
    found: dict[str, Any] = {"exposure": exposure.to_dict(), "picture": exposure._repr_html_(), "answers": []}
    if question["source"].strip():
        answers = exposure.at(Source.parse(question["source"]))
        spans = lay_out(question["policy"]).statements
        found["table"] = answers_html(answers)
        found["answers"] = [_shown(each, question["policy"], spans) for each in answers]
    return found


def proof(question: dict[str, Any]) -> dict[str, Any]:
    """Return the proof for the lists or a request that is opened, and the guard's statement for them."""
    exposure = _exposure(question)
    prefix = exposure.key if exposure.is_prefix else ""
    networks, endpoints = _lists(question["allow"])
    found = prove(exposure.locks, Claim(prefix, networks, endpoints))
    shown: dict[str, Any] = {**found.to_dict(), "html": _proof_html(found), "guard": "", "merged": ""}
    if networks or endpoints:
        guard = build_guard(
            exposure.locks.bucket,
            prefix=prefix,
            networks=networks,
            endpoints=endpoints,
            partition=exposure.locks.partition,
        )
        shown["guard"] = json.dumps(guard, indent=2)
        shown["merged"] = _laid_out(merge_guard(question["policy"], guard))
    return shown


def _exposure(question: dict[str, Any]) -> Exposure:
    bucket, _, key = question["object"].strip().removeprefix("s3://").partition("/")
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", bucket):
        raise InvalidInput(
            f'"{bucket[:80]}" is not the name of a bucket.', next_step="Write s3://gt-images/scans/.", field="object"
        )
    account = question["account"].strip()
    if not re.fullmatch(r"[0-9]{12}", account):
        raise InvalidInput(
            f'"{account[:40]}" is not an AWS account.', next_step="Write its 12 digits.", field="account"
        )
    policy = question["policy"]
    if not policy.strip():
        raise PolicyError(
            "There is no policy.", next_step='Without a policy, write {"Version": "2012-10-17", "Statement": []}.'
        )
    return Exposure(locks_of_files(bucket, policy, account), key, is_prefix=not key or key.endswith("/"))


def _lists(text: str) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Return the addresses and the endpoints of a list with commas, blanks or lines between them."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    endpoints = [part for part in parts if part.lower().startswith("vpce")]
    try:
        networks = tuple(policy_network(part, "the list") for part in parts if part not in endpoints)
        return networks, tuple(parse_endpoint_id(part) for part in endpoints)
    except InvalidInput as error:
        raise InvalidInput(error.message, next_step="Write 203.0.113.0/24, or vpce-0a1b2c3d.", field="allow") from error


def _shown(answer: Answer, policy: str, spans: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    verdict = answer.verdict
    is_bucket = verdict is not None and verdict.policy == "bucket policy"
    label = verdict.statement if verdict is not None and is_bucket else ""
    match = _STATEMENT.match(label)
    start, end = spans[int(match[1]) - 1] if match else (0, 0)
    if answer.answer == "opened":
        why = f"{label[:1].upper()}{label[1:]} of the bucket policy allows it." if label else _NO_DENY
        why += "".join(f" Opened {each}." for each in answer.when)
    else:
        why = replace(answer, source="").reason
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


def _proof_html(found: Proof) -> str:
    assumed = html.fold("Assumed", html.Markup("<br>".join(html.text(each, 300) for each in found.assumed)))
    if found.proved:
        title = "Proved: no presigned request or POST form from elsewhere is opened."
        return html.output(html.notice("ok", title), assumed)
    if found.counterexample is None:
        return html.output(html.notice("warn", "Not known.", f"It depends on {', '.join(found.depends_on)}."), assumed)
    case = found.counterexample
    rows = [
        ("Action", html.code(case["request"]["action"])),
        ("Object", html.code(case["request"]["resource"])),
        ("From", html.code(case["source"])),
        ("Signed by", html.code(case["request"]["principal"])),
        ("Opened by", case["opened_by"]),
    ]
    request = html.fold("The whole request", html.pre(case))
    return html.output(html.notice("no", "Not proved: this request is opened."), html.facts(rows), request, assumed)


def _laid_out(policy: str) -> str:
    return json.dumps(json.loads(policy), indent=2)


_ASKED = {"who": who, "proof": proof}
