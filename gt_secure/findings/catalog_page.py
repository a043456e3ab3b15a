"""The page of a finding: risk, evidence, fix and source,
as Markdown that reads well in a terminal too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from ..account.state import action_of
from ..base.errors import InvalidInput
from ..base.files import package_data
from ..base.text import did_you_mean
from ..restriction.messages import notices
from .model import catalog, control_names
from .run import RULES


@lru_cache(maxsize=1)
def read_with() -> dict[str, str]:
    """Return the command that prints what a rule looks at,
    for a person who checks the evidence without gt_secure.
    """
    return dict(package_data(__package__, "evidence.json"))


def page(code: str) -> str:
    """Return the page of a finding, or of a message of a plan;
    the error for another code names the nearest one.
    """
    row = catalog().get(code) or notices().get(code)
    if row is None:
        next_step = did_you_mean(code, sorted({*catalog(), *notices()}), cutoff=0.5)
        raise InvalidInput(
            f"Unknown finding code '{code[:40]}'.", next_step=next_step, field="explain"
        )
    head = [f"# {code}", "", f"**{row['title']}.** Severity: {row['severity']}.", ""]
    if code in catalog():
        lines = [*head, *_lines(code)]
    else:
        lines = [*head, "## Meaning", "", row["why"], "", "## Fix", "", row["fix"]]
    asks = notices().get(code, {})
    if asks.get("consent", asks.get("severity") == "blocker"):
        typed = asks.get("code", code).format(team="TEAM")
        lines += ["", f"To apply the plan with this {asks['severity']}:", ""]
        lines += ["```text", f"$ gt-secure apply -f FILE --confirm {typed}", "```"]
    return "\n".join(lines) + "\n"


def _lines(code: str) -> Iterator[str]:
    """Yield the lines of a finding below its title."""
    row = catalog()[code]
    yield from ("## Risk", "", row["why"], "")
    yield from ("## Evidence", "", *_evidence(code, row["looked_at"]), "")
    yield from (
        "## Fix",
        "",
        row["fix"],
        "",
        "Then run the rule again, with the bucket or the team of the finding:",
        "",
    )
    yield from ("```text", "$ gt-secure findings s3://your-bucket --team your-team", "```", "")
    if code != "not-checked":
        entry = (
            f'{{"finding": "{code}", "subject": "NAME", "reason": "TEXT", "until": "YYYY-MM-DD"}}'
        )
        yield from (
            "To accept the risk until a day, add it to the list `accepted` of a check file:",
            "",
        )
        yield from ("```json", entry, "```", "")
    if named := control_names(code):
        yield from (
            "## Controls of NIST SP 800-53 Rev. 5",
            "",
            *(f"- {each}" for each in named),
            "",
        )
        yield from ("The mapping is by the gt_secure project, not by NIST or AWS.", "")
    yield from ("## AWS source", "", f"<{row['source_url']}>")


def _evidence(code: str, places: Iterable[str]) -> Iterator[str]:
    if not places:
        yield "The finding names each action that was denied."
    else:
        yield "gt_secure reads:"
        yield ""
    for place in places:
        yield f"- {place}: `{read_with()[place]}`"
    for rule in (each for each in RULES if each.code == code):
        yield from (
            "",
            f"Required permissions: {', '.join(f'`{action_of(name)}`' for name in rule.needs)}.",
        )
        named = {"endpoint": "an endpoint", "principals": "a list of users and roles"}
        given = ", ".join(
            named.get(name, f"a {name}") for name in (rule.subject, *rule.given)
        ).rsplit(", ", 1)
        yield from (
            "",
            f"It is about the {rule.subject}. It is not decided without {' and '.join(given)}.",
        )
