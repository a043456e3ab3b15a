"""Packages that ``make check`` installs for the tests of the engine."""

from importlib.util import find_spec

collect_ignore = ["access/test_smt.py"] if find_spec("z3") is None else []
