"""Paths and URIs: what is on this machine and what is elsewhere."""

from pathlib import Path

import pytest

from custseg_spark.paths import Remote, is_remote, place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lake", Path("lake")),
        ("/data/lake", Path("/data/lake")),
        ("C:/lake", Path("C:/lake")),
        ("a:b/c", Path("a:b/c")),
        ("file:/data/lake", Path("/data/lake")),
        ("file:///data/lake", Path("/data/lake")),
        ("file://localhost/data/lake", Path("/data/lake")),
        ("s3a://shop/lake", Remote("s3a://shop/lake")),
        ("abfss://box@account.dfs.core.windows.net/a", None),
        ("dbfs:/Volumes/main/shop/raw", Remote("dbfs:/Volumes/main/shop/raw")),
    ],
)
def test_a_place_is_here_or_elsewhere(text: str, expected: Path | Remote | None) -> None:
    assert place(text) == (expected or Remote(text))
    assert is_remote(text) == isinstance(place(text), Remote)


@pytest.mark.parametrize(
    ("uri", "parent", "name"),
    [
        ("s3a://shop/a/b.csv.gz", "s3a://shop/a", "b.csv.gz"),
        ("s3a://shop/a/", "s3a://shop", "a"),
        ("s3a://shop", "s3a://shop", "shop"),
        ("dbfs:/Volumes/raw", "dbfs:/Volumes", "raw"),
        ("dbfs:/Volumes", "dbfs:/Volumes", "Volumes"),
    ],
)
def test_a_remote_place_has_a_parent_and_a_name(uri: str, parent: str, name: str) -> None:
    assert str(Remote(uri).parent) == parent
    assert Remote(uri).name == name
    assert str(Remote(uri) / "x") == f"{uri.rstrip('/')}/x"


def test_every_way_to_write_a_path_is_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, there = tmp_path / "home", tmp_path / "a b" / "50% Größe='x'"
    (there / "shop").mkdir(parents=True)
    (tmp_path / "link").symlink_to(there / "shop")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(there / "shop")
    assert place("~/lake") == home / "lake"
    assert place("~") == home
    assert place("~nobody-of-this-name/lake") == Path("~nobody-of-this-name/lake")
    assert place("a~/~b") == Path("a~/~b")
    for text in ("../lake", "../lake/", ".././lake", "../shop/../lake", f"file:{there}/x/../lake"):
        assert place(text) == there / "lake"
    # As the system goes up: from where the link leads to.
    assert place(f"{tmp_path}/link/../lake") == there / "lake"
    assert place("lake/") == Path("lake")
