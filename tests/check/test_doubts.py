"""What of a log was not read makes the answer unknown, with the file, the place and the reason."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from matplotlib.text import Text

from gt_secure import check
from gt_secure.cli.main import main
from gt_secure.logs import count_hits, read_hits
from gt_secure.logs.ingest import converted
from gt_secure.logs.plots import hits_by_ip
from support.corpus import random_record, write
from support.sample import sample

NOT_READ = {
    "a line": (b"this is no access log record\n", "at byte"),
    "a Parquet file": (b"PAR1\x15\x04\n\n\x00", "1 Parquet file"),
    "a ZIP file": (b"PK\x03\x04 and more", "1 ZIP file"),
    "a bzip2 file": (b"BZh91AY&SY", "1 bzip2 file"),
    "an xz file": (b"\xfd7zXZ\x00 and more", "1 xz file"),
    "a Zstandard file": (b"\x28\xb5\x2f\xfd and more", "other.bin"),
    "a text in UTF-16": ("a log of an editor\r\n".encode("utf-16"), "other.bin"),
    "a damaged gzip file": (b"\x1f\x8b\x08\x00\x00", "other.bin"),
    "a malformed JSON document": (b'{"Records":[{"eventName": bad}, {}]}', "at byte"),
}


@pytest.fixture(params=[False, True], ids=["alone", "beside a log"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param:
        (tmp_path / "good.log").write_text(write(random_record(random.Random(1), hostile=0)) + "\n")
    return tmp_path


@pytest.mark.parametrize("what", sample(NOT_READ, 2))
def test_nothing_passes(folder: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    data, words = NOT_READ[what]
    (folder / "other.bin").write_bytes(data)
    for command in ("hits", "leaks"):
        code = main([command, str(folder)])
        assert words in capsys.readouterr().err
        assert code == 3 or (code == 1 and words == "other.bin"), "nothing but damage is an error"
    if code == 1:
        return
    with read_hits([folder]) as hits:
        caption = " ".join(part.get_text() for part in hits_by_ip(hits).findobj(Text)).replace(
            "\n", " "
        )
        assert "What was not read is unknown." in caption
        assert check.no_leaked_urls.look(hits).passed is None
        assert hits.leaks().summary.startswith("Unknown whether a URL leaked.")


def test_files_that_hold_no_requests_are_no_doubt(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_20261120T090000Z.json"
    (folder / name).write_text('{"digestS3Bucket": "b", "digestStartTime": "x"}')
    assert main(["hits", str(folder)]) == (0 if (folder / "good.log").exists() else 3), (
        "alone, nothing was looked at"
    )
    assert "1 CloudTrail digest file" in capsys.readouterr().err


LOG = "".join(f"{write(random_record(random.Random(seed), hostile=0))}\n" for seed in range(40))
needs_zstd = pytest.mark.needs("pyarrow")


def zstd(path: Path) -> bytes:
    """Write the log in a Zstandard file; return its content."""
    import pyarrow

    with pyarrow.output_stream(str(path), compression="zstd") as file:
        file.write(LOG.encode())
    return path.read_bytes()


@needs_zstd
def test_a_cut_file_and_an_unknown_table_are_doubts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = zstd(tmp_path / "a.zst")
    (tmp_path / "a.zst").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.log").write_text(LOG)
    assert main(["leaks", str(tmp_path)]) == 3
    assert "a.zst" in capsys.readouterr().err
    table, _ = count_hits([tmp_path / "b.log"], "key")
    table.to_parquet(tmp_path / "a.zst")
    assert main(["leaks", str(tmp_path)]) == 3
    assert "1 Parquet file" in capsys.readouterr().err


@needs_zstd
def test_without_an_unpacker_zstandard_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converted, "zstd_opener", lambda: None)
    zstd(tmp_path / "a.zst")
    with read_hits([tmp_path]) as hits:
        assert check.no_leaked_urls.look(hits).status == "unknown"
        assert "1 Zstandard file" in " ".join(hits.coverage.doubts)
