"""Notebooks that are kept as tests: nothing skipped, nothing secret."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from gt_secure import check
from gt_secure.base.errors import InvalidInput
from gt_secure.check import CheckFailed, Spec, ledger
from gt_secure.check.notebooks import SANITIZE_FILE
from gt_secure.secrets import redact
from support.notebooks import KEY, SECRET

SIGNATURE = "0f" * 32
URL = f"https://b.s3.amazonaws.com/k?X-Amz-Credential={KEY}%2F20261120&X-Amz-Signature={SIGNATURE}"


def code(source="1 + 1", count=1, outputs=(), **metadata):
    return {
        "cell_type": "code",
        "execution_count": count,
        "source": source,
        "outputs": list(outputs),
        "metadata": metadata,
    }


def text(value):
    return {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/plain": value},
    }


@pytest.fixture
def save(tmp_path):
    def write(*cells, **metadata):
        path = tmp_path / "book.ipynb"
        book = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(book))
        return path

    return write


def test_every_cell_was_run(save):
    note = {"cell_type": "markdown", "source": "# Title", "metadata": {}}
    good = save(
        note,
        code(),
        code(count=2),
        code(source=" \n", count=None),
        code(count=None, tags=["skip-execution"]),
    )
    assert check.no_code_cell_skipped(good).message == "All 2 code cells were run."
    result = check.no_code_cell_skipped.look(save(note, code(), code(count=None)))
    assert result.status == "failed"
    assert "cell 2" in result.message
    assert check.no_code_cell_skipped.look(save(code(count=4), code(count=2))).status == "failed"
    assert check.no_code_cell_skipped.look(save(note)).status == "unknown"


@pytest.mark.parametrize(
    "where",
    [
        lambda s: (code(outputs=[text(s)]), {}),
        lambda s: (
            (code(outputs=[text([s[:60] + "\n", s[60:]])]), {})
            if "\n" in s
            else (code(outputs=[text([s])]), {})
        ),
        lambda s: (code(source=["a = 1\n", f"url = '{s}'"]), {}),
        lambda s: (
            code(outputs=[{"output_type": "error", "ename": "E", "evalue": s, "traceback": [s]}]),
            {},
        ),
        lambda s: (
            code(),
            {
                "widgets": {
                    "application/vnd.jupyter.widget-state+json": {"state": {"a": {"value": s}}}
                }
            },
        ),
    ],
)
@pytest.mark.parametrize(
    "secret",
    [
        URL,
        f"?X-Amz-Signature%3D{SIGNATURE}",
        f"https://b.s3.amazonaws.com/k?AWSAccessKeyId={KEY}&Signature=abcdefgh&Expires=1",
        "X-Amz-Security-Token=IQoJb3JpZ2luX2VjEJv",
        f"{{'AccessKeyId': '{KEY}'}}",
        f"aws_secret_access_key = {SECRET}",
        f"'SecretAccessKey': '{SECRET}'",
    ],
)
def test_a_secret_is_found_wherever_it_is(save, where, secret):
    cell, metadata = where(secret)
    result = check.no_secret_saved.look(save(code(), cell, **metadata))
    assert result.status == "failed"
    said = json.dumps(result.to_dict()) + str(result) + result._repr_html_()
    for piece in (SIGNATURE, KEY, SECRET[:10], "IQoJb3JpZ2"):
        assert piece not in said
    with pytest.raises(CheckFailed):
        check.no_secret_saved(save(code(), cell, **metadata))


def test_a_secret_as_a_member_of_its_own_is_found(save):
    data = {"application/json": {"SecretAccessKey": SECRET}}
    out = {"output_type": "display_data", "metadata": {}, "data": data}
    assert check.no_secret_saved.look(save(code(outputs=[out]))).details["found"] == [
        {"place": "cell 0, output", "what": "a secret access key", "id": "593b02fbf93ffec7"}
    ]


def test_masked_text_and_talk_about_secrets_is_none(save):
    fine = [
        "X-Amz-Signature=XXXXXXXXXXXXXXXX&X-Amz-Credential=XXXX",
        "the parameter X-Amz-Signature= is masked; AKIA begins a key id",
        "SecretAccessKey is never shown",
    ]
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "AKIA" + "A" * 16},
    }
    assert check.no_secret_saved(save(code(source=fine), code(outputs=[text(fine[0]), picture])))


def test_our_masked_urls_are_no_secrets():
    from gt_secure import inspect

    whole = (
        "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261120"
        "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261120T090000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={SIGNATURE}"
    )
    shown = repr(inspect(whole)) + str(inspect(whole))
    assert SIGNATURE not in shown
    assert redact(shown) == shown


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 3}', '{"worksheets": []}', "\x00"])
def test_what_is_no_notebook_is_an_error(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    for function in (check.no_secret_saved, check.no_code_cell_skipped):
        with pytest.raises(InvalidInput):
            function.look(path)


def test_a_notebook_that_is_gone_fails(tmp_path):
    assert check.no_secret_saved.look(tmp_path / "gone.ipynb").status == "failed"


def test_the_sanitizer_file_is_one_that_nbval_reads():
    import re

    from nbval.plugin import IPyNbFile  # noqa: F401

    lines = SANITIZE_FILE.read_text().splitlines()
    patterns = [line.removeprefix("regex: ") for line in lines if line.startswith("regex: ")]
    replacements = [line for line in lines if re.fullmatch(r"replace: (\S.*)", line)]
    assert len(patterns) == len(replacements) >= 5
    for pattern in patterns:
        re.compile(pattern)


class Kernel:
    """The shell of a kernel: it keeps what a cell shows."""

    def __init__(self):
        self.events = self.display_pub = self
        self.shown = []

    def register(self, event, function):
        assert event == "post_run_cell"
        self.end_cell = function

    def publish(self, data, metadata):
        self.shown.append({"data": data, "metadata": metadata})


def test_a_kernel_records_each_check_with_its_subject_time_and_source(save, monkeypatch):
    kernel = Kernel()
    monkeypatch.setattr(ledger, "kernel_shell", lambda: kernel)
    monkeypatch.setattr(ledger, "_session", [])
    path = save(code())
    specs = [Spec.make("no_secret_saved", {"path": str(path)})] * 2

    _ = check.no_secret_saved(path), check.no_code_cell_skipped.look(path)
    check.run_specs(None, specs)
    check.no_secret_saved.skip("there is no account")
    with pytest.raises(CheckFailed, match=r"no_secret_saved_fails\(book.ipynb\) failed"):
        check.no_secret_saved.fails(path)

    kernel.end_cell(SimpleNamespace(info=SimpleNamespace(raw_cell="x = 1")))
    found = list(ledger.records_of([{"source": "", "outputs": kernel.shown}]))
    names = [
        "no_secret_saved",
        "no_code_cell_skipped",
        *["no_secret_saved"] * 3,
        "no_secret_saved_fails",
    ]
    assert [each.check for each in found] == names
    assert [each.status for each in found] == [*["passed"] * 4, "skipped", "failed"]
    assert {each.subject for each in found} == {"book.ipynb", "there is no account"}
    assert (
        {each.source for each in found}
        == {ledger.fingerprint("x = 1  # again")}
        != {ledger.fingerprint("x = 2")}
    )
    assert all(each.time.endswith("Z") for each in found)
    assert all(each.evidence for each in found if each.status == "passed")
    assert [each["data"] for each in kernel.shown] == [{}]
    assert check.promise(no_secret_saved=["book.ipynb"])
    with pytest.raises(CheckFailed, match=r"no_findings\(open-team\)"):
        check.promise(no_findings=["open-team"])


def test_the_fingerprint_of_a_cell_is_one_in_every_version_of_python() -> None:
    """A notebook is run with one version and checked with another."""
    code = "def f(x, *rest):\n    return [x]\n\nclass A:\n    pass\n\nprint(f'{f(1)}')\n"
    assert ledger.fingerprint(code) == "d1cf55f0063a"


@pytest.mark.parametrize(
    ("name", "text"), [("a.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4}'), ("a.py", " \n")]
)
def test_a_notebook_without_cells_is_no_proof_that_it_holds_no_secret(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = check.no_secret_saved.look(tmp_path / name)
    assert (found.status, found.next_step) == ("unknown", "Check a notebook with cells.")
