"""Mutation check of the policy engine: change one operator or constant at a time and see whether a test notices.

    python tools/mutants.py [--modules conditions,operators] [--most 200] [--seed 1] [--minutes 10]

Works on a copy in a temporary folder; prints the survivors with their lines. A child process per mutant runs the fast
tests of tests/policy, stopping at the first failure.
"""

import argparse
import ast
import contextlib
import copy
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODULES = "conditions,operators,globs,templates,principals,evaluate,documents,request,guard,spans,session,jsontext,who"
TESTS = [
    "test_language",
    "test_conformance",
    "test_guard_truth",
    "test_session",
    "test_who",
    "test_findings",
    "test_guard_text",
]
LIMIT_S = 60

COMPARE = {
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Lt: [ast.LtE, ast.GtE], ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE], ast.GtE: [ast.Gt, ast.Lt], ast.In: [ast.NotIn], ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add}


def variants(node):
    """Yield functions that change a copy of the node in place."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in COMPARE.get(type(operator), ()):
                yield (
                    f"{type(operator).__name__} -> {other.__name__}",
                    lambda n, i=index, o=other: n.ops.__setitem__(i, o()),
                )
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} -> {other.__name__}", lambda n, o=other: setattr(n, "op", o())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield (
            "not x -> bool(x)",
            lambda n: (setattr(n, "op", ast.Not()), setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))),
        )
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        other = ARITHMETIC[type(node.op)]
        yield f"{type(node.op).__name__} -> {other.__name__}", lambda n, o=other: setattr(n, "op", o())
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} -> {not node.value}", lambda n: setattr(n, "value", not n.value)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield f"{node.value} -> {node.value + 1}", lambda n: setattr(n, "value", n.value + 1)
    elif isinstance(node, ast.Name) and node.id in ("any", "all"):
        other = "all" if node.id == "any" else "any"
        yield f"{node.id} -> {other}", lambda n, o=other: setattr(n, "id", o)


def mutants_of(tree):
    """Return (position in ast.walk, number of the variant, description, line)."""
    skip = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _is_error(node)
        for child in ast.walk(node)
    }
    found = []
    for position, node in enumerate(ast.walk(tree)):
        if id(node) not in skip:
            found += [(position, n, said, node.lineno) for n, (said, _) in enumerate(variants(node))]
    return found


def _is_error(node):
    """Messages of errors and decorators with sizes of caches are not behaviour that tests pin."""
    name = getattr(node.func, "id", "")
    return name.endswith(("Error", "InvalidInput")) or name in ("lru_cache", "dataclass")


def mutated(tree, position, number):
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[position]
    list(variants(node))[number][1](node)
    return ast.unparse(ast.fix_missing_locations(tree))


def survives(folder, keep_bytecode=False):
    """Run the tests in a child process; True if all pass."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = keep_bytecode is False
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        import pytest

        arguments = [
            "-x",
            "-q",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
            "--import-mode=importlib",
            "--assert=plain",
        ]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = pytest.main([*arguments, *(f"tests/policy/{name}.py" for name in TESTS)])
        os._exit(int(code != 0))
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--modules", default=MODULES)
    parser.add_argument("--most", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    given = parser.parse_args()
    import hypothesis  # noqa: F401  (loaded once, before the children)
    import pytest  # noqa: F401

    folder = Path(tempfile.mkdtemp(prefix="gts-mutants-"))
    for name in ("gt_secure/policy", "tests/policy", "tests/data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("errors.py", "network.py"):
        shutil.copy(ROOT / "gt_secure" / name, folder / "gt_secure" / name)
    (folder / "gt_secure/__init__.py").write_text("")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: x\n")
    (folder / "conftest.py").write_text(
        "from hypothesis import settings\n"
        "settings.register_profile('m', max_examples=15, derandomize=True, database=None, deadline=None)\n"
        "settings.load_profile('m')\n"
    )
    if not survives(folder, keep_bytecode=True):
        print("the tests fail without a mutation")
        return 2
    trees = {name: ast.parse((ROOT / f"gt_secure/policy/{name}.py").read_text()) for name in given.modules.split(",")}
    todo = [(name, *mutant) for name, tree in trees.items() for mutant in mutants_of(tree)]
    random.Random(given.seed).shuffle(todo)
    todo = todo[: given.most]
    alive, seen = [], 0
    until = time.monotonic() + given.minutes * 60
    for name, position, number, said, line in todo:
        if time.monotonic() > until:
            break
        seen += 1
        path = folder / f"gt_secure/policy/{name}.py"
        whole = path.read_text()
        path.write_text(mutated(trees[name], position, number))
        if survives(folder):
            alive.append((name, line, said))
            source = (ROOT / f"gt_secure/policy/{name}.py").read_text().splitlines()[line - 1].strip()
            print(f"survived: {name}.py:{line}: {said}: {source}", flush=True)
        path.write_text(whole)
    print(f"{seen} of {len(todo)} mutants tried, {seen - len(alive)} killed, {len(alive)} survived")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
