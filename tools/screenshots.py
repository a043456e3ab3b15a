"""Make the pictures of the panel: drive it in JupyterLab, keep screenshots,
and join some into an animated picture.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "out" / "screenshots"
IMAGES = ROOT / "docs" / "images"
KEPT = {
    "3-review-light.png": "panel-light.png",
    "3-review-dark.png": "panel-dark.png",
}

FILM = {
    "film-1-workteam-light.png": "1  open-team: no lock is on",
    "film-2-opened-light.png": "2  A forwarded URL is opened from every address",
    "film-3-review-light.png": "3  Allow the office, and review the change",
    "film-4-refused-light.png": "4  Applied: outside the office the same URL is refused",
    "film-5-hits-light.png": "5  The access log shows who fetched the image",
}
WIDTH, CAPTION, SECONDS = 900, 44, 3.5
INK, PAPER, PAGE = "#ffffff", "#1f3a5f", "#f0f2f5"


def film(shots: Path) -> list[Image.Image]:
    """Return the frames of the animated picture: each screenshot under its caption,
    all of one size.
    """
    from matplotlib.font_manager import findfont

    font = ImageFont.truetype(findfont("DejaVu Sans"), 20)
    pictures = [Image.open(shots / name).convert("RGB") for name in FILM]
    pictures = [
        p.resize((WIDTH, round(p.height * WIDTH / p.width)), Image.Resampling.LANCZOS)
        for p in pictures
    ]
    frames = []
    for picture, caption in zip(pictures, FILM.values(), strict=True):
        frame = Image.new("RGB", (WIDTH, CAPTION + max(p.height for p in pictures)), PAGE)
        frame.paste(picture, (0, CAPTION))
        draw = ImageDraw.Draw(frame)
        draw.rectangle((0, 0, WIDTH, CAPTION - 1), fill=PAPER)
        draw.text((18, CAPTION // 2), caption, fill=INK, font=font, anchor="lm")
        frames.append(frame.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE))
    return frames


def main() -> int:
    """Run the browser tests and copy their pictures."""
    # a fresh log for the film
    tests = [
        "tests/browser/test_pictures.py",
        "tests/browser/test_main_job.py",
    ]
    tests += ["tests/browser/test_state_pictures.py"]  # to look at: out/screenshots/state-*.png
    test = [sys.executable, "-m", "pytest", "-q", "-m", "browser", *tests]
    os.environ["GT_SECURE_PICTURES"] = "1"
    done = subprocess.run(test, cwd=ROOT)
    if done.returncode:
        return done.returncode
    IMAGES.mkdir(parents=True, exist_ok=True)
    for shot, image in KEPT.items():
        shutil.copyfile(SHOTS / shot, IMAGES / image)
        print(f"docs/images/{image}")
    first, *others = film(SHOTS)
    first.save(
        IMAGES / "panel.gif",
        save_all=True,
        append_images=others,
        duration=round(SECONDS * 1000),
        loop=0,
        optimize=True,
    )
    print("docs/images/panel.gif")
    return 0


if __name__ == "__main__":
    sys.exit(main())
