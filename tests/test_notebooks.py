"""`npalexnet notebooks`: a copy that is the learner's, and is never written over."""

from __future__ import annotations

import json

import pytest

from npalexnet import notebooks
from npalexnet.system import course


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A small course, and an empty place."""
    made = tmp_path / "course"
    (made / "exercises").mkdir(parents=True)
    (made / "README.md").write_text("its pictures are elsewhere")
    (made / "1-tour.ipynb").write_text("tour")
    (made / "exercises" / "1-linear.ipynb").write_text("linear")
    (made / ".ipynb_checkpoints").mkdir()
    (made / ".ipynb_checkpoints" / "1-tour.ipynb").write_text("left behind")
    monkeypatch.setattr(course, "course_folder", lambda: made)
    monkeypatch.chdir(tmp_path)
    return made


def files(folder):
    """Name to text of what a learner sees."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != course.NOTE
    }


def test_the_course_is_copied_and_its_reader_told_how_to_open_it(
    source, tmp_path, capsys
):
    assert notebooks.main(["mine/here"]) == 0
    copy = tmp_path / "mine" / "here"
    assert files(copy) == {"1-tour.ipynb": "tour", "exercises/1-linear.ipynb": "linear"}
    out = capsys.readouterr().out
    assert out.startswith("mine/here: 2 copied\n")
    assert "-m jupyterlab mine/here" in out
    assert notebooks.main(["mine/here"]) == 0
    assert capsys.readouterr().out.startswith("mine/here: 2 up to date already\n")


def test_what_was_changed_stays_and_the_rest_is_updated(source, tmp_path, capsys):
    notebooks.main(["mine"])
    tour, linear = (tmp_path / "mine").joinpath, (source / "exercises").joinpath
    tour("1-tour.ipynb").write_text("my notes")
    (source / "1-tour.ipynb").write_text("tour, second edition")
    linear("1-linear.ipynb").write_text("linear, second edition")
    capsys.readouterr()
    for _ in range(2):  # again and again
        assert notebooks.main(["mine"]) == 0
        assert files(tmp_path / "mine") == {
            "1-tour.ipynb": "my notes",
            "exercises/1-linear.ipynb": "linear, second edition",
        }
    out = capsys.readouterr().out
    assert "1 updated, 1 left alone, for they were changed" in out
    assert "yours: mine/1-tour.ipynb" in out


def test_what_is_removed_is_copied_anew(source, tmp_path):
    notebooks.main(["mine"])
    (tmp_path / "mine" / "1-tour.ipynb").unlink()
    notebooks.main(["mine"])
    assert files(tmp_path / "mine")["1-tour.ipynb"] == "tour"


@pytest.mark.parametrize("note", [None, "", "[1]", '{"1-tour.ipynb": 5}'])
def test_without_its_note_everything_that_differs_is_somebodys(source, tmp_path, note):
    notebooks.main(["mine"])
    where = tmp_path / "mine" / course.NOTE
    assert set(json.loads(where.read_text())) == set(files(tmp_path / "mine"))
    where.unlink()
    if note is not None:
        where.write_text(note)
    (source / "1-tour.ipynb").write_text("second edition")
    assert notebooks.main(["mine"]) == 0
    assert files(tmp_path / "mine")["1-tour.ipynb"] == "tour"


def test_a_file_that_was_there_before_is_somebodys(source, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "1-tour.ipynb").write_text("older than the copy")
    notebooks.main(["mine"])
    assert files(tmp_path / "mine")["1-tour.ipynb"] == "older than the copy"


def test_impossible_folders_are_one_line(source, tmp_path, capsys):
    (tmp_path / "file").touch()
    for folder, says in (
        ("file", "cannot be written to"),
        ("course", "where the course comes from"),
        ("course/exercises", "where the course comes from"),
    ):
        assert notebooks.main([folder]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert says in line
    assert (source / "1-tour.ipynb").read_text() == "tour"


def test_the_real_course_is_found_and_has_its_sheets():
    found = [path.as_posix() for path in course.course_files(course.course_folder())]
    assert "1-tour.ipynb" in found and "exercises/8-dropout.ipynb" in found
    assert "README.md" not in found
