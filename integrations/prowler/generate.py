"""Generate the checks for Prowler from the catalog of findings: modules, metadata,
entry points and a framework.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from gt_secure.findings.model import catalog, controls

TEMPLATE = Path(__file__).with_name("check.py.template")
PACKAGE = "gt_secure_prowler"
SERVICE = "s3"
"""Prowler lists a check by the first word of its name, which is its service."""
SERVICES = f"{PACKAGE}.services.{SERVICE}"
COMPLIANCE = f"{PACKAGE}.compliance"
FRAMEWORK = "presigned_nist_800_53_revision_5_aws"
"""Prowler asks for a framework by the name of its file (``--compliance``),
which must differ from its own.
"""
LONGEST = 400
ANYWHERE = "presigned-from-anywhere"


class Check(NamedTuple):
    """A check: what a person who lists the checks of S3 reads."""

    name: str
    title: str
    description: str
    fix: str


CHECKS = (
    Check(
        "s3_presigned_urls_open_from_anywhere",
        "S3 bucket opens presigned URLs from allowed networks only",
        "Whether a presigned URL of the bucket opens objects from any address on the internet. The"
        " policies that decide are evaluated: bucket, access points, endpoints, account and"
        " organization.",
        str(catalog()[ANYWHERE]["fix"]),
    ),
    Check(
        "s3_presigned_guard_holds",
        "S3 bucket and its workteams have nothing that weakens the guard of presigned URLs",
        "Everything else that gt_secure finds: a guard that is missing, changed or too narrow, other"
        " ways to the objects, logging that is off, and the locks of SageMaker Ground Truth"
        " workteams. Each row has its own code and severity.",
        "Read the code in the row's text, then type: gt-secure findings --explain CODE",
    ),
)
"""The checks: the first has one finding, the second has the rest."""


def codes_of(check: Check) -> list[str]:
    """Return the findings of a check.

    Notes are of neither. What could not be read is the status MANUAL of both.
    """
    return [
        code
        for code, row in catalog().items()
        if row["severity"] != "info" and (code == ANYWHERE) is (check is CHECKS[0])
    ]


def metadata(check: Check) -> dict[str, Any]:
    """Return the metadata of a check (Prowler 5.46, ``CheckMetadata``)."""
    row = catalog()[ANYWHERE]
    return {
        "Provider": "aws",
        "CheckID": check.name,
        "CheckTitle": check.title,
        "CheckType": ["Software and Configuration Checks/AWS Security Best Practices"],
        "ServiceName": SERVICE,
        "SubServiceName": "",
        "ResourceIdTemplate": "",
        "Severity": str(row["severity"]),
        "ResourceType": "AwsS3Bucket",
        "Description": check.description,
        "Risk": str(row["why"])[:LONGEST],
        "RelatedUrl": "",
        "AdditionalURLs": [str(row["source_url"])],
        "Remediation": {
            "Code": {"CLI": "", "NativeIaC": "", "Other": check.fix, "Terraform": ""},
            "Recommendation": {"Text": check.fix, "Url": ""},
        },
        "Categories": ["trust-boundaries"],
        "DependsOn": [],
        "RelatedTo": [],
        "Notes": "gt-secure findings s3://BUCKET",
    }


def framework() -> dict[str, Any]:
    """Return the compliance framework (Prowler 5.46, ``Compliance`` with generic attributes).

    Prowler counts a whole check. The text of each row names the control of its finding.
    """
    return {
        "Framework": "NIST-800-53-Revision-5-Presigned",
        "Name": "NIST SP 800-53 Rev. 5, controls that restrict access by presigned URLs",
        "Version": "",
        "Provider": "AWS",
        "Description": (
            "Controls of NIST SP 800-53 Rev. 5 that findings of gt_secure violate. The mapping is"
            " by the gt_secure project, not by NIST or AWS. A control fails with any finding of its"
            " checks: the text of the row names the control of that finding."
        ),
        "Requirements": [
            {
                "Id": prowler_id(control),
                "Name": f"{control} {row['title']}",
                "Description": f"{control} {row['title']}. Its findings: {'; '.join(titles)}.",
                "Attributes": [
                    {"ItemId": prowler_id(control), "Section": row["family"], "Service": SERVICE}
                ],
                "Checks": [
                    check.name
                    for check in CHECKS
                    if any(control in catalog()[code]["controls"] for code in codes_of(check))
                ],
            }
            for control, row in controls().items()
            if (titles := titles_of(control))
        ],
    }


def prowler_id(control: str) -> str:
    """Return a control as Prowler names it: ``sc_7_2`` for SC-7(2)."""
    return control.lower().replace("-", "_").replace("(", "_").rstrip(")")


def titles_of(control: str) -> list[str]:
    """Return the titles of the findings that violate a control."""
    return [
        str(catalog()[code]["title"])
        for check in CHECKS
        for code in codes_of(check)
        if control in catalog()[code]["controls"]
    ]


def files() -> dict[str, str]:
    """Return the text of each generated file by its path below the folder of packages."""
    services, compliance = SERVICES.replace(".", "/"), COMPLIANCE.replace(".", "/")
    texts = {
        f"{Path(services).parent}/__init__.py": (
            '"""Services, in the layout that Prowler expects."""\n'
        ),
        f"{services}/__init__.py": '"""The checks of S3."""\n',
        f"{compliance}/__init__.py": (
            '"""Compliance frameworks, in the layout that Prowler expects."""\n'
        ),
        f"{compliance}/{FRAMEWORK}.json": _json(framework()),
    }
    template = TEMPLATE.read_text(encoding="utf-8")
    for check in CHECKS:
        codes = "".join(f'    "{code}",\n' for code in codes_of(check))
        text = template.replace("{title}", check.title).replace("{codes}", codes)
        texts[f"{services}/{check.name}.py"] = text
        texts[f"{services}/{check.name}.metadata.json"] = _json(metadata(check))
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
    checks = [f"{check.name} = {SERVICES}.{check.name}" for check in CHECKS]
    return {"prowler.checks.aws": checks, "prowler.compliance": [f"aws = {COMPLIANCE}"]}
