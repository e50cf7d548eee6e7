"""Which folders kernels may write themselves."""

from pathlib import Path

import pytest

from custseg_spark.engine.lake.shared_folder import (
    answer_probe,
    has_probe,
    is_native_path,
    remove_probes,
    write_probe,
)

MOUNTS = """\
overlay / overlay rw 0 0
/dev/sda1 /data ext4 rw 0 0
s3fs /data/bucket\\0401 fuse.s3fs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "is_native"),
    [
        ("lake", True),
        ("/data/lake", True),
        ("file:/data/lake", True),
        ("/data/bucket 1/lake", False),
        ("/data/bucket 2/lake", True),
        ("/Volumes/main/shop/lake", False),
        ("/Volumes2/lake", True),
        ("/dbfs/lake", False),
        ("dbfs:/lake", False),
        ("s3a://bucket/lake", False),
        ("abfss://c@a.dfs.core.windows.net/lake", False),
        ("hdfs:///lake", False),
    ],
    ids=str,
)
def test_only_a_folder_of_the_machine_s_own_is_native(path: str, is_native: bool) -> None:
    assert is_native_path(path, MOUNTS) is is_native


def test_a_link_to_a_volume_is_not_native(tmp_path: Path) -> None:
    (tmp_path / "lake").symlink_to("/Volumes/main/lake")
    assert not is_native_path(str(tmp_path / "lake"), MOUNTS)


def test_a_machine_that_tells_no_mounts_is_taken_at_its_word() -> None:
    assert is_native_path("/data/lake", "")


def test_a_probe_is_seen_in_its_folder_and_answered(tmp_path: Path) -> None:
    name = write_probe(tmp_path / "lake")
    assert name is not None
    assert has_probe(str(tmp_path / "lake"), name)
    assert not has_probe(str(tmp_path), name)
    answer = answer_probe(str(tmp_path / "lake"), name, 3)
    assert answer is not None
    assert has_probe(str(tmp_path / "lake"), answer)
    assert answer_probe(str(tmp_path), name, 3) is None
    remove_probes(tmp_path / "lake", name)
    assert list((tmp_path / "lake").iterdir()) == []


def test_a_folder_without_links_is_no_place_for_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    assert write_probe(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_t_be_written_has_no_probe(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert write_probe(tmp_path / "file" / "lake") is None
