"""The conda recipe, read by rattler-build; and the wheel's files as a conda package has them.

The channel that would solve the recipe's environments cannot be reached here: its script is not
run.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.rooms import ROOT, Room

pytestmark = pytest.mark.slow
RENDERED = """
import json, rattler_build, sys
recipe = rattler_build.Stage0Recipe.from_file(sys.argv[1] + "/recipe.yaml")
[variant] = recipe.render(rattler_build.VariantConfig.from_file(sys.argv[1] + "/variants.yaml"))
print(json.dumps(variant.recipe.to_dict(), default=str))
"""
PACKED = """
import json, rattler_build, sys
staged, out, version, depends = sys.argv[1:]
made = rattler_build.assemble_package("gt_secure", version, "noarch", "py_0", out, files_dir=staged, noarch="python",
                                      depends=json.loads(depends), license="Apache-2.0")
package = rattler_build.Package.from_file(made.path)
print(json.dumps([package.subdir, package.noarch, list(package.depends), list(package.files)]))
"""


def test_rattler_build_renders_the_recipe_and_packs_the_files(wheel: Path, tmp_path: Path) -> None:
    room = Room(tmp_path / "room")
    room.install("py-rattler-build")
    recipe = json.loads(room.run("-c", RENDERED, str(ROOT / "recipe")))
    assert recipe["package"]["name"] == "gt_secure"
    assert recipe["build"]["noarch"] == "python"
    wanted = {"python-duckdb", "boto3", "ipywidgets", "matplotlib-base", "numpy", "python"}
    assert {str(each).split()[0] for each in recipe["requirements"]["run"]} == wanted

    alone = Room(tmp_path / "alone")
    alone.install("--no-deps", str(wheel))
    staged = tmp_path / "staged"
    [site] = alone.path.glob("lib/python*/site-packages")
    for part in (site / "gt_secure", *site.glob("gt_secure-*.dist-info")):
        shutil.copytree(
            part, staged / "site-packages" / part.name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copytree(alone.path / "share", staged / "share")
    runs = json.dumps([str(each) for each in recipe["requirements"]["run"]])
    said = room.run(
        "-c", PACKED, str(staged), str(tmp_path / "out"), recipe["package"]["version"], runs
    )
    subdir, noarch, depends, files = json.loads(said)
    assert (subdir, noarch) == ("noarch", "python")
    assert len(depends) == len(wanted)
    [contents] = [
        each["package_contents"] for each in recipe["tests"] if "package_contents" in each
    ]
    places = {*contents["files"], *(f"site-packages/{name}" for name in contents["site_packages"])}
    assert places <= set(files)
