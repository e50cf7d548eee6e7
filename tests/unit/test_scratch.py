"""Folders of one process's own files: what a kill leaves is gone with the next of its kind."""

import multiprocessing
import os
import signal
from pathlib import Path

from custseg_spark import scratch


def die_in_a_folder(parent: Path) -> None:
    with scratch.folder("ours-", parent) as folder:
        (folder / "staged").write_text("x")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_s_folder_goes_and_a_living_one_s_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs-1").mkdir()
    (tmp_path / "ours-file").touch()
    process = multiprocessing.get_context("spawn").Process(target=die_in_a_folder, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    [dead] = [path for path in tmp_path.iterdir() if (path / "staged").exists()]
    with scratch.folder("ours-", tmp_path) as living:
        assert not dead.exists()
        with scratch.folder("ours-", tmp_path) as second:
            assert living.is_dir()
            assert second != living
        assert not second.exists()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["ours-file", "theirs-1"]
