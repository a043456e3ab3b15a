"""Mutation check: change one thing at a time, and see whether a test notices.

    python tools/mutants.py [--modules engine/iam/wildcards.py,findings/run.py] [--most 200] [--seed 1] [--minutes 60]
    python tools/mutants.py --table     # the survivors that are known, as a table
    python tools/mutants.py --tiers nearest,quick,check --most 40 [--modules cli,doctor] [--operators statement,unknown]

The first form changes signs and constants of what decides verdicts, on a copy in a temporary
folder. A child process per mutant runs the fast tests, stopping at the first failure. Survivors
with a reason in ``tools/mutants_known.toml`` are counted; any other is printed, and is a failure.

With ``--tiers``, a sample is drawn over the whole package and all operators of ``OPERATORS``. Each
mutant meets the test files nearest to it. The survivors are then in one tree together, under each
wider tier; where a test fails, halves of them are tried until the killed ones are known. A table
says how many each tier killed, by package and by operator.
"""

import argparse
import ast
import contextlib
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
from collections.abc import Callable
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
    "engine/policies/equivalence": "engine/policies/test_sameness.py",
    "engine/policies/bucket_guard": "engine/policies/test_guard_text.py",
    "engine/policies/bucket_policy": "engine/policies/test_guard_text.py",
    "engine/policies/policy_text": "engine/policies/test_bucket_policy.py",
    "engine/policies/session_policy": "engine/policies/test_session.py",
    "engine/access/exposure": "engine/access/test_answers.py",
}
"""Tests that are run first for some modules, because most of their mutants die there; for the
others the verdicts of all cases are compared first, without pytest."""

OPERATORS = {
    "sign": "a comparison, a connective, an arithmetic sign, a number, True and False, any and all",
    "statement": (
        "a call, an assignment to a member, a condition with its branch, a raise or a break is"
        " dropped"
    ),
    "swap": "two arguments of a call, or two words or values of a message, change places",
    "member": "a member of what a to_dict returns is empty, or is left out of a document",
    "unknown": "an unknown answer becomes its neighbour",
}
"""What is changed. The first form of the tool knows only the first of them."""
NEIGHBOURS = ("opened", "allowed", "allow", "passed", "ok")
"""What an answer becomes that was unknown: the first of these words that its module has."""
MESSAGES = {"title", "text", "why", "fix"}
"""Members of the catalogues that people read."""
CATALOGUES = ("findings/findings.json", "explain/causes.json", "restriction/notices.json")
NEAREST_FILES = 8
"""Test files that a mutant meets first."""
NOT_SAMPLED = ("labextension/",)
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
    """One change at one place; line numbers move, so ``key`` names it by function,
    text of the line and change.
    """

    module: str
    function: str
    line: str
    change: str
    number: int
    position: int
    operator: str = "sign"

    @property
    def key(self):
        return self.module, self.function, self.line, self.change

    @property
    def code(self):
        """Code of a catalogue's entry; empty in Python."""
        return self.function.rpartition(".")[0] if self.module in CATALOGUES else ""

    @property
    def package(self):
        return self.module.partition("/")[0]

    def __str__(self):
        return f"{self.module}:{self.number} {self.function}: {self.change}: {self.line[:100]}"


@dataclass(frozen=True)
class Change:
    """What an operator does at one node of a tree, in place."""

    operator: str
    node: ast.AST
    said: str
    apply: Callable[[], None]


def changes_of(tree):
    """Return all changes of a tree, in the order of the text."""
    return sorted(
        _Operators(tree).changes(), key=lambda each: (each.node.lineno, each.node.col_offset)
    )


class _Operators:
    """The operators, for the nodes of one tree."""

    def __init__(self, tree):
        nodes = list(ast.walk(tree))
        self._parents = {
            id(child): (node, name, index)
            for node in nodes
            for name, value in ast.iter_fields(node)
            for index, child in enumerate(value if isinstance(value, list) else [value])
            if isinstance(child, ast.AST)
        }
        self._texts = {
            node.value
            for node in nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        left_out = [node for node in nodes if _is_error(node) or _is_for_types(node)]
        skip = {id(child) for node in left_out for child in ast.walk(node)}
        self._nodes = [node for node in nodes if id(node) not in skip and hasattr(node, "lineno")]
        functions = [
            node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        self._members = _inside(each for each in functions if each.name.endswith("to_dict"))
        assigned = (node for node in nodes if isinstance(node, ast.Assign))
        self._documents = {
            id(each.value) for each in assigned if ast.unparse(each.targets[0]) == "document"
        }
        self._three_valued = _inside(
            each
            for each in functions
            if each.returns and "bool | None" in ast.unparse(each.returns)
        )

    def changes(self):
        for node in self._nodes:
            for operator in (self._sign, self._statement, self._swap, self._member, self._unknown):
                for said, apply in operator(node):
                    yield Change(operator.__name__.lstrip("_"), node, said, apply)

    def _replace(self, node, other):
        parent, name, index = self._parents[id(node)]
        if isinstance(getattr(parent, name), list):
            getattr(parent, name)[index] = ast.copy_location(other, node)
        else:
            setattr(parent, name, ast.copy_location(other, node))

    def _sign(self, node):
        if isinstance(node, ast.Compare):
            for index, operator in enumerate(node.ops):
                for other in COMPARE.get(type(operator), ()):
                    yield (
                        f"{SIGNS[type(operator)]} becomes {SIGNS[other]}",
                        lambda i=index, o=other: node.ops.__setitem__(i, o()),
                    )
        elif isinstance(node, ast.BoolOp):
            other = ast.Or if isinstance(node.op, ast.And) else ast.And
            yield (
                f"{SIGNS[type(node.op)]} becomes {SIGNS[other]}",
                lambda: setattr(node, "op", other()),
            )
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield (
                "not is left out",
                lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand)),
            )
        elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            other = ARITHMETIC[type(node.op)]
            yield (
                f"{SIGNS[type(node.op)]} becomes {SIGNS[other]}",
                lambda: setattr(node, "op", other()),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield (
                f"{node.value} becomes {not node.value}",
                lambda: setattr(node, "value", not node.value),
            )
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield (
                f"{node.value} becomes {node.value + 1}",
                lambda: setattr(node, "value", node.value + 1),
            )
        elif isinstance(node, ast.Name) and node.id in ("any", "all"):
            other = "all" if node.id == "any" else "any"
            yield f"{node.id} becomes {other}", lambda: setattr(node, "id", other)

    def _statement(self, node):
        """Not the first assignment to a name, without which nothing works,
        and no text that explains.
        """
        called = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        stored = isinstance(node, ast.Assign) and not all(
            isinstance(each, ast.Name | ast.Tuple) for each in node.targets
        )
        branch = isinstance(node, ast.If) and not node.orelse
        left = isinstance(node, ast.Raise | ast.Break | ast.Continue) and not self._is_whole_branch(
            node
        )
        if called or stored or branch or left or isinstance(node, ast.AugAssign):
            yield "the statement is dropped", lambda: self._replace(node, ast.Pass())

    def _is_whole_branch(self, node):
        """Return whether a condition with this statement alone is dropped already."""
        parent = self._parents[id(node)][0]
        return isinstance(parent, ast.If) and not parent.orelse and len(parent.body) == 1

    def _swap(self, node):
        if isinstance(node, ast.Call):
            yield from _swapped(node.args, "arguments", range(len(node.args)))
            yield from _swapped(node.keywords, "arguments", [each.arg for each in node.keywords])
        elif isinstance(node, ast.JoinedStr):
            values = [
                index
                for index, part in enumerate(node.values)
                if isinstance(part, ast.FormattedValue)
            ]
            for one, other in itertools.pairwise(values):
                if ast.unparse(node.values[one].value) != ast.unparse(node.values[other].value):
                    yield (
                        f"values {one} and {other} are swapped",
                        lambda a=one, b=other: _exchange(node.values, a, b),
                    )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parent = self._parents[id(node)][0]
            if not isinstance(parent, ast.Expr) and (pair := _words(node.value)):
                text, said = pair
                yield said, lambda: setattr(node, "value", text)

    def _member(self, node):
        if isinstance(node, ast.Dict) and id(node) in self._members:
            for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
                if isinstance(key, ast.Constant):
                    empty = ast.Call(ast.Call(ast.Name("type"), [value], []), [], [])
                    yield (
                        f"{key.value!r} is empty",
                        lambda i=index, e=empty: node.values.__setitem__(i, e),
                    )
        elif isinstance(node, ast.Tuple) and id(node) in self._documents:
            for each in node.elts:
                if isinstance(each, ast.Constant):
                    yield f"{each.value!r} is left out", lambda e=each: node.elts.remove(e)

    def _unknown(self, node):
        if isinstance(node, ast.Constant) and node.value == "unknown":
            other = next((word for word in NEIGHBOURS if word in self._texts), NEIGHBOURS[0])
            yield f"unknown becomes {other}", lambda: setattr(node, "value", other)
        elif isinstance(node, ast.Name) and node.id == "UNKNOWN" and isinstance(node.ctx, ast.Load):
            yield "UNKNOWN becomes 0", lambda: self._replace(node, ast.Constant(0))
        elif isinstance(node, ast.Constant) and node.value is None:
            parent, name, _ = self._parents[id(node)]
            answer = isinstance(parent, ast.keyword) and parent.arg in (
                "passed",
                "opened",
                "proved",
            )
            returned = isinstance(parent, ast.Return) or (
                isinstance(parent, ast.IfExp) and name != "test"
            )
            if answer or (returned and id(node) in self._three_valued):
                yield "None becomes True", lambda: setattr(node, "value", True)


def _inside(functions):
    return {id(child) for function in functions for child in ast.walk(function)}


def _swapped(found, what, names):
    """Yield the exchanges of neighbours that differ; a star stays where it is."""
    for (one, first), (other, second) in itertools.pairwise(zip(found, names, strict=True)):
        values = [
            getattr(each, "value", each) if isinstance(each, ast.keyword) else each
            for each in (one, other)
        ]
        starred = any(isinstance(each, ast.Starred) for each in values) or None in (first, second)
        if starred or ast.unparse(values[0]) == ast.unparse(values[1]):
            continue
        index = found.index(one)
        if isinstance(one, ast.keyword):
            change = lambda a=one, b=other: _exchange_values(a, b)  # noqa: E731
        else:
            change = lambda i=index: _exchange(found, i, i + 1)  # noqa: E731
        yield f"{what} {first} and {second} are swapped", change


def _exchange(values, one, other):
    values[one], values[other] = values[other], values[one]


def _exchange_values(one, other):
    one.value, other.value = other.value, one.value


_PLACEHOLDER = re.compile(r"\{\w[^{}]*\}")


def _words(text):
    """Return a message with its first and last long words exchanged, and what was done;
    None for other texts.
    """
    found = list(re.finditer(r"(?<![\w{/.-])[A-Za-z][a-z]{2,}(?![\w}/-])", text))
    if text.count(" ") < 3 or len(found) < 2 or (last := found[-1])[0] == (first := found[0])[0]:
        return None
    middle = text[first.end() : last.start()]
    swapped = f"{text[: first.start()]}{last[0]}{middle}{first[0]}{text[last.end() :]}"
    return swapped, f"the words {first[0]} and {last[0]} are swapped"


def mutants_of(module, text):
    """Return the mutants of a module or a catalogue, in the order of the text."""
    lines = text.splitlines()
    if module.endswith(".json"):
        places = [(code, message, "swap", said, 0) for code, message, said, _ in _messages(text)]
    else:
        tree = ast.parse(text)
        functions = _functions(tree)
        places = [
            (
                functions.get(each.node.lineno, ""),
                lines[each.node.lineno - 1].strip(),
                each.operator,
                each.said,
                each.node.lineno,
            )
            for each in changes_of(tree)
        ]
    found, seen = [], {}
    for position, (function, line, operator, said, number) in enumerate(places):
        place = (function, line, said)
        seen[place] = seen.get(place, 0) + 1
        change = said if seen[place] == 1 else f"{said} (number {seen[place]})"
        found.append(Mutant(module, function, line, change, number, position, operator))
    return found


def _messages(text):
    """Yield code and member, message, what is swapped, and the message after that,
    for the messages of a catalogue.
    """
    for code, members in json.loads(text).items():
        for name, message in members.items():
            if name not in MESSAGES:
                continue
            placeholders = _PLACEHOLDER.findall(message)
            if len(set(placeholders)) > 1:
                one, other = (
                    placeholders[0],
                    next(each for each in placeholders if each != placeholders[0]),
                )
                there = {one: other, other: one}
                after = _PLACEHOLDER.sub(
                    lambda match, there=there: there.get(match[0], match[0]), message
                )
                yield f"{code}.{name}", message, f"{one} and {other} are swapped", after
            if pair := _words(message):
                yield f"{code}.{name}", message, pair[1], pair[0]


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
    name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
    return name.endswith(("Error", "InvalidInput")) or name in ("lru_cache", "dataclass")


def _is_for_types(node):
    """Words of a Literal, casts and what only a type checker imports are nothing
    to a running program.
    """
    if isinstance(node, ast.Subscript | ast.Call):
        named = node.value if isinstance(node, ast.Subscript) else node.func
        return isinstance(named, ast.Name) and named.id in ("Literal", "cast", "TypeVar")
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def mutated(text, *mutants):
    """Return the text of a module or a catalogue with some changes,
    which are in different functions.
    """
    if mutants[0].module.endswith(".json"):
        after = [(code, text) for code, _, _, text in _messages(text)]
        catalogue = json.loads(text)
        for mutant in mutants:
            (code, _, name), changed = (
                after[mutant.position][0].rpartition("."),
                after[mutant.position][1],
            )
            catalogue[code][name] = changed
        return json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n"
    tree = ast.parse(text)
    changes = changes_of(tree)
    for mutant in mutants:
        changes[mutant.position].apply()
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
            for case, answer in zip(
                map(json.loads, lines), map(json.loads, ndjson.run(lines)), strict=True
            ):
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

        arguments = [
            "-x",
            "-q",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
            "--import-mode=importlib",
        ]
        first = next((test for start, test in NEAREST.items() if module.startswith(start)), None)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            stages = [[first], [name for name in TESTS if name != first]] if first else [TESTS]
            code = 0 if first or _verdicts_are_right(folder) else 1
            for names in stages:
                code = code or pytest.main(
                    [*arguments, "--assert=plain", *(f"tests/{name}" for name in names)]
                )
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
        "from hypothesis import settings\nsettings.register_profile('m', max_examples=15,"
        " derandomize=True, database=None, deadline=None)\nsettings.load_profile('m')\n"
    )


def _pytest(folder, tier, workers, *tests):
    """Run tests of a tier on the copy, up to the first failure where no worker helps;
    return those that failed.
    """
    command = [
        sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-m", tier,
        *(["-n", str(workers), "--dist", "loadfile"] if workers else ["-n", "0", "-x"]),
        *(f"tests/{test}" for test in tests if (folder / "tests" / test.partition("::")[0]).exists()),
    ]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(folder)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests start many processes
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=3600
    )
    failed = re.findall(
        r"^(?:FAILED|ERROR) tests/(\S+::[^\n]*?|\S+\.py)(?: - .*)?$", done.stdout, re.MULTILINE
    )
    return failed or ([f"exit code {done.returncode}"] if done.returncode not in (0, 5) else [])


def nearest(module, code="", folder=ROOT):
    """Return the test files nearest to a module, or to a code of a catalogue:
    those that use its names.
    """
    path = folder / "gt_secure" / module
    dotted = "gt_secure." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    names = set()
    if module.endswith(".py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)
        }
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, [code or path.stem, *sorted(names)]))})\b")
    found = []
    for test in sorted((folder / "tests").rglob("test_*.py")):
        name = test.relative_to(folder / "tests").as_posix()
        text = test.read_text(encoding="utf-8")
        uses = len(set(word.findall(text)))
        beside = name.startswith(module.rpartition("/")[0] + "/")
        named = test.stem.removeprefix("test_") == path.stem.strip("_")
        score = (
            8 * (bool(uses) if code else beside and named)
            + 4 * (dotted in text)
            + 4 * beside
            + min(uses, 4)
        )
        if score > 3 and not name.startswith(("browser/", "live/", "packaging/")):
            found.append((-score, name))
    return [name for _, name in sorted(found)[:NEAREST_FILES]]


def _sample(most, seed, packages, operators):
    """Return mutants in turn from each package and operator, without the known survivors."""
    chance, reasons = random.Random(seed), known()
    places = {}
    paths = [path for path in (ROOT / "gt_secure").rglob("*.py") if path.name not in NOT_MUTATED]
    for path in sorted([*paths, *(ROOT / "gt_secure" / name for name in CATALOGUES)]):
        module = path.relative_to(ROOT / "gt_secure").as_posix()
        if module.startswith(NOT_SAMPLED) or not any(
            module.startswith(package) for package in packages
        ):
            continue
        for mutant in mutants_of(module, path.read_text(encoding="utf-8")):
            if mutant.key not in reasons and mutant.operator in operators:
                places.setdefault((mutant.package, mutant.operator), []).append(mutant)
    rows = [chance.sample(found, len(found)) for _, found in sorted(places.items())]
    chance.shuffle(rows)
    in_turn = (
        mutant for turn in itertools.zip_longest(*rows) for mutant in turn if mutant is not None
    )
    return list(itertools.islice(in_turn, most))


class _Copy:
    """A copy of the repository in which mutants live and die."""

    def __init__(self, folder):
        self.folder = folder
        files = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for name in files.splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
        person = ["-c", "user.name=x", "-c", "user.email=x"]
        for words in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "copy"]):
            subprocess.run(["git", *words], cwd=folder, check=True)

    def failures(self, mutants, tier, workers, *tests):
        """Return the tests of a tier that fail with these mutants,
        no two of which are in one function.
        """
        modules = {}
        for mutant in mutants:
            modules.setdefault(mutant.module, []).append(mutant)
        for module, of_module in modules.items():
            text = (ROOT / "gt_secure" / module).read_text(encoding="utf-8")
            (self.folder / "gt_secure" / module).write_text(
                mutated(text, *of_module), encoding="utf-8"
            )
        failed = _pytest(self.folder, tier, workers, *tests)
        for module in modules:
            shutil.copy2(ROOT / "gt_secure" / module, self.folder / "gt_secure" / module)
        return failed

    def survivors(self, mutants, tier):
        """Return those that a whole tier lets live."""
        return [
            each for group in _groups(mutants) for each in survivors_of(group, self._runner(tier))
        ]

    def _runner(self, tier):
        def run(mutants, tests):
            return self.failures(mutants, tier, 0 if tests else 3, *tests)

        return run


def _groups(mutants):
    """Divide mutants so that no function has two of a group: one could hide the other."""
    groups = []
    for mutant in mutants:
        place = mutant.module, mutant.function
        fits = (
            group
            for group in groups
            if place not in {(each.module, each.function) for each in group}
        )
        group = next(fits, None)
        if group is None:
            groups.append(group := [])
        group.append(mutant)
    return groups


def survivors_of(mutants, run, tests=()):
    """Return the mutants that live: all run together, and halves of them where a test fails.

    Parameters
    ----------
    run : callable
        Returns the tests that fail with some mutants: all of them, or the first one of those that
        are given.
    """
    if not mutants:
        return []
    failed = run(mutants, tests)
    if not failed:
        return list(mutants)
    if len(mutants) == 1:
        return []
    # A run that broke off names no test: its halves meet all tests again. A run of some tests ends
    # with one failure.
    if not tests and all("::" in name for name in failed):
        tests = tuple(dict.fromkeys(name.partition("[")[0] for name in failed))
    middle = len(mutants) // 2
    return [
        *survivors_of(mutants[:middle], run, tests),
        *survivors_of(mutants[middle:], run, tests),
    ]


def by_tier(folder, given):
    """Print which tier kills each mutant of a sample, by package and by operator."""
    made = _Copy(folder)
    operators = given.operators.split(",")
    chosen = _sample(given.most, given.seed, (given.modules or "").split(","), operators)
    tiers = given.tiers.split(",")
    for tier in tiers:
        if tier != "nearest" and (failed := made.failures([], tier, 3)):
            print(f"the {tier} tests fail without a mutation:", *failed[:5], sep="\n")
            return 2
    killed, left = {}, list(chosen)
    until = time.monotonic() + given.minutes * 60
    for tier in tiers:
        if tier == "nearest":
            alive = []
            for number, mutant in enumerate(chosen):
                if time.monotonic() > until:
                    print(f"{number} of {len(chosen)} mutants in {given.minutes:.0f} minutes")
                    chosen = chosen[:number]
                    break
                lives = not made.failures(
                    [mutant], "quick", 0, *nearest(mutant.module, mutant.code)
                )
                print(
                    f"{number + 1:3} {'lives' if lives else 'dies '} [{mutant.operator}] {mutant}",
                    flush=True,
                )
                alive += [mutant] if lives else []
        else:
            alive = made.survivors(left, tier)
        for mutant in chosen:
            if mutant in left and mutant not in alive:
                killed[mutant] = tier
        left = alive
    for mutant in left:
        print(f"survives: [{mutant.operator}] {mutant}")
    print(tally(chosen, killed, tiers))
    return 0


def tally(chosen, killed, tiers):
    """Return a table: how many mutants each tier killed, by package, by operator and in all."""
    kinds = [("package", each) for each in sorted({mutant.package for mutant in chosen})]
    kinds += [
        ("operator", each)
        for each in OPERATORS
        if any(mutant.operator == each for mutant in chosen)
    ]
    lines = [f"| of | mutants | {' | '.join(tiers)} | live |", "|---|" + "---|" * (len(tiers) + 2)]
    for kind, name in [*kinds, ("", "all")]:
        of = [mutant for mutant in chosen if not kind or getattr(mutant, kind) == name]
        numbers = [sum(killed.get(mutant) == tier for mutant in of) for tier in tiers]
        lines.append(
            f"| {name} | {len(of)} | {' | '.join(map(str, numbers))} | {len(of) - sum(numbers)} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--modules",
        help="such as engine/iam/wildcards.py,findings/run.py; with --tiers, also packages",
    )
    parser.add_argument("--most", type=int, default=10_000, help="a sample of so many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which sample")
    parser.add_argument(
        "--skip", type=int, default=0, help="leave out so many of the sample, to go on with a run"
    )
    parser.add_argument("--minutes", type=float, default=120, help="stop after that")
    parser.add_argument(
        "--table", action="store_true", help="print the known survivors as a table and stop"
    )
    parser.add_argument(
        "--tiers", metavar="NAMES", help="put a sample to nearest,quick,check or some of them"
    )
    parser.add_argument(
        "--operators", default=",".join(OPERATORS), help="with --tiers: which operators"
    )
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
    todo = [
        each
        for name, text in texts.items()
        for each in mutants_of(name, text)
        if each.operator == "sign"
    ]
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
            print(f"{said}: {mutant}", flush=True)
    print(
        f"{tally['tried']} of {len(todo)} mutants tried: {tally['failed']} killed by a failing"
        f" test, {tally['out of time']} by running out of time; {tally['known']} survived for a"
        f" known reason, {tally['new']} without one"
    )
    return int(tally["new"] > 0)


if __name__ == "__main__":
    sys.exit(main())
