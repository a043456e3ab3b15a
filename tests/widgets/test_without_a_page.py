"""A panel in a notebook that runs without a page, as in nbclient:
its results stay in the cells as text and picture.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import nbformat
import pytest

from gt_secure.connection import Connection
from gt_secure.sandbox import Sandbox
from gt_secure.widgets import HitsStep, TestUrlStep
from support.kernels import NotebookClient

SECRETS = re.compile(r"X-Amz-Signature=|X-Amz-Security-Token=|X-Amz-Credential=")
CELLS = (
    (
        "import gt_secure\np = gt_secure.panel(bucket='gt-images', prefix='scans/',"
        " addresses=['203.0.113.0/24'])\nawait p.wait_idle()"
    ),
    "p.test.key = 'scans/0001.png'\np.test.sign()\nawait p.wait_idle()",
    "p.test.probe()\nawait p.wait_idle()",
    "await p.wait_idle()",
    "p.hits.logs = LOG\np.hits.plot_hits()\nawait p.wait_idle()",
    "p.hits",
    "p",
)
ROW = (
    "79a5 gt-images [24/Nov/2026:15:04:05 +0000] 198.51.100.9 arn:aws:iam::111122223333:user/a A1"
    ' REST.GET.OBJECT scans/0001.png "GET'
    " /scans/0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261124T150400Z&X-Amz-Expires=600&X-Amz-Signature=XXXX"
    ' HTTP/1.1" 200 - 9 9 9 8 "-" "Mozilla/5.0" - id SigV4 - QueryString'
    " gt-images.s3.us-east-1.amazonaws.com - - - us-east-1\n"
)


def test_results_of_test_and_requests_stay_in_the_cells(
    sandbox: Sandbox, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_text(ROW)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    cells = [
        nbformat.v4.new_code_cell(each.replace("LOG", repr(str(tmp_path / "log"))))
        for each in CELLS
    ]
    cells[4].source = f"p.hits.range.value = ''\n{cells[4].source}"
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    shown = [[each.get("data", {}) for each in cell.outputs] for cell in book.cells]
    assert (shown[0], shown[1], shown[3]) == ([], [], []), "a result is left once"
    [probed] = shown[2]
    assert "Probe of scans/0001.png" in probed["text/plain"]
    assert re.search(r"203\.0\.113\.7 +opened +opened \(200\)", probed["text/plain"])
    assert "<table" in probed["text/html"]
    [read] = shown[4]
    assert "1 request of gt-images" in read["text/plain"]
    assert re.search(r"198\.51\.100\.9 +- +1 +0 +outside the list", read["text/plain"])
    assert base64.b64decode(read["image/png"]).startswith(b"\x89PNG")
    assert shown[5][0]["image/png"] == read["image/png"]
    assert "Probe of scans/0001.png" in shown[6][0]["text/plain"]
    assert "1 request of gt-images" in shown[6][0]["text/plain"]
    assert not SECRETS.search(json.dumps(book))


def test_before_a_result_the_text_says_how_to_get_one(connection: Connection) -> None:
    for step in (TestUrlStep(connection), HitsStep(connection)):
        assert step.static_form() == {}
        assert "gt-secure --help" in step._repr_mimebundle_()["text/plain"]


def test_the_text_of_a_probe_holds_no_url(connection: Connection) -> None:
    step = TestUrlStep(connection, bucket="gt-images", key="scans/0001.png")
    step.sign()
    step.probe()
    bundle = step._repr_mimebundle_()
    assert not SECRETS.search(json.dumps(bundle))
    assert "Probe of scans/0001.png" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
