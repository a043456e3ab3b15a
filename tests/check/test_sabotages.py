"""Sabotages of a notebook that is a test, in many spellings: none is green in any runner while
access is open.

Each notebook was run and written while all was well. Then access opens, wholly or in part, and the
code around an answer, the claim, the place or the promise is what hides it. The ways around a
promise that are left are a table of the guide.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gt_secure import Restriction, connect
from gt_secure.base.errors import GtSecureError
from gt_secure.check import SecretCheck
from gt_secure.sandbox import Sandbox
from support.kernels import NotebookClient
from support.notebook_rig import ASKS, Case, Rig, case

OFFICE, OTHER = "203.0.113.0/24", "198.51.100.0/24"
GUARD = f"check.guard_is_in_place(gt, 'gt-images', addresses='{OFFICE}')"
ANSWERS = {
    "guard": GUARD,
    "team": "check.team_is_restricted(gt, 'open-team')",
    "proof": "gt.prove(R).require()",
    "proved": "assert gt.prove(R).proved",
    "probe": "assert gt.probe(gt.sign('gt-images', 'scans/0001.png'), '198.51.100.9').refused",
    "findings": "gt.findings(bucket='gt-images').require('high')",
}
"""Each passes while all is well, and fails after that."""
RUN = "def run(*_):\n    {}\n"
ASYNC = "import asyncio\nasync def run():\n    {}\n"
HIDERS: dict[str, str] = {
    # its failure is caught
    "three errors": "try:\n    {}\nexcept (AssertionError, TypeError, ValueError) as error:\n    notes = [error]",
    "an exit stack": (
        "from contextlib import ExitStack, suppress\nwith ExitStack() as stack:\n"
        "    stack.enter_context(suppress(BaseException))\n    {}"
    ),
    "a class of its own": (
        "class Quiet:\n    def __enter__(self): pass\n    def __exit__(self, *_): return True\nwith Quiet():\n    {}"
    ),
    "a context of a generator": (
        "from contextlib import contextmanager\n@contextmanager\ndef quiet():\n    try:\n        yield\n"
        "    except Exception:\n        pass\nwith quiet():\n    {}"
    ),
    "a decorator": (
        "def safe(f):\n    def g():\n        try:\n            return f()\n        except Exception:\n"
        "            return None\n    return g\n@safe\ndef run():\n    {}\nrun()"
    ),
    "a warning": "import warnings\ntry:\n    {}\nexcept AssertionError as error:\n    warnings.warn(str(error))",
    "a log": "import logging\ntry:\n    {}\nexcept Exception:\n    logging.exception('later')",
    "a traceback": "import traceback\ntry:\n    {}\nexcept Exception:\n    traceback.print_exc()",
    "retries": "for _ in range(2):\n    try:\n        {}\n        break\n    except Exception:\n        pass",
    "continue in finally": "for _ in [1]:\n    try:\n        {}\n    finally:\n        continue",
    "a group": "try:\n    {}\nexcept* AssertionError:\n    pass",
    "expectedFailure": (
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n    def test(self):\n"
        "        {}\nunittest.TextTestRunner().run(T('test'))"
    ),
    "a runner of tests": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        {}\n"
        "unittest.TextTestRunner().run(T('test'))"
    ),
    "a sub-test": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        with self.subTest():\n"
        "            {}\nT('test').debug if T('test').run(unittest.TestResult()) else None"
    ),
    "a finalizer": "class D:\n    def __del__(self):\n        {}\nd = D()\ndel d",
    "a thread": f"import threading\n{RUN}t = threading.Thread(target=run, daemon=True)\nt.start()\nt.join()",
    "a timer": f"import threading\n{RUN}t = threading.Timer(0, run)\nt.start()\nt.join()",
    "a future": (
        f"from concurrent.futures import ThreadPoolExecutor, wait\n{RUN}with ThreadPoolExecutor() as pool:\n"
        "    wait([pool.submit(run)])"
    ),
    "a fork": (
        "import os\npid = os.fork()\nif pid == 0:\n    try:\n        {}\n    finally:\n        os._exit(0)\nos.waitpid(pid, 0)"
    ),
    "a process": (
        f"import multiprocessing\n{RUN}p = multiprocessing.get_context('fork').Process(target=run)\np.start()\np.join()"
    ),
    "gather": f"{ASYNC}await asyncio.gather(run(), return_exceptions=True)",
    "a task group": (
        f"{ASYNC}try:\n    async with asyncio.TaskGroup() as group:\n        group.create_task(run())\n"
        "except* Exception:\n    pass"
    ),
    "a callback": f"import asyncio\n{RUN}asyncio.get_running_loop().call_soon(run)\nawait asyncio.sleep(0.1)",
    "a cell in the cell": "get_ipython().run_cell({0!r});",
    "exec in try": "try:\n    exec({0!r})\nexcept Exception:\n    pass",
    "without asserts": "try:\n    exec(compile({0!r}, 'x', 'exec', optimize=2))\nexcept Exception:\n    pass",
    # it is not reached
    "a map": f"{RUN}results = map(run, [1])",
    "a filter": f"{RUN}results = filter(run, [1])",
    "a coroutine": f"{ASYNC}coroutine = run()\ncoroutine.close()",
    "a property": "class Checks:\n    @property\n    def run(self):\n        {}\nchecks = Checks()",
    "a name": "if __name__ == '__test__':\n    {}",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {}",
    "a match": "match 'account':\n    case 'sandbox':\n        {}",
    "an else": "try:\n    raise KeyError\nexcept KeyError:\n    pass\nelse:\n    {}",
    "no rows": "import pandas as pd\nfor _ in pd.DataFrame().itertuples():\n    {}",
    "a code": "code = compile({0!r}, 'x', 'exec')",
    "a cache": f"import functools\n{RUN}cached = functools.cache(run)",
    "a file": "import pathlib\npathlib.Path('later.py').write_text({0!r});",
    "a flag": "import argparse\nargs = argparse.Namespace(check=False)\nif args.check:\n    {}",
    "a signal": f"import signal\n{RUN}old = signal.signal(signal.SIGUSR2, run)",
}  # fmt: skip
"""Code around an answer; ``{}`` is the answer."""


class Sabotage(NamedTuple):
    """A notebook before and after, and the world in which it runs again."""

    case: Case
    world: str = "open"
    edit: Callable[[dict[str, Any]], None] | None = None


def hidden(hider: str, answer: str) -> Sabotage:
    template = HIDERS[hider]
    return Sabotage(case(ANSWERS[answer], template.format(ANSWERS[answer])))


def weaker(after: str, world: str = "wide", before: str = GUARD) -> Sabotage:
    return Sabotage(case(before, after), world)


ARGUMENTS = "gt, 'gt-images'"
ACCEPTED = "[{'finding': '*', 'subject': 'gt-images', 'reason': 'Known.', 'until': '2099-01-01'}]"
NO_FINDINGS = "check.no_findings(gt, bucket='gt-images', severity='high')"
PROVE, REQUIRE = "gt.prove(R).require()", ".require()"
FILE = {"version": 1, "checks": [{"check": "guard_is_in_place", "bucket": "gt-images", "addresses": [OFFICE]}]}  # fmt: skip
SHORT = {"version": 1, "checks": [{"check": "guard_is_in_place", "bucket": "gt-images"}]}
NOBODY = json.dumps({"version": 1, "checks": [], "accepted": []})
EVERYBODY = json.dumps(
    {"version": 1, "checks": [], "accepted": [{"finding": "*", "reason": "Known.", "until": "2099-01-01"}]}
)  # fmt: skip


def restriction(*addresses: str) -> str:
    return json.dumps({"version": 1, "bucket": "gt-images", "addresses": addresses})


WEAKER: dict[str, Sabotage] = {
    "no list": weaker(f"check.guard_is_in_place({ARGUMENTS})"),
    "a variable": weaker(f"import os\ncheck.guard_is_in_place({ARGUMENTS}, addresses=os.environ.get('OFFICE'))"),
    "a variable with a default": weaker(
        f"import os\ncheck.guard_is_in_place({ARGUMENTS}, addresses=os.getenv('OFFICE', '{OFFICE},{OTHER}'))"
    ),
    "two lists": weaker(f"check.guard_is_in_place({ARGUMENTS}, addresses=['{OFFICE}', '{OTHER}'])"),
    "a text": weaker(f"check.guard_is_in_place({ARGUMENTS}, addresses='{OFFICE} {OTHER}')"),
    "no keywords": weaker(f"given = {{}}\ncheck.guard_is_in_place({ARGUMENTS}, **given)"),
    "partial": weaker("from functools import partial\npartial(check.guard_is_in_place, gt)('gt-images', addresses=None)"),
    "a series": weaker(
        f"import pandas as pd\ncheck.guard_is_in_place({ARGUMENTS}, addresses=pd.Series(['{OFFICE}', '{OTHER}']))"
    ),
    "it may wait": weaker(f"check.guard_is_in_place.within('1s')({ARGUMENTS})"),
    "only a look": weaker(f"assert check.guard_is_in_place.look({ARGUMENTS}).passed"),
    "a wider proof": weaker(
        f"gt.prove(Restriction(bucket='gt-images', addresses=['{OFFICE}', '{OTHER}'])).require()", before=PROVE
    ),
    "a wider file": weaker(
        f"import json, pathlib\npathlib.Path('r.json').write_text(json.dumps({{'version': 1, 'bucket': 'gt-images', "
        f"'addresses': ['{OFFICE}', '{OTHER}']}}))\ncheck.is_proved(gt, 'r.json')",
        before=PROVE,
    ),
    "a shorter check file": Sabotage(
        case(
            "check.run_file(gt, 'checks.json').require()", files=(json.dumps(FILE), json.dumps(SHORT)),
            name="checks.json",
        ), "wide"
    ),
    "a magic": weaker("%load_ext gt_secure\n%gt_secure check guard-is-in-place s3://gt-images"),
    "a command": weaker("!gt-secure check guard-is-in-place s3://gt-images"),
    "a prefix": weaker(f"check.guard_is_in_place({ARGUMENTS}, prefix='scans/', addresses='{OFFICE}')", "prefix"),
    "a prefix of a parameter": weaker(
        f"PREFIX = 'scans/'\ncheck.guard_is_in_place({ARGUMENTS}, prefix=PREFIX, addresses='{OFFICE}')", "prefix"
    ),
    "a bucket with a prefix": weaker(
        f"check.guard_is_in_place(gt, 's3://gt-images/scans/', addresses='{OFFICE}')", "prefix"
    ),
    "a proof of a prefix": weaker(
        f"gt.prove(Restriction(bucket='gt-images', prefix='scans/', addresses='{OFFICE}')).require()", "prefix", PROVE
    ),
    "findings of a prefix": weaker(
        "check.no_findings(gt, bucket='gt-images', prefix='scans/', severity='high')", "prefix",
        "check.no_findings(gt, bucket='gt-images', severity='high')",
    ),
    "a lower bar": weaker(
        "check.no_findings(gt, bucket='gt-output', severity='high')", "open",
        "check.no_findings(gt, bucket='gt-images', severity='high')",
    ),
    "another origin": weaker(
        "assert gt.probe(gt.sign('gt-images', 'scans/0001.png'), '192.0.2.9').refused", "wide",
        "assert gt.probe(gt.sign('gt-images', 'scans/0001.png'), '198.51.100.9').refused",
    ),
    "an expired URL": weaker(
        "import time\nurl = gt.sign('gt-images', 'scans/0001.png', expires_in=1)\ntime.sleep(2)\n"
        "assert not gt.probe(url, '198.51.100.9').opened",
        "open", ANSWERS["probe"].replace(".refused", ".opened").replace("assert", "assert not"),
    ),
    "an expired URL, or": weaker(
        "import time\nurl = gt.sign('gt-images', 'scans/0001.png', expires_in=1)\ntime.sleep(2)\n"
        "try:\n    assert gt.probe(url, '198.51.100.9').refused\nexcept TypeError:\n    pass",
        "open", ANSWERS["probe"],
    ),
    "accepted by the connection": weaker(
        f"gt = gt_secure.connect(sandbox=True, accepted={ACCEPTED})\n{ANSWERS['findings']}", "open", ANSWERS["findings"]
    ),
    "accepted by the connection of a check": weaker(
        f"gt = gt_secure.connect(sandbox=True, accepted={ACCEPTED})\n{NO_FINDINGS}", "open", NO_FINDINGS
    ),
    "accepted by a copy": weaker(
        f"import dataclasses\ngt = dataclasses.replace(gt, accepted={ACCEPTED})\n{ANSWERS['findings']}", "open",
        ANSWERS["findings"],
    ),
    "a part of the findings": weaker(
        "gt.findings(bucket='gt-images')[:0].require('high')", "open", ANSWERS["findings"]
    ),
    "a proof of another day": weaker(
        "import pickle, pathlib\nproof = pickle.loads(pathlib.Path('proof').read_bytes())\nproof.require()", "open",
        f"import pickle, pathlib\nproof = {PROVE}\npathlib.Path('proof').write_bytes(pickle.dumps(proof))",
    ),
    "findings of another day": weaker(
        "import pickle, pathlib\nfound = pickle.loads(pathlib.Path('found').read_bytes())\nfound.require('high')", "open",
        f"import pickle, pathlib\nfound = {ANSWERS['findings']}\n"
        "found.state = None\npathlib.Path('found').write_bytes(pickle.dumps(found))",
    ),
    "a changed proof": weaker(
        "import dataclasses\nproof = dataclasses.replace(gt.prove(R), proved=True)\nproof.require()", "open", PROVE
    ),
    "a changed probe": weaker(
        "import dataclasses\nprobe = gt.probe(gt.sign('gt-images', 'scans/0001.png'), '198.51.100.9')\n"
        "probe = dataclasses.replace(probe, status=403, error_code='AccessDenied', error_message='Access Denied')\n"
        "assert probe.refused",
        "open", ANSWERS["probe"],
    ),
    "a text with another text": weaker(
        f"class Text(str):\n    def __str__(self): return '{OFFICE}'\n"
        f"check.guard_is_in_place({ARGUMENTS}, addresses=Text('{OFFICE} {OTHER}'))"
    ),
    "a wider file of a command": Sabotage(
        case("!gt-secure prove -f r.json", files=(restriction(OFFICE), restriction(OFFICE, OTHER)), name="r.json"), "wide"
    ),
    "a longer list of a command": Sabotage(
        case("!gt-secure findings s3://gt-images --fail-on high --accepted a.json", files=(NOBODY, EVERYBODY), name="a.json"),
        "open",
    ),
    "the accepted findings": weaker(
        "gt.findings(bucket='gt-images').accepted.require('high')", "open", ANSWERS["findings"]
    ),
    "a skip": weaker("check.guard_is_in_place.skip('gt-images is of another mode')", "open"),
}  # fmt: skip
"""The claim, not the code around it."""
ELSEWHERE: dict[str, str] = {
    "variables": "import os\nos.environ.update({env})\ngt = gt_secure.connect(sandbox=True)\n{answer}",
    "a fallback": (
        "import os\ntry:\n    raise RuntimeError('no credentials')\nexcept RuntimeError:\n"
        "    os.environ.update({env})\n    gt = gt_secure.connect(sandbox=True)\n{answer}"
    ),
    "a file of variables": (
        "import json, os, pathlib\npathlib.Path('env.json').write_text({json!r})\n"
        "os.environ |= json.loads(pathlib.Path('env.json').read_text())\ngt = gt_secure.connect(sandbox=True)\n{answer}"
    ),
    "a context": (
        "from unittest import mock\nimport os\nwith mock.patch.dict(os.environ, {env}):\n"
        "    gt = gt_secure.connect(sandbox=True)\n    {answer}"
    ),
    "another name": (
        "import os\nos.environ.update({env})\nother = gt_secure.connect(sandbox=True)\ngt = other\n{answer}"
    ),
    "a helper": (
        "import os\ndef connected():\n    os.environ.update({env})\n    return gt_secure.connect(sandbox=True)\n"
        "gt = connected()\n{answer}"
    ),
}  # fmt: skip
"""Ways to look at another account, on which all is well."""


def of_promise(change: Callable[[dict[str, Any]], None], *, metadata: bool) -> Sabotage:
    """The answer is gone, and so is a part of the promise."""

    def edit(book: dict[str, Any]) -> None:
        change(book["cells"][-1])
        if not metadata:
            book["metadata"].pop("gt_secure")

    return Sabotage(case(GUARD, "gt"), edit=edit)


def tag(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda cell: cell["metadata"].update(tags=[name])


def as_source(change: Callable[[str], str]) -> Callable[[dict[str, Any]], None]:
    return lambda cell: cell.update(source=change("".join(cell["source"])))


def indented(first: str) -> Callable[[dict[str, Any]], None]:
    return as_source(lambda text: f"{first}\n    " + text.replace("\n", "\n    "))


STATED: dict[str, Sabotage] = {
    "skipped by a tag": of_promise(tag("nbval-skip"), metadata=True),
    "skipped by a tag, alone": of_promise(tag("nbval-skip"), metadata=False),
    "an error that is expected": of_promise(tag("raises-exception"), metadata=True),
    "an error that is expected, alone": of_promise(tag("raises-exception"), metadata=False),
    "a comment of nbval": of_promise(as_source(lambda text: f"# NBVAL_SKIP\n{text}"), metadata=False),
    "commented out": of_promise(
        as_source(lambda text: "# " + text.replace("\n", "\n# ")), metadata=False
    ),
    "raw": of_promise(lambda cell: cell.update(cell_type="raw"), metadata=True),
    "Markdown": of_promise(lambda cell: cell.update(cell_type="markdown"), metadata=True),
    "deleted": of_promise(lambda cell: cell.update(source="1"), metadata=True),
    "in try": of_promise(
        as_source(lambda text: "try:\n    " + text.replace("\n", "\n    ") + "\nexcept AssertionError:\n    pass"),
        metadata=False,
    ),
    "under a condition": of_promise(indented("if False:"), metadata=False),
    "in a function": of_promise(indented("def later():"), metadata=False),
    "with another function": of_promise(
        as_source(lambda text: text.replace("check.promise(", "check.promise = print\ncheck.promise(")), metadata=False
    ),
    "with no claim": of_promise(
        as_source(lambda text: "from gt_secure import check\ncheck.promise()"), metadata=True
    ),
    "metadata alone": of_promise(lambda cell: None, metadata=False),
}  # fmt: skip
"""The promise itself, beside an answer that nobody asks."""


def sabotages(elsewhere: dict[str, str]) -> dict[str, Sabotage]:
    """Return all of them; ``elsewhere`` are the variables of another account."""
    names = [*ANSWERS]
    found = {
        f"{hider}: {answer}": hidden(hider, answer)
        for number, hider in enumerate(HIDERS)
        for answer in (names * 2)[number % len(names) :][:4]
    }
    found |= {f"claim: {name}": each for name, each in WEAKER.items()}
    found |= {f"promise: {name}": each for name, each in STATED.items()}
    return found | {
        f"place: {name}": Sabotage(
            case(
                GUARD,
                text.format(env=repr(elsewhere), json=json.dumps(elsewhere), answer=GUARD),
            )
        )
        for name, text in ELSEWHERE.items()
    }


FEW = (
    *("an exit stack", "a decorator", "retries", "a group", "a runner of tests", "a finalizer"),
    *("a fork", "gather", "a cell in the cell", "without asserts", "a map", "a match"),
    *("claim: a variable", "claim: a prefix", "claim: a wider proof", "claim: an expired URL"),
    *(
        "claim: accepted by the connection",
        "claim: a proof of another day",
        "claim: a changed probe",
    ),
    *("claim: a shorter check file", "place: variables", "place: a fallback"),
    *("promise: skipped by a tag, alone", "promise: in try", "promise: with another function"),
)
"""Those that run in the check tier; the others are slow."""


class Worlds:
    """A sandbox that is closed while notebooks are written, and open after that; and another one,
    of another account, which stays closed.
    """

    def __init__(self, rig: Rig, other: Sandbox) -> None:
        self.rig, self.other = rig, other
        Rig(other, rig.folder).lock()
        self.all = sabotages(dict(other.environment()))

    def close(self) -> None:
        self.rig.unlock()
        self.rig.lock()

    def enter(self, world: str) -> None:
        self.rig.unlock()
        wanted = {"wide": {"addresses": [OFFICE, OTHER]}, "prefix": {"prefix": "scans/"}}
        if world in wanted:
            given: dict[str, Any] = {"addresses": OFFICE, "bucket": "gt-images"} | wanted[world]
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.rig.sandbox.environment().items():
                    patch.setenv(name, value)
                gt = connect(sandbox=self.rig.sandbox)
                gt.apply(gt.plan(Restriction("open-team", **given)), confirm=ASKS)

    def written(self, names: list[str]) -> dict[str, Path]:
        """Write each notebook while all is well, and sabotage it after that."""
        self.close()
        good: dict[Case, dict[str, Any]] = {}
        paths = {}
        for name in names:
            sabotage = self.all[name]
            path = self.rig.place(name, sabotage.case.before, sabotage.case, after=False)
            key = sabotage.case._replace(after=())
            if key not in good:
                self.rig.run(path)
                assert self.rig.promise(path) == "passed", name
                good[key] = json.loads(path.read_text())
            path.write_text(json.dumps(copy.deepcopy(good[key])))
            self.rig.place(name, sabotage.case.after, sabotage.case, after=True)
            self.rig.change(path, sabotage.case.after)
            if sabotage.edit is not None:
                book = json.loads(path.read_text())
                sabotage.edit(book)
                path.write_text(json.dumps(book))
            paths[name] = path
        return paths

    def silent(self, names: list[str], *, everywhere: bool) -> list[str]:
        """Return the sabotages that are green in a runner."""
        paths = self.written(names)
        found = []
        for world in sorted({self.all[name].world for name in names}):
            here = {name: paths[name] for name in names if self.all[name].world == world}
            self.enter(world)
            green = self.rig.green(*here.values())
            found += [f"nbval: {name}" for name, path in here.items() if path.stem in green]
            if everywhere:
                runners = {"nbclient": self.by_nbclient, "a script": self.by_script}
                found += [
                    f"{runner}: {name}"
                    for runner, is_green in runners.items()
                    for name, path in here.items()
                    if is_green(path)
                ]
        return found

    def by_nbclient(self, path: Path) -> bool:
        book = nbformat.read(path, as_version=4)
        place = {"resources": {"metadata": {"path": str(path.parent)}}, "kernel_name": "python3"}
        hook = SecretCheck().after_run
        client = NotebookClient(book, on_notebook_complete=hook, timeout=180, **place)
        try:
            client.execute(env=self.rig.env)
        except (CellExecutionError, DeadKernelError, GtSecureError):
            return False
        return True

    def by_script(self, path: Path) -> bool:
        """Whether the cells as a script end with 0; one with magics, or without the promise that
        it can only have as a cell, is none.
        """
        cells = json.loads(path.read_text())["cells"]
        code = ["".join(each["source"]) for each in cells if each["cell_type"] == "code"]
        text = "\n\n".join(code)
        if any(word in text for word in ("get_ipython", "await ", "%", "\n!", "async with")):
            return False
        if not code[-1].startswith("from gt_secure import check\n\ncheck.promise("):
            return False
        script = path.with_suffix(".py")
        script.write_text(text)
        command = [sys.executable, str(script)]
        done = subprocess.run(command, cwd=path.parent, env=self.rig.env, capture_output=True)
        return done.returncode == 0


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    delays = {"log_delay_s": 0.3, "workforce_delay_s": 0.1}
    with Sandbox(**delays) as sandbox, Sandbox(account="444455556666", **delays) as other:
        rig = Rig(sandbox, tmp_path_factory.mktemp("books"))
        yield Worlds(rig, other)
        rig.close()


@pytest.mark.check
def test_a_few_sabotages_are_loud(worlds: Worlds) -> None:
    assert len(FEW) >= 20
    names = [next(name for name in worlds.all if name.startswith(few)) for few in FEW]
    assert worlds.silent(names, everywhere=False) == []


EACH = 20
NUMBER = len(sabotages({}))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, NUMBER, EACH))
def test_every_sabotage_is_loud_in_each_runner(worlds: Worlds, first: int) -> None:
    assert len(worlds.all) == NUMBER >= 200
    assert worlds.silent([*worlds.all][first : first + EACH], everywhere=True) == []


PROVE_LINE = "gt-secure prove s3://gt-images --allow 203.0.113.0/24"
ORDINARY: dict[str, tuple[str, ...]] = {
    "a script of bash": (f"%%bash\nset -e\n{PROVE_LINE} | tee proof.txt\nwc -l proof.txt",),
    "sh": (f"%%sh\n{PROVE_LINE} > proof.txt",),
    "a child whose output is read": (
        f"import subprocess\nout = subprocess.check_output({PROVE_LINE.split()!r}, text=True)\n"
        "print(out.splitlines()[0])",
    ),
    "a child with pipes": (
        f"import subprocess\nchild = subprocess.Popen({PROVE_LINE.split()!r}, stdout=subprocess.PIPE, "
        "stderr=subprocess.STDOUT)\nchild.communicate()\nassert child.returncode == 0",
    ),
    "a check after a change": (
        f"confirm = {list(ASKS)!r}\ngt.apply(gt.plan(R), confirm=confirm)",
        f"check.guard_is_in_place.within('30s')(gt, 'gt-images', addresses='{OFFICE}')",
    ),
    "a table of answers": (
        "import pandas as pd\nrows = [(ip, gt.probe(gt.sign('gt-images', 'scans/0001.png'), ip).opened)\n"
        "        for ip in ('198.51.100.9', '203.0.113.9')]\nframe = pd.DataFrame(rows, columns=['ip', 'opened'])\n"
        "display(frame)\nassert frame.opened.tolist() == [False, True]",
    ),
    "a look at what is open": ("gt.prove(Restriction(bucket='ml-artifacts', addresses='203.0.113.0/24')).proved", GUARD),
    "two kinds of subjects": (
        "for team in ('radiology-team', 'open-team'):\n    check.team_is_restricted(gt, team)", GUARD
    ),
    "a helper that raises": (
        "def closed(bucket):\n    if not gt.prove(Restriction(bucket=bucket, addresses='203.0.113.0/24')).proved:\n"
        "        raise AssertionError(bucket)\nclosed('gt-images')",
    ),
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertTrue(gt.prove(R).proved)\n"
        "done = unittest.TextTestRunner().run(T('test'))\nassert done.wasSuccessful()",
    ),
}  # fmt: skip


@pytest.mark.check
def test_ordinary_notebooks_are_green(worlds: Worlds) -> None:
    assert len(ORDINARY) >= 10
    worlds.close()
    paths = {}
    for name, sources in ORDINARY.items():
        path = worlds.rig.place(f"good {name}", sources, case(sources), after=False)
        worlds.rig.run(path)
        assert worlds.rig.promise(path) == "passed", name
        paths[name] = path
    green = worlds.rig.green(*paths.values())
    assert [name for name, path in paths.items() if path.stem not in green] == []
