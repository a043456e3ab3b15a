"""What people type first is understood: each spelling of a bucket, and several ranges."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from gt_secure.cli.exit_codes import OK, UNKNOWN
from gt_secure.cli.main import main, parse
from gt_secure.sandbox import Sandbox

SPELLINGS = {
    "s3://gt-images": "",
    "s3://gt-images/scans/": "scans/",
    "s3a://gt-images": "",
    "s3n://gt-images/scans/": "scans/",
    "arn:aws:s3:::gt-images": "",
    "arn:aws-us-gov:s3:::gt-images/scans/": "scans/",
    "https://gt-images.s3.us-east-1.amazonaws.com": "",
    "https://gt-images.s3.amazonaws.com/scans/": "scans/",
    "https://s3.us-east-1.amazonaws.com/gt-images/scans/a%20b/": "scans/a b/",
}
RANGES = ["203.0.113.0/24", "198.51.100.0/24"]


@pytest.mark.parametrize("word", SPELLINGS)
@pytest.mark.parametrize("line", ["plan {} --allow 203.0.113.0/24", "plan --allow 203.0.113.0/24 {}",
                                  "apply --team a {} --yes", "history {}"])  # fmt: skip
def test_a_bucket_has_several_spellings(line: str, word: str) -> None:
    args = parse(shlex.split(line.format(word)))
    assert args is not None
    assert (args.bucket, args.prefix or "") == ("gt-images", SPELLINGS[word])


@pytest.mark.parametrize(
    "line",
    [
        "plan s3://gt-images --allow {0} {1}",
        "plan --allow {0} {1} s3://gt-images",
        "apply s3://gt-images --allow {0} {1} --yes",
        "apply --allow {0} --allow {1} -- s3://gt-images",
        "prove s3://gt-images --allow {0} {1}",
        "check guard-is-in-place s3://gt-images --allow {0} {1}",
        "plot --bucket gt-images -o a.png --allow {0} {1}",
    ],
)
def test_several_ranges_follow_one_option(line: str) -> None:
    args = parse(shlex.split(line.format(*RANGES)))
    assert args is not None
    assert (args.bucket, args.allow) == ("gt-images", RANGES)


@pytest.mark.parametrize(
    "line", ["hits {}", "hits {} --presigned --json", "leaks {}", "history {}", "findings {}"]
)
@pytest.mark.parametrize("word", ["s3://gt-images", "arn:aws:s3:::gt-images"])
def test_the_first_word_of_a_question_about_a_bucket_is_the_bucket(
    line: str, word: str, sandbox: Sandbox, run: Callable[[str], tuple[int, str]]
) -> None:
    code, out = run(line.format(word))
    assert code in (OK, UNKNOWN), out


def test_a_bucket_of_logs_is_read_as_one(
    sandbox: Sandbox, run: Callable[[str], tuple[int, str]]
) -> None:
    code, out = run("hits s3://gt-logs --stats")
    assert code in (OK, UNKNOWN)
    assert '"lines"' in out


@pytest.fixture
def run(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], tuple[int, str]]:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)

    def run(line: str) -> tuple[int, str]:
        try:
            code = main(shlex.split(line))
        except SystemExit as end:
            code = int(str(end.code))
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run
