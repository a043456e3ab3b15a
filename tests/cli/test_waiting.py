"""``gt-secure hits --wait-for`` and ``--follow``: new deliveries are printed once,
and the wait ends by itself.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from gt_secure import magics
from gt_secure.aws import client
from gt_secure.cli.main import main
from gt_secure.logs import waiting
from support.corpus import deliver, presigned
from support.fake_s3 import FakeS3, FakeStore


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)
    monkeypatch.setattr(waiting, "LONGEST_S", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    deliver(tmp_path, "a.log", "203.0.113.7")
    return tmp_path


def test_the_command_waits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threading.Timer(0.2, deliver, (folder, "b.log", "192.0.2.1")).start()
    assert (
        main(
            [
                "hits",
                str(folder),
                "--wait-for",
                "2",
                "--wait-s",
                "20",
                "--json",
                "--by",
                "remote_ip",
            ]
        )
        == 0
    )
    assert {row["remote_ip"] for row in json.loads(capsys.readouterr().out)} == {
        "192.0.2.1",
        "203.0.113.7",
    }
    assert main(["hits", str(folder), "--wait-for", "3", "--wait-s", "0"]) == 0
    assert "2 of 3 requests there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "expected"),
    [("csv", '"remote_ip","hits"\n"203.0.113.7",1\n"192.0.2.1",1\n'),
     ("json", '{"remote_ip": "203.0.113.7", "hits": 1}\n{"remote_ip": "192.0.2.1", "hits": 1}\n'),
     ("table", "remote_ip    hits\n203.0.113.7     1\nremote_ip  hits\n192.0.2.1     1\n")],
)  # fmt: skip
def test_follow_prints_each_delivery(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    expected: str,
) -> None:
    store = FakeStore(FakeS3())
    really, looks = waiting._Watch._new, []
    monkeypatch.setattr(client, "connect_aws", lambda **_: store)
    put(store, "a.log", "203.0.113.7")

    def new(watch: Any) -> Any:
        looks.append(watch)
        if len(looks) == 2:
            put(store, "b.log", "192.0.2.1")
        return really(watch)

    monkeypatch.setattr(waiting._Watch, "_new", new)
    monkeypatch.setattr(waiting, "FIRST_S", 0.01)
    # by looks
    monkeypatch.setattr(
        waiting._Watch, "waited_s", property(lambda _: 0.0 if len(looks) < 3 else 3.0)
    )
    chosen = ["--json"] if form == "json" else ["--format", form]
    words = ["--follow", "--wait-s", "3", "--by", "remote_ip", "--no-cache"]
    assert main(["hits", "s3://gt-logs/", *words, *chosen]) == 0
    out, err = capsys.readouterr()
    assert out == expected
    assert "S3 usually delivers access logs in a few hours" in err
    assert "Ended after 3 s: 2 requests." in err


def put(store: FakeStore, name: str, address: str) -> None:
    store.s3.put("gt-logs", name, presigned(address).encode(), dt.datetime.now(dt.UTC))


def test_files_on_disk_cannot_be_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (folder, folder / "a.log"):
        assert main(["hits", str(name), "--follow", "--wait-s", "0"]) == 64
        out, err = capsys.readouterr()
        assert out == ""
        assert 'a.log" is not in S3, and only deliveries to S3 are followed.' in err
        assert "Name an s3:// prefix, or use --wait-for for files." in err


@pytest.mark.parametrize(
    "words", [["--format", "parquet"], ["-o", "x"], ["--wait-for", "1"], ["--engine", "spark"]]
)
def test_what_follow_cannot_do(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["hits", str(folder), "--follow", *words]) == 64
    assert capsys.readouterr().out == ""


def test_a_cell_has_one_result(folder: Path) -> None:
    with pytest.raises(magics.MagicError, match="one result"):
        magics.run_line(f"hits {folder} --follow")
