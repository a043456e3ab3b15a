"""Build the wheel, with the version of the checkout, or of the installed gt_secure."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gt_secure import __version__

setup(version=__version__)
