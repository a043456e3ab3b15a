"""Make the pictures of the panel anew: drive it through the main job in JupyterLab, and keep two of the screenshots."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "out" / "screenshots"
IMAGES = ROOT / "docs" / "images"
KEPT = {
    "3-review-light.png": "panel-light.png",
    "3-review-dark.png": "panel-dark.png",
    "5-hits-light.png": "panel-whole-light.png",
}


def main() -> int:
    """Run the browser test and copy its pictures."""
    test = [sys.executable, "-m", "pytest", "-q", "-m", "browser", "tests/browser/test_main_job.py"]
    os.environ["GT_SECURE_PICTURES"] = "1"
    done = subprocess.run(test, cwd=ROOT)
    if done.returncode:
        return done.returncode
    IMAGES.mkdir(parents=True, exist_ok=True)
    for shot, image in KEPT.items():
        shutil.copyfile(SHOTS / shot, IMAGES / image)
        print(f"docs/images/{image}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
