"""The command line as people and programs use it: a process, its two streams and its exit code."""

import json
import os
import re
import subprocess

import pytest

from support.rig import Rig

OFFICE, ELSEWHERE = "203.0.113.7", "198.51.100.9"
ROLE = "arn:aws:iam::111122223333:role/GroundTruthExecution"
SECRET = re.compile(r"X-Amz-Signature|X-Amz-Security-Token|\b(AKIA|ASIA)[A-Z0-9]{12}")


@pytest.fixture(scope="module")
def run(tmp_path_factory, sandbox, warm):
    """Run gt-secure against the sandbox; returns exit code, standard output and standard error."""
    home = tmp_path_factory.mktemp("home")
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= sandbox.environment() | {"GT_SECURE_JOURNAL": str(home / "journal"), "HOME": str(home)}

    def call(*args, stdin="", **more):
        command = [warm.bin / "gt-secure", *args]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=env | more, timeout=600
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return call


def test_teams(run):
    code, out, _ = run("teams")
    assert code == 0
    assert "radiology-team" in out
    assert "on (SourceIp)" in out
    assert "none (AWS has none" in out
    code, out, _ = run("teams", "--json")
    data = json.loads(out)
    assert {t["name"]: t["url_lock"] for t in data["workteams"]}["vpc-team"] == "VpcSourceIp"
    assert data["workforce"]["status"] == "Active"


def test_one_team(run):
    code, out, _ = run("teams", "radiology-team")
    assert code == 0
    assert "chest-scans" in out
    code, out, _ = run("teams", "radiology-team", "--json")
    assert json.loads(out)["jobs"][0]["status"] == "InProgress"


def test_the_main_job(run, sandbox, tmp_path):
    wish = ["--team", "open-team", "--allow", "203.0.113.0/24", "s3://gt-images/scans/"]
    code, out, _ = run("plan", *wish, "--json")
    assert code == 2, "changes"
    assert [c["kind"] for c in json.loads(out)["changes"]] == ["bucket-guard", "url-lock"]

    code, out, _ = run(
        "probe", "s3://gt-images/scans/0001.png", "--from", OFFICE, "--from", ELSEWHERE, "--json"
    )
    assert code == 0
    assert [p["status"] for p in json.loads(out)["probes"]] == [200, 200]

    code, out, err = run(
        "apply",
        *wish,
        "--yes",
        "--confirm",
        "url-lock-one-path",
        "--confirm",
        "loses-access:radiology-team",
    )
    assert code == 0, err
    code, _, _ = run("plan", *wish)
    assert code == 0, "nothing left to change"

    code, out, _ = run(
        "probe", "s3://gt-images/scans/0001.png", "--from", OFFICE, "--from", ELSEWHERE, "--json"
    )
    assert code == 0, "each answer is as predicted"
    probes = json.loads(out)["probes"]
    assert [p["status"] for p in probes] == [200, 403]
    assert probes[1]["explanation"]["lock"] == "bucket guard"

    code, _, _ = run(
        "probe", "s3://gt-images/scans/0001.png", "--from", ELSEWHERE, "--expect", "refused"
    )
    assert code == 0

    Rig(sandbox).flush()
    code, out, err = run("hits", "--bucket", "gt-images", "--presigned", "--by", "remote_ip,http_status", "--json",
                         "--stats", "--no-cache")  # fmt: skip
    assert code == 0, err
    counted = {(r["remote_ip"], str(r["http_status"])): r["hits"] for r in json.loads(out)}
    assert counted[(ELSEWHERE, "403")] == 2
    assert counted[(OFFICE, "200")] == 2
    assert json.loads(err)["adds_up"]

    both = ["probe", "s3://gt-images/scans/0001.png", "--from", OFFICE, "--from", ELSEWHERE]
    for words, expected in ((["opened", "refused"], 0), (["refused"], 2), (["opened"] * 2, 2)):
        code, _, _ = run(*both, *(part for word in words for part in ("--expect", word)))
        assert code == expected, words

    plot = tmp_path / "hits.svg"
    code, out, _ = run(
        "plot", "--bucket", "gt-images", "--presigned", "--allow", "203.0.113.0/24", "-o", str(plot)
    )
    assert code == 0
    assert ELSEWHERE in plot.read_text()

    code, out, err = run("probe", "s3://gt-images/scans/0001.png", "--from", ELSEWHERE)
    assert (code, f"Not what you wanted from {ELSEWHERE}? Add the address" in err) == (3, True)
    assert "Exit code 3 tells scripts that not every request was opened." in err
    assert "this machine" in run("probe", "s3://gt-images/scans/0001.png")[1]

    code, out, _ = run("history")
    assert code == 0
    code, out, err = run("undo", "--yes")
    assert (code, out) == (1, "")
    assert "No change is named" in err
    code, out, err = run("undo")
    assert code == 2
    [command] = re.findall(r"'gt-secure (undo \S+)'", out)
    assert "→ no guard: a presigned URL works from anywhere" in out
    code, out, err = run(*command.split(), "--yes")
    assert code == 0, err
    assert run("undo")[0] == 0
    code, out, _ = run("probe", "s3://gt-images/scans/0001.png", "--from", ELSEWHERE)
    assert code == 0


def test_a_url_is_shown_only_when_asked(run, tmp_path):
    target = tmp_path / "url.txt"
    code, out, err = run("sign", "s3://gt-images/scans/0001.png", "-o", str(target))
    assert code == 0
    assert not SECRET.search(out + err)
    assert "X-Amz-Signature" in target.read_text()
    assert target.stat().st_mode & 0o077 == 0
    assert run("sign", "s3://gt-images/scans/0001.png", "-o", str(target))[0] == 64, (
        "never overwrite"
    )
    code, out, err = run("sign", "s3://gt-images/scans/0001.png", "--json")
    assert not SECRET.search(out + err)
    code, out, err = run("sign", "s3://gt-images/scans/0001.png", "--show")
    assert out.startswith("http")
    assert "X-Amz-Signature" in out
    code, out, err = run("inspect", stdin=target.read_text())
    assert code == 0
    assert not SECRET.search(out + err)
    code, out, _ = run("probe", "-", "--from", OFFICE, "--json", stdin=target.read_text())
    assert json.loads(out)["probes"][0]["status"] == 200


def test_bound_urls(run):
    args = (
        "probe",
        "s3://gt-images/scans/0002.png",
        "--bound-to",
        OFFICE,
        "--role-arn",
        ROLE,
        "--json",
    )
    code, out, _ = run(*args, "--from", OFFICE, "--from", ELSEWHERE)
    probes = json.loads(out)["probes"]
    assert [p["status"] for p in probes] == [200, 403]
    assert probes[1]["explanation"]["lock"] == "URL lock"
    assert probes[1]["explanation"]["agrees"] is True
    assert code == 0, "each answer is as predicted"


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("teams", "nonsuch"), "no private workteam"),
        (("teams", "bad name"), "not a workteam name"),
        (("teams", "--region", "moon"), ""),
        (("sign", "gt-images/scans/0001.png"), "not an S3 address"),
        (("sign", "s3://gt-images/nonsuch"), "no object"),
        (
            ("sign", "s3://gt-images/scans/0001.png", "--expires-in", "soon"),
            "not a number of seconds",
        ),
        (("probe", "s3://gt-images/scans/0001.png", "--from", "office"), "not an address"),
        (("plan", "--team", "open-team", "--allow", "203.0.113.7/24"), "host bits"),
        (("plan", "--team", "open-team", "--allow", "10.0.0.0/8", "s3://gt-images"), "private"),
        (("hits", "/nonsuch/folder"), ""),
        (("hits", "--bucket", "gt-logs"), "logging"),
        (("plot", "--bucket", "gt-images", "-o", "x.gif"), "SVG or PNG"),
        (("teams", "--profile", "nonsuch"), "profile"),
        (("inspect",), "no URL on standard input"),
        (("demo", "--out", "x"), "--headless"),
    ],
)
def test_bad_input_is_a_sentence_with_a_next_step(run, args, word):
    code, _, err = run(*args)
    is_missing = args[1:] in (("nonsuch",), ("s3://gt-images/nonsuch",), ("--bucket", "gt-logs"))
    assert code == (1 if is_missing else 64)
    assert word in err
    assert "next:" in err


def test_errors_are_json_where_json_was_asked_for(run):
    code, out, err = run("teams", "nonsuch", "--json")
    assert code == 1
    assert json.loads(out)["error"] == "NotFound"
    assert "no private workteam" in err


def test_verdict_answers_line_by_line(run):
    case = {
        "id": "a",
        "request": {"action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "context": {},
                    "principal": "arn:aws:iam::111122223333:user/u"},
        "identityPolicies": [], "sessionPolicy": None, "resourcePolicy": None,
    }  # fmt: skip
    code, out, _ = run(
        "verdict", stdin=json.dumps(case) + "\nnonsense\n" + json.dumps(case | {"id": 2}) + "\n"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["id"], line["verdict"]) for line in lines] == [
        ("a", "implicit-deny"),
        (None, "invalid"),
        (2, "implicit-deny"),
    ]
    assert all(line["reason"] for line in lines)


def test_who_can_open_it(run):
    args = (
        "who",
        "s3://gt-images/scans/0001.png",
        "--from",
        OFFICE,
        "--from",
        "10.0.3.4 via vpce-0a1b2c3d4e5f60718",
    )
    code, out, _ = run(*args, "--team", "radiology-team", "--json")
    assert code == 0
    data = json.loads(out)
    rows = {
        (row["source"], row["request"]): (row["answer"], row["lock"]) for row in data["answers"]
    }
    assert rows[(OFFICE, "worker")] == ("opened", "")
    assert rows[(OFFICE, "forwarded")] == ("refused", "URL lock")
    assert rows[("10.0.3.4 via vpce-0a1b2c3d4e5f60718", "worker")] == ("refused", "URL lock")
    assert data["requests"][0]["request"] == "worker"
    code, out, _ = run(*args, "--team", "open-team", "--json")
    assert {
        row["answer"]
        for row in json.loads(out)["answers"]
        if row["request"] in ("worker", "forwarded")
    } == {"opened"}
    code, out, _ = run("who", "s3://gt-images/scans/", "--team", "radiology-team")
    assert code == 0
    assert "worker: a worker's own URL" in out
    assert "Everyone behind one NAT shares its public address" in out
    assert run("who")[0] == 64


def test_findings_and_their_exit_code(run):
    code, out, _ = run("findings", "--team", "radiology-team", "s3://gt-images", "--json")
    assert code == 0
    codes = {finding["code"] for finding in json.loads(out)["findings"]}
    assert "portal-public-beside-vpc" in codes
    assert run("findings", "--team", "radiology-team", "--fail-on", "medium")[0] == 2
    assert run("findings", "--team", "radiology-team", "--fail-on", "high")[0] == 0
    assert run("findings", "--team", "radiology-team", "--fail-on", "unknown")[0] == 2
    code, _, err = run("findings")
    assert code == 64
    assert "Neither a team nor a bucket" in err


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (("teams", "radilogy-team"), "Did you mean radiology-team?"),
        (
            ("plan", "--team", "opn-team", "--allow", "203.0.113.0/24", "s3://gt-images"),
            "Did you mean open-team?",
        ),
        (("findings", "s3://gt-imagse"), "Did you mean gt-images?"),
    ],
)
def test_mistyped_teams_and_buckets_are_answered_with_what_is_there(run, args, meant):
    code, _, err = run(*args)
    assert code == 1
    assert meant in err


def test_a_stopped_sandbox_is_named(run):
    code, _, err = run("teams", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert code == 1
    assert "http://127.0.0.1:9" in err
    assert "gt-secure sandbox" in err
    assert "VPC" not in err


NO_ANSWER = (
    "http://127.0.0.1:1/gt-images/scans/0001.png?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261124T120000Z"
    "&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Expires=600"
    "&X-Amz-SignedHeaders=host&X-Amz-Signature=SECRETSIG"
)
"""A URL of a server that is not there."""


@pytest.mark.parametrize(
    ("sources", "expected", "said"),
    [
        (3, ["opened", "refused"], "different numbers of values"),
        (2, ["refused"] * 3, "different numbers of values"),
        (0, ["opened", "refused"], "different numbers of values"),
        (2, ["maybe"], "invalid choice: 'maybe'"),
        (1, ["OPENED"], "invalid choice: 'OPENED'"),
        (1, [""], "invalid choice: ''"),
        (1, ["203.0.113.7=opened"], "invalid choice: '203.0.113.7=opened'"),
    ],
)
def test_an_expected_result_that_cannot_be_compared_is_an_error(run, sources, expected, said):
    words = [part for number in range(sources) for part in ("--from", f"203.0.113.{number}")]
    words += [part for word in expected for part in ("--expect", word)]
    code, out, err = run("probe", "s3://gt-images/scans/0001.png", *words)
    assert (code, out) == (64, "")
    assert said in " ".join(err.split())
    assert "--expect" in err


@pytest.mark.parametrize("expect", ["refused", "opened"])
def test_a_probe_without_an_answer_meets_no_expectation(run, expect):
    code, out, _ = run("probe", "-", "--expect", expect, "--json", stdin=NO_ANSWER)
    assert [each["status"] for each in json.loads(out)["probes"]] == [None]
    assert code == 3
