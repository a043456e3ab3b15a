"""Write the reference pages that are made from the program itself: commands from the parser, findings from their data.

python tools/make_reference.py           write docs/reference/commands.md and findings.md
python tools/make_reference.py --check   exit with 1 if a page is not current
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
SEVERITIES = ("high", "medium", "low", "info")
MADE = "<!-- made by tools/make_reference.py: do not edit -->\n"


def commands_page() -> str:
    """Describe every command with its usage and options."""
    # argparse wraps and colours by the terminal, and abbreviates the program's path.
    os.environ.update(COLUMNS="100", NO_COLOR="1", PYTHON_COLORS="0")
    from gt_secure.cli.main import build_parser

    parser = build_parser()
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    helps = {choice.dest: choice.help or "" for choice in groups[0]._choices_actions}
    common = _common_flags(list(groups[0].choices.values()))
    lines = [
        MADE,
        "# Commands\n",
        f"{parser.description} {_sentence(parser.epilog or '')}\n",
        "| command | what it does |",
        "|---|---|",
        *(f"| [`{name}`](#{name}) | {_cell(helps[name])} |" for name in groups[0].choices),
        "\nAll commands that call AWS take these options too:\n",
        *_options([a for a in groups[0].choices["plan"]._actions if _flag(a) in common]),
    ]
    for name, command in groups[0].choices.items():
        lines += ["", f"## {name}\n", _sentence(command.description or helps[name]) + "\n"]
        own = [a for a in command._actions if _flag(a) not in common and not isinstance(a, argparse._HelpAction)]
        needed = "".join(f" {_placeholder(a)}" for a in own if not a.option_strings)
        lines += ["```text", f"gt-secure {name} [options]{needed}", "```"]
        if own:
            lines += ["", *_options(own)]
    return "\n".join(lines) + "\n"


def _common_flags(commands: list[argparse.ArgumentParser]) -> set[str]:
    shared = {"--profile", "--region", "--endpoint-url", "--json"}
    return shared & {_flag(action) for command in commands for action in command._actions}


def _flag(action: argparse.Action) -> str:
    return action.option_strings[-1] if action.option_strings else action.dest


def _placeholder(action: argparse.Action) -> str:
    word = action.metavar if isinstance(action.metavar, str) else action.dest
    if action.choices is not None and action.metavar is None:
        word = "{" + ",".join(str(choice) for choice in action.choices) + "}"
    many = " ..." if action.nargs in ("*", "+") else ""
    return f"[{word}{many}]" if action.nargs in ("?", "*") else word + many


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for action in actions:
        name = ", ".join(f"`{flag}`" for flag in action.option_strings) or f"`{_placeholder(action)}`"
        if action.option_strings and action.nargs != 0:
            word = action.metavar or (action.dest.upper() if action.choices is None else None)
            value = word if isinstance(word, str) else "{" + ",".join(map(str, action.choices or ())) + "}"
            name += f" `{value}`"
        text = (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
        yield f"| {name.replace('|', chr(92) + '|')} | {_cell(text)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", ":")) or not words else ".")


def findings_page() -> str:
    """Describe every finding, the gravest first."""
    path = ROOT / "gt_secure" / "findings" / "findings.json"
    catalog: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    order = sorted(catalog, key=lambda code: (SEVERITIES.index(str(catalog[code]["severity"])), code))
    lines = [
        MADE,
        "# Findings\n",
        "What nullifies, weakens or breaks a restriction. Codes are stable: `gt-secure findings --json` prints them, "
        "and `check.no_findings(..., ignore={...})` takes them.\n",
        "| code | severity | what is so |",
        "|---|---|---|",
        *(
            f"| [`{code}`](#{code}) | {catalog[code]['severity']} | {_cell(str(catalog[code]['title']))} |"
            for code in order
        ),
    ]
    for code in order:
        row = catalog[code]
        looked = row["looked_at"]
        assert isinstance(looked, list)
        lines += [
            "",
            f"## {code}\n",
            f"**{row['severity']}.** {_cell(str(row['title']))}.\n",
            f"{_cell(str(row['why']))}\n",
            f"*What to do:* {_cell(str(row['fix']))}\n",
            f"*Looked at:* {_cell('; '.join(map(str, looked)))}. [AWS documentation]({row['source_url']})",
        ]
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands_page, "findings.md": findings_page}


def main() -> int:
    """Write or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    stale = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if args.check:
            stale += [name] if not path.is_file() or path.read_text(encoding="utf-8") != text else []
        else:
            REFERENCE.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    for name in stale:
        print(f"docs/reference/{name} is not current: run python tools/make_reference.py")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
