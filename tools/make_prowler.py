"""Write the checks for Prowler from the catalog of findings: a module and its metadata for each code.

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
SERVICE = "groundtruth"
LONGEST = 400
SKIPPED = {"not-checked"}
"""What could not be read is the status MANUAL of every check."""


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
    path = ROOT / "setup.cfg"
    text = path.read_text(encoding="utf-8")
    block = re.compile(rf"{re.escape(GROUP)} =\n(?:    {SERVICE}_.*\n)*")
    if block.search(text) is None:
        text = text.replace("\n[tool:pytest]", f"{GROUP} =\n\n[tool:pytest]", 1)
    path.write_text(block.sub(lambda _: entry_points(), text, count=1), encoding="utf-8")
    print(f"wrote {len(wanted)} files and {len(codes())} entry points")


if __name__ == "__main__":
    main()
