"""``gt-secure completion``: code for a shell that completes commands, options and choices, made from the parser."""

from __future__ import annotations

import argparse
import sys

from ..errors import MissingExtra
from ..optional import install_command
from .exit_codes import OK
from .parser import Commands, Parser

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "completion",
        run,
        account=False,
        json=False,
        description="Print code for a shell that completes commands, options and choices. It needs argcomplete.",
        examples=(
            ("gt-secure completion bash >> ~/.bashrc", "complete in bash, in new shells"),
            ("gt-secure completion fish > ~/.config/fish/completions/gt-secure.fish", "complete in fish"),
        ),
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(args: argparse.Namespace) -> int:
    """Print the code."""
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise MissingExtra(
            "Completion needs argcomplete, which is not installed.",
            next_step=f"Run: {install_command('argcomplete')}",
        ) from error
    sys.stdout.write(shellcode(["gt-secure"], shell=args.shell) + "\n")
    return OK


def complete(parser: Parser) -> None:
    """Answer the shell and end the process; without argcomplete, nothing is completed."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)
