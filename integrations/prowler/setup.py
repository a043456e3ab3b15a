"""Build the wheel. The catalog of findings is that of the checkout,
or of the installed gt_secure.
"""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import generate  # noqa: E402
from gt_secure import __version__  # noqa: E402


class BuildChecks(build_py):
    """Write the generated files beside the plugin."""

    def run(self) -> None:
        """Copy the plugin, then generate."""
        super().run()
        generate.write(Path(self.build_lib))


setup(version=__version__, entry_points=generate.entry_points(), cmdclass={"build_py": BuildChecks})
