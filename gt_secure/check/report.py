"""A report of checks as data, HTML, SARIF 2.1.0 and JUnit XML.

In SARIF a check has a rule, and so has each finding code: findings that fail the check
``no_findings``, or are accepted, are results with the rule of their code. Sources: see
:mod:`gt_secure.findings.sarif`.

In JUnit XML failed checks are failures, unknown ones errors, so that neither passes a build:
viewers show a suite whose cases are only passed or skipped as green. Rules of ``no_findings``
that were not asked or have no subject are skipped cases. There is no standard; the elements and
attributes are those that the schema of Jenkins' xUnit plugin (junit-10.xsd) and pytest's writer
share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self
from xml.etree import ElementTree as Xml

from ..base.outcome import CheckResult
from ..base.shown import Shown
from ..base.text import Json, json_text
from ..findings import sarif
from ..findings.model import NOT_RUN, Acceptances, Finding, catalog
from .result import CHECKS

PASSED, FAILED, UNKNOWN = 0, 2, 3
"""Exit codes of ``gt-secure check``; 1 is an error."""


@dataclass(frozen=True)
class Report(Shown):
    """Outcomes in the order in which the checks were run.

    Attributes
    ----------
    source : str
        The file that the checks come from.
    unused : tuple of Acceptance
        Accepted findings that matched nothing: the risk is gone, or the entry has an error.
    """

    document = ("passed", "counts", "source", "unused", "results")

    results: tuple[CheckResult, ...]
    source: str = ""
    unused: Acceptances = ()

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __bool__(self) -> bool:
        return self.passed is True

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of passed, failed and unknown checks."""
        return {
            word: sum(result.status == word for result in self.results)
            for word in ("passed", "failed", "unknown")
        }

    @property
    def passed(self) -> bool | None:
        """True if every check passed, False if one failed,
        None if one is unknown or there is none.
        """
        outcomes = [result.passed for result in self.results]
        if False in outcomes:
            return False
        return True if outcomes and all(outcomes) else None

    @property
    def exit_code(self) -> int:
        """0: all passed; 2: one failed; 3: none failed, but one could not be decided."""
        return {True: PASSED, False: FAILED, None: UNKNOWN}[self.passed]

    def require(self) -> Self:
        """Raise :class:`CheckFailed` for the first check that did not pass, the failed ones first;
        also without one.
        """
        if not self.results:
            CheckResult(
                "report", self.source, None, "No check was run.", {}, "Add a check."
            ).require()
        for result in sorted(self.results, key=lambda one: one.passed is None):
            result.require()
        return self

    def to_sarif(self) -> Json:
        """Return the report as a SARIF 2.1.0 log: an unknown outcome is a warning,
        a failed one an error.
        """
        items = [item for result in self for item in _items(result)]
        names = sorted({item.rule for item in items})
        results = [_result(item, names.index(item.rule), self.source) for item in items]
        rules = [sarif.rule(name) if name in catalog() else _rule(name) for name in names]
        return sarif.log(rules, results, successful=self.counts["unknown"] == 0, unused=self.unused)

    def to_junit(self) -> str:
        """Return the report as JUnit XML."""
        idle = [
            (result, word, *each)
            for result in self
            for word in NOT_RUN
            for each in result.details.get(word.replace(" ", "_"), {}).items()
        ]
        numbers = {
            "tests": str(len(self) + len(idle)),
            "failures": str(self.counts["failed"]),
            "errors": str(self.counts["unknown"]),
        }
        root = Xml.Element("testsuites", numbers)
        suite = Xml.SubElement(
            root, "testsuite", {"name": "gt_secure", "skipped": str(len(idle)), **numbers}
        )
        for result in self:
            _case(suite, result)
        for result, word, code, reason in idle:
            case = _element(
                suite, f"gt_secure.check.{result.name}.{code}", f"{code}[{result.subject}]"
            )
            Xml.SubElement(case, "skipped", {"message": _clean(f"{word}: {reason}")})
        Xml.indent(root)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            + Xml.tostring(root, encoding="unicode")
            + "\n"
        )

    def _repr_html_(self) -> str:
        return "".join(result._repr_html_() for result in self.results)


# 'level' says more than 'none' only where 'kind' is 'fail' (3.27.10): an unknown outcome must show
# up too.
_SHOWN = {"passed": ("pass", "none"), "failed": ("fail", "error"), "unknown": ("fail", "warning")}


class _Item(NamedTuple):
    """One result to write: of a check, or of a finding that a check met."""

    rule: str
    check: CheckResult
    finding: Finding | None = None


def _items(result: CheckResult) -> Iterator[_Item]:
    details = result.details if result.name == "no_findings" else {}
    failing = (
        [Finding.from_dict(data) for data in details.get("findings", ())]
        if result.passed is False
        else []
    )
    if not failing:
        yield _Item(result.name, result)
    for finding in (*failing, *map(Finding.from_dict, details.get("accepted", ()))):
        yield _Item(finding.code, result, finding)


def _rule(name: str) -> Json:
    text = " ".join(
        (getattr(CHECKS.get(name), "__doc__", "") or name).strip().split("\n\n")[0].split()
    )
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("_")),
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": f"{text} Run 'gt-secure check {name.replace('_', '-')}' for the details."},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "tags": ["security", "aws"],
            "problem.severity": "error",
            "security-severity": "7.5",
        },
    }


def _result(item: _Item, index: int, source: str) -> Json:
    result = item.check
    if item.finding is not None:
        level = "error" if item.finding.accepted is None else ""
        return sarif.result(item.finding, index, source, level=level)
    kind, level = _SHOWN[result.status]
    return {
        "ruleId": result.name,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": f"{result.subject}: {result.message} {result.next_step}".strip()},
        "locations": [sarif.location(result.name, result.subject, source)],
        "partialFingerprints": sarif.fingerprints(result.name, result.subject),
        "properties": {"status": result.status},
    }


# Characters that XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _case(suite: Xml.Element, result: CheckResult) -> None:
    case = _element(suite, f"gt_secure.check.{result.name}", f"{result.name}[{result.subject}]")
    if result.passed is True:
        return
    tag = "failure" if result.passed is False else "error"
    said = Xml.SubElement(case, tag, {"type": result.status, "message": _clean(result.message)})
    details = json_text(dict(result.details), indent=2)
    said.text = _clean(f"{result.message}\n{result.next_step}\n{details}")


def _element(suite: Xml.Element, group: str, name: str) -> Xml.Element:
    return Xml.SubElement(
        suite, "testcase", {"classname": group, "name": _clean(name), "time": "0"}
    )


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
