"""Mutation check of what decides verdicts: change one operator or constant at a time, and see whether a test notices.

    python tools/mutants.py [--modules engine/iam/wildcards.py,findings/run.py] [--most 200] [--seed 1] [--minutes 60]
    python tools/mutants.py --table     # the survivors that are known, as a table
    python tools/mutants.py --tiers --most 60    # which tier kills the mutants of a sample over more packages

Works on a copy in a temporary folder. A child process per mutant runs the fast tests, stopping at the first failure.
Survivors that ``tools/mutants_known.toml`` gives a reason for are counted; any other is printed, and is a failure.
"""

import argparse
import ast
import contextlib
import copy
import io
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
KNOWN = ROOT / "tools" / "mutants_known.toml"
NOT_MUTATED = {"__init__.py", "ground_truth.py"}
MUTATED = ("engine/iam", "engine/policies", "engine/access", "explain", "findings")
TESTS = (
    "engine/iam/test_conformance.py",
    "engine/iam/test_own_cases.py",
    "engine/iam/test_language.py",
    "findings/test_findings.py",
    "engine/access/test_answers.py",
    "engine/policies/test_session.py",
    "engine/policies/test_guard_truth.py",
    "explain/test_explain_refusal.py",
    "engine/policies/test_sameness.py",
    "engine/policies/test_guard_text.py",
)
NEAREST = {
    "explain/": "explain/test_explain_refusal.py",
    "findings/": "findings/test_findings.py",
    "engine/policies/deleted_principals": "engine/policies/test_sameness.py",
    "engine/policies/equivalence": "engine/policies/test_sameness.py",
    "engine/policies/bucket_guard": "engine/policies/test_guard_text.py",
    "engine/policies/session_policy": "engine/policies/test_session.py",
    "engine/access/exposure": "engine/access/test_answers.py",
}
"""Tests that are run first for some modules, because most of their mutants die there; for the others the verdicts of
all cases are compared first, without pytest."""

TIERS = {
    "engine/iam/": ("engine/iam", "engine/policies", "engine/access"),
    "engine/access/": ("engine/access", "findings", "changes/test_plan.py"),
    "changes/": ("changes", "cli/test_changes.py", "account/test_state.py", "agreement/test_revoke.py"),
    "logs/": ("logs", "plots"),
    "check/": ("check", "cli/test_check.py"),
}
"""Packages whose mutants are put to both tiers, and the tests that are run first for them."""
COMPARE = {
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE], ast.GtE: [ast.Gt, ast.Lt], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
SIGNS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.And: "and", ast.Or: "or", ast.Add: "+", ast.Sub: "-",
}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add}


@dataclass(frozen=True)
class Mutant:
    """One change at one place; line numbers move, so ``key`` names it by function, text of the line and change."""

    module: str
    function: str
    line: str
    change: str
    number: int
    position: int
    variant: int

    @property
    def key(self):
        return self.module, self.function, self.line, self.change


def variants(node):
    """Yield what is changed, and a function that changes a copy of the node in place."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in COMPARE.get(type(operator), ()):
                yield (
                    f"{SIGNS[type(operator)]} becomes {SIGNS[other]}",
                    lambda n, i=index, o=other: n.ops.__setitem__(i, o()),
                )
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{SIGNS[type(node.op)]} becomes {SIGNS[other]}", lambda n, o=other: setattr(n, "op", o())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not is left out", lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        other = ARITHMETIC[type(node.op)]
        yield f"{SIGNS[type(node.op)]} becomes {SIGNS[other]}", lambda n, o=other: setattr(n, "op", o())
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} becomes {not node.value}", lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield f"{node.value} becomes {node.value + 1}", lambda n: setattr(n, "value", n.value + 1)
    elif isinstance(node, ast.Name) and node.id in ("any", "all"):
        other = "all" if node.id == "any" else "any"
        yield f"{node.id} becomes {other}", lambda n, o=other: setattr(n, "id", o)


def mutants_of(module, text):
    """Return the mutants of a module, in the order of the text."""
    tree = ast.parse(text)
    lines = text.splitlines()
    skip = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _is_error(node)
        for child in ast.walk(node)
    }
    functions = _functions(tree)
    found, seen = [], {}
    places = [(position, node) for position, node in enumerate(ast.walk(tree)) if id(node) not in skip]
    places = [(position, node) for position, node in places if any(True for _ in variants(node))]
    for position, node in sorted(places, key=lambda each: (each[1].lineno, each[1].col_offset)):
        for variant, (said, _) in enumerate(variants(node)):
            place = (functions.get(node.lineno, ""), lines[node.lineno - 1].strip(), said)
            seen[place] = seen.get(place, 0) + 1
            change = said if seen[place] == 1 else f"{said} (number {seen[place]})"
            found.append(Mutant(module, *place[:2], change, node.lineno, position, variant))
    return found


def _functions(tree, prefix=""):
    """Return the dotted name of the innermost function or class for each line."""
    found = {}
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            name = f"{prefix}.{node.name}".lstrip(".")
            found.update(dict.fromkeys(range(node.lineno, node.end_lineno + 1), name))
        found.update(_functions(node, name))
    return found


def _is_error(node):
    """Texts of errors and sizes of caches are not behaviour that tests pin."""
    name = getattr(node.func, "id", "")
    return name.endswith(("Error", "InvalidInput")) or name in ("lru_cache", "dataclass")


def mutated(text, mutant):
    """Return the text of a module with one change."""
    tree = copy.deepcopy(ast.parse(text))
    node = list(ast.walk(tree))[mutant.position]
    list(variants(node))[mutant.variant][1](node)
    return ast.unparse(ast.fix_missing_locations(tree))


def all_modules():
    """Return the modules that are mutated, as ``engine/iam/evaluate.py``."""
    return sorted(
        f"{package}/{path.name}"
        for package in MUTATED
        for path in (ROOT / "gt_secure" / package).glob("*.py")
        if path.name not in NOT_MUTATED
    )


def known():
    """Return the reasons of the survivors that are known, by key."""
    return {
        (each["module"], each.get("function", ""), each["line"], each["change"]): each
        for each in tomllib.loads(KNOWN.read_text(encoding="utf-8"))["survivor"]
    }


def table():
    """Return the known survivors as a Markdown table."""
    rows = ["| where | line | change | why no test notices |", "|---|---|---|---|"]
    for (module, function, line, change), each in known().items():
        where = f"`{module}`" + (f" `{function}`" if function else "")
        code = line.replace("|", "\\|")
        rows.append(f"| {where} | `{code}` | {change} | {each['kind']}: {each['why']} |")
    return "\n".join(rows)


def _verdicts_are_right(folder):
    """Decide all cases and compare: what the two tests of cases do, in a tenth of the time."""
    try:
        from gt_secure.engine.iam import batch as ndjson

        for name in ("policy-cases.ndjson", "own-policy-cases.ndjson"):
            lines = (folder / "tests/data" / name).read_text(encoding="utf-8").splitlines()
            for case, answer in zip(map(json.loads, lines), map(json.loads, ndjson.run(lines)), strict=True):
                accepted = [case["expect"], *case.get("accept", [])]
                if case["confidence"] != "contested" and answer["verdict"] not in accepted:
                    return False
    except Exception:
        return False
    return True


def outcome(folder, limit_s, module="", keep_bytecode=False):
    """Run the tests in a child process: ``passed``, ``failed`` or ``out of time``."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = keep_bytecode is False
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        import pytest

        arguments = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not slow", "--import-mode=importlib"]
        first = next((test for start, test in NEAREST.items() if module.startswith(start)), None)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            stages = [[first], [name for name in TESTS if name != first]] if first else [TESTS]
            code = 0 if first or _verdicts_are_right(folder) else 1
            for names in stages:
                code = code or pytest.main([*arguments, "--assert=plain", *(f"tests/{name}" for name in names)])
        os._exit(int(code != 0))
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "passed" if status == 0 else "failed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "out of time"


def _copied(folder):
    leave = shutil.ignore_patterns("__pycache__", "sandbox", "widgets", "node_modules")
    shutil.copytree(ROOT / "gt_secure", folder / "gt_secure", ignore=leave)
    for name in ("engine", "findings", "explain", "support", "data"):
        shutil.copytree(ROOT / "tests" / name, folder / "tests" / name, ignore=leave)
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = tests\nmarkers =\n    slow: x\n")
    (folder / "conftest.py").write_text(
        "from hypothesis import settings\n"
        "settings.register_profile('m', max_examples=15, derandomize=True, database=None, deadline=None)\n"
        "settings.load_profile('m')\n"
    )


def _pytest(folder, tier, workers, *tests):
    """Run tests of a tier on the copy, up to the first failure where no worker helps; return those that failed."""
    command = [
        sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-m", tier,
        *(["-n", str(workers), "--dist", "loadfile"] if workers else ["-n", "0", "-x"]),
        *(f"tests/{test}" for test in tests if (folder / "tests" / test.partition("::")[0]).exists()),
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(folder)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests start many processes
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=3600)
    failed = re.findall(r"^(?:FAILED|ERROR) tests/(\S+::[^\n]*?|\S+\.py)(?: - .*)?$", done.stdout, re.MULTILINE)
    return failed or ([f"exit code {done.returncode}"] if done.returncode not in (0, 5) else [])


def _sample(most, seed):
    """Return mutants of different modules of :data:`TIERS`, without texts and known survivors."""
    chance, reasons = random.Random(seed), known()
    by_module = []
    for start in TIERS:
        for path in sorted((ROOT / "gt_secure" / start).rglob("*.py")):
            module = path.relative_to(ROOT / "gt_secure").as_posix()
            found = [each for each in mutants_of(module, path.read_text(encoding="utf-8")) if each.key not in reasons]
            chance.shuffle(found)
            by_module.append(found)
    chance.shuffle(by_module)
    in_turn = [mutant for row in itertools.zip_longest(*by_module) for mutant in row if mutant is not None]
    counts = dict.fromkeys(TIERS, 0)
    chosen = []
    for mutant in in_turn:
        start = next(start for start in TIERS if mutant.module.startswith(start))
        if counts[start] < most / len(TIERS):
            counts[start] += 1
            chosen.append(mutant)
    return chosen


class _Copy:
    """A copy of the repository in which mutants live and die."""

    def __init__(self, folder):
        self.folder = folder
        files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in files.splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
        person = ["-c", "user.name=x", "-c", "user.email=x"]
        for words in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "copy"]):
            subprocess.run(["git", *words], cwd=folder, check=True)

    def failures(self, mutants, tier, workers, *tests):
        """Return the tests of a tier that fail with these mutants, which are in different modules."""
        for mutant in mutants:
            text = (ROOT / "gt_secure" / mutant.module).read_text(encoding="utf-8")
            (self.folder / "gt_secure" / mutant.module).write_text(mutated(text, mutant), encoding="utf-8")
        failed = _pytest(self.folder, tier, workers, *tests)
        for mutant in mutants:
            shutil.copy2(ROOT / "gt_secure" / mutant.module, self.folder / "gt_secure" / mutant.module)
        return failed

    def survivors(self, mutants, tier):
        """Return those that a whole tier lets live: it runs with all of them, and what fails then with each."""
        failed = self.failures(mutants, tier, 3) if mutants else []
        tests = dict.fromkeys(name.partition("[")[0] for name in failed if "::" in name)
        return [mutant for mutant in mutants if not tests or not self.failures([mutant], tier, 0, *tests)]


def by_tier(folder, given):
    """Print which tier kills each mutant of a sample, and the share of the quick one."""
    made = _Copy(folder)
    for tier in ("quick", "check"):
        if failed := made.failures([], tier, 3):
            print(f"the {tier} tests fail without a mutation:", *failed[:5], sep="\n")
            return 2
    left = []
    chosen = _sample(given.most, given.seed)
    for number, mutant in enumerate(chosen):
        near = next(tests for start, tests in TIERS.items() if mutant.module.startswith(start))
        alive = not made.failures([mutant], "quick", 0, *near)
        print(f"{number + 1:3} {'lives' if alive else 'dies '} {_place(mutant)}", flush=True)
        left += [mutant] if alive else []
    for tier in ("quick", "check"):
        alive = made.survivors(left, tier)
        for mutant in left:
            if mutant not in alive:
                print(f"killed by the rest of {tier}: {_place(mutant)}", flush=True)
        if tier == "quick":
            quick = len(chosen) - len(alive)
        left = alive
    for mutant in left:
        print(f"survives both: {_place(mutant)}")
    whole = len(chosen) - len(left)
    modules = len({each.module for each in chosen})
    print(f"{len(chosen)} mutants of {modules} modules: {whole} die, {quick} of them in the quick tier")
    return 0


def _place(mutant):
    return f"{mutant.module}:{mutant.number} {mutant.function}: {mutant.change}: {mutant.line}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--modules", help="such as engine/policies/bucket_guard.py,engine/iam/wildcards.py; all of them otherwise"
    )
    parser.add_argument("--most", type=int, default=10_000, help="a sample of so many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of the sample, to go on with a run")
    parser.add_argument("--minutes", type=float, default=120, help="stop after that")
    parser.add_argument("--table", action="store_true", help="print the known survivors as a table and stop")
    parser.add_argument("--tiers", action="store_true", help="put a sample to the tests of make test and make check")
    given = parser.parse_args()
    if given.table:
        print(table())
        return 0
    import hypothesis  # noqa: F401  (loaded once, before the children)
    import pytest  # noqa: F401

    folder = Path(tempfile.mkdtemp(prefix="gts-mutants-"))
    try:
        return by_tier(folder, given) if given.tiers else _run(folder, given)
    finally:
        shutil.rmtree(folder)


def _run(folder, given):
    _copied(folder)
    started = time.monotonic()
    if outcome(folder, 600, keep_bytecode=True) != "passed":
        print("the tests fail without a mutation")
        return 2
    limit_s = max(60.0, 10 * (time.monotonic() - started))
    names = given.modules.split(",") if given.modules else all_modules()
    texts = {name: (folder / "gt_secure" / name).read_text(encoding="utf-8") for name in names}
    todo = [mutant for name, text in texts.items() for mutant in mutants_of(name, text)]
    random.Random(given.seed).shuffle(todo)
    todo = todo[given.skip : given.most]
    tally = {"tried": 0, "failed": 0, "out of time": 0, "known": 0, "new": 0}
    reasons = known()
    until = time.monotonic() + given.minutes * 60
    for mutant in todo:
        if time.monotonic() > until:
            break
        path = folder / "gt_secure" / mutant.module
        path.write_text(mutated(texts[mutant.module], mutant), encoding="utf-8")
        found = outcome(folder, limit_s, mutant.module)
        path.write_text(texts[mutant.module], encoding="utf-8")
        if found == "passed":
            found = "known" if mutant.key in reasons else "new"
        tally["tried"] += 1
        tally[found] += 1
        if found == "failed" and mutant.key in reasons:
            print(f"is killed now, so its reason can go: {mutant.key}", flush=True)
        if found in ("new", "out of time"):
            said = "survived" if found == "new" else "stopped after a minute or more"
            print(
                f"{said}: {mutant.module}:{mutant.number} {mutant.function}: {mutant.change}: {mutant.line}", flush=True
            )
    print(
        f"{tally['tried']} of {len(todo)} mutants tried: {tally['failed']} killed by a failing test, "
        f"{tally['out of time']} by running out of time; {tally['known']} survived for a known reason, "
        f"{tally['new']} without one"
    )
    return int(tally["new"] > 0)


if __name__ == "__main__":
    sys.exit(main())
