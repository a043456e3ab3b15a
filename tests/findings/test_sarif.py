"""Findings as SARIF: the schema of OASIS, what GitHub documents, rules,
suppressions and fingerprints.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gt_secure import check
from gt_secure.check import Spec
from gt_secure.cli.main import main
from gt_secure.findings import Finding, accept
from gt_secure.findings.accepted import parse_accepted
from gt_secure.findings.model import Match, catalog
from gt_secure.findings.run import _finding
from gt_secure.findings.sarif import artifact_uri, rule, to_sarif
from support.scene import TEAM, Scene

SCHEMA = json.loads((Path(__file__).parent.parent / "data" / "sarif-schema-2.1.0.json").read_text())

# GitHub, "SARIF support for code scanning", the members that the tables mark as required, and their
# limits.
_WORDS = {"type": "string", "minLength": 1, "maxLength": 1024}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": _WORDS}}
GITHUB: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "runs": {
            "maxItems": 20,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "maxItems": 25000,
                                        "items": {
                                            "required": [
                                                "id",
                                                "shortDescription",
                                                "fullDescription",
                                                "help",
                                            ],
                                            "properties": {
                                                "name": {"maxLength": 255},
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": {"required": ["text"]},
                                                "defaultConfiguration": {
                                                    "properties": {
                                                        "level": {
                                                            "enum": ["note", "warning", "error"]
                                                        }
                                                    }
                                                },
                                                "properties": {
                                                    "properties": {
                                                        "tags": {"maxItems": 20},
                                                        "precision": {
                                                            "enum": [
                                                                "very-high",
                                                                "high",
                                                                "medium",
                                                                "low",
                                                            ]
                                                        },
                                                        "problem.severity": {
                                                            "enum": [
                                                                "error",
                                                                "warning",
                                                                "recommendation",
                                                            ]
                                                        },
                                                        "security-severity": {
                                                            "type": "string",
                                                            "pattern": "^(10|[0-9])\\.[0-9]$",
                                                        },
                                                    }
                                                },
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "maxItems": 25000,
                        "items": {
                            "required": ["message", "locations", "partialFingerprints", "ruleId"],
                            "properties": {
                                "message": {"required": ["text"]},
                                "partialFingerprints": {"required": ["primaryLocationLineHash"]},
                                "locations": {
                                    "minItems": 1,
                                    "maxItems": 1000,
                                    "items": {
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "required": ["uri"],
                                                        "properties": {
                                                            "uri": {
                                                                "pattern": (
                                                                    "^(?!/)(?!.*\\.\\./)[^:\\\\ ]+$"
                                                                )
                                                            }
                                                        },
                                                    },
                                                    "region": {
                                                        "required": [
                                                            "startLine",
                                                            "startColumn",
                                                            "endLine",
                                                            "endColumn",
                                                        ]
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}


def valid(log: dict[str, Any]) -> list[dict[str, Any]]:
    """Check a log against both, and return its results."""
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(log)
    jsonschema.Draft202012Validator(GITHUB).validate(log)
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({each["id"] for each in rules}) == len(rules)
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    json.dumps(log)
    return list(run["results"])


def found(code: str, subject: str = "open-team", *depends: str) -> Finding:
    return _finding(code, Match(subject, "detail", depends), ())


def test_every_code_has_a_complete_rule():
    results = valid(to_sarif([found(code) for code in catalog()]))
    assert len(results) == len(catalog())
    for code in catalog():
        made = rule(code)
        assert re.match(r"https://", made["helpUri"])
        assert made["help"]["markdown"].startswith(f"# {code}")
        score = float(made["properties"].get("security-severity", "0"))
        bounds = {
            "critical": (9, 10),
            "high": (7, 9),
            "medium": (4, 7),
            "low": (0.1, 4),
            "info": (0, 0.1),
        }
        low, high = bounds[str(catalog()[code]["severity"])]
        assert low <= score < high


def test_no_findings_is_a_log_too():
    assert valid(to_sarif([])) == []


def test_a_finding_that_is_unknown_or_not_read_is_a_warning():
    log = to_sarif(
        [found("bucket-allow-everyone", "b", "aws:PrincipalOrgID"), found("not-checked")]
    )
    assert [each["level"] for each in valid(log)] == ["warning", "warning"]
    assert log["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_the_three_outcomes_of_the_command_line(tmp_path, monkeypatch):
    """A bucket that is open, one whose policy is known later, and a plan without any."""
    monkeypatch.chdir(tmp_path)
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    kinds = {}
    for name, planned in {
        "open": {"policy": document},
        "later": {"policy": None},
        "none": None,
    }.items():
        change = {
            "actions": ["create"],
            "before": None,
            "after": {"bucket": "gt-images", **(planned or {})},
        }
        row = {
            "address": "aws_s3_bucket_policy.p",
            "mode": "managed",
            "type": "aws_s3_bucket_policy",
        }
        rows = [] if planned is None else [row | {"change": change | {"after_unknown": {}}}]
        (tmp_path / "plan.json").write_text(
            json.dumps(
                {
                    "format_version": "1.2",
                    "resource_changes": rows,
                    "configuration": {"root_module": {}},
                }
            )
        )
        words = [
            "findings",
            "--tf-plan",
            "plan.json",
            "--account",
            "111122223333",
            "--sarif",
            "out.sarif",
        ]
        assert main([*words, "--fail-on", "low"]) == {"open": 2, "later": 3, "none": 3}[name]
        log = json.loads((tmp_path / "out.sarif").read_text())
        kinds[name] = {
            each["kind"] for each in valid(log) if each["ruleId"] == "presigned-from-anywhere"
        }
        assert log["runs"][0]["invocations"][0]["executionSuccessful"] is (name != "later")
    assert kinds == {"open": {"fail"}, "later": {"open"}, "none": {"notApplicable"}}


def test_an_accepted_finding_is_suppressed_and_an_ended_one_is_not():
    entry = {"finding": "url-lock-off", "reason": "known to ana"}
    now, then = (parse_accepted([entry | {"until": day}]) for day in ("2099-01-01", "2026-01-01"))
    [suppressed] = valid(to_sarif(accept([found("url-lock-off")], now)))
    assert [each["status"] for each in suppressed["suppressions"]] == ["accepted"]
    assert suppressed["suppressions"][0]["justification"] == "known to ana"
    [ended] = valid(to_sarif(accept([found("url-lock-off")], then)))
    assert [each["status"] for each in ended["suppressions"]] == ["rejected"]
    assert "ana" in ended["message"]["text"]
    [plain] = valid(to_sarif([found("url-lock-off")]))
    assert "suppressions" not in plain
    assert (
        plain["partialFingerprints"]
        == ended["partialFingerprints"]
        == suppressed["partialFingerprints"]
    )


def test_fingerprints_differ_by_code_and_by_subject():
    listed = [found("url-lock-off"), found("url-lock-off", "other"), found("url-lock-both")]
    prints = [
        each["partialFingerprints"]["primaryLocationLineHash"] for each in valid(to_sarif(listed))
    ]
    assert len(set(prints)) == 3


def test_two_guards_of_a_bucket_are_two_alerts_whatever_else_is_found():
    one, other = found("guard-narrower", "gt-images"), found("guard-narrower", "gt-images")
    listed = [one, found("guard-narrower", "other"), other]
    prints = [
        each["partialFingerprints"]["primaryLocationLineHash"] for each in valid(to_sarif(listed))
    ]
    assert [each[-2:] for each in prints] == [":1", ":1", ":2"]
    assert prints[0][:-2] == prints[2][:-2]
    assert [
        each["partialFingerprints"]["primaryLocationLineHash"] for each in valid(to_sarif([one]))
    ] == prints[:1]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("", "gt-secure-findings"),
        ("checks.yaml", "checks.yaml"),
        ("ci/my checks.yaml", "ci/my%20checks.yaml"),
        ("./ci/checks.yaml", "ci/checks.yaml"),
        ("../checks.yaml", "checks.yaml"),
        ("/somewhere/else/checks.yaml", "checks.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
    ],
)
def test_places_are_relative(source, uri):
    assert artifact_uri(source) == uri


def test_an_absolute_path_below_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert artifact_uri(str(tmp_path / "ci" / "checks.yaml")) == "ci/checks.yaml"


def test_hostile_subjects_are_valid():
    nasty = "<script>\x00\x1b[31m\u202e\ud800 \"'"
    [result] = valid(to_sarif([found("url-lock-off", nasty)]))
    assert result["ruleId"] == "url-lock-off"


def test_checks_and_the_command_line(scene: Scene, tmp_path, monkeypatch, capsys):
    codes = {each.code for each in scene.gt.findings(team=TEAM)}
    spare = {"finding": "guard-open", "reason": "x", "until": "2099-01-01"}
    accepted = [{"finding": code, "reason": "known", "until": "2099-01-01"} for code in codes]
    specs = [Spec.make("no_findings", {"team": TEAM, "severity": "info"})]
    failing = valid(check.run_specs(scene.gt, specs).to_sarif())
    assert {each["ruleId"] for each in failing} == codes
    assert {each["level"] for each in failing} == {"error"}
    log = check.run_specs(scene.gt, specs, accepted=[*accepted, spare]).to_sarif()
    quiet = valid(log)
    assert {each["ruleId"] for each in quiet if "suppressions" in each} == codes
    assert {each["kind"] for each in quiet if "suppressions" not in each} == {"pass"}
    assert (
        "guard-open"
        in log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    )

    scene.use_environment(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main(["findings", "--team", TEAM, "--sarif", "out.sarif"]) == 0
    written = valid(json.loads((tmp_path / "out.sarif").read_text()))
    assert {each["ruleId"] for each in written if each["kind"] == "fail"} == codes
    assert {each["kind"] for each in written} == {"fail", "notApplicable"}, "no bucket was named"
    assert valid(scene.gt.findings(team=TEAM).to_sarif(source="x.yaml"))
    assert main(["findings", "--team", TEAM, "--sarif", "no/such/folder.sarif"]) == 64


@pytest.mark.parametrize(
    "name", ["scans/[Fix now](https://evil.example/login)", "a\\[b](c)", "[1](2)", "]["]
)
def test_no_message_has_a_link(name: str) -> None:
    finding = found("cors-missing", name)
    entry = parse_accepted(
        [{"finding": "cors-missing", "subject": name, "reason": "known", "until": "2099-01-01"}]
    )
    run = to_sarif([finding], unused=entry)["runs"][0]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    for text in (run["results"][0]["message"]["text"], notes[0]["message"]["text"]):
        assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]]", text), text
