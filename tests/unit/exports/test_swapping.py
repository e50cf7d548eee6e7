"""A folder of files takes another's place at once, and what else was in it stays."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from custseg_spark.outputs.exports import swapping

NAMES = ["a.csv", "b.csv"]


def folder_of(path: Path, text: str) -> Path:
    path.mkdir()
    for name in NAMES:
        (path / name).write_text(text)
    return path


def texts(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in NAMES]


def test_the_files_change_together_and_others_stay(tmp_path: Path) -> None:
    folder, beside = folder_of(tmp_path / "out", "old"), folder_of(tmp_path / ".new", "new")
    (folder / "notes.txt").write_text("mine")
    (folder / "more").mkdir()
    (folder / "more" / "deep.txt").write_text("mine, too")
    folder.chmod(0o750)
    swapping.put(beside, folder, NAMES)
    assert texts(folder) == ["new", "new"]
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "more" / "deep.txt").read_text() == "mine, too"
    assert folder.stat().st_mode & 0o777 == 0o750
    assert texts(beside) == ["old", "old"]


def test_where_names_can_t_be_exchanged_files_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "_exchange", lambda *_: False)
    folder, beside = folder_of(tmp_path / "out", "old"), folder_of(tmp_path / ".new", "new")
    swapping.put(beside, folder, NAMES)
    assert texts(folder) == ["new", "new"]


def swap_for_ever(root: Path) -> None:
    folder, beside = root / "out", root / ".new"
    while True:
        swapping.put(beside, folder, NAMES)


def test_a_kill_at_any_moment_leaves_files_of_one_version(tmp_path: Path) -> None:
    folder_of(tmp_path / "out", "old")
    folder_of(tmp_path / ".new", "new")
    process = multiprocessing.get_context("spawn").Process(target=swap_for_ever, args=(tmp_path,))
    process.start()
    seen = set()
    while len(seen) < 2:
        # Held by its inode: the name may change to the other folder between two reads.
        folder = os.open(tmp_path / "out", os.O_RDONLY)
        versions = {_read(folder, name) for name in NAMES}
        os.close(folder)
        assert len(versions) == 1
        seen |= versions
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert len(set(texts(tmp_path / "out"))) == 1


def _read(folder: int, name: str) -> str:
    with open(name, opener=lambda path, flags: os.open(path, flags, dir_fd=folder)) as file:
        return file.read()
