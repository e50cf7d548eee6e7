"""The umask while a lake is worked on; it is the whole process's."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.permissions import current, withheld
from custseg_spark.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    assert os.umask(before) == 0o022


def test_files_and_folders_lack_what_is_withheld(tmp_path: Path) -> None:
    with withheld("077"):
        assert current() == 0o077
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("")
    (tmp_path / "later").write_text("")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"folder": 0o700, "file": 0o600, "later": 0o644}


def test_the_strictest_of_all_at_work_holds_until_the_last_ends() -> None:
    inside, go = threading.Event(), threading.Event()

    def other() -> None:
        with withheld("077"):
            inside.set()
            go.wait()

    thread = threading.Thread(target=other)
    with withheld("027"):
        thread.start()
        inside.wait()
        assert current() == 0o077
    assert current() == 0o077
    go.set()
    thread.join()
    assert current() == 0o022


def test_an_error_gives_it_back() -> None:
    with pytest.raises(ValueError, match="x"), withheld("077"):
        raise ValueError("x")
    assert current() == 0o022


@pytest.mark.parametrize("umask", ["7", "77", "0777", "700", "rwx", "", "087", "1077"])
def test_a_umask_is_three_octal_digits_and_leaves_the_owner_his(umask: str) -> None:
    with pytest.raises(ConfigurationError, match=r"lake\.umask: expected three octal digits"):
        LakeConfig(umask=umask)
    assert LakeConfig(umask="0027").umask == "0027"
