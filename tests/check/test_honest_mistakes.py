"""Mistakes that people make with a notebook that is a test: none is green; notebooks of ordinary
habits are.

Each notebook was run and written while all was well. Then the lock or guard of a subject goes off,
and the mistake is what hides it: a list that shrank, a verdict that nobody asked, a cell that was
copied or deleted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from gt_secure.sandbox import Sandbox
from support.kernels import run_notebooks
from support.notebook_rig import SETUP, Case, Rig, case

TEAMS = "for team in ['radiology-team', 'open-team']:\n    check.team_is_restricted(gt, team)"
PROVE = "gt-secure prove s3://gt-images --allow 203.0.113.0/24"
FAIL_ON = "gt-secure findings s3://gt-images --fail-on critical"
CHECKS = [{"check": "team_is_restricted", "team": each} for each in ("radiology-team", "open-team")]
FILE = json.dumps({"version": 1, "checks": CHECKS})
SHORT = json.dumps({"version": 1, "checks": CHECKS[:1]})
HELPER = "def run(gt, check):\n    " + TEAMS.replace("\n", "\n    ") + "\n"
URL = "url = gt.sign('gt-images', 'scans/0001.png')\n"


OK = "check.team_is_restricted(gt, 'radiology-team')"
LOCK = "gt.workteam({}).url_lock.source_ip"
ALL = f"assert all({LOCK.format('t')} for t in TEAMS)"
ASSERTING = "def test():\n    assert gt.prove(R)"
SKIPPING = (
    "for team in {}:\n    if team == 'vpc-team':\n        check.team_is_restricted.skip('it is of"
    " the VPC')\n        continue\n    check.team_is_restricted(gt, team)"
)


def beside(before: str, after: str | None = None) -> Case:
    """A cell beside one whose check passes all the time."""
    return case((OK, before), (OK, before if after is None else after))


TWO = (
    "T = 'radiology-team'",
    "check.team_is_restricted(gt, T)",
    "T = 'open-team'",
    "check.team_is_restricted(gt, T)",
)
MISTAKES: dict[str, Case] = {
    # an answer that says no is taken for yes
    "assert a proof": case("assert gt.prove(R)"),
    "assert a proof with a name": case("proof = gt.prove(R)\nassert proof"),
    "assert a proof, in words": case("assert gt.prove(R), 'the bucket is open'"),
    "assert all proofs": case("assert all([gt.prove(R)])"),
    "if a proof": case("if not gt.prove(R):\n    raise AssertionError('open')"),
    "a method that is not called": case("assert gt.prove"),
    "a plan": case("assert gt.plan(R)"),
    "no plan": case("assert not gt.plan(R) is None and gt.plan(R)"),
    "a probe": case(f"{URL}assert not gt.probe(url, '198.51.100.9')"),
    "a probe that answers": case(f"{URL}assert gt.probe(url, '198.51.100.9')"),
    "an exposure": case("assert gt.who_can_open('gt-images')"),
    "its answers": case("assert gt.who_can_open('gt-images').at('198.51.100.9')"),
    "no answer": case("assert not gt.who_can_open('gt-images').at('203.0.113.9')"),
    "one answer": case("assert gt.who_can_open('gt-images').at('198.51.100.9')[0]"),
    "a report": case("assert gt.report(since=None)"),
    "a diagnosis": case("from gt_secure.doctor import examine\nassert examine(gt)"),
    "requests": case("assert not gt.hits('gt-images')"),
    "a tuple": case("assert (gt.prove(R), 'the bucket is open')"),
    "or true": case("assert gt.prove(R) or True"),
    "an assert about something else": case(("x = 1\nassert x", f"!{PROVE}")),
    "an assert about the version": case("assert gt_secure.__version__"),
    "an assert about a text": case("assert 'prove'\nproof = gt.prove(R)"),
    "an assert that was deleted": case("assert gt.prove(R)", "gt.prove(R)"),
    "an assert that was commented out": case("assert gt.prove(R)", "proof = gt.prove(R)\n# assert proof"),
    "an assert that was printed": case("assert gt.prove(R)", "print(gt.prove(R))"),
    "require that was deleted": case("gt.prove(R).require()", "gt.prove(R)"),
    "require in a name": case("gt.prove(R).require()", "require = gt.prove(R).require"),
    # a verdict that nobody asks
    "!prove": case(f"!{PROVE}"),
    "!prove to a file": case(f"!{PROVE} > proof.txt"),
    "!prove and nothing": case(f"!{PROVE} > /dev/null 2>&1"),
    "!prove with a pipe": case(f"!{PROVE} | tail -1"),
    "!prove or true": case(f"!{PROVE} || true"),
    "!prove; echo": case(f"!{PROVE}; echo done"),
    "!prove as JSON": case(f"!{PROVE} --json"),
    "!prove, assigned": case(f"lines = !{PROVE}"),
    "system": case(f"get_ipython().system({PROVE!r})"),
    "os.system": case(f"import os\ncode = os.system({PROVE!r})"),
    "subprocess": case(f"import subprocess\nsubprocess.run({PROVE.split()!r})"),
    "subprocess, captured": case(f"import subprocess\nout = subprocess.run({PROVE.split()!r}, capture_output=True)"),
    "bash": case(f"%%bash --no-raise-error\n{PROVE}"),
    "bash or true": case(f"%%bash\n{PROVE} || true"),
    "%prove": case(f"%load_ext gt_secure\n%{PROVE.replace('-', '_', 1)}"),
    "%prove as JSON": case(f"%load_ext gt_secure\n%{PROVE.replace('-', '_', 1)} --json"),
    "%prove, assigned": case(f"%load_ext gt_secure\nproof = %{PROVE.replace('-', '_', 1)}"),
    "%findings": case(f"%load_ext gt_secure\n%{FAIL_ON.replace('-', '_', 1)}"),
    "!findings": case(f"!{FAIL_ON}"),
    "!prove, deleted": case((f"!{PROVE}", TEAMS[:0] + "check.team_is_restricted(gt, 'radiology-team')"), (
        "check.team_is_restricted(gt, 'radiology-team')",
    )),
    "!prove of another bucket": case(f"!{PROVE}", "!gt-secure prove s3://gt-output --allow 0.0.0.0/0 || true"),
    "checks of a program": case("!python beside.py", files=(
        SETUP + "check.guard_is_in_place.look(gt, 'gt-images')", SETUP + "check.guard_is_in_place.look(gt, 'gt-images')"
    ), name="beside.py"),
    # a subject that is not asked any more
    "a list cut": case(TEAMS, TEAMS.replace(", 'open-team'", "")),
    "a slice": case(TEAMS, TEAMS.replace("]:", "][:1]:")),
    "continue": case(TEAMS, TEAMS.replace("    check", "    if team == 'open-team':\n        continue\n    check")),
    "break": case(TEAMS, f"{TEAMS}\n    break"),
    "a condition": case(TEAMS, TEAMS.replace("    check", "    if team.startswith('radio'): check")),
    "an exception that ends the loop": case(
        TEAMS,
        "try:\n    for team in ['radiology-team', 3, 'open-team']:\n        check.team_is_restricted(gt, team + '')\n"
        "except TypeError:\n    pass"
    ),
    "a list in another cell": case(
        ("TEAMS = ['radiology-team', 'open-team']", "for team in TEAMS:\n    check.team_is_restricted(gt, team)"),
        ("TEAMS = ['radiology-team']", "for team in TEAMS:\n    check.team_is_restricted(gt, team)"),
    ),
    "teams of a name": case(
        "for team in gt.workteams():\n    if team.name in ('radiology-team', 'open-team'):\n"
        "        check.team_is_restricted(gt, team)",
        "for team in gt.workteams():\n    if team.name == 'radiology-team':\n"
        "        check.team_is_restricted(gt, team)",
    ),
    "a file of teams": case(
        "for team in open('beside.txt').read().split():\n    check.team_is_restricted(gt, team)",
        files=("radiology-team open-team", "radiology-team"),
    ),
    "zip with a shorter list": case(
        "for team, _ in zip(['radiology-team', 'open-team'], [1, 2]):\n    check.team_is_restricted(gt, team)",
        "for team, _ in zip(['radiology-team', 'open-team'], [1]):\n    check.team_is_restricted(gt, team)",
    ),
    "any in place of all": case(
        "assert all([check.team_is_restricted.look(gt, t) for t in ('radiology-team', 'open-team')])",
        "assert any(check.team_is_restricted.look(gt, t) for t in ('radiology-team', 'open-team'))",
    ),
    "an environment variable": case(
        "import os\nfor team in os.environ.get('TEAMS', 'radiology-team open-team').split():\n"
        "    check.team_is_restricted(gt, team)",
        "import os\nos.environ['TEAMS'] = 'radiology-team'\nfor team in os.environ.get('TEAMS', '').split():\n"
        "    check.team_is_restricted(gt, team)",
    ),
    "a range": case(
        "T = ['radiology-team', 'open-team']\nfor i in range(2):\n    check.team_is_restricted(gt, T[i])",
        "T = ['radiology-team', 'open-team']\nfor i in range(1):\n    check.team_is_restricted(gt, T[i])",
    ),
    "a dictionary with one key": case(
        "T = {'a': 'radiology-team', 'b': 'open-team'}\nfor t in T.values():\n    check.team_is_restricted(gt, t)",
        "T = {'a': 'open-team', 'a': 'radiology-team'}\nfor t in T.values():\n    check.team_is_restricted(gt, t)",
    ),
    "recursion that stops": case(
        "def run(teams):\n    if teams:\n        check.team_is_restricted(gt, teams[0])\n        run(teams[1:])\n"
        "run(['radiology-team', 'open-team'])",
        "def run(teams):\n    if len(teams) > 1:\n        check.team_is_restricted(gt, teams[0])\n"
        "        run(teams[1:])\n"
        "run(['radiology-team', 'open-team'])",
    ),
    "a default": case(
        "def run(team='open-team'):\n    check.team_is_restricted(gt, team)\nrun()\nrun('radiology-team')",
        "def run(team='radiology-team'):\n    check.team_is_restricted(gt, team)\nrun()\nrun('radiology-team')",
    ),
    "twins, one deleted": case(TWO, TWO[:3]),
    "twins, one emptied": case(TWO, (*TWO[:3], "")),
    "twins, both the first": case(TWO, (*TWO[:2], TWO[0], TWO[1])),
    "a copied cell": case(
        ("check.team_is_restricted(gt, 'radiology-team')", "check.team_is_restricted(gt, 'open-team')"),
        ("check.team_is_restricted(gt, 'radiology-team')", "check.team_is_restricted(gt, 'radiology-team')"),
    ),
    "on one line": case(
        "check.team_is_restricted(gt, 'radiology-team'), check.team_is_restricted(gt, 'open-team')",
        "check.team_is_restricted(gt, 'radiology-team')",
    ),
    "a cell that is not the first of its kind, as Markdown": case(TWO, (*TWO[:3], "'check.team_is_restricted(gt, T)'")),
    "in a function that is called once": case(
        "def run(team):\n    check.team_is_restricted(gt, team)\nrun('radiology-team')\nrun('open-team')",
        "def run(team):\n    check.team_is_restricted(gt, team)\nrun('radiology-team')",
    ),
    "a thread pool": case(
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
        "    list(pool.map(lambda t: check.team_is_restricted(gt, t), ['radiology-team', 'open-team']))",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
        "    list(pool.map(lambda t: check.team_is_restricted(gt, t), ['radiology-team']))",
    ),
    "a check file": case("check.run_file(gt, 'checks.json').require()", files=(FILE, SHORT), name="checks.json"),
    "a check file of the magic": case(
        "%load_ext gt_secure\n%gt_secure check -f checks.json", files=(FILE, SHORT), name="checks.json"
    ),
    "a check file of the command": case("!gt-secure check -f checks.json", files=(FILE, SHORT), name="checks.json"),
    "another check file": case(
        "check.run_file(gt, 'checks.json').require()", files=(FILE, FILE), name="checks.json",
        after=f"import pathlib\npathlib.Path('short.json').write_text({SHORT!r})\n"
        "check.run_file(gt, 'short.json').require()",
    ),
    "a helper that returns early": case(
        "import beside\nbeside.run(gt, check)", name="beside.py",
        files=(HELPER, HELPER.replace("check):\n", "check):\n    return\n")),
    ),
    "a helper with a shorter list": case(
        "from beside import run\nrun(gt, check)", name="beside.py", files=(HELPER, HELPER.replace(", 'open-team'", ""))
    ),
    "%run": case("%run -i beside.py", name="beside.py", files=(TEAMS, "pass")),
    "exec": case("exec(open('beside.txt').read())", files=(TEAMS, "pass")),
    "eval": case("eval(open('beside.txt').read())", files=("check.team_is_restricted(gt, 'open-team')", "None")),
    # another check in its place
    "another check": case("check.guard_is_in_place(gt, 'gt-images')", "check.team_is_restricted(gt, 'radiology-team')"),
    "a check that fails, taken as expected": case(
        "check.guard_is_in_place(gt, 'gt-images')", "check.guard_is_in_place.fails(gt, 'gt-images')"
    ),
    "a note in place of a check": case(
        ("check.guard_is_in_place(gt, 'gt-images')", "1 + 1"), ("# check.guard_is_in_place(gt, 'gt-images')", "1 + 1")
    ),
    "a prefix": case(
        "check.no_findings(gt, bucket='gt-images', severity='critical')",
        "check.no_findings(gt, bucket='gt-images', prefix='nothing/', severity='critical')",
    ),
    # beside a check that passes: an assert that cannot fail, or is not reached, or asks fewer
    # subjects
    "is not None": beside("assert gt.prove(R) is not None"),
    "a list of a proof": beside("assert [gt.prove(R)]"),
    "a dictionary": beside("assert {'proof': gt.prove(R)}"),
    "!= False": beside("assert gt.prove(R) != False"),
    "a text": beside("assert str(gt.prove(R))"),
    "an f-string": beside("assert f'{gt.prove(R)}'"),
    "a function with an assert, its call deleted": beside(f"{ASSERTING}\ntest()", ASSERTING),
    "asserts in a loop, the list cut": beside(
        f"for t in ['radiology-team', 'open-team']:\n    assert {LOCK.format('t')}",
        f"for t in ['radiology-team']:\n    assert {LOCK.format('t')}",
    ),
    "asserts in try": beside(
        f"for t in ['radiology-team', 'open-team']:\n    try:\n        assert {LOCK.format('t')}\n"
        "    except AssertionError:\n        print('open')"
    ),
    "assert all, the list cut in another cell": case(
        (OK, "TEAMS = ['radiology-team', 'open-team']", ALL), (OK, "TEAMS = ['radiology-team']", ALL)
    ),
    "assert all of nothing": case((OK, "TEAMS = ['radiology-team', 'open-team']", ALL), (OK, "TEAMS = []", ALL)),
    "an assert about a team of another cell": case(
        (OK, "T = 'open-team'", f"assert {LOCK.format('T')}"),
        (OK, "T = 'radiology-team'", f"assert {LOCK.format('T')}"),
    ),
    "unittest that exits with nothing": beside(
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertTrue(gt.prove(R))\n"
        "unittest.main(argv=['x'], exit=False)"
    ),
    "an assert of numpy": beside(
        "import numpy as np\ntry:\n    np.testing.assert_(bool(gt.prove(R)))\nexcept AssertionError as error:\n"
        "    print(error)"
    ),
    "if and print": beside("if not gt.prove(R):\n    print('open')"),
    "a log": beside(
        "import logging\nproof = gt.prove(R)\nlogging.error('open') if not proof else logging.info('fine')"
    ),
    "skipped for another team": case(
        SKIPPING.format("['radiology-team', 'open-team', 'vpc-team']"),
        SKIPPING.format("['radiology-team', 'vpc-team']"),
    ),
    "skipped where it fails": case(
        TEAMS,
        "for team in ['radiology-team', 'open-team']:\n    if gt.workteam(team).url_lock.source_ip:\n"
        "        check.team_is_restricted(gt, team)\n    else:\n"
        "        check.team_is_restricted.skip('it is being set up')",
    ),
    "the promise in a comment": case(TEAMS, TEAMS.replace(", 'open-team'", "") + "\n# the promise is below"),
}  # fmt: skip
FEW = (
    *(
        "assert a proof",
        "!prove",
        "%prove",
        "a list cut",
        "twins, one deleted",
        "a check file",
        "exec",
        "a plan",
    ),
    *("is not None", "assert all of nothing", "skipped for another team", "if and print"),
)
"""Those that run in the check tier; the others are slow."""

GOOD: dict[str, Case] = {
    "a loop": case(TEAMS),
    "assert a proof": case("assert gt.prove(R)"),
    "a proof and its member": case("proof = gt.prove(R)\nassert proof.proved, proof.counterexample"),
    "an empty plan": case(("plan = gt.plan(R)\nassert plan.empty", "check.promise()")),
    "answers": case(
        ("assert gt.who_can_open('gt-images').at('198.51.100.9')[0].answer == 'refused'", "check.promise()")
    ),
    "a probe": case(f"{URL}assert not gt.probe(url, '198.51.100.9').opened"),
    "a refused probe": case(f"{URL}assert gt.probe(url, '198.51.100.9').refused"),
    "require": case("gt.prove(R).require()"),
    "!prove": case(f"!{PROVE}"),
    "%%bash": case(f"%%bash\n{PROVE}"),
    "%%sh": case(f"%%sh\n{PROVE}"),
    "a child": case(f"import subprocess\nsubprocess.run({PROVE.split()!r}, check=True)"),
    "a child, captured": case(
        f"import subprocess\nout = subprocess.run({PROVE.split()!r}, capture_output=True, check=True)"
    ),
    "%prove": case(f"%load_ext gt_secure\n%{PROVE.replace('-', '_', 1)}"),
    "%prove, assigned and asked": case(
        f"%load_ext gt_secure\nproof = %{PROVE.replace('-', '_', 1)}\nassert proof.proved"
    ),
    "!check": case("!gt-secure check team-is-restricted --team radiology-team"),
    "a check file": case("check.run_file(gt, 'checks.json').require()", files=(FILE, FILE), name="checks.json"),
    "by keyword": case("check.team_is_restricted(gt=gt, team='radiology-team')"),
    "an expected failure": case(
        "check.guard_is_in_place.fails(gt, 'gt-output')\ncheck.guard_is_in_place(gt, 'gt-images')"
    ),
    "help": case("help(check.no_findings)\ncheck.guard_is_in_place(gt, 'gt-images')"),
    "a plan in a comment": case(
        "# TODO: add check.no_findings(gt) once the team is ready\n# TODO: check.no_leaked_urls(hits)\n"
        "check.guard_is_in_place(gt, 'gt-images')"
    ),
    "for one mode": case(
        "ON_AWS = False\nif ON_AWS:\n    check.no_leaked_urls(gt.hits('gt-images'))\nelse:\n"
        "    check.no_leaked_urls.skip('the sandbox has no log yet')\ncheck.guard_is_in_place(gt, 'gt-images')"
    ),
    "in a thread": case("import asyncio\nawait asyncio.to_thread(check.guard_is_in_place, gt, 'gt-images')"),
    "timed and captured": case(("%%time\ncheck.guard_is_in_place(gt, 'gt-images')", "%%capture\n" + TEAMS)),
    "laid out anew": case(
        "check.guard_is_in_place( gt,'gt-images' )", "check.guard_is_in_place(gt, 'gt-images')  # ruff"
    ),
    "in a helper": case("import beside\nbeside.run(gt, check)", files=(HELPER, HELPER), name="beside.py"),
    "plots and nothing else": case(("gt.plan(R)", "check.promise()")),
    "a program": case("!python beside.py", files=(SETUP + TEAMS,) * 2, name="beside.py"),
    "the same check twice": case((TEAMS, TEAMS)),
    "a table of results": case(
        "import pandas as pd\nteams = ('radiology-team', 'open-team')\n"
        "results = [check.team_is_restricted.look(gt, t) for t in teams]\n"
        "display(pd.DataFrame([r.to_dict() for r in results]))\nassert all(results)"
    ),
    "asserts in a loop": beside(f"for t in ['radiology-team', 'open-team']:\n    assert {LOCK.format('t')}, t"),
    "a function with an assert": beside(
        "def test_bucket(restriction):\n    proof = gt.prove(restriction)\n"
        "    assert proof.proved, proof.counterexample\ntest_bucket(R)"
    ),
    "an open one, then a closed one": beside(
        "one = gt.prove(Restriction(bucket='ml-artifacts', addresses='203.0.113.0/24'))\nprint(one.proved)\n"
        "assert not one.proved\nassert gt.prove(R)"
    ),
    "an expected exception": beside(
        "from gt_secure.errors import NotFound\ntry:\n    gt.workteam('nobody')\nexcept NotFound as error:\n"
        "    print(error)\nelse:\n    raise AssertionError('it is there')"
    ),
    "gather": case(
        "import asyncio\nawait asyncio.gather(*[asyncio.to_thread(check.team_is_restricted, gt, t) "
        "for t in ('radiology-team', 'open-team')])"
    ),
    "partial": case(
        "from functools import partial\nfor run in [partial(check.team_is_restricted, gt, 'open-team'), "
        "partial(check.guard_is_in_place, gt, 'gt-images')]:\n    run()"
    ),
    "a class of tests": case(
        "class Teams:\n    teams = ['radiology-team', 'open-team']\n    def run(self):\n"
        "        for team in self.teams:\n            check.team_is_restricted(gt, team)\nTeams().run()"
    ),
    "a time and a temporary file": beside(
        "import tempfile, time, pathlib\npath = pathlib.Path(tempfile.mkdtemp()) / f'plan-{time.time()}.json'\n"
        "plan = gt.plan(R)\npath.write_text(str(plan.empty))\nassert path.exists() and plan.empty"
    ),
    "a probe of each address": beside(
        f"{URL}for ip in ('198.51.100.9', '192.0.2.7'):\n    assert not gt.probe(url, ip).opened, ip"
    ),
    "autoreload and a plot": beside(
        "%load_ext autoreload\n%autoreload 2\n%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    ),
    "match and a walrus": case(
        "match [t.name for t in gt.workteams() if 'open' in t.name]:\n    case [name]:\n"
        "        if (result := check.team_is_restricted.look(gt, name)).passed:\n            print('fine')\n"
        "        result.require()"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Sandbox(log_delay_s=0.3, workforce_delay_s=0.1) as sandbox:
        rig = Rig(sandbox, tmp_path_factory.mktemp("books"))
        yield rig
        rig.close()


def silent(rig: Rig, names: list[str]) -> list[str]:
    """Return the mistakes that are green after the guard and the lock went off."""
    rig.lock()
    paths = {
        name: rig.place(name, MISTAKES[name].before, MISTAKES[name], after=False) for name in names
    }
    for path in paths.values():
        rig.run(path)
        rig.promise(path)
    rig.unlock()
    for name, path in paths.items():
        rig.place(name, MISTAKES[name].after, MISTAKES[name], after=True)
        rig.change(path, MISTAKES[name].after)
    green = rig.green(*paths.values())
    return [name for name, path in paths.items() if path.stem in green]


def test_a_few_mistakes_are_loud(rig: Rig) -> None:
    assert silent(rig, list(FEW)) == []


@pytest.mark.slow
def test_every_mistake_is_loud(rig: Rig) -> None:
    assert len(MISTAKES) >= 100
    assert silent(rig, list(MISTAKES)) == []


def red(rig: Rig, names: list[str]) -> list[str]:
    """Return the good notebooks that are not green while all is well."""
    rig.lock()
    paths = {
        name: rig.place(f"good {name}", GOOD[name].before, GOOD[name], after=False)
        for name in names
    }
    written = {}
    for name, path in paths.items():
        rig.run(path)
        written[name] = rig.promise(path)
        rig.place(f"good {name}", GOOD[name].after, GOOD[name], after=True)
        if GOOD[name].after != GOOD[name].before:
            rig.change(path, GOOD[name].after)
    green = rig.green(*paths.values())
    return [
        name for name, path in paths.items() if path.stem not in green or written[name] != "passed"
    ]


@pytest.mark.slow
def test_notebooks_of_ordinary_habits_are_green(rig: Rig) -> None:
    assert len(GOOD) >= 34
    assert red(rig, list(GOOD)) == []


RUNNERS = {
    "nbclient": (
        "-c",
        "import sys, nbclient, nbformat; nbclient.execute(nbformat.read(sys.argv[1], 4))",
    ),
    "papermill": (
        "-m",
        "papermill",
        "--engine",
        "gt_secure",
        "-k",
        "python3",
        "--start-timeout",
        "300",
    ),
    "nbconvert": ("-m", "nbconvert", "--to", "notebook", "--execute", "--output", "out"),
}


@pytest.mark.slow
@pytest.mark.parametrize("runner", RUNNERS)
def test_other_runners_are_green_too(rig: Rig, runner: str) -> None:
    rig.lock()
    failed = []
    for name, good in GOOD.items():
        path = rig.place(f"{runner} {name}", good.before, good, after=False)
        rig.run(path)
        assert rig.promise(path) == "passed", name
        out = ["out.ipynb"] if runner == "papermill" else []
        command = [sys.executable, *RUNNERS[runner], path.name, *out]
        done = run_notebooks(command, cwd=path.parent, env=rig.env, timeout=300)
        failed += [name] if done.returncode else []
    assert failed == []
