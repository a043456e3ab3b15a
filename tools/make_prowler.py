"""Write the checks for Prowler from the catalog of findings: a module and its metadata for each code, and a framework.

python tools/make_prowler.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from gt_secure.findings.model import catalog

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "gt_secure" / "prowler" / "services" / "groundtruth"
GROUP = "prowler.checks.aws"
COMPLIANCE_GROUP = "prowler.compliance"
COMPLIANCE = ROOT / "gt_secure" / "prowler" / "compliance"
FRAMEWORK = "groundtruth_nist_800_53_revision_5_aws"
"""Prowler asks for a framework by the name of its file (``--compliance``), which must differ from its own."""
SERVICE = "groundtruth"
LONGEST = 400
SKIPPED = {"not-checked"}
"""What could not be read is the status MANUAL of every check."""


_ACCESS, _INFORMATION = "Access Control (AC)", "System and Communications Protection (SC)"
CONTROLS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "ac_3": (
        "AC-3 Access Enforcement",
        _ACCESS,
        (
            "url-lock-both", "url-lock-off", "url-lock-portal-mismatch", "url-lock-impossible", "guard-missing",
            "guard-old-form", "guard-open", "guard-private-address", "template-without-grant", "urls-live-long",
        ),
    ),
    "ac_4": (
        "AC-4 Information Flow Enforcement",
        _ACCESS,
        (
            "cloudfront-grant", "replication-grant", "replication-on", "website-on", "access-point",
            "access-point-delegation",
        ),
    ),
    "ac_6": (
        "AC-6 Least Privilege",
        _ACCESS,
        (
            "acl-grant", "bucket-acl-other", "bucket-allow-session", "bucket-principal-deleted",
            "canonical-user-grant", "other-account-grant",
        ),
    ),
    "au_12": ("AU-12 Audit Record Generation", "Audit and Accountability (AU)", ("logging-off", "log-target-unfit")),
    "cm_6": (
        "CM-6 Configuration Settings",
        "Configuration Management (CM)",
        ("bucket-policy-unreadable", "guard-drifted", "guard-narrower", "guard-stale"),
    ),
    "sc_7": (
        "SC-7 Boundary Protection",
        _INFORMATION,
        ("ipv4-only", "portal-lock-absent", "portal-lock-open", "portal-lock-private", "portal-public-beside-vpc"),
    ),
    "sc_7_2": (
        "SC-7(2) Public Access",
        _INFORMATION,
        ("block-public-access-off", "bucket-acl-public", "bucket-allow-everyone"),
    ),
}  # fmt: skip
"""Controls of NIST SP 800-53 Rev. 5 that a finding violates, as this project maps them."""
NO_CONTROL = frozenset(
    {
        "bucket-deny-breaks-ground-truth", "cors-missing", "endpoint-policy-blocks", "kms-network-condition",
        "kms-session", "s3-endpoint-missing", "s3-endpoint-no-private-dns",
    }
)  # fmt: skip
"""Findings about workers who get no images: they weaken no control."""


def name_of(code: str) -> str:
    """Return the id of a check: Prowler accepts no hyphens, and asks for the service first."""
    return f"{SERVICE}_{code.replace('-', '_')}"


def codes() -> list[str]:
    """Return the codes that have a check."""
    return [code for code in catalog() if code not in SKIPPED]


def module(code: str) -> str:
    """Return the module of a check."""
    return (
        f'"""The finding ``{code}`` as a check for Prowler. Written by tools/make_prowler.py."""\n\n'
        "from ...plugin import check_of\n\n"
        f'__getattr__ = check_of("{code}", __name__)\n'
    )


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
        "Description": f"{row['title']}. It looks at {', '.join(map(str, row['looked_at']))}."[:LONGEST],
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


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    made: dict[str, str] = {}
    for code in codes():
        made[f"{name_of(code)}.py"] = module(code)
        made[f"{name_of(code)}.metadata.json"] = json.dumps(metadata(code), indent=2, ensure_ascii=False) + "\n"
    return made


def framework() -> dict[str, Any]:
    """Return the compliance framework (Prowler 5.46, ``Compliance`` with generic attributes)."""
    return {
        "Framework": "NIST-800-53-Revision-5-Ground-Truth",
        "Name": "NIST SP 800-53 Rev. 5, controls that restrict access to Ground Truth data",
        "Version": "",
        "Provider": "AWS",
        "Description": "Controls of NIST SP 800-53 Rev. 5 that findings of gt_secure violate. The mapping is by the "
        "gt_secure project, not by NIST or AWS.",
        "Requirements": [
            {
                "Id": control,
                "Name": title,
                "Description": f"{title}. It fails on these findings: {_words(found)}.",
                "Attributes": [{"ItemId": control, "Section": section, "Service": SERVICE}],
                "Checks": [name_of(code) for code in found],
            }
            for control, (title, section, found) in CONTROLS.items()
        ],
    }


def _words(found: tuple[str, ...]) -> str:
    return "; ".join(str(catalog()[code]["title"]) for code in found)


def framework_text() -> str:
    """Return the text of the framework's file."""
    return json.dumps(framework(), indent=2, ensure_ascii=False) + "\n"


def entry_points() -> str:
    """Return the entry points for setup.cfg."""
    package = ".".join(FOLDER.relative_to(ROOT).parts)
    lines = [f"    {name_of(code)} = {package}.{name_of(code)}" for code in codes()]
    return "\n".join([f"{GROUP} =", *lines]) + "\n"


def main() -> None:
    """Write all files, and the entry points into setup.cfg."""
    wanted = files()
    for path in FOLDER.glob(f"{SERVICE}_*"):
        if path.name not in wanted and path.is_file():
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    (COMPLIANCE / f"{FRAMEWORK}.json").write_text(framework_text(), encoding="utf-8")
    path = ROOT / "setup.cfg"
    text = path.read_text(encoding="utf-8")
    block = re.compile(rf"{re.escape(GROUP)} =\n(?:    {SERVICE}_.*\n)*")
    if block.search(text) is None:
        text = text.replace("\n[tool:pytest]", f"{GROUP} =\n\n[tool:pytest]", 1)
    path.write_text(block.sub(lambda _: entry_points(), text, count=1), encoding="utf-8")
    print(f"wrote {len(wanted)} files and {len(codes())} entry points")


if __name__ == "__main__":
    main()
