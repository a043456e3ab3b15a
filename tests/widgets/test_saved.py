"""A notebook that was executed and saved with the state of all widgets holds no secret and
still says something.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from support.kernels import START_S, NotebookClient

SECRETS = re.compile(r"X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|AKIA|ASIA|aws_secret")

CELLS = (
    "import gt_secure\np = gt_secure.panel(bucket='gt-images', addresses=['203.0.113.0/24'])\np",
    "await p.wait_idle()\np.test.sign()\nawait p.wait_idle()\np.test._url.masked",
    "p.test",
    "p.test.probe()\nawait p.wait_idle()\np.test.answers",
    "[p.test._url, p, p.test.browser, p.children]",
    (
        "text = ''\nwhile 'Bar chart' not in text:  # until the log is delivered\n   "
        " p.hits.plot_hits()\n    await p.wait_idle()\n    text ="
        " gt_secure.logs.plots.alt_text(p.hits.result.figure)\ntext"
    ),
    "p.test.key",
)


@pytest.fixture(params=["nbclient", "papermill"])
def executed(request: Any, aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    path = tmp_path / "executed.ipynb"
    if request.param == "nbclient":
        NotebookClient(book, timeout=300, kernel_name="python3", store_widget_state=True).execute()
        nbformat.write(book, path)
    else:
        papermill = pytest.importorskip("papermill", reason="papermill is not installed")
        book.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(book, tmp_path / "source.ipynb")
        papermill.execute_notebook(
            tmp_path / "source.ipynb", path, progress_bar=False, start_timeout=START_S
        )
    return nbformat.read(path, as_version=4), path.read_text(encoding="utf-8")


def test_a_saved_notebook_holds_no_secret_and_shows_text_where_widgets_do_not(
    executed: Any,
) -> None:
    book, text = executed
    assert book.metadata["widgets"], "the state was saved, so the search means something"
    assert "•••••••" in text
    assert not SECRETS.search(text)
    shown = [output["data"]["text/plain"] for output in book.cells[0].outputs if "data" in output]
    assert "gt-secure --help" in shown[0]
    assert "Bar chart, requests by source IP" in json.dumps(book.cells[5].outputs)
