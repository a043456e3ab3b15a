"""A secret never reaches an exception, a log record or a report,
wherever a person passes a URL by mistake.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import inspect as python_inspect
import io
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import gt_secure
from gt_secure.aws.client import make_client
from gt_secure.aws.log_filter import LEFT_OUT
from gt_secure.base.errors import (
    URL_STEP,
    AccessDenied,
    GtSecureError,
    InvalidInput,
    NotFound,
    PolicyError,
)
from gt_secure.base.tracebacks import mask_rendered
from gt_secure.cli.main import build_parser, main
from gt_secure.connection import Connection
from gt_secure.presign import probe
from gt_secure.sandbox import Sandbox
from gt_secure.secrets import holds_secret
from support.secret_corpus import HEX, WORD, Values
from support.shell import new_shell

pytest_plugins = ["pytester"]

SIGNATURE = "5ecre7516e4a7"
TOKEN = "IQoJb3JpZ2luX2VjEJvSECRETTOKEN"
KEY_ID = "ASIA" + "Q3EGRZ5NV7B2YTKD"
SIGV4 = (
    "https://gt-images.s3.us-east-1.amazonaws.com/scans/chest-0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential={KEY_ID}%2F20261125%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261125T000000Z"
    f"&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Security-Token={TOKEN}&X-Amz-Signature={SIGNATURE}"
)
SIGV2 = f"https://gt-images.s3.amazonaws.com/a.png?AWSAccessKeyId={KEY_ID}&Expires=1900000000&Signature={SIGNATURE}%3D"
SPELLED = (
    SIGV4.replace("Signature=", "Signatur%65=")
    .replace("Credential=", "Cr%65dential=")
    .replace("Token=", "T%6fken=")
)
URLS = {"SigV4": SIGV4, "SigV2": SIGV2, "spelled": SPELLED, "quoted": quote(SIGV4, safe="")}


def assert_clean(text: str) -> None:
    assert not [
        secret for secret in (SIGNATURE, TOKEN, "Q3EGRZ5NV7") if secret.lower() in text.lower()
    ], text[-1500:]


@pytest.fixture(scope="module")
def gt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            **sandbox.environment(),
            "GT_SECURE_JOURNAL": str(tmp_path_factory.mktemp("j")),
        }.items():
            patch.setenv(name, value)
        yield gt_secure.connect()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


CALLS: dict[str, Callable[[Connection, str], object]] = {
    "workteam": lambda gt, url: gt.workteam(url),
    "jobs": lambda gt, url: gt.jobs(url),
    "state bucket": lambda gt, url: gt.state(bucket=url),
    "state team": lambda gt, url: gt.state(team=url),
    "keys": lambda gt, url: gt.keys(url),
    "keys prefix": lambda gt, url: gt.keys("gt-images", url),
    "undo": lambda gt, url: gt.undo(url),
    "resume": lambda gt, url: gt.resume(url),
    "plan_undo": lambda gt, url: gt.plan_undo(url),
    "export": lambda gt, url: gt.export(url),
    "export bucket": lambda gt, url: gt.export(None, url),
    "sign bucket": lambda gt, url: gt.sign(url, "a.png"),
    "sign key": lambda gt, url: gt.sign("gt-images", url),
    "sign bound_to": lambda gt, url: gt.sign("gt-images", "scans/chest-0001.png", bound_to=url),
    "sign role_arn": lambda gt, url: gt.sign("gt-images", "scans/chest-0001.png", role_arn=url),
    "sign expires_in": lambda gt, url: gt.sign("gt-images", "scans/chest-0001.png", expires_in=url),  # type: ignore[arg-type]
    "sign version_id": lambda gt, url: gt.sign("gt-images", "scans/chest-0001.png", version_id=url),
    "probe source": lambda gt, url: gt.probe(SIGV4, url),
    "who_can_open source": lambda gt, url: gt.who_can_open("gt-images", "a.png").at(url),
    "who_can_open team": lambda gt, url: gt.who_can_open("gt-images", "a.png", team=url),
    "findings team": lambda gt, url: gt.findings(team=url),
    "findings bucket": lambda gt, url: gt.findings(bucket=url),
    "hits": lambda gt, url: gt.hits(url),
    "hits logs": lambda gt, url: gt.hits(logs=url),
    "hits several logs": lambda gt, url: gt.hits(logs=[url]),
    "hits since": lambda gt, url: gt.hits("gt-images", since=url),
    "hits until": lambda gt, url: gt.hits("gt-images", until=url),
    "count_hits": lambda gt, url: gt.count_hits(url),
    "count_hits by": lambda gt, url: gt.count_hits("gt-images", url),
    "count_hits logs": lambda gt, url: gt.count_hits(logs=url),
    "restriction team": lambda gt, url: gt.plan(
        gt_secure.Restriction(url, addresses=["203.0.113.0/24"])
    ),
    "restriction address": lambda gt, url: gt_secure.Restriction("open-team", addresses=[url]),
    "restriction addresses": lambda gt, url: gt_secure.Restriction("open-team", addresses=url),  # type: ignore[arg-type]
    "restriction endpoint": lambda gt, url: gt_secure.Restriction("open-team", endpoints=[url]),
    "restriction bucket": lambda gt, url: gt_secure.Restriction(
        "open-team", addresses=["203.0.113.0/24"], bucket=url
    ),
    "who_can_open": lambda gt, url: gt.who_can_open(url),
    "who_can_open key": lambda gt, url: gt.who_can_open("gt-images", url),
    "report": lambda gt, url: gt.report(buckets=[url]),
    "revoke bucket": lambda gt, url: gt.revoke(before="2026-01-01", bucket=url),
    "revoke before": lambda gt, url: gt.revoke(before=url, bucket="gt-images"),
    "revoke signer": lambda gt, url: gt.revoke(before=now(), bucket="gt-images", signer=url),
    "history team": lambda gt, url: gt.history(url),
    "history bucket": lambda gt, url: gt.history(bucket=url),
    "history since": lambda gt, url: gt.history(bucket="gt-images", since=url),
    "source": lambda gt, url: gt_secure.Source.parse(url),
    "connect region": lambda gt, url: gt_secure.connect(region=url),
    "connect profile": lambda gt, url: gt_secure.connect(profile=url),
    "read_hits": lambda gt, url: gt_secure.read_hits(url),
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
@pytest.mark.parametrize("call", CALLS)
def test_a_url_in_the_wrong_place_is_recognised_and_never_repeated(
    call: str, url: str, gt: Connection
) -> None:
    with pytest.raises(GtSecureError) as caught:
        CALLS[call](gt, url)
    error = caught.value
    assert_clean("".join(traceback.format_exception(error)).replace(url, ""))
    assert_clean(repr(vars(error)) + str(error) + repr(error) + repr(error.to_dict()))
    assert error.next_step == URL_STEP, error


def test_every_method_with_a_text_argument_is_tried() -> None:
    methods = {
        name
        for name, method in python_inspect.getmembers(Connection, python_inspect.isfunction)
        if not name.startswith("_")
        and [p for p in python_inspect.signature(method).parameters.values() if "str" in str(p)]
    }
    without_text = {"apply", "plan", "plot", "prove", "explain"}  # explain expects a URL
    tried = {call.split()[0] for call in CALLS}
    assert {m for m in methods if m not in without_text} <= tried


def texts(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if action.nargs != 0 and not isinstance(action, argparse._SubParsersAction):
            yield action


def command_lines() -> dict[str, list[str]]:
    lines = {}
    parser = build_parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    for command, sub in commands.items():
        required = [
            x
            for a in texts(sub)
            if not a.option_strings and a.nargs not in ("?", "*")
            for x in ["URL"]
        ]
        for action in texts(sub):
            options = [action.option_strings[0], "URL"] if action.option_strings else []
            nested = isinstance(action, argparse._SubParsersAction)
            lines[f"{command} {action.dest}"] = [
                command,
                *options,
                *([] if nested else required or ["URL"] * (not options)),
            ]
    return lines


LINES = command_lines()


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_no_command_repeats_a_url(
    line: str, as_json: bool, gt: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    for url in (SIGV4, SIGV2, SPELLED):
        words = [url if word == "URL" else word for word in LINES[line]]
        code: object
        try:
            code = main([*words, *(["--json"] if as_json else [])])
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        assert code not in (0, None)
        assert_clean(said.out + said.err)
        assert "inspect" in said.err or "are required" in said.err


ERRORS: dict[str, Callable[[str], GtSecureError]] = {
    "message": lambda url: GtSecureError(f"It said {url}."),
    "next step": lambda url: GtSecureError("x", next_step=f"Open {url}."),
    "details": lambda url: GtSecureError("x", details={"a": {"b": [url]}, url: 1}),
    "value": lambda url: InvalidInput("x", field="f", value=url),
    "policy": lambda url: PolicyError("x", place=url, value=url),
    "resource": lambda url: AccessDenied("x", action="s3:GetObject", resource=url),
    "not found": lambda url: NotFound(f"no {url}"),
}


@pytest.mark.parametrize("url", [SIGV4, SIGV2, SPELLED, f"{{'SessionToken': '{TOKEN}'}}", KEY_ID])
@pytest.mark.parametrize("part", ERRORS)
def test_no_part_of_an_error_keeps_a_secret(part: str, url: str) -> None:
    error = ERRORS[part](url)
    assert_clean(
        repr(vars(error)) + str(error) + repr(error) + repr(error.to_dict()) + repr(error.args)
    )


@pytest.mark.parametrize(
    "cause",
    [
        ValueError(SIGV4),
        OSError(2, "No such file", SIGV4),
        KeyError(SIGV2),
        UnicodeDecodeError("utf-8", SIGV2.encode(), 0, 1, "x"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_the_cause_is_masked_too(cause: Exception) -> None:
    def fail() -> None:
        try:
            try:
                raise cause
            except Exception as error:
                raise RuntimeError(f"about {SIGV4}") from error
        except RuntimeError as error:
            raise GtSecureError("It failed.") from error

    with pytest.raises(GtSecureError) as caught:
        fail()
    assert_clean("".join(traceback.format_exception(caught.value)))


def test_control_characters_of_an_error_are_visible() -> None:
    error = GtSecureError("a\x1b]0;owned\x07\u202eb", next_step="\x9b2J\nsecond line")
    assert str(error) == "a\ufffd]0;owned\ufffd\ufffdb \ufffd2J\nsecond line"


@pytest.fixture
def records() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def test_debug_logs_hold_no_secret_from_the_first_client_on(
    gt: Connection, records: io.StringIO
) -> None:
    import boto3

    sandbox = gt_secure.connect(endpoint_url=gt.aws.endpoint_url)
    token = boto3.Session().get_credentials().token
    sandbox.workteams()
    url = sandbox.sign("gt-images", sandbox.keys("gt-images")[0], bound_to="203.0.113.7")
    sandbox.probe(url)
    with contextlib.suppress(GtSecureError):
        probe(SIGV2.replace("https://gt-images.s3.amazonaws.com", str(gt.aws.endpoint_url)))
    with contextlib.suppress(GtSecureError):
        sandbox.keys("no-such-bucket-here")
    logged = records.getvalue()
    assert "botocore" in logged or "GET" in logged
    signature = url.reveal().rpartition("X-Amz-Signature=")[2]
    for secret in (signature, SIGNATURE, *([token] if token else [])):
        assert secret not in logged
    assert not [line for line in logged.splitlines() if holds_secret(line)][:3]


def test_a_record_with_arguments_and_a_traceback_is_masked(records: io.StringIO) -> None:
    import boto3

    make_client(
        boto3.Session(aws_access_key_id="x", aws_secret_access_key="y"), "s3", "us-east-1", None
    )
    log = logging.getLogger("urllib3.connectionpool")
    log.debug('%s "GET %s" %s', "http://h", SIGV2, 200)
    try:
        raise ValueError(SIGV4)
    except ValueError:
        log.exception("failed %s", SPELLED)
    log.debug("%d", "not a number")
    assert_clean(records.getvalue())
    assert records.getvalue().count(LEFT_OUT) == 2


def test_ipython_shows_no_secret_in_verbose_mode(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with new_shell() as shell:
        for mode in ("Verbose", "Context", "Plain"):
            shell.run_line_magic("xmode", mode)
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                shell.run_cell(f"import gt_secure\nurl = {SIGV4!r}\ngt_secure.Source.parse(url)")
            shown = out.getvalue()
            assert "presigned URL" in shown
            assert_clean(mask_rendered("") + shown)


def test_pytest_shows_no_secret_with_its_locals(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import logging, gt_secure
        def test_it():
            url = {SIGV4!r}
            old = [{SIGV2!r}]
            print(url)
            logging.getLogger("mine").warning("%s", old)
            gt_secure.Source.parse(url)
        def test_other():
            spelled = {SPELLED!r}
            assert spelled == 1
        """
    )
    for style in ("long", "short", "native", "line"):
        result = pytester.runpytest_inprocess(
            "-l", f"--tb={style}", "-p", "no:cacheprovider", "-rA"
        )
        shown = "\n".join([*result.outlines, *result.errlines])
        assert "2 failed" in shown
        assert_clean(shown)


def test_pytest_shows_no_secret_in_warnings_reasons_logs_and_properties(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        f"""
        import logging, threading, warnings, pytest
        url = {SIGV4!r}
        class Ends:
            def __del__(self):
                raise ValueError(url)
        def fail():
            raise ValueError(url)
        def test_warning():
            warnings.warn(f"old {{url}}")
            warnings.warn("the same line")  # {SIGV2}
        def test_thread():
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        def test_finalizer():
            Ends()
        @pytest.mark.xfail(reason=url)
        def test_known():
            fail()
        def test_log(record_property, caplog):
            logging.getLogger("mine").warning("got %s", url)
            record_property("url", url)
            record_property("SessionToken", {TOKEN!r})
            assert url in caplog.text, "a test sees its own records as they are"
        def test_suite(record_testsuite_property):
            record_testsuite_property("url", url)
            record_testsuite_property("SessionToken", {TOKEN!r})
        """
    )
    result = pytester.runpytest_inprocess(
        "-rA",
        "-p",
        "no:cacheprovider",
        "-o",
        "log_cli=true",
        "-o",
        "junit_logging=all",
        "--junitxml=report.xml",
        "--log-file=all.log",
        "-Wdefault",
    )
    shown = "\n".join([*result.outlines, *result.errlines])
    assert "5 passed" in shown
    assert "1 xfailed" in shown
    assert "warnings summary" in shown
    assert_clean(shown)
    for name in ("report.xml", "all.log"):
        text = (pytester.path / name).read_text(encoding="utf-8")
        assert "***" in text
        assert_clean(text)


@pytest.mark.parametrize("style", ["long", "short", "native"])
def test_pytest_shows_no_quoted_secret_of_botocore(pytester: pytest.Pytester, style: str) -> None:
    pytester.makepyfile(f"""
        def test_it():
            from botocore.credentials import ReadOnlyCredentials
            frozen = ReadOnlyCredentials({KEY_ID!r}, "kJ8sTq2/Lw9ZpXv4NmRb7YcHd1GfUe5+AoIi3QnW", {TOKEN!r})
            pairs = [("X-Amz-Signature", {SIGNATURE!r})]
            assert frozen == 1
        """)
    result = pytester.runpytest_inprocess("-l", f"--tb={style}", "-p", "no:cacheprovider")
    shown = "\n".join([*result.outlines, *result.errlines])
    assert "1 failed" in shown
    assert_clean(shown.replace("kJ8sTq2/", SIGNATURE))


def test_the_magic_repeats_no_url(gt: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    from gt_secure.magics import run_line

    for line in (
        f"plan --allow {SIGV4}",
        f"panel {SIGV4}",
        f"{SIGV4}",
        f"findings --team {SIGV4}",
        f"panel --regon {SIGV2}",
    ):
        with pytest.raises(GtSecureError) as caught:
            run_line(line)
        said = capsys.readouterr()
        assert_clean("".join(caught.value._render_traceback_()) + said.out + said.err)


def test_files_named_by_a_url(tmp_path: Path) -> None:
    from gt_secure.base.files import load

    with pytest.raises(GtSecureError) as caught:
        load(SIGV4)
    assert_clean("".join(traceback.format_exception(caught.value)).replace(SIGV4, ""))


def printed(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


RAISE = f"""
try:
    raise GtSecureError({SIGV4!r}, next_step={SIGV4!r}, details={{"url": {SIGV4!r}}}) from OSError(2, "none", {SIGV4!r})
except GtSecureError as error:
    print(str(error), repr(error), error.to_dict(), *error._render_traceback_())
"""


@pytest.mark.parametrize(
    "statement",
    [
        "from gt_secure.base.errors import GtSecureError",
        (
            "from importlib import import_module; GtSecureError ="
            " import_module('gt_secure.base.errors').GtSecureError"
        ),
        "import gt_secure.engine.iam; GtSecureError = gt_secure.errors.GtSecureError",
        "from gt_secure import logs, errors; GtSecureError = errors.GtSecureError",
        "from gt_secure.cli.main import main; from gt_secure.base.errors import GtSecureError",
    ],
)
def test_an_error_is_masked_however_it_was_imported(statement: str) -> None:
    shown = printed(f"{statement}\n{RAISE}")
    assert_clean(shown)
    assert "X-Amz-Signature=***" in shown


def test_an_error_costs_no_recogniser_until_it_has_a_text() -> None:
    code = (
        "import gt_secure.base.errors, sys; print([x for x in sys.modules if"
        " x.startswith('gt_secure.secrets')])"
    )
    assert printed(code).strip() == "[]"


def test_it_is_public() -> None:
    values = Values()
    assert (
        gt_secure.redact(f"https://h/k?X-Amz-Signature={values.of(HEX, 64)}")
        == "https://h/k?X-Amz-Signature=***"
    )
    assert gt_secure.redact(f"run {values.of(WORD, 12)}") != "run ***"
