"""Athena, Glue and S3 of ministack on loopback, in a process of its own.

ministack runs queries on DuckDB. Without help it therefore refuses Trino's text. Started with
``translate``, this process puts :mod:`trino` between, and gives tables of raw lines the column
``"$path"``: then the text that is sent over HTTP is the one that Athena would get, and its rows
come back in Athena's pages. What that proves is the calls and the flow, not Trino.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any


class Emulator:
    """One ministack; ``url`` is its address."""

    def __init__(self, folder: Path, *, translate: bool) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        keys = {
            "AUTH": "true", "SERVICES": "s3,sts,iam,athena,glue", "LOG_LEVEL": "ERROR",
            "MINISTACK_ACCOUNT_ID": "111122223333",
            "GATEWAY_PORT": str(port), "PERSIST_STATE": "0", "S3_PERSIST": "0", "TMPDIR": str(folder),
            "TRANSLATE": str(int(translate)), "PATH": os.environ["PATH"], "CLOUDTRAIL_RECORDING": "0",
        }  # fmt: skip
        self._log = (folder / "ministack.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.athena_emulator", str(port)],
            cwd=Path(__file__).parents[1],
            env=keys,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.PIPE,
        )
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        self.close()
        raise RuntimeError((folder / "ministack.log").read_text()[-2000:])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


def serve(port: int) -> None:
    import asyncio

    import hypercorn.asyncio
    import ministack.app
    from hypercorn.config import Config
    from ministack.core import hypercorn_compat
    from ministack.services import athena

    hypercorn_compat.install()
    if os.environ["TRANSLATE"] == "1":
        _translate(athena)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(15, stop.set)
        loop.run_in_executor(
            None, lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(stop.set))
        )
        await hypercorn.asyncio.serve(ministack.app.app, config, shutdown_trigger=stop.wait)
        os._exit(0)  # the thread that waits for standard input would keep the process

    asyncio.run(main())


def _translate(athena: Any) -> None:
    from support import trino

    rewrite = athena._rewrite_data_paths

    async def rewritten(query: str, database: str, catalog: str | None = None) -> Any:
        text = query
        if query.lstrip().upper().startswith("SELECT"):
            text = trino.to_duckdb(query)
        text, buckets, folders = await rewrite(text, database, catalog)
        if "SLEEP" in query:  # a query that takes long
            await __import__("asyncio").sleep(30)
        return trino.MACROS + text, buckets, folders

    def relation(table: dict[str, Any], files: list[str]) -> str:
        location = table["StorageDescriptor"]["Location"].rstrip("/")
        column = table["StorageDescriptor"]["Columns"][0]["Name"]
        assert (
            table["StorageDescriptor"]["SerdeInfo"]["Parameters"][
                "serialization.last.column.takes.rest"
            ]
            == "true"
        )
        root = os.path.commonpath([os.path.dirname(f) for f in files])
        while not os.path.basename(root).startswith("ministack-athena-"):
            root = os.path.dirname(root)
        # One row a line, whatever is in it; the last newline ends a line and begins none.
        return (
            "(SELECT unnest(string_split(regexp_replace(content, '\\n$', ''), chr(10))) AS"
            f" \"{column}\", replace(filename, '{root}', '{location}') AS \"$path\" FROM"
            f" read_text({athena._sql_list(files)}) WHERE content <> '')"
        )

    athena._rewrite_data_paths = rewritten
    athena._rewrite_s3_paths = str  # it takes every s3:// in a text for a file
    athena._table_relation = relation


if __name__ == "__main__":
    serve(int(sys.argv[1]))
