"""Groups that the engine writes to a file: the same text as the table's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gt_secure.cli.main import main
from gt_secure.errors import InvalidInput
from gt_secure.logs import count_hits
from gt_secure.logs.export_file import Export
from support import corpus

HOSTILE = ("=cmd()", "\t=1", "a|=b", "a;=b,c", "@x", "-", "  =x", "\r+1")
COUNTS = (
    "remote_ip,http_status,auth_type,hour", "user_agent,http_status", "key,refused,presigned", "minted,expires_s",
    "network", "http_status", "request_uri,referer,version_id",
)  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "quirks.log"
    lines = [*(case.text for case in corpus.cases()), *(corpus.case("x", user_agent=a).text for a in HOSTILE)]
    path.write_bytes("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize("by", COUNTS)
def test_files_are_those_of_the_table(log: Path, tmp_path: Path, by: str) -> None:
    table, coverage = count_hits(log, by)
    for form, limit in (("csv", None), ("json", None), ("parquet", None), ("csv", 3)):
        export = Export(tmp_path / "out", form, limit)  # type: ignore[arg-type]
        empty, again = count_hits(log, by, export=export)
        assert again.to_dict() == coverage.to_dict()
        if not export.written:
            assert (form, empty.rows) == ("json", table.rows)  # text that is escaped for terminals
        elif form == "csv":
            expected = table.to_csv() if limit is None else "".join(table.to_csv().splitlines(True)[: limit + 1])
            if limit is None or "\n" not in str(table.rows[:limit]):
                assert export.path.read_bytes().decode() == expected
        elif form == "json":
            assert json.loads(export.path.read_text()) == json.loads(table.to_json())
        else:
            import pyarrow.parquet as pq

            rows = pq.read_table(export.path).to_pylist()
            assert [tuple(row.values()) for row in rows] == table.rows


def test_an_empty_answer_has_its_header(log: Path, tmp_path: Path) -> None:
    export = Export(tmp_path / "out", "csv")
    table, _ = count_hits(log, "http_status", since="2099-01-01", export=export)
    assert not export.written
    assert table.to_csv() == '"http_status","hits"\n'


def test_a_file_that_cannot_be_written_is_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        count_hits(log, "http_status", export=Export(tmp_path / "no" / "out", "csv"))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_command_writes_what_the_table_writes(log: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes],
                                                  form: str) -> None:  # fmt: skip
    command = ["hits", str(log), "--by", "remote_ip,http_status", "--format", form]
    table, _ = count_hits(log, "remote_ip,http_status")
    assert main(command) == 0
    printed = capfdbinary.readouterr().out.decode()
    assert main([*command, "-o", str(tmp_path / "file")]) == 0
    assert (tmp_path / "file").read_bytes().decode() == printed
    if form == "csv":
        assert printed == table.to_csv()
    else:
        assert json.loads(printed) == json.loads(table.to_json())
