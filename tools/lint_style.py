"""Check what people read: docstrings, messages, help, docs and notebooks follow the rules below and
the glossary.

A list that is shown in part must name the rest, too.

python tools/lint_style.py            print every place that breaks a rule; exit with 1 if there is one
python tools/lint_style.py --counts   print how many places break each rule

A place that has to break a rule is listed with its reason in tools/style_exceptions.toml.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = ROOT / "tools" / "style_exceptions.toml"
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = (*TOP, "docs/*.md", "docs/how-to/*.md", "docs/decisions/*.md", "gt_secure/*/README.md")

GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
NAMED = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "gt_secure",
    "tests",
    "docs",
    "notebooks",
    "labextension/src",
    "tools",
)
"""Files and folders in which the former words of the glossary stand nowhere."""
NOT_NAMED = re.compile(r"/(data|static|__pycache__|node_modules)/|docs/reference/glossary\.md$")
TEXTS = {".py", ".md", ".json", ".ipynb", ".ts", ".toml", ".html", ".js", ".yml", ".sh", ".1"}

HEADLESS = re.compile(r"(What|Whether|Where|Which|Who|Whom|How|Why|When) ")
"""Openings of a docstring that name no noun. "How many rows ..." is one;
a question with its mark is not.
"""

PHRASES = {
    "calque": [
        (
            r"is no"
            r" (column|source|filter|connection|blocker|policy|action|ARN|operator|finding|leak)\b"
        ),
        r"\b(nothing|something|anything) is to\b",
        r"belongs? into",
        r"\bgraver?\b",
        r"\bcome in through\b",
        r"\btak(e|es|en) back\b",
        r"\btook back\b",
        r"\bhold(s)? together\b",
        r"\bso many\b(?! more)",
        r"\bof its own\b",
        r"\bas it is\b",
        r"\bbesides\b",
        r"\blie(s)? (in|at|beside|on)\b",
        r"\blacking\b",
        r"\blacks\b",
        r"\bmended?\b",
        r"\bapt\b",
        r"\bwith less comfort\b",
        r"\ba comfort\b",
    ],
    "anthropomorphism": [
        r"\btells? (no|what|which|whether|where|how|who|the|in one)\b",
        r"\bwere told\b",
        r"\bis told\b",
        r"\b(AWS|S3|SageMaker|IAM|Athena) (says|takes|asks|gave no|told|tells|sees no)\b",
        r"\bdoes not tell\b",
        r"\bwitness(es)?\b",
        r"\bplays?\b(?! out)",
        r"\bplayed\b",
        r"\bdies? quietly\b",
    ],
    "metaphor": [r"\b(the|a|each|no) (room|door|house|floor)\b", r"\brooms\b", r"\bdoors\b"],
    "glossary": [
        r"\blabelers?\b",
        r"\bgets? in\b",
        r"\bgot in\b",
        r"\bgot out\b",
        r"\bget out\b",
        r"\bshut out\b",
        r"\bpass(ed|es)? (it|the URL|a URL) on\b",
        r"\bforeign (statement|polic|part|Deny)",
        r"\bvantages?\b",
        r"\bmay come in\b",
        r"\bwho came\b",
        r"\bnobody came\b",
        r"\bswitch(es)?\b(?= (is|are|of|on|off))",
        r"\btoggles?\b",
    ],
    # A sentence is true and complete when it is read alone.
    "not alone": [
        r"\bsomebody of\b",
        r"\banybody's\b",
        r"\basks first\b",
        r"\b(has|have) the claim\b",
        r"\bthough allowed\b",
        r"\ball the same\b",
        r"\bas above\b",
        r"\bnow (opened|refused)\b",
        r"\b(opened|refused) now\b",
        r"\ba forwarded URL\b",
    ],
}
WORDS = {rule: re.compile("|".join(patterns), re.IGNORECASE) for rule, patterns in PHRASES.items()}
CURLY = re.compile("[“”„‘]")
PLURAL = re.compile(
    r"(?<![\d.,])1 (objects|rows|lines|requests|hits|ranges|networks|files|changes|findings|URLs)\b"
)
NOT_SHOWN = re.compile(r"gt_secure/(sandbox|secrets|engine/iam|logs/(ingest|sql|storage|engines))/")
"""Modules that show no list: they cut buffers, samples and parts of names."""
PLURAL_NAME = re.compile(r"\w+s|\w*(found|wrong|missing|undecided|left|rest|meant|ended|busiest)")
BOUND = re.compile(r"(\w+[.])*(_?[A-Z][A-Z_]+|most|top|limit)")
REMAINDER = re.compile(r"\bmore\b|\bsome\(|\brest\b|\bleft\b|\blen\([\w.]+\) - |\[[\w.]+:\]")
"""Words with which a function says what it does not show."""
COMMENT = re.compile(r"(?:^|\s)#\s+(.*)")
CODE = re.compile(r"```.*?```|``[^`]*``|`[^`]*`|<[^>]+>|https?://\S+|:\w+:`[^`]*`", re.DOTALL)


@dataclass(frozen=True)
class Text:
    """A piece of text that a person reads: its file, line, kind (docstring, message, page,
    notebook) and words.
    """

    path: str
    line: int
    kind: str
    words: str


def of_module(path: Path) -> Iterator[Text]:
    """Yield the docstrings of a module and the texts in it that are sentences."""
    name = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                first = node.body[0]
                assert isinstance(first, ast.Expr)
                docstrings.add(id(first.value))
                yield Text(name, first.lineno, "docstring", text)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and id(node) not in docstrings
            and _is_sentence(node.value)
        ):
            yield Text(name, node.lineno, "message", str(node.value))


def _is_sentence(value: object) -> bool:
    """Tell text that people read from names, patterns and SQL."""
    return (
        isinstance(value, str)
        and bool(re.search(r"[a-z]{2} [a-z]", value))
        and not re.search(r"\b(SELECT|FROM|WHERE|CASE|WITH|CREATE)\b", value)
    )


def cut_lists(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each list in a module that is cut without a word on the remainder in
    the same function.

    A list is what is looped over, unpacked, joined or named in the plural; a slice that begins
    elsewhere or ends after one item is no cut.
    """
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            cut = ast.unparse(node.func).endswith("islice") and len(node.args) == 2
        else:
            cut = (
                isinstance(node, ast.Subscript)
                and _cuts(node)
                and _is_list(node.value, parents[node])
            )
        if not cut:
            continue
        function: ast.AST = node
        while function in parents and not isinstance(
            function, ast.FunctionDef | ast.AsyncFunctionDef
        ):
            function = parents[function]
        words = [each for each in getattr(function, "body", ()) if not _is_text(each)]
        if not REMAINDER.search("\n".join(map(ast.unparse, words))):
            yield getattr(node, "lineno", 0), ast.unparse(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _cuts(node: ast.Subscript) -> bool:
    """Return whether a subscript keeps the first items, more than one, up to a fixed number."""
    part = node.slice
    if (
        not isinstance(part, ast.Slice)
        or part.lower is not None
        or part.step is not None
        or part.upper is None
    ):
        return False
    if isinstance(part.upper, ast.Constant):
        return isinstance(part.upper.value, int) and part.upper.value > 1
    return bool(BOUND.fullmatch(ast.unparse(part.upper)))


def _is_list(value: ast.expr, parent: ast.AST) -> bool:
    """Return whether a list is cut, not a text, by its place, its kind or its name."""
    if isinstance(parent, ast.comprehension | ast.For | ast.Starred):
        return True
    if isinstance(value, ast.List | ast.ListComp | ast.Tuple):
        return True
    if isinstance(value, ast.Call):
        return bool(re.search(r"(sorted|list|tuple|join|dict\.fromkeys)$", ast.unparse(value.func)))
    name = (
        value.attr
        if isinstance(value, ast.Attribute)
        else value.id
        if isinstance(value, ast.Name)
        else ""
    )
    return bool(PLURAL_NAME.fullmatch(name))


def cuts() -> Iterator[tuple[Text, str, str]]:
    """Yield the lists of the product that are cut in silence."""
    for path in sorted((ROOT / "gt_secure").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not NOT_SHOWN.match(name):
            for line, words in cut_lists(path.read_text(encoding="utf-8")):
                yield Text(name, line, "code", words), "cut list", words


def of_page(path: Path) -> Iterator[Text]:
    """Yield the paragraphs of a Markdown page."""
    text = CODE.sub(lambda match: "\n" * match[0].count("\n"), path.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield Text(path.relative_to(ROOT).as_posix(), number, "page", line)


def of_notebook(path: Path) -> Iterator[Text]:
    """Yield the lines of Markdown cells and the comments of code cells;
    the number is that of the cell.
    """
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"], start=1):
        source = "".join(cell["source"])
        lines = (
            CODE.sub("", source).splitlines()
            if cell["cell_type"] == "markdown"
            else COMMENT.findall(source)
        )
        for line in lines:
            if line.strip():
                yield Text(path.relative_to(ROOT).as_posix(), number, "notebook", line)


def texts() -> Iterator[Text]:
    """Yield everything that is checked."""
    for path in sorted((ROOT / "gt_secure").rglob("*.py")):
        yield from of_module(path)
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            yield from of_page(path)
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        yield from of_notebook(path)
    for name in ("findings/findings.json", "restriction/notices.json", "explain/causes.json"):
        catalog = ROOT / "gt_secure" / name
        for number, line in enumerate(catalog.read_text(encoding="utf-8").splitlines(), start=1):
            yield Text(catalog.relative_to(ROOT).as_posix(), number, "message", line)


def former_words() -> re.Pattern[str]:
    """Return what the last column of the glossary lists: with blanks, hyphens,
    underscores or nothing between words.
    """
    rows = re.findall(r"^\|.*\| ([^|]*) \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    words = [word for row in rows for word in re.findall("`([^`]+)`", row)]
    spelled = ("[ _-]?".join(map(re.escape, re.split("[ _-]", word))) for word in words)
    return re.compile("|".join(rf"(?<![a-z]){each}(?![a-z])" for each in spelled), re.IGNORECASE)


def named_so() -> Iterator[tuple[Text, str, str]]:
    """Yield every place that has a former word: in names, code, help, pages,
    notebooks and tests.
    """
    former = former_words()
    roots = [ROOT / name for name in NAMED]
    files = [
        path for root in roots for path in (sorted(root.rglob("*")) if root.is_dir() else [root])
    ]
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in TEXTS or NOT_NAMED.search(f"/{name}") or path.is_symlink():
            continue
        text = path.read_text(encoding="utf-8")
        for match in former.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            shown = text[max(0, match.start() - 30) : match.end() + 20].replace("\n", " ")
            yield Text(name, line, "name", shown), "former word", shown


def broken(text: Text) -> Iterator[tuple[str, str]]:
    """Yield the rules that a text breaks, each with the words that break it."""
    plain = CODE.sub("", text.words)
    if text.kind == "docstring" and HEADLESS.match(plain) and "?" not in plain.split("\n")[0]:
        yield "headless docstring", plain.split("\n")[0][:70]
    if text.kind == "message" and (match := CURLY.search(text.words)):
        yield "curly quotes", text.words.strip()[max(0, match.start() - 30) : match.start() + 40]
    if match := PLURAL.search(plain):
        yield "plural", match[0]
    for rule, pattern in WORDS.items():
        for match in pattern.finditer(plain):
            yield rule, plain[max(0, match.start() - 25) : match.end() + 25].replace("\n", " ")


def exceptions() -> dict[tuple[str, str], str]:
    """Return the reasons of the places that may break a rule, by file and words."""
    if not EXCEPTIONS.exists():
        return {}
    rows = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8")).get("exception", [])
    return {(row["file"], row["words"]): row["reason"] for row in rows}


def main() -> int:
    """Print what breaks a rule."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", action="store_true")
    parser.add_argument("paths", nargs="*", help="only files whose path begins so")
    args = parser.parse_args()
    allowed = exceptions()
    places = [
        *((text, rule, words) for text in texts() for rule, words in broken(text)),
        *named_so(),
        *cuts(),
    ]
    found = [
        (text, rule, words)
        for text, rule, words in places
        if not args.paths or any(text.path.startswith(path) for path in args.paths)
        if not any(text.path == file and part in words for file, part in allowed)
    ]
    if args.counts:
        for (rule, kind), number in sorted(
            Counter((rule, text.kind) for text, rule, _ in found).items()
        ):
            print(f"{number:5}  {rule}, {kind}")
        print(f"{len(found):5}  in all")
    else:
        for text, rule, words in found:
            print(f"{text.path}:{text.line}: {rule}: {words}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
