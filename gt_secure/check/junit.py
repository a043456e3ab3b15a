"""A report as JUnit XML: failed checks are failures, unknown ones errors, so that neither passes a build.

There is no standard; the elements and attributes here are those that the schema of Jenkins' xUnit plugin (junit-10.xsd)
and pytest's writer share.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from ..text import json_text
from .report_data import ReportData
from .result import CheckResult

# Characters that XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: ReportData) -> str:
    """Return a report as JUnit XML."""
    counts = report.counts
    numbers = {
        "tests": str(len(report)),
        "failures": str(counts["failed"]),
        "errors": str(counts["unknown"]),
    }
    root = Xml.Element("testsuites", numbers)
    suite = Xml.SubElement(root, "testsuite", {"name": "gt_secure", "skipped": "0", **numbers})
    for result in report:
        _case(suite, result)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, result: CheckResult) -> None:
    name = _clean(f"{result.name}[{result.subject}]")
    case = Xml.SubElement(suite, "testcase", {"classname": f"gt_secure.check.{result.name}", "name": name, "time": "0"})
    if result.passed is True:
        return
    tag = "failure" if result.passed is False else "error"
    said = Xml.SubElement(case, tag, {"type": result.status, "message": _clean(result.message)})
    details = json_text(dict(result.details), indent=2)
    said.text = _clean(f"{result.message}\n{result.next_step}\n{details}")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
