"""Logs inside other files: Zstandard, our own export of rows, an export of CloudWatch Logs."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gt_secure import check
from gt_secure.cli.main import main
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.ingest import converted
from support.corpus import random_record, write

BY = ["remote_ip", "http_status", "hour", "key", "presigned", "operation", "requester", "user_agent"]
LINES = [write(random_record(random.Random(seed), hostile=0)) for seed in range(40)]
LOG = "".join(f"{line}\n" for line in LINES)


def zstd(path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    with pyarrow.output_stream(str(path), compression="zstd") as file:
        file.write(LOG.encode())


def own_export(path: Path) -> None:
    with read_hits([path.with_name("plain.log")]) as hits:
        hits.to_parquet(path)


def exported(path: Path) -> None:
    stamped = "".join(f"2026-11-20T09:00:{n:02}.123Z {line}\n" for n, line in enumerate(LINES))
    path.write_bytes(gzip.compress(stamped.encode()))


FORMS: dict[str, Callable[[Path], None]] = {"zstd": zstd, "own export": own_export, "CloudWatch export": exported}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain.log").write_text(LOG)
    (tmp_path / "packed").mkdir()
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_each_form_counts_as_the_plain_log(folder: Path, form: str) -> None:
    FORMS[form](folder / "plain.bin")
    (folder / "plain.bin").rename(folder / "packed" / "x")
    plain, _ = count_hits([folder / "plain.log"], BY)
    packed, coverage = count_hits([folder / "packed"], BY)
    assert sorted(packed.rows, key=str) == sorted(plain.rows, key=str)
    assert not coverage.doubts
    assert coverage.hits == len(LINES)
    assert ("export of gt_secure" in " ".join(coverage.limits())) == (form == "own export")


def test_an_export_of_json_messages_with_its_test_file(folder: Path) -> None:
    messages = [{"bucket": "b", "time": "2026-11-20T09:00:00Z", "remote_ip": "192.0.2.1", "http_status": 200}] * 3
    text = "".join(f"2026-11-20T09:00:00.123Z {json.dumps(message)}\n" for message in messages)
    (folder / "packed" / "000000.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "packed" / "aws-logs-write-test").write_text("Permission Check Successful")
    _, coverage = count_hits([folder / "packed"], BY)
    assert (coverage.hits, coverage.unreadable, coverage.doubts) == (3, 0, [])


def test_a_cut_file_and_an_unknown_table_are_doubts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zstd(folder / "packed" / "a.zst")
    whole = (folder / "packed" / "a.zst").read_bytes()
    (folder / "packed" / "a.zst").write_bytes(whole[: len(whole) // 2])
    (folder / "packed" / "b.log").write_text(LOG)
    assert main(["leaks", str(folder / "packed")]) == 3
    assert "a.zst" in capsys.readouterr().err
    table, _ = count_hits([folder / "plain.log"], BY)
    table.to_parquet(folder / "packed" / "a.zst")
    assert main(["leaks", str(folder / "packed")]) == 3
    assert "1 Parquet file" in capsys.readouterr().err


def test_without_an_unpacker_zstandard_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted, "zstd_opener", lambda: None)
    zstd(folder / "packed" / "a.zst")
    with read_hits([folder / "packed"]) as hits:
        assert check.no_leaked_urls.look(hits).status == "unknown"
        assert "1 Zstandard file" in " ".join(hits.coverage.doubts)
