"""Counts that the command writes to a file: the same text as the table's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gt_secure.cli.main import main
from gt_secure.logs import count_hits
from support import corpus

HOSTILE = ("=cmd()", "\t=1", "a|=b", "a;=b,c", "@x", "-", "  =x", "\r+1")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "quirks.log"
    lines = [
        *(case.text for case in corpus.cases()),
        *(corpus.case("x", user_agent=a).text for a in HOSTILE),
    ]
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize("by", ["remote_ip,http_status,hour", "user_agent,http_status"])
@pytest.mark.parametrize(
    "form", ["csv", "json", pytest.param("parquet", marks=pytest.mark.needs("pyarrow"))]
)
def test_the_command_writes_what_the_table_writes(log: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes],
                                                  form: str, by: str) -> None:  # fmt: skip
    command = [
        "hits",
        str(log),
        "--by",
        by,
        *(["--json"] if form == "json" else ["--format", form]),
    ]
    table, _ = count_hits(log, by)
    assert main(command) == 3, "some lines cannot be read"
    printed = capfdbinary.readouterr().out
    assert main([*command, "-o", str(tmp_path / "file")]) == 3
    if form == "csv":
        assert printed.decode() == table.to_csv() == (tmp_path / "file").read_bytes().decode()
    elif form == "json":
        assert (
            json.loads(printed)
            == json.loads(table.to_json())
            == json.loads((tmp_path / "file").read_bytes())
        )
    else:
        import pyarrow.parquet as pq

        (tmp_path / "printed").write_bytes(printed)
        for name in ("file", "printed"):
            assert [
                tuple(row.values()) for row in pq.read_table(tmp_path / name).to_pylist()
            ] == table.rows


def test_a_file_that_cannot_be_written_is_refused(log: Path, tmp_path: Path) -> None:
    assert main(["hits", str(log), "--format", "csv", "-o", str(tmp_path / "no" / "out")]) == 64
