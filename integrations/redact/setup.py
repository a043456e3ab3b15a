"""Build the wheel from the part ``gt_secure/secrets`` of the checkout."""

import runpy
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402


class BuildPackage(build_py):
    """Write the package, where it is built from files that exist."""

    def run(self) -> None:
        """Generate; there is nothing else."""
        generate.write(Path(self.build_lib))


version = runpy.run_path(str(generate.PACKAGE / "base" / "version.py"))["__version__"]
setup(
    version=version,
    package_dir={generate.NAME: str(generate.PACKAGE / "secrets")},
    cmdclass={"build_py": BuildPackage},
)
