"""Figures: what they say, that they are the same twice, and that text from logs is only text."""

from __future__ import annotations

import itertools
import random
import struct
import sys
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from gt_secure.base.errors import InvalidInput
from gt_secure.logs import Hits, plots, read_hits
from gt_secure.logs.plots import theme as theme_module
from support import corpus
from support.sample import sample


def line(ip, refused=False, at=0, **changes):
    record = {**corpus.BASE, **corpus.PRESIGNED, "remote_ip": ip, **changes}
    if refused:
        record.update(http_status=403, error_code="AccessDenied")
    record["time"] = corpus.BASE["time"] + timedelta(seconds=at)
    return corpus.write(record)


def make(folder: Path, lines: list[str]) -> Hits:
    (folder / "log").write_text("\n".join(lines) + "\n")
    return read_hits(folder / "log")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("three")


@pytest.fixture(scope="module")
def three(folder: Path) -> Hits:
    lines = [line("203.0.113.7", at=60 * n) for n in range(5)] + [line("203.0.113.7", True, 999)]
    lines += [
        line("198.51.100.9", True, 4000),
        line("2001:db8:85a3:1111:2222:8a2e:370:7334", at=9000),
    ]
    return make(folder, lines)


DRAW = [plots.hits_by_ip, plots.hits_by_network, plots.over_time]


def texts(figure) -> list[str]:
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("draw", DRAW)
def test_svg_is_the_same_twice_and_well_formed(three: Hits, draw, theme) -> None:
    figure = draw(three, theme=theme)
    one, two = plots.svg(figure), plots.svg(draw(three, theme=theme))
    assert one == two
    root = ET.fromstring(one)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == plots.alt_text(figure)
    assert "2026-11-24T" not in one  # no date of drawing


def test_png_has_the_size_asked_for(three: Hits) -> None:
    data = plots.png(plots.hits_by_ip(three), dpi=100)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, _ = struct.unpack(">II", data[16:24])
    assert width == 860
    # the same hits give the same bytes with another version of matplotlib
    assert b"Software" not in data


def test_words_tell_what_the_colours_tell(three: Hits) -> None:
    figure = plots.hits_by_ip(three, allowed=["203.0.113.0/24"])
    shown = texts(figure)
    assert "5 opened · 1 refused by an unknown lock" in shown
    assert "1 refused · outside" in shown
    assert "Allowed source" in shown
    alt = plots.alt_text(figure)
    assert "203.0.113.7: 5 opened, 1 refused · allowed." in alt
    assert "198.51.100.9: 0 opened, 1 refused · outside the restriction." in alt
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 2
    assert {"Opened", "Refused", "Requests", "Source address", "Requests by source IP"} <= set(
        shown
    )
    assert "Internal to S3 (lifecycle, replication)" not in shown
    assert "outside" not in plots.alt_text(plots.hits_by_ip(three))


def test_the_lock_that_refused_an_allowed_source_is_named_where_all_refusals_name_it(
    three: Hits,
) -> None:
    allowed = {"allowed": ["203.0.113.0/24"]}
    explained = three.with_refusals(lambda _: "URL lock or IAM")
    for draw, source in (
        (plots.hits_by_ip, "203.0.113.7"),
        (plots.hits_by_network, "203.0.113.0/24"),
    ):
        figure = draw(explained, **allowed)
        assert "5 opened · 1 refused by the URL lock or IAM (by today's policies)" in texts(figure)
        assert (
            f"{source}: 5 opened, 1 refused by the URL lock or IAM (by today's policies) · allowed."
            in plots.alt_text(figure)
        )
        unknown = draw(three.with_refusals(lambda _: None), **allowed)
        assert "5 opened · 1 refused by an unknown lock" in texts(unknown)


def test_two_locks_and_one_unknown_in_a_network(tmp_path: Path) -> None:
    hits = make(tmp_path, [line(f"203.0.113.{n}", refused=True) for n in (7, 8, 9)])
    by = {"203.0.113.7": "expired URL", "203.0.113.8": "URL lock or IAM", "203.0.113.9": None}
    allowed = {"allowed": ["203.0.113.0/24"]}
    one_unknown = plots.hits_by_network(
        hits.with_refusals(lambda each: by[each["remote_ip"]]), **allowed
    )
    assert "3 refused by an unknown lock" in texts(one_unknown)
    by["203.0.113.9"] = "expired URL"
    known = plots.hits_by_network(hits.with_refusals(lambda each: by[each["remote_ip"]]), **allowed)
    assert (
        "0 opened, 3 refused by the URL lock or IAM (by today's policies), expired URL (by today's policies)"
        in plots.alt_text(known)
    )


def test_endpoint_traffic_is_not_outside(tmp_path: Path) -> None:
    hits = make(tmp_path, [line("10.0.3.4"), line("192.0.2.1")])
    alt = plots.alt_text(plots.hits_by_ip(hits, allowed=["203.0.113.0/24", "vpce-0a1b2c3d"]))
    assert "10.0.3.4: 1 opened · via an unnamed VPC endpoint." in alt
    assert "192.0.2.1: 1 opened · outside the restriction." in alt


@pytest.mark.slow
def test_thirty_thousand_addresses(tmp_path: Path) -> None:
    rng = random.Random(2)
    lines = [
        line(f"{rng.randrange(11, 99)}.{n % 250}.{n // 250}.1", n % 10 == 0) for n in range(30_000)
    ]
    lines += [line("203.0.113.7")] * 500
    hits = make(tmp_path, lines)
    figure = plots.hits_by_ip(hits, allowed=["203.0.113.0/24"])
    shown = texts(figure)
    assert "29,989 others" in shown
    assert any("29,989 outside" in text for text in shown)
    assert len(plots.svg(figure)) < 150_000
    assert sum(len(t) for t in shown) < 1500
    for draw in DRAW:
        assert draw(hits).get_figheight() < 6


LONG_ENDPOINT = "vpce-0123456789abcdef0"
SIZES = [None, (4.0, 3.0), (3.0, 4.0), (4.0, 8.0), (8.6, 3.5), (14.0, 9.0)]
KINDS = get_args(plots.PlotKind)


def mixed(n: int) -> list[str]:
    """Requests of every outcome from IPv6 addresses, a long name, and S3 itself."""
    addresses = [f"2001:db8:85a3:1111:2222:8a2e:370:{0x7000 + i:x}" for i in range(n)]
    lines = [
        text
        for i, ip in enumerate(addresses)
        for text in [line(ip, at=977 * i)] * (i * 37 % 90 + 1)
    ]
    lines += [line(ip, True, 4000 * i) for i, ip in enumerate(addresses)]
    lines += [
        line(ip, http_status=404, error_code="NoSuchKey") for ip in addresses for _ in range(12)
    ]
    return [*lines, line("x" * 120), line(None), *internal()]


def internal() -> list[str]:
    own = {"auth_type": None, "http_status": None, "remote_ip": None}
    return [
        corpus.write({**corpus.BASE, **own, "operation": "S3.EXPIRE.OBJECT", "requester": None}),
        corpus.write({**corpus.BASE, **own, "operation": "S3.RESTORE.OBJECT", "requester": None}),
        corpus.write(
            {**corpus.BASE, **own, "operation": "S3.TRANSITION_SIA.OBJECT", "requester": "AmazonS3"}
        ),
        corpus.write(
            {
                **corpus.BASE,
                **own,
                "requester": "arn:aws:sts::111122223333:assumed-role/copy/s3-replication",
            }
        ),
    ]


def boxes(figure) -> list[tuple]:
    """Every visible text with its box, as Agg draws it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    FigureCanvasAgg(figure).draw()
    return [
        (t, t.get_window_extent())
        for t in figure.findobj(Text)
        if t.get_text().strip() and t.get_visible()
    ]


def clipped(figure, drawn=None) -> list[str]:
    """Texts whose box is not inside the figure."""
    width, height = figure.bbox.width, figure.bbox.height
    return [
        f"{t.get_text()!r} at {box.bounds} in {width} x {height}"
        for t, box in drawn or boxes(figure)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]


def overlapping(drawn) -> list[str]:
    """Pairs of texts whose boxes share more than a pixel each way."""
    return [
        f"{a.get_text()!r} and {b.get_text()!r}"
        for (a, one), (b, other) in itertools.combinations(drawn, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 1
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
    ]


@pytest.fixture(scope="module", params=[1, 60])
def crowded(request, tmp_path_factory) -> Hits:
    lines = [line("203.0.113.7"), line("198.51.100.9", at=90), line("198.51.100.9", True, 120)]
    return make(tmp_path_factory.mktemp("crowded"), mixed(request.param) + lines)


@pytest.mark.parametrize("kind", sample(KINDS, 4))
def test_no_text_is_clipped_or_on_another_at_any_size(crowded: Hits, kind) -> None:
    figures = [
        plots.draw(crowded, kind, allowed=["203.0.113.0/24"], theme=theme)
        for theme in ("light", "dark")
    ]
    for size, figure in zip(SIZES, itertools.cycle(figures)):
        if size:
            figure.set_size_inches(*size)
        drawn = boxes(figure)
        assert not clipped(figure, drawn), size
        assert not overlapping(drawn), size


def test_rows_that_are_too_close_keep_every_second_text(tmp_path: Path) -> None:
    figure = plots.hits_by_ip(make(tmp_path, mixed(60)), top=20)
    parts = figure.get_layout_engine().parts
    figure.set_size_inches(4, 2.4)
    boxes(figure)
    shown = [label.get_visible() for label in parts.labels]
    assert shown[0]
    assert 0 < sum(shown) < len(shown)
    figure.set_size_inches(9, 12)
    boxes(figure)
    assert all(label.get_visible() for label in parts.labels)
    assert {label.get_fontsize() for label in parts.labels} == {9}


def test_cut_labels_are_whole_again_in_a_wider_figure(tmp_path: Path) -> None:
    address = "2001:db8:85a3:1111:2222:8a2e:370:7334"
    figure = plots.hits_by_ip(make(tmp_path, [line(address)]))
    figure.set_size_inches(2.6, 3)
    assert not clipped(figure)
    assert address not in texts(figure)
    figure.set_size_inches(9, 3)
    assert not clipped(figure)
    assert address in texts(figure)


@pytest.mark.parametrize("draw", DRAW)
def test_every_outcome_is_in_every_figure(tmp_path: Path, draw) -> None:
    lines = [
        line("203.0.113.7"),
        line("203.0.113.7", True),
        line("203.0.113.7", http_status=404),
        *internal(),
    ]
    figure = draw(make(tmp_path, lines))
    clipped(figure)
    note = " ".join(texts(figure)).replace("\n", " ")
    assert "In total 1 opened, 1 refused, 1 not found or failed, 4 internal to S3" in note.replace(
        "in total", "In total"
    )
    assert "1 log object, 0 unreadable lines" in note


def test_work_of_s3_itself_has_rows_apart(tmp_path: Path) -> None:
    hits = make(tmp_path, [line("203.0.113.7"), *internal() * 5])
    for draw in (plots.hits_by_ip, plots.hits_by_network):
        figure = draw(hits, top=1)
        labels = [label.get_text() for label in figure.get_layout_engine().parts.labels]
        assert labels[0] in ("203.0.113.7", "203.0.113.0/24")
        assert sorted(labels[1:]) == ["S3 internal", "S3 lifecycle", "S3 replication"]
        assert "failed" not in plots.alt_text(figure)
    assert "outside" not in plots.alt_text(
        plots.hits_by_ip(make(tmp_path, internal()), allowed=["10.0.0.0/8"])
    )


HOSTILE = [
    "$\\frac{1}{2}$",
    "<script>alert(1)</script>",
    "$",
    "a\x1b[2J\x00b",
    "\u202egnp.exe",
    "&lt;",
    "x" * 300,
]


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    lines = [line(text.replace(" ", "").replace("\x00", "") or "-") for text in HOSTILE]
    hits = make(tmp_path, [*lines, line("203.0.113.7")])
    for draw in (plots.hits_by_ip, plots.hits_by_network):
        figure = draw(hits)
        shown = texts(figure)
        svg = plots.svg(figure)
        ET.fromstring(svg)
        assert "<script" not in svg
        assert all(len(t) < 400 for t in shown)
        assert all(c.isprintable() for t in shown for c in t)
        assert all(
            not t.get_parse_math()
            for t in figure.findobj(lambda a: hasattr(a, "get_parse_math"))
            if "frac" in t.get_text()
        )
        plots.png(figure)


@pytest.mark.parametrize("draw", DRAW)
def test_nothing_to_draw_does_not_say_safe(tmp_path: Path, draw) -> None:
    figure = draw(make(tmp_path, ["cut"]))
    assert "does not prove" in plots.alt_text(figure)
    assert plots.png(figure)


@pytest.mark.parametrize(
    ("unit", "step"), [("hour", timedelta(hours=1)), ("day", timedelta(days=1))]
)
def test_the_spans_of_two_steps_meet(unit: str, step: timedelta) -> None:
    """A click on a bar asks for its step, no more and no less."""
    from gt_secure.logs.plots.overtime import _spans

    one, other = _spans(unit, [(corpus.BASE["time"] + step * number, ()) for number in range(2)])
    assert one[1] == pytest.approx(other[0], abs=1e-9)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", ["light", "dark"])
def test_contrast(name: str) -> None:
    """Text 4.5 to 1, data 3 to 1 (WCAG 2.2), on the ground of the theme."""
    palette = theme_module.PALETTES[name]

    def ratio(colour: str) -> float:
        a, b = sorted((luminance(colour), luminance(palette.face)))
        return (b + 0.05) / (a + 0.05)

    assert ratio(palette.text) >= 7
    assert ratio(palette.quiet) >= 4.5
    assert all(
        ratio(c) >= 3 for c in (palette.opened, palette.refused, palette.failed, palette.internal)
    )


def test_bad_options(three: Hits) -> None:
    with pytest.raises(InvalidInput, match="theme"):
        plots.hits_by_ip(three, theme="pink")
    with pytest.raises(InvalidInput):
        plots.hits_by_ip(three, top=0)


def test_import_is_free() -> None:
    import subprocess

    heavy = "{'matplotlib', 'duckdb', 'boto3', 'numpy'}"
    code = (
        f"import sys, gt_secure.logs.plots, gt_secure.logs; sys.exit(bool({heavy} &"
        " set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
