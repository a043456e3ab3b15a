"""The known survivors of the mutation check: each is a mutant of the code as it is,
with a reason that is on record.
"""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
RECORD = ROOT / "docs/decisions/0013-mutation-check.md"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "tools" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_known_survivor_is_a_mutant_of_the_code_as_it_is(tool):
    there = {
        mutant.key
        for module in {*tool.all_modules(), *(module for module, *_ in tool.known())}
        for mutant in tool.mutants_of(
            module, (ROOT / "gt_secure" / module).read_text(encoding="utf-8")
        )
    }
    assert set(tool.known()) <= there
    assert len(there) > 900


def test_every_known_survivor_has_a_reason(tool):
    for each in tool.known().values():
        assert each["kind"] in ("equivalent", "cosmetic", "faster")
        assert len(each["why"]) > 20


def test_the_record_holds_the_table(tool):
    assert tool.table() in RECORD.read_text(encoding="utf-8")


def test_a_mutant_is_one_change(tool):
    text = "def f(a):\n    return a and a > 1 and not a\n"
    made = {mutant.change: tool.mutated(text, mutant) for mutant in tool.mutants_of("m.py", text)}
    assert made == {
        "and becomes or": "def f(a):\n    return a or a > 1 or (not a)",
        "> becomes >=": "def f(a):\n    return a and a >= 1 and (not a)",
        "> becomes <=": "def f(a):\n    return a and a <= 1 and (not a)",
        "1 becomes 2": "def f(a):\n    return a and a > 2 and (not a)",
        "not is left out": "def f(a):\n    return a and a > 1 and (not not a)",
    }
    assert {mutant.function for mutant in tool.mutants_of("m.py", text)} == {"f"}
    twice = tool.mutants_of("m.py", "x = 1 + 1\n")
    assert [mutant.change for mutant in twice] == [
        "+ becomes -",
        "1 becomes 2",
        "1 becomes 2 (number 2)",
    ]


def made(tool, text, module="m.py"):
    """Return what each change of a text is called, and the text after it, by operator."""
    found = {}
    for mutant in tool.mutants_of(module, text):
        found.setdefault(mutant.operator, {})[mutant.change] = tool.mutated(text, mutant)
    return found


def test_statements_are_dropped(tool):
    text = '''
def f(self, a):
    """A text."""
    b = g(a)
    self.b = b
    a += b
    if a:
        raise Bad
    for c in a:
        if c:
            h(c)
            continue
        break
    else:
        raise Worse
    return b
'''
    whole, dropped = tool.ast.unparse(tool.ast.parse(text)), {}
    for mutant in tool.mutants_of("m.py", text):
        assert (mutant.operator, mutant.function) == ("statement", "f")
        dropped[mutant.line] = tool.mutated(text, mutant)
    assert set(dropped) == {
        "self.b = b",
        "a += b",
        "if a:",
        "if c:",
        "h(c)",
        "continue",
        "break",
        "raise Worse",
    }
    assert dropped["if a:"] == whole.replace("    if a:\n        raise Bad\n", "    pass\n")
    assert dropped["self.b = b"] == whole.replace("self.b = b", "pass")


def test_arguments_words_and_values_are_swapped(tool):
    text = '''
def f(a, b):
    """The first and the last word stay."""
    raise BadError(a, b)
    g(a, b, b, *a, x=a, y=b, **b)
    h(f"{a} was refused before {b} opened", "Nobody can open gt-images from {place} there")
    return f"{a}{a}"
'''
    plain = set(tool.ast.unparse(tool.ast.parse(text)).splitlines())
    mutants = [each for each in tool.mutants_of("m.py", text) if each.operator == "swap"]
    found = [(each.change, tool.mutated(text, each).splitlines()) for each in mutants]
    message = "'Nobody can open gt-images from {place} there'"
    assert [
        (change, *(line.strip() for line in after if line not in plain)) for change, after in found
    ] == [
        ("arguments 0 and 1 are swapped", "g(b, a, b, *a, x=a, y=b, **b)"),
        ("arguments x and y are swapped", "g(a, b, b, *a, x=b, y=a, **b)"),
        (
            "arguments 0 and 1 are swapped",
            f"h({message}, f'{{a}} was refused before {{b}} opened')",
        ),
        ("values 0 and 2 are swapped", f"h(f'{{b}} was refused before {{a}} opened', {message})"),
        (
            "the words was and before are swapped",
            f"h(f'{{a}} before refused was {{b}} opened', {message})",
        ),
        (
            "the words Nobody and there are swapped",
            (
                "h(f'{a} was refused before {b} opened', 'there can open gt-images from {place}"
                " Nobody')"
            ),
        ),
    ]


def test_messages_of_a_catalogue_are_swapped(tool):
    text = (
        '{"a": {"severity": "high and low and high", "text": "{before} was {after} here", "fix":'
        ' "Turn it on."}}'
    )
    swapped = made(tool, text, "findings/findings.json")["swap"]
    after = {change: tool.json.loads(text)["a"] for change, text in swapped.items()}
    assert {change: each["text"] for change, each in after.items()} == {
        "{before} and {after} are swapped": "{after} was {before} here",
        "the words was and here are swapped": "{before} here {after} was",
    }, "three words are no sentence"
    assert {each["severity"] for each in after.values()} == {"high and low and high"}


def test_a_member_of_what_to_dict_returns_is_empty(tool):
    text = (
        "def to_dict(self):\n    return {'a': [1], 'b': self.b, **more}\ndef other(self):\n   "
        " return {'a': b}\n"
    )
    found = made(tool, text)
    assert set(found["member"]) == {"'a' is empty", "'b' is empty"}
    assert "{'a': type([1])(), 'b': self.b, **more}" in found["member"]["'a' is empty"]
    assert "{'a': [1], 'b': type(self.b)(), **more}" in found["member"]["'b' is empty"]
    assert "member" not in made(tool, text.replace("to_dict", "names"))


def test_a_member_is_left_out_of_a_document(tool):
    found = made(tool, "class A:\n    document = ('a', 'b: c')\n    others = ('d',)\n")
    assert set(found["member"]) == {"'a' is left out", "'b: c' is left out"}
    assert "document = ('b: c',)" in found["member"]["'a' is left out"]


def test_an_unknown_answer_becomes_its_neighbour(tool):
    text = """
Word = Literal["unknown", "allowed"]
def f(a) -> bool | None:
    if a is None:
        return None
    return True if a else None
def g(a):
    return UNKNOWN if a else Check(passed=None, other=None) or "unknown" or None
"""
    found = [each for each in tool.mutants_of("m.py", text) if each.operator == "unknown"]
    assert [(mutant.function, mutant.change) for mutant in found] == [
        ("f", "None becomes True"),
        ("f", "None becomes True"),
        ("g", "UNKNOWN becomes 0"),
        ("g", "None becomes True"),
        ("g", "unknown becomes allowed"),
    ]
    assert "return True\n    return True if a else None" in tool.mutated(text, found[0])
    assert "return True if a else True" in tool.mutated(text, found[1])
    assert "return 0 if a" in tool.mutated(text, found[2])
    assert "Check(passed=True, other=None)" in tool.mutated(text, found[3])
    assert "or 'allowed' or None" in tool.mutated(text, found[4])
    assert [*made(tool, "def f():\n    return 'unknown'\n")["unknown"]] == [
        "unknown becomes opened"
    ]


def test_several_mutants_are_in_one_tree(tool):
    text = "def f(a):\n    g(a)\n    return not a\n\ndef h(b):\n    g(b)\n"
    groups = tool._groups(tool.mutants_of("m.py", text))
    assert [[each.function for each in group] for group in groups] == [["f", "h"], ["f"]]
    assert (
        tool.mutated(text, *groups[0])
        == "def f(a):\n    pass\n    return not a\n\ndef h(b):\n    pass"
    )


@pytest.mark.parametrize("killed", [(), (0,), (3,), (1, 2), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("broken", [False, True])
def test_what_lives_is_known_from_halves(tool, killed, broken):
    """Also where a run breaks off without the name of a test."""
    asked = []

    def run(some, tests):
        asked.append(tests)
        failed = [
            f"a/test_{each.function}.py::test_it[x]"
            for each in some
            if int(each.function) in killed
        ]
        failed = [name for name in failed if not tests or name.partition("[")[0] in tests]
        return ["exit code 2"] if failed and broken else failed[:1] if tests else failed

    alive = tool.survivors_of(
        [tool.Mutant("m.py", str(number), "", "", 0, 0) for number in range(5)], run
    )
    assert [int(each.function) for each in alive] == [
        number for number in range(5) if number not in killed
    ]
    assert len(asked) == 1 or killed
    assert not any(asked) or not broken


def test_the_nearest_tests_are_those_of_the_module(tool):
    assert tool.nearest("changes/plan.py")[0] == "changes/test_plan.py"
    assert tool.nearest("doctor/diagnosis.py")[0].startswith("doctor/")
    assert "explain/test_dry_run.py" in tool.nearest(
        "restriction/notices.json", "age-limit-refuses"
    )
    assert len(tool.nearest("base/text.py")) <= tool.NEAREST_FILES


def test_a_sample_is_the_same_again_and_has_each_operator(tool):
    drawn = tool._sample(12, 1, ["doctor"], list(tool.OPERATORS))
    assert drawn == tool._sample(12, 1, ["doctor"], list(tool.OPERATORS))
    assert {each.operator for each in drawn} == set(tool.OPERATORS)
    assert {each.operator for each in tool._sample(5, 2, ["doctor"], ["unknown"])} == {"unknown"}


def test_the_table_says_who_killed_how_many(tool):
    one, two, three = (
        tool.Mutant(f"{name}/m.py", "", "", name, 0, 0, "swap")
        for name in ("cli", "cli2", "doctor")
    )
    tiers = ["nearest", "quick", "check"]
    assert tool.tally([one, two, three], {one: "nearest", three: "check"}, tiers).splitlines() == [
        "| of | mutants | nearest | quick | check | live |",
        "|---|---|---|---|---|---|",
        "| cli | 1 | 1 | 0 | 0 | 0 |",
        "| cli2 | 1 | 0 | 0 | 0 | 1 |",
        "| doctor | 1 | 0 | 0 | 1 | 0 |",
        "| swap | 3 | 1 | 0 | 1 | 1 |",
        "| all | 3 | 1 | 0 | 1 | 1 |",
    ]
