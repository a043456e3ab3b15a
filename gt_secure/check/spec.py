"""Checks as data: what a check file and the command line say, checked before anything is called.

::

    version: 1
    checks:
      - check: team_is_restricted
        team: radiology-team
      - check: no_foreign_hits
        restriction: radiology.yaml     # beside this file, or the restriction itself
        since: 7d
    accepted:
      - finding: portal-lock-absent
        reason: Workers travel, see RISK-112.
        until: 2027-01-31
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..base import files as textfiles
from ..base.errors import InvalidInput
from ..base.text import JsonLike, Texts, did_you_mean
from ..findings.accepted import accepted_of
from ..findings.model import Acceptances

MAX_CHECKS = 500


class CheckMembers(NamedTuple):
    """The members of one check: their kinds (``text``, ``texts``, ``flag``, ``number``,
    ``restriction``, ``facts``).
    """

    members: Mapping[str, str]
    required: Texts = ()
    one_of: Texts = ()


_LOGS = {
    "logs": "texts",
    "since": "text",
    "until": "text",
    "newest_within_h": "number",
    "max_unreadable": "number",
}

RULES: dict[str, CheckMembers] = {
    "team_is_restricted": CheckMembers(
        {"team": "text", "url_lock": "text", "portal": "texts"}, ("team",)
    ),
    "guard_is_in_place": CheckMembers(
        {"bucket": "text", "prefix": "text", "addresses": "texts", "endpoints": "texts"},
        ("bucket",),
    ),
    "no_foreign_hits": CheckMembers(
        {"restriction": "restriction", **_LOGS, "count_refused": "flag", "trust_private": "flag"},
        ("restriction",),
    ),
    "no_leaked_urls": CheckMembers(
        {"bucket": "text", "prefix": "text", **_LOGS, "kinds": "texts", "pools": "texts"},
        (),
        ("bucket", "logs"),
    ),
    "urls_are_consistent": CheckMembers(
        {
            "team": "text",
            "bucket": "text",
            "prefix": "text",
            **_LOGS,
            "pools": "texts",
            "trust_private": "flag",
        },
        (),
        ("bucket", "logs"),
    ),
    "no_findings": CheckMembers(
        {
            "team": "text",
            "bucket": "text",
            "prefix": "text",
            "severity": "text",
            "context": "facts",
        },
        (),
        ("team", "bucket"),
    ),
    "nothing_drifted": CheckMembers(
        {"restriction": "restriction", "approved": "text", "digest": "text"},
        (),
        ("restriction", "approved"),
    ),
    "expectations_hold": CheckMembers(
        {"restriction": "restriction", "context": "facts"}, ("restriction",)
    ),
    "is_proved": CheckMembers(
        {
            "restriction": "restriction",
            **{"bucket": "text", "prefix": "text", "addresses": "texts", "endpoints": "texts"},
            "keep": "texts",
            "context": "facts",
        },
        (),
        ("restriction", "bucket"),
    ),
    "no_code_cell_skipped": CheckMembers({"path": "text", "run_within": "text"}, ("path",)),
    "no_secret_saved": CheckMembers({"path": "text"}, ("path",)),
}


@dataclass(frozen=True)
class Spec:
    """One check to run: its name, its members as in the file,
    and the folder that paths are relative to.
    """

    check: str
    arguments: JsonLike = field(default_factory=dict)
    base: Path = Path()

    @classmethod
    def make(cls, name: object, arguments: JsonLike, base: Path | None = None) -> Spec:
        """Check name and members; raises :class:`InvalidInput`."""
        word = check_name(name)
        rule = RULES[word]
        for key, value in arguments.items():
            _member(word, rule, str(key), value)
        for key in rule.required:
            if key not in arguments:
                raise _bad(f"The check {word} needs '{key}'.", key, f"Pass {key}=.")
        if rule.one_of and not any(key in arguments for key in rule.one_of):
            raise _bad(
                f"The check {word} needs {' or '.join(rule.one_of)}.",
                rule.one_of[0],
                f"Pass {' or '.join(f'{key}=' for key in rule.one_of)}.",
            )
        return cls(word, dict(arguments), base or Path())


class CheckFile(NamedTuple):
    """The checks of a file, and the findings that it accepts."""

    specs: tuple[Spec, ...]
    accepted: Acceptances = ()


def hyphened(name: str) -> str:
    """Return the name of a check as the command line and reports spell it."""
    return name.replace("_", "-")


def check_name(name: object) -> str:
    """Return the name of a check, which may be written with hyphens;
    raises :class:`InvalidInput`.
    """
    word = str(name).replace("-", "_")
    if word in RULES:
        return word
    hint = did_you_mean(word, RULES, f"There are: {', '.join(RULES)}.")
    raise _bad(f"There is no check '{str(name)[:60]}'.", "check", hint)


def _member(check: str, rule: CheckMembers, key: str, value: object) -> None:
    if key not in rule.members:
        hint = did_you_mean(key, rule.members, f"It has: {', '.join(rule.members)}.", form="'{}'")
        raise _bad(f"The check {check} has no member '{key[:60]}'.", key, hint)
    texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
    is_text, is_map, is_flag = (
        isinstance(value, str),
        isinstance(value, Mapping),
        isinstance(value, bool),
    )
    fits, words = {
        "text": (is_text and (bool(value) or key == "prefix"), "a text"),
        "texts": (is_text or texts, "a text or a list of texts"),
        "flag": (is_flag, "true or false"),
        "number": (
            isinstance(value, int | float) and not is_flag and value >= 0,
            "a number of 0 or more",
        ),
        "restriction": (
            is_map or (is_text and bool(value)),
            "the path of a restriction file, or a restriction itself",
        ),
        "facts": (
            is_map and bool(value),
            "a mapping of condition keys, such as aws:PrincipalOrgID, to values",
        ),
    }[rule.members[key]]
    if not fits:
        raise _bad(
            f"'{key}' of the check {check} is {words}, not {str(value)[:40]!r}.", key, "Correct it."
        )


def _bad(message: str, key: str, fix: str) -> InvalidInput:
    return InvalidInput(message, next_step=fix, field=key)


def load_check_file(path: str | Path) -> CheckFile:
    """Read a check file, JSON or YAML, with its accepted findings; raises NotFound,
    InvalidInput or MissingExtra.
    """
    file = Path(path)
    data = textfiles.load(file)
    if isinstance(data, list):
        data = {"checks": data}
    if not isinstance(data, Mapping):
        raise _bad(f"{file.name} holds no checks.", "file", "Start with 'checks:' and a list.")
    strange = sorted(
        str(key) for key in data if key not in {"version", "checks", "accepted", "$schema"}
    )
    if strange:
        raise _bad(
            f"A check file has no member '{strange[0][:60]}'.",
            strange[0],
            "It has: version, checks, accepted.",
        )
    specs = _specs(data, file)
    accepted = accepted_of(data["accepted"], file) if "accepted" in data else ()
    if accepted and not any(spec.check in ("no_findings", "no_secret_saved") for spec in specs):
        raise _bad(
            f"{file.name} accepts findings, and has no check that looks for them.",
            "accepted",
            "Add the check no_findings or no_secret_saved, or remove 'accepted'.",
        )
    return CheckFile(tuple(specs), accepted)


def _specs(data: JsonLike, file: Path) -> list[Spec]:
    textfiles.check_format(data, file.name)
    items = data.get("checks")
    if not isinstance(items, list) or not items:
        raise _bad(
            f"{file.name} lists no checks.",
            "checks",
            "A file without checks would always pass: add one.",
        )
    if len(items) > MAX_CHECKS:
        raise _bad(
            f"{file.name} lists {len(items):,} checks; {MAX_CHECKS} are accepted.",
            "checks",
            "Split it.",
        )
    return [_item(item, number, file) for number, item in enumerate(items, 1)]


def _item(item: object, number: int, file: Path) -> Spec:
    if isinstance(item, str):
        item = {"check": item}
    if not isinstance(item, Mapping) or "check" not in item:
        raise _bad(
            f"Entry {number} of {file.name} names no check.",
            "checks",
            "Write 'check: guard_is_in_place'.",
        )
    try:
        return Spec.make(
            item["check"], {str(key): item[key] for key in item if key != "check"}, file.parent
        )
    except InvalidInput as error:
        raise InvalidInput(
            f"Entry {number} of {file.name}: {error.message}",
            next_step=error.next_step,
            field=error.field,
        ) from error
