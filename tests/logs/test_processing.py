"""Spark as a Processing job: what is asked, sent, followed and read. ``test_spark.py`` runs the script on Spark."""

from __future__ import annotations

import ast
import gzip
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gt_secure.cli.main import main
from gt_secure.errors import GtSecureError, InvalidInput, LogError, MissingExtra, NotFound
from gt_secure.logs import JobProgress, Processing, ProcessingEstimate, count_hits, read_hits
from gt_secure.logs.engines import processing as processing_module
from gt_secure.logs.engines import processing_script, processing_sdk
from gt_secure.logs.engines import selection as engines
from gt_secure.logs.storage.listing import day_start
from support.processing_job import End, JobS3, Processor, connection

FOLDER = "s3://gt-results/spark/"
LOG = "s3://gt-logs/s3/"
RANGE = {"since": "2026-11-20T06:00", "until": "2026-11-20T18:00"}


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing_module, "FIRST_WAIT_S", 0.0)


@pytest.fixture
def s3() -> JobS3:
    bucket = JobS3()
    for day in ("2026-10-01", "2026-11-20", "2026-11-21"):
        bucket.put("gt-logs", f"s3/{day}-11-00-00-ABCDEF", b"x" * 100)
    return bucket


def answers(*rows: list[str | None], state: str = "Completed") -> End:
    """The end of a job that wrote these rows, a part each, beside Spark's markers."""

    def end(s3: JobS3, job: str) -> str:
        bucket, _, key = job.removeprefix("s3://").partition("/")
        for n, row in enumerate(rows):
            s3.put(bucket, f"{key}answer/part-{n:05d}.txt.gz", gzip.compress(json.dumps(row).encode() + b"\n"))
        s3.put(bucket, f"{key}answer/_SUCCESS", b"")
        s3.put(bucket, f"{key}answer/_committed", b"not a row")
        return state

    return end


def hit(status: int, number: int) -> list[str | None]:
    return ["hit", str(status), str(number), "2026-11-20 09:00:00", "2026-11-20 10:00:00", None]


UNREADABLE = ["unreadable", None, "1", None, None, "s3://gt-logs/s3/x\nnot a record"]


def count(s3: JobS3, processor: Processor, by: str = "http_status", log: Any = LOG, **more: Any) -> Any:
    settings = more.pop("settings", None) or Processing(folder=FOLDER, processor=processor, yes=True)
    return count_hits(log, by, engine="spark", processing=settings, aws=connection(s3), **more)


def question(s3: JobS3, processor: Processor) -> dict[str, Any]:
    [key] = [key for _, key in s3.objects if key.endswith("question.json")]
    return json.loads(s3.objects["gt-results", key][0])  # type: ignore[no-any-return]


def test_the_answer_and_its_coverage(s3: JobS3) -> None:
    processor = Processor(s3, answers(hit(200, 5), hit(403, 2), UNREADABLE), "InProgress", "InProgress")
    told: list[JobProgress] = []
    table, coverage = count(s3, processor, progress=told.append)
    assert table.rows == [(200, 5), (403, 2)]
    assert (coverage.engine, coverage.hits, coverage.unreadable, coverage.lines) == ("spark", 7, 1, 8)
    assert (coverage.objects, coverage.bytes) == (3, 300)
    assert [sample.text for sample in coverage.samples] == ["not a record"]
    [run] = processor.runs
    job = run["job_name"]
    assert run == {
        "submit_app": f"{FOLDER}{job}/script.py", "arguments": [f"{FOLDER}{job}/"], "job_name": job, "wait": False,
        "logs": False,
    }  # fmt: skip
    assert [state.state for state in told] == ["InProgress", "InProgress", "Completed"]
    assert told[0].sentence.startswith(f"Processing job {job}: InProgress, ")
    assert any(f"Processing job {job}" in note and f"{FOLDER}{job}/" in note for note in coverage.notes)
    assert processor.client.stopped == []
    script = s3.objects["gt-results", f"spark/{job}/script.py"][0]
    assert script == Path(processing_script.__file__).read_bytes()


def test_only_the_days_of_the_range_are_read(s3: JobS3) -> None:
    processor = Processor(s3, answers(hit(200, 1)))
    count(s3, processor, **RANGE)
    asked = question(s3, processor)
    assert asked["paths"] == ["s3://gt-logs/s3/2026-11-20*", "s3://gt-logs/s3/2026-11-21*"]
    assert "TIMESTAMP '2026-11-20 06:00:00'" in asked["sql"]
    assert asked["most"] == 2_000_001


@pytest.mark.parametrize(
    ("log", "paths"),
    [
        (LOG, ["s3://gt-logs/s3/"]),
        ("s3://gt-logs", ["s3://gt-logs/"]),
        ("s3://gt-logs/s", ["s3://gt-logs/s*"]),
        ([LOG, "s3://more/{a}[b]*,?\\"], ["s3://gt-logs/s3/", "s3://more/\\{a\\}\\[b\\]\\*\\,\\?\\\\*"]),
    ],
)
def test_addresses_as_hadoop_reads_them(s3: JobS3, log: Any, paths: list[str]) -> None:
    s3.put("more", "{a}[b]*,?\\x", b"x")
    processor = Processor(s3, answers(hit(200, 1)))
    count(s3, processor, log=log)
    assert question(s3, processor)["paths"] == paths


@pytest.mark.parametrize(
    ("key", "start"),
    [
        ("s3/2026-11-20-11-00-00-ABC", "s3/2026-11-20"),
        ("s3/1111/us-east-1/b/2026/11/20/2026-11-20-11-00-00-ABC", "s3/1111/us-east-1/b/2026/11/20/"),
        ("s3/other", "s3/"),
        ("s3/2026-11-20-short", "s3/"),
    ],
)
def test_the_day_of_a_key(key: str, start: str) -> None:
    assert day_start(key, "s3/") == start


def test_a_key_without_a_day_makes_it_read_everything_once(s3: JobS3) -> None:
    s3.put("gt-logs", "s3/2026-11-20-odd", b"x")
    processor = Processor(s3, answers(hit(200, 1)))
    count(s3, processor, **RANGE)
    assert len(question(s3, processor)["paths"]) == len(set(question(s3, processor)["paths"]))


def test_nothing_runs_without_a_yes(s3: JobS3) -> None:
    asked: list[ProcessingEstimate] = []
    processor = Processor(s3, answers(hit(200, 1)))
    base = {"folder": FOLDER, "processor": processor, "usd_per_hour": 0.5}
    with pytest.raises(InvalidInput, match="not confirmed") as caught:
        count(s3, processor, settings=Processing(**base))
    assert caught.value.field == "yes"
    with pytest.raises(LogError, match="answered with no"):
        count(s3, processor, settings=Processing(**base, confirm=lambda estimate: bool(asked.append(estimate))))
    assert processor.runs == []
    assert [key for bucket, key in s3.objects if bucket == "gt-results"] == []
    [estimate] = asked
    assert (estimate.objects, estimate.bytes, estimate.usd, estimate.hours) == (3, 300, 0.75, 0.5)
    assert "Spark on 3 instances of ml.m5.2xlarge for at most 0.5 h" in estimate.sentence
    assert "at most 0.75 USD" in estimate.sentence
    assert "as arn:aws:iam::111122223333:role/Job" in estimate.sentence
    table, _ = count(s3, processor, settings=Processing(**base, confirm=lambda _: True))
    assert table.rows == [(200, 1)]


def test_a_failed_job_says_why(s3: JobS3) -> None:
    def fails(bucket: JobS3, job: str) -> str:
        key = job.removeprefix("s3://gt-results/")
        bucket.put("gt-results", f"{key}error/part-00000.txt", b"[PATH_NOT_FOUND] no such path\n")
        return "Failed"

    processor = Processor(s3, fails)
    with pytest.raises(LogError, match=r"gt-secure-\w+ failed: \[PATH_NOT_FOUND\] no such path") as caught:
        count(s3, processor)
    assert "/aws/sagemaker/ProcessingJobs" in caught.value.next_step
    processor = Processor(s3, lambda *_: "Failed")
    processor.client.more = {"FailureReason": "AlgorithmError: X-Amz-Signature=" + "0" * 64}
    with pytest.raises(LogError, match="AlgorithmError") as caught:
        count(s3, processor)
    assert "0" * 64 not in str(caught.value)
    with pytest.raises(LogError, match="was stopped: no reason given"):
        count(s3, Processor(s3, lambda *_: "Stopped"))


@pytest.mark.parametrize("by", ["cancel", "interrupt"])
def test_what_costs_is_stopped(s3: JobS3, by: str) -> None:
    cancel = threading.Event()
    processor = Processor(s3, answers(hit(200, 1)), *["InProgress"] * 5)

    def progress(_: JobProgress) -> None:
        if by == "interrupt":
            raise KeyboardInterrupt
        cancel.set()

    with pytest.raises(KeyboardInterrupt if by == "interrupt" else LogError):
        count(s3, processor, progress=progress, cancel=cancel)
    assert processor.client.stopped == [processor.runs[0]["job_name"]]


@pytest.mark.parametrize(
    ("log", "error", "text"),
    [
        ("a.log", InvalidInput, "reads s3:// prefixes"),
        ([], InvalidInput, "reads s3:// prefixes"),
        ("s3://gt-logs/none/", NotFound, "No log objects under s3://gt-logs/none/"),
        ("s3://gt-results/", InvalidInput, "inside the log location"),
    ],
)
def test_sources_that_cannot_be_read(s3: JobS3, log: Any, error: type[GtSecureError], text: str) -> None:
    processor = Processor(s3, answers())
    with pytest.raises(error, match=text) as caught:
        count(s3, processor, log=log)
    assert caught.value.next_step
    assert processor.runs == []


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"folder": "gt-results"}, "folder"),
        ({"folder": "s3://gt-results/a b/"}, "folder"),
        ({"folder": "s3://Upper/x"}, "folder"),
        ({"instances": 0}, "instances"),
        ({"instance_type": "m5.xlarge"}, "instance_type"),
        ({"spark_version": "3.3"}, "spark_version"),
        ({"spark_version": "new"}, "spark_version"),
        ({"usd_per_hour": -1.0}, "usd_per_hour"),
        ({"timeout_s": 5}, "timeout_s"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Processing(**{"folder": FOLDER, **settings})
    assert caught.value.field == field
    assert caught.value.next_step


def test_what_does_not_go_together(s3: JobS3) -> None:
    settings = Processing(folder=FOLDER, yes=True)
    for options, text in (
        ({"engine": "duckdb"}, "processing= is for the spark engine"),
        ({"engine": "athena"}, "processing= is for the spark engine"),
        ({"session": object()}, "both are given"),
    ):
        with pytest.raises(InvalidInput, match=text):
            read_hits(LOG, processing=settings, aws=connection(s3), **options)
    with pytest.raises(InvalidInput, match="needs a connection to AWS"):
        read_hits(LOG, engine="spark", processing=settings, aws=s3)


def test_auto_takes_it_above_the_limit(s3: JobS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "DUCKDB_UP_TO", 200)
    processor = Processor(s3, answers(hit(200, 1)))
    settings = Processing(folder=FOLDER, processor=processor, yes=True)
    _, coverage = count_hits(LOG, "http_status", processing=settings, aws=connection(s3))
    assert coverage.engine == "spark"
    assert "settings for a Processing job were given" in coverage.engine_reason
    assert len(processor.runs) == 1


class PipelineSession:
    sagemaker_client = None


class LocalSession(PipelineSession):
    local_mode = True


@pytest.mark.parametrize("session", [PipelineSession(), LocalSession()], ids=lambda each: type(each).__name__)
def test_sessions_that_run_nothing_on_sagemaker(s3: JobS3, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing_sdk, "_imported", lambda *_: Processor)
    settings = Processing(folder=FOLDER, role="arn:aws:iam::111122223333:role/Job", sagemaker_session=session, yes=True)
    with pytest.raises(InvalidInput, match=f"A {type(session).__name__} does not run jobs") as caught:
        count(s3, Processor(s3, answers()), settings=settings)
    assert caught.value.field == "sagemaker_session"


def test_what_is_no_processor(s3: JobS3) -> None:
    with pytest.raises(InvalidInput, match="str is not a PySparkProcessor"):
        count(s3, Processor(s3, answers()), settings=Processing(folder=FOLDER, processor="me", yes=True))


class OldProcessor:
    """PySparkProcessor of an SDK that is older than the image of Spark 3.5."""

    def __init__(self, *, framework_version: str | None = None, image_uri: str | None = None, **_: Any) -> None:
        if image_uri is None and framework_version not in ("3.2", "3.3"):
            raise ValueError(f"Unsupported spark version: {framework_version}.")
        self.image_uri = image_uri or f"1.dkr.ecr/sagemaker-spark-processing:{framework_version}-cpu"


@pytest.mark.parametrize(
    ("settings", "image"),
    [
        ({}, "1.dkr.ecr/sagemaker-spark-processing:3.5-cpu"),
        ({"image_uri": "2.dkr.ecr/own:1"}, "2.dkr.ecr/own:1"),
        ({"spark_version": "9.9"}, None),
    ],
)
def test_an_sdk_older_than_the_image(
    s3: JobS3, settings: dict[str, str], image: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing_sdk, "_imported", lambda _, name: OldProcessor if "Spark" in name else Processor)
    monkeypatch.setattr(processing_sdk, "_session", lambda *_: None)
    wanted = Processing(folder=FOLDER, role="arn:aws:iam::111122223333:role/spark", yes=True, **settings)  # type: ignore[arg-type]
    if image is None:
        with pytest.raises(InvalidInput, match=r"9\.9"):
            processing_sdk.processor_of(connection(s3), wanted)
    else:
        assert processing_sdk.processor_of(connection(s3), wanted).sdk.image_uri == image


def test_without_the_sdk_it_says_what_to_install(s3: JobS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sagemaker", "sagemaker.spark.processing", "sagemaker.core.spark.processing"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails, installed or not
    settings = Processing(folder=FOLDER, role="arn:aws:iam::111122223333:role/Job", yes=True)
    with pytest.raises(MissingExtra, match="SageMaker SDK, which is not installed") as caught:
        count(s3, Processor(s3, answers()), settings=settings)
    assert "gt_secure[sagemaker]" in caught.value.next_step


def test_the_script_stands_alone() -> None:
    """The first images with Spark 3.5 have Python 3.9, and none has gt_secure."""
    tree = ast.parse(Path(processing_script.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in ([each.name for each in node.names] if isinstance(node, ast.Import) else
                     [node.module or "."] if isinstance(node, ast.ImportFrom) else [])
    }  # fmt: skip
    assert modules == {"__future__", "argparse", "json", "typing", "pyspark"}
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))


@pytest.mark.parametrize(
    ("version", "old"), [("3.4.3", True), ("3.5.0", False), ("3.5.4-amzn-0", False), ("4.1.0", False), ("", True)]
)
def test_versions_of_spark(version: str, old: bool) -> None:
    assert processing_script.is_old(version) is old


def test_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, s3: JobS3) -> None:
    import gt_secure.aws.client as client_module

    monkeypatch.setattr(client_module, "connect_aws", lambda **_: connection(s3))
    processor = Processor(s3, answers(hit(200, 5)))
    made: list[Processing] = []

    def of(aws: Any, settings: Processing) -> Any:
        made.append(settings)
        return processing_sdk._given(processor)

    monkeypatch.setattr(processing_module, "processor_of", of)
    command = ["hits", LOG, "--by", "http_status", "--engine", "spark", "--processing-folder", FOLDER,
               "--processing-role", "arn:aws:iam::111122223333:role/Job", "--processing-instances", "4",
               "--processing-instance-type", "ml.r5.xlarge", "--processing-image", "1.dkr.ecr/spark:4"]  # fmt: skip
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "A SageMaker Processing job would run Spark" in said
    assert "Add --yes to run it." in said
    assert main([*command, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"http_status": 200, "hits": 5}]
    settings = made[-1]
    assert (settings.instances, settings.instance_type, settings.image_uri) == (4, "ml.r5.xlarge", "1.dkr.ecr/spark:4")
    assert main(["hits", LOG, "--engine", "spark", "--processing-folder", "gt-results"]) == 1
    said = capsys.readouterr().err
    assert "Write s3://bucket/prefix/" in said
    assert main(["hits", LOG, "--follow", "--processing-folder", FOLDER]) == 1
    assert "--processing-folder cannot be combined with --follow" in capsys.readouterr().err
