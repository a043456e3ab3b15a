"""The tools for agents in the real jupyter-server-mcp, from the wheels, against a sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gt_secure.sandbox import Sandbox
from gt_secure.secrets import holds_secret
from support.agent_calls import CALLS
from support.rooms import Room, built_part


@pytest.mark.slow
def test_jupyter_server_mcp_offers_and_calls_them(wheel: Path, tmp_path: Path) -> None:
    room = Room(tmp_path / "room", sys.executable)
    room.install("jupyter-server-mcp")
    room.install(str(wheel))
    room.install(str(built_part("agents", tmp_path)))
    code = """
import asyncio, json, sys
from fastmcp import Client
from jupyter_server_mcp.extension import MCPExtensionApp
from jupyter_server_mcp.mcp_server import MCPServer
app = MCPExtensionApp()
app.mcp_server_instance = server = MCPServer(parent=app, name="test", port=0)
app._register_tools(app._discover_entrypoint_tools(), source="entrypoints")
async def main():
    async with Client(server.mcp) as client:
        tools = {tool.name: tool.description for tool in await client.list_tools()}
        calls = json.loads(sys.argv[1])
        results = {name: (await client.call_tool(name, given)).data for name, given in calls.items()}
        print("ANSWER " + json.dumps([tools, results], default=str))
asyncio.run(main())
"""
    with Sandbox() as sandbox:
        done = subprocess.run(
            [room.python, "-c", code, json.dumps(CALLS)],
            cwd=tmp_path, env={**sandbox.environment(), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    tools, results = json.loads(line.removeprefix("ANSWER "))
    assert set(CALLS) <= set(tools)
    assert "Nothing is applied" in tools["presigned_plan"]
    assert not [name for name in tools if "apply" in name]
    for name, answer in results.items():
        assert "error" not in answer, (name, answer)
    assert not holds_secret(line)
