"""Generate the checks for Prowler from the catalog of findings: modules, metadata,
entry points and a framework.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gt_secure.findings.model import catalog, controls

TEMPLATE = Path(__file__).with_name("check.py.template")
PACKAGE = "gt_secure_prowler"
SERVICE = "groundtruth"
SERVICES = f"{PACKAGE}.services.{SERVICE}"
COMPLIANCE = f"{PACKAGE}.compliance"
FRAMEWORK = "groundtruth_nist_800_53_revision_5_aws"
"""Prowler asks for a framework by the name of its file (``--compliance``),
which must differ from its own.
"""
LONGEST = 400
SKIPPED = {"not-checked"}
"""What could not be read is the status MANUAL of every check."""


def name_of(code: str) -> str:
    """Return the id of a check: Prowler accepts no hyphens, and asks for the service first."""
    return f"{SERVICE}_{code.replace('-', '_')}"


def codes() -> list[str]:
    """Return the codes that have a check."""
    return [code for code in catalog() if code not in SKIPPED]


def metadata(code: str) -> dict[str, Any]:
    """Return the metadata of a check (Prowler 5.46, ``CheckMetadata``)."""
    row = catalog()[code]
    severity = str(row["severity"])
    fix = str(row["fix"])
    return {
        "Provider": "aws",
        "CheckID": name_of(code),
        "CheckTitle": f"Ground Truth workteam has no finding {code}: {row['title']}"[:150],
        "CheckType": ["Software and Configuration Checks/AWS Security Best Practices"],
        "ServiceName": SERVICE,
        "SubServiceName": "",
        "ResourceIdTemplate": "",
        "Severity": "informational" if severity == "info" else severity,
        "ResourceType": "Other",
        "Description": f"{row['title']}. It looks at {', '.join(map(str, row['looked_at']))}."[
            :LONGEST
        ],
        "Risk": str(row["why"])[:LONGEST],
        "RelatedUrl": "",
        "AdditionalURLs": [str(row["source_url"])],
        "Remediation": {
            "Code": {"CLI": "", "NativeIaC": "", "Other": fix, "Terraform": ""},
            "Recommendation": {"Text": fix, "Url": ""},
        },
        "Categories": ["trust-boundaries"],
        "DependsOn": [],
        "RelatedTo": [],
        "Notes": f"gt-secure findings --explain {code}",
    }


def framework() -> dict[str, Any]:
    """Return the compliance framework (Prowler 5.46, ``Compliance`` with generic attributes)."""
    return {
        "Framework": "NIST-800-53-Revision-5-Ground-Truth",
        "Name": "NIST SP 800-53 Rev. 5, controls that restrict access to Ground Truth data",
        "Version": "",
        "Provider": "AWS",
        "Description": (
            "Controls of NIST SP 800-53 Rev. 5 that findings of gt_secure violate. The mapping is"
            " by the gt_secure project, not by NIST or AWS."
        ),
        "Requirements": [
            {
                "Id": prowler_id(control),
                "Name": f"{control} {row['title']}",
                "Description": (
                    f"{control} {row['title']}. It fails on these findings: {_titles(found)}."
                ),
                "Attributes": [
                    {"ItemId": prowler_id(control), "Section": row["family"], "Service": SERVICE}
                ],
                "Checks": [name_of(code) for code in found],
            }
            for control, row in controls().items()
            if (found := codes_of(control))
        ],
    }


def prowler_id(control: str) -> str:
    """Return a control as Prowler names it: ``sc_7_2`` for SC-7(2)."""
    return control.lower().replace("-", "_").replace("(", "_").rstrip(")")


def codes_of(control: str) -> list[str]:
    """Return the findings that violate a control."""
    return [code for code in codes() if control in catalog()[code]["controls"]]


def _titles(found: Iterable[str]) -> str:
    return "; ".join(str(catalog()[code]["title"]) for code in found)


def files() -> dict[str, str]:
    """Return the text of each generated file by its path below the folder of packages."""
    services, compliance = SERVICES.replace(".", "/"), COMPLIANCE.replace(".", "/")
    texts = {
        f"{Path(services).parent}/__init__.py": (
            '"""Services, in the layout that Prowler expects."""\n'
        ),
        f"{services}/__init__.py": '"""The checks of Ground Truth."""\n',
        f"{compliance}/__init__.py": (
            '"""Compliance frameworks, in the layout that Prowler expects."""\n'
        ),
        f"{compliance}/{FRAMEWORK}.json": _json(framework()),
    }
    template = TEMPLATE.read_text(encoding="utf-8")
    for code in codes():
        texts[f"{services}/{name_of(code)}.py"] = template.replace("{code}", code)
        texts[f"{services}/{name_of(code)}.metadata.json"] = _json(metadata(code))
    return texts


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write all generated files below a folder of packages."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def entry_points() -> dict[str, list[str]]:
    """Return the entry points by their group (Prowler 5.46, ``prowler.lib.check.utils``)."""
    checks = [f"{name_of(code)} = {SERVICES}.{name_of(code)}" for code in codes()]
    return {"prowler.checks.aws": checks, "prowler.compliance": [f"aws = {COMPLIANCE}"]}
