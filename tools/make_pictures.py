"""Draw the pictures of the concepts. Who is refused where is not drawn by hand: the policy engine
is asked.

python tools/make_pictures.py           write docs/images/three-locks.svg, who-is-refused.svg, before-and-after.svg and their dark twins
python tools/make_pictures.py --check   exit with 1 if a picture is not current
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path

from gt_secure.engine.access.exposure import Exposure
from gt_secure.engine.access.locks import EffectiveLocks
from gt_secure.engine.iam.evaluate import evaluate
from gt_secure.engine.iam.request import Policies, Request
from gt_secure.engine.iam.request_context import header_context
from gt_secure.engine.policies.bucket_guard import build_guard
from gt_secure.engine.policies.session_policy import back_end_endpoint
from gt_secure.engine.policies.url_lock import UrlLock

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
OFFICE, NEIGHBOUR, ELSEWHERE, OTHER = "203.0.113.7", "203.0.113.42", "198.51.100.9", "192.0.2.1"
INSIDE = "10.0.3.4 via vpce-0a1b2c3d4e5f60718"
GUARD = json.dumps(
    {"Version": "2012-10-17", "Statement": [build_guard("gt-images", networks=["203.0.113.0/24"])]}
)
LOCKS = (("no lock", None, None), ("URL lock", "SourceIp", None), ("bucket guard", None, GUARD),
         ("both", "SourceIp", GUARD))  # fmt: skip
# What a person would call it; where the request comes from; whom the URL was made for.
SCENES = (
    ("The worker, in the office", OFFICE, None),
    ("A colleague in the office who was sent the URL", NEIGHBOUR, OFFICE),
    ("Somebody elsewhere who was sent the URL", ELSEWHERE, OFFICE),
    ("The worker at home, who opened the task at home", ELSEWHERE, None),
    ("The worker, with S3 behind a VPC endpoint", INSIDE, OFFICE),
)
INK, QUIET, LINE, GROUND = "#1f2328", "#57606a", "#d0d7de", "#ffffff"
GOOD, BAD = ("#116329", "#e6f4ea"), ("#9a3412", "#fdebdf")
# The same picture on the dark page of the docs site.
DARK = {
    GROUND: "#161b22", INK: "#e6edf3", QUIET: "#9da7b3", LINE: "#30363d", GOOD[0]: "#8fd6a8", GOOD[1]: "#17382a",
    BAD[0]: "#ffab91", BAD[1]: "#43241b", "#fff8e1": "#2d2611", "#9a6700": "#d4a72c", "#f6f8fa": "#21262d",
}  # fmt: skip
FONT = 'font-family="-apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"'


def verdicts() -> list[tuple[str, list[tuple[bool, str]]]]:
    """Ask the engine: for each scene and combination of locks, whether the image is opened,
    and which lock decided.
    """
    table = [(label, [_ask(source, made_for, mode, policy) for _, mode, policy in LOCKS])
             for label, source, made_for in SCENES]  # fmt: skip
    return [*table, ("Ground Truth itself", [_back_end(policy) for _, _, policy in LOCKS])]


def _ask(
    source: str, made_for: str | None, mode: str | None, policy: str | None
) -> tuple[bool, str]:
    lock = UrlLock(mode == "SourceIp", mode == "VpcSourceIp")
    locks = EffectiveLocks(
        "gt-images", policy, url_lock=lock, has_portal=True, account="111122223333"
    )
    answer = Exposure(locks, "scans/0001.png").at(
        source, "worker" if made_for is None else "forwarded"
    )
    assert answer.answer != "unknown"
    return answer.answer == "opened", answer.lock


def _back_end(policy: str | None) -> tuple[bool, str]:
    role = "arn:aws:sts::111122223333:assumed-role/GroundTruthExecution/SageMaker"
    context = header_context(f"10.0.0.1 via {back_end_endpoint('us-east-1')}", region="us-east-1")
    request = Request("s3:GetObject", "arn:aws:s3:::gt-images/scans/0001.png", role, context)
    allow = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    return evaluate(request, Policies(identity=(allow,), resource=policy)).allowed, "bucket guard"


def _text(
    x: float, y: float, words: str, size: float = 14, colour: str = INK, more: str = ""
) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" {more}>{escape(words)}</text>'


def _svg(width: int, height: int, label: str, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{escape(label, quote=True)}" {FONT}>'
    )
    ground = f'<rect width="{width}" height="{height}" rx="10" fill="{GROUND}"/>'
    return "\n".join([head, f"<title>{escape(label)}</title>", ground, *parts, "</svg>"]) + "\n"


def who_is_refused() -> str:
    """Draw the table of scenes against locks; a word and a mark in each cell,
    colour only in addition.
    """
    left, cell, top, row = 370, 132, 64, 44
    width, height = left + cell * len(LOCKS) + 16, top + row * (len(SCENES) + 1) + 48
    parts = [_text(left + cell * (i + 0.5), 40, name, 14, INK, 'text-anchor="middle" font-weight="600"')
             for i, (name, _, _) in enumerate(LOCKS)]  # fmt: skip
    said = []
    for number, (label, cells) in enumerate(verdicts()):
        y = top + row * number
        parts.append(f'<line x1="16" x2="{width - 16}" y1="{y}" y2="{y}" stroke="{LINE}"/>')
        parts.append(_text(20, y + 27, label))
        for i, (opens, lock) in enumerate(cells):
            ink, fill = GOOD if opens else BAD
            x = left + cell * i
            parts.append(
                f'<rect x="{x + 4}" y="{y + 5}" width="{cell - 8}" height="{row - 10}" rx="6"'
                f' fill="{fill}"/>'
            )
            if opens:
                parts.append(
                    _text(x + cell / 2, y + 27, "✓ opened", 13.5, ink, 'text-anchor="middle"')
                )
            else:
                parts.append(
                    _text(x + cell / 2, y + 21, "✕ refused", 13.5, ink, 'text-anchor="middle"')
                )
                parts.append(
                    _text(x + cell / 2, y + 34, f"by the {lock}", 10.5, ink, 'text-anchor="middle"')
                )
        words = ", ".join(
            f"{LOCKS[i][0]}: {'opened' if opens else 'refused'}"
            for i, (opens, _) in enumerate(cells)
        )
        said.append(f"{label}: {words}.")
    note = (
        "URL lock: SourceIp. Bucket guard: 203.0.113.0/24, the office. Computed by the policy"
        " engine of gt_secure."
    )
    parts.append(_text(20, height - 18, note, 12, QUIET))
    return _svg(width, height, "Who can open the image, by lock. " + " ".join(said), parts)


def _box(
    x: int, y: int, width: int, title: str, lines: tuple[str, ...], *, lock: bool = False
) -> list[str]:
    height = 40 + 18 * len(lines)
    fill, edge = ("#fff8e1", "#9a6700") if lock else ("#f6f8fa", LINE)
    return [
        (
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}"'
            f' stroke="{edge}"/>'
        ),
        *([_padlock(x + 14, y + 12)] if lock else []),
        _text(x + (34 if lock else 14), y + 24, title, 14, INK, 'font-weight="600"'),
        *(_text(x + 14, y + 44 + 18 * i, line, 12, QUIET) for i, line in enumerate(lines)),
    ]


def _padlock(x: int, y: int) -> str:
    return (
        f'<path d="M{x + 3} {y + 6} v-3 a3.5 3.5 0 0 1 7 0 v3" fill="none" stroke="#9a6700"'
        f' stroke-width="1.8"/><rect x="{x}" y="{y + 6}" width="13" height="8" rx="1.5"'
        ' fill="#9a6700"/>'
    )


def _arrow(
    x1: int, y1: int, x2: int, y2: int, words: str = "", *, stopped: bool = False
) -> list[str]:
    colour, dash = (BAD[0], 'stroke-dasharray="5 4"') if stopped else (QUIET, "")
    parts = [f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="1.6" {dash} '
             f'marker-end="url(#{"stop" if stopped else "go"})"/>']  # fmt: skip
    if words:
        parts.append(
            _text(
                (x1 + x2) / 2,
                min(y1, y2) + abs(y1 - y2) / 2 - 8,
                words,
                12,
                colour,
                'text-anchor="middle"',
            )
        )
    return parts


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


def three_locks() -> str:
    """Draw the path of an image to a worker, with the locks on it and the input of each."""
    label = (
        "The path of an image: a worker opens the worker portal, which the portal lock guards with"
        " a list of addresses for all teams of the region. Ground Truth makes a URL, which the URL"
        " lock binds to the worker's address; it uses no list. The browser fetches the URL from S3,"
        " where the bucket guard lets presigned requests through only from listed addresses and"
        " endpoints. A forwarded URL is stopped by the URL lock and the bucket guard. Ground"
        " Truth's own requests are signed in the header and pass."
    )
    parts = [f"<defs>{_marker('go', QUIET)}{_marker('stop', BAD[0])}</defs>"]
    parts += _box(20, 40, 190, "Worker", ("a browser in the office", "203.0.113.7"))
    portal = ("who can open the worker portal", "≤ 10 CIDRs, all teams of the region")
    parts += _box(320, 30, 250, "Portal lock", portal, lock=True)
    parts += _box(
        680,
        30,
        250,
        "Ground Truth",
        ("shows the task and makes a URL", "for the image: grant_read_access"),
    )
    parts += _arrow(210, 65, 318, 65, "opens a task") + _arrow(570, 65, 678, 65)
    parts += _box(680, 170, 250, "URL lock", ("this URL only from the address", "that opened the task; uses no list"),
                  lock=True)  # fmt: skip
    parts += [*_arrow(805, 106, 805, 168), _text(815, 140, "URL", 12, QUIET)]
    parts += _box(320, 170, 250, "Bucket guard", ("presigned requests only from your", "addresses and VPC endpoints"),
                  lock=True)  # fmt: skip
    parts += _box(20, 170, 190, "S3 bucket", ("s3://gt-images/", "scans/0001.png"))
    parts += _arrow(680, 205, 572, 205, "GET URL") + _arrow(320, 205, 212, 205)
    parts += _box(680, 300, 250, "Somebody elsewhere", ("was sent the URL", "198.51.100.9"))
    parts += _arrow(805, 300, 805, 248, stopped=True) + _arrow(700, 300, 540, 248, stopped=True)
    parts += [_text(592, 292, "✕ refused", 12, BAD[0], 'text-anchor="end"')]
    parts.append(
        _text(20, 300, "Ground Truth's own reading and writing, your SDK calls and", 12, QUIET)
    )
    parts.append(
        _text(
            20,
            318,
            "log delivery are signed in the header: the guard does not affect them.",
            12,
            QUIET,
        )
    )
    return _svg(950, 390, label, parts)


def _dark(draw: Callable[[], str]) -> Callable[[], str]:
    return lambda: re.sub(r"#[0-9a-f]{6}", lambda match: DARK[match[0]], draw())


def before_and_after() -> str:
    """Draw who opens an object by a presigned URL, without the guard and with it."""
    people = (("your office", OFFICE), ("a café", ELSEWHERE))
    parts, said = [], []
    for half, (title, policy) in enumerate((("Before", None), ("After", GUARD))):
        left = 20 + 360 * half
        parts.append(_text(left + 8, 36, title, 16, INK, 'font-weight="600"'))
        locks = EffectiveLocks("gt-images", policy, account="111122223333")
        for row, (who, source) in enumerate(people):
            answer = Exposure(locks, "scans/0001.png").at(source, "presigned").answer
            is_right = (answer == "opened") == (source == OFFICE)
            ink, fill = GOOD if is_right else BAD
            y = 52 + 48 * row
            parts.append(f'<rect x="{left}" y="{y}" width="330" height="40" rx="6" fill="{fill}"/>')
            words = f"{'✓' if is_right else '✕'} {answer}"
            parts.append(_text(left + 12, y + 26, f"A URL used in {who}"))
            parts.append(_text(left + 318, y + 26, words, 14, ink, 'text-anchor="end"'))
            said.append(f"{title}, a URL used in {who}: {answer}.")
    label = f"Who can open an object by its presigned URL. {' '.join(said)} The guard lists"
    return _svg(730, 160, f"{label} the addresses of your office.", parts)


LIGHT = {
    "three-locks.svg": three_locks,
    "who-is-refused.svg": who_is_refused,
    "before-and-after.svg": before_and_after,
}
PICTURES = {
    **LIGHT,
    **{name.replace(".svg", "-dark.svg"): _dark(draw) for name, draw in LIGHT.items()},
}


def main() -> int:
    """Write or check the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    stale = []
    for name, draw in PICTURES.items():
        path, text = IMAGES / name, draw()
        if args.check:
            stale += (
                [name] if not path.is_file() or path.read_text(encoding="utf-8") != text else []
            )
        else:
            IMAGES.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/images/{name}")
    for name in stale:
        print(f"docs/images/{name} is not current: run python tools/make_pictures.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
