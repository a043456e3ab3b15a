"""Print the patch that adds gt_secure to a version of SageMaker Distribution:
python make_patch.py 4.6.0
"""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = "conda-forge::gt_secure[version='>={0},<{1}']\n"


def files(image: str, package: str) -> dict[str, tuple[str, str]]:
    """Return mode and text of each new file by its path in the repository of the images."""
    major, minor, _ = image.split(".")
    folder = f"build_artifacts/v{major}/v{major}.{minor}/v{image}"
    first, second, _ = package.split(".")
    line = "# Packages that are new in this version.\n" + PACKAGE.format(
        package, f"{first}.{int(second) + 1}.0"
    )
    tests = f"test/test_artifacts/v{major}"
    return {
        f"{folder}/cpu.additional_packages_env.in": ("100644", line),
        f"{folder}/gpu.additional_packages_env.in": ("100644", line),
        f"{tests}/gt-secure.test.Dockerfile": ("100644", _text("gt-secure.test.Dockerfile")),
        f"{tests}/scripts/run_gt_secure_tests.sh": ("100755", _text("run_gt_secure_tests.sh")),
    }


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def patch(image: str, package: str) -> str:
    """Return the patch, as git applies it."""
    parts = []
    for path, (mode, text) in files(image, package).items():
        diff = difflib.unified_diff([], text.splitlines(keepends=True), "/dev/null", f"b/{path}")
        parts.append(f"diff --git a/{path} b/{path}\nnew file mode {mode}\n{''.join(diff)}")
    return "".join(parts)


def main() -> int:
    """Print the patch for the version on the command line."""
    if len(sys.argv) != 2 or not re.fullmatch(r"[0-9]+\.[0-9]+\.0", sys.argv[1]):
        sys.exit("Write the next minor version of the images: python make_patch.py 4.6.0")
    version = re.search(
        r"^version = (\S+)$",
        (HERE.parents[1] / "setup.cfg").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert version is not None
    sys.stdout.write(patch(sys.argv[1], version[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
