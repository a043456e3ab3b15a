"""Tutorials are copied whole, and what a person has saved is not lost."""

import json

import pytest

from gt_secure.base.errors import NotFound
from gt_secure.cli import tutorials
from gt_secure.cli.main import main


def test_all_of_them_are_copied_with_the_template(tmp_path, capsys):
    folder = tmp_path / "new" / "tutorials"
    assert main(["tutorials", str(folder)]) == 0
    source = tutorials.notebooks_dir()
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert {path.relative_to(folder) for path in folder.rglob("*.ipynb")} == wanted
    assert len(wanted) >= 9
    assert str(folder / "templates" / "regression_tests.ipynb") in capsys.readouterr().out


def test_what_a_person_saved_is_kept(tmp_path, capsys):
    main(["tutorials", str(tmp_path)])
    mine = tmp_path / "templates" / "regression_tests.ipynb"
    mine.write_text("mine")
    capsys.readouterr()
    assert main(["tutorials", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    assert mine.read_text() == "mine"
    assert json.loads(said.out)["kept"] == ["templates/regression_tests.ipynb"]
    assert "is kept" in said.err


def test_a_folder_that_cannot_be_written_is_an_error_with_a_next_step(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["tutorials", str(tmp_path / "file" / "x")]) == 64
    assert "next: Choose a folder" in capsys.readouterr().err


def test_an_installation_without_notebooks_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(tutorials, "_places", lambda: iter([tmp_path]))
    with pytest.raises(NotFound, match="not installed") as caught:
        tutorials.notebooks_dir()
    assert caught.value.next_step
