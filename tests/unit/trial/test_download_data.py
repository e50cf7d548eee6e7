"""A public data set from a server on this machine: the very file, or nothing and a reason."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import download_data
import pytest
from download_data import DATA_SETS, DataSet, DownloadError, download

CONTENT = b"invoice,customer\n1,2\n" * 5_000


def archive(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(name, content)
    return made.getvalue()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.fixture
def wanted(server: tuple[Path, str]) -> DataSet:
    folder, url = server
    (folder / "log.zip").write_bytes(archive("log.csv", CONTENT))
    digest = hashlib.sha256(CONTENT).hexdigest()
    return DataSet(f"{url}/log.zip", "log.csv", len(CONTENT), digest, "of the test")


def test_the_file_is_there_whole_and_not_asked_for_again(wanted: DataSet, tmp_path: Path) -> None:
    assert download(wanted, tmp_path / "to").read_bytes() == CONTENT
    nowhere = replace(wanted, url="http://127.0.0.1:9/none.zip")
    assert download(nowhere, tmp_path / "to").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["log.csv"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "another file's; not kept"),
        ({"bytes": 7}, "has 8 bytes, expected 7"),
        ({"bytes": len(CONTENT) + 1}, "expected 105,001"),
        ({"member": "other.csv"}, "the archive isn't what was expected"),
    ],
)
def test_another_file_is_not_kept(
    wanted: DataSet, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(DownloadError, match=message):
        download(replace(wanted, **change), tmp_path / "to")  # type: ignore[arg-type]
    assert list((tmp_path / "to").iterdir()) == []


def test_a_damaged_file_is_replaced(wanted: DataSet, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(CONTENT[:-1])
    assert download(wanted, tmp_path).read_bytes() == CONTENT


def test_what_the_server_or_the_network_lacks_is_said(
    wanted: DataSet, server: tuple[Path, str], tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match="answers 404"):
        download(wanted, tmp_path, f"{server[1]}/gone.zip")
    with pytest.raises(DownloadError, match="is there a network"):
        download(wanted, tmp_path, "http://127.0.0.1:9/log.zip")
    (server[0] / "page.zip").write_text("<html>")
    with pytest.raises(DownloadError, match="isn't what was expected"):
        download(wanted, tmp_path, f"{server[1]}/page.zip")


def test_the_command_ends_with_three_and_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        download_data.main(
            ["online_retail", f"--to={tmp_path}", "--url=http://127.0.0.1:9/none.zip"]
        )
    assert ended.value.code == 3
    assert "is there a network?" in capsys.readouterr().err


def test_the_data_sets_have_an_address_a_size_and_a_hash() -> None:
    for data_set in DATA_SETS.values():
        assert data_set.url.startswith("https://")
        assert data_set.bytes > 1_000_000
        assert len(bytes.fromhex(data_set.sha256)) == 32
