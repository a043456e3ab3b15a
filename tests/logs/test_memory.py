"""The memory of a question does not grow with the size of the log."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import corpus

MOST_MB = 400
"""Most memory of a question, as the documentation promises it."""
LINES = 250_000
COPIES, AGAIN = 12, -12
_SIGNATURE = re.compile("X-Amz-Signature=X+")
QUESTIONS = {
    "count": ["hits", "--by", "remote_ip,http_status"],
    "rows": ["hits", "--by", "remote_ip,http_status", "--dedupe"],
    "second deliveries": ["hits", "--by", "remote_ip,http_status", "--dedupe"],
    "leaks": ["leaks"],
}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Folders with one log of 160 MB, with twelve whose records have ids of their own,
    and with one twelve times.
    """
    folder = tmp_path_factory.mktemp("logs")
    found = {copies: folder / str(copies) for copies in (1, COPIES, AGAIN)}
    for path in found.values():
        path.mkdir()
    mark = "C0F1"
    lines = []
    for number in range(LINES):
        row = {
            **corpus.BASE,
            **(corpus.PRESIGNED if number % 3 else {}),
            "request_id": f"{mark}{number:012X}",
        }
        row["request_uri"] = _SIGNATURE.sub(
            f"X-Amz-Signature={number:064x}", str(row["request_uri"])
        )
        lines.append(corpus.write(row | {"remote_ip": f"203.0.{number % 113}.{number % 251}"}))
    text = "\n".join(lines) + "\n"
    for copy in range(COPIES):
        (found[COPIES] / f"{copy:02}.log").write_text(
            text.replace(mark, f"{copy:04X}"), encoding="utf-8"
        )
        (found[AGAIN] / f"{copy:02}.log").hardlink_to(found[COPIES] / "00.log")
    (found[1] / "00.log").hardlink_to(found[COPIES] / "00.log")
    return found


# The peak of a process counts that of the one which started it, so that a small one starts the
# command.
MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def measured(arguments: list[str], folder: Path) -> tuple[int, float]:
    """Exit code and peak memory of a command in MB."""
    command = [sys.executable, "-m", "gt_secure", arguments[0], str(folder), *arguments[1:]]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
    )
    code, kilobytes = map(int, done.stdout.split())
    return code, kilobytes / 1024


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_log_twelve_times_as_large_needs_no_more_than_promised(
    logs: dict[int, Path], question: str
) -> None:
    most = AGAIN if question == "second deliveries" else COPIES
    (code, one), (other, many) = (
        measured(QUESTIONS[question], logs[copies]) for copies in (1, most)
    )
    assert (code, other) == (0, 0)
    print(f"{question}: {one:.0f} MB for one log, {many:.0f} MB for {COPIES}")
    assert many <= MOST_MB
    if question == "count":
        assert many <= one + 20


@pytest.mark.slow
@pytest.mark.parametrize("urls", [1, 10_000])
def test_a_url_from_very_many_addresses_needs_no_more_than_promised(
    tmp_path: Path, urls: int
) -> None:
    """Whoever has a URL can open it from millions of addresses, and must not end a monitor."""
    record = corpus.write(
        {**corpus.BASE, **corpus.PRESIGNED, "remote_ip": "PLACE", "request_id": "NUMBER"}
    )
    with (tmp_path / "log").open("w", encoding="utf-8") as file:
        for number in range(2_000_000):
            place, url = number // urls, number % urls
            line = record.replace(
                "PLACE", f"2001:db8:{place % 50_000:x}:{place // 50_000:x}::{url % 250:x}"
            )
            line = line.replace("NUMBER", f"{number:016X}").replace("scans/0007", f"scans/{url:05}")
            file.write(f"{line}\n")
    exit_code, most = measured(["leaks"], tmp_path)
    print(f"leaks: {most:.0f} MB for {urls} URLs")
    assert exit_code == (0 if urls == 1 else 3)
    assert most <= MOST_MB
