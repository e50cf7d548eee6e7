"""Files on their way to the disk: what is taken, what is refused with which words, what is left."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from custseg_spark.interfaces.dashboard.guarding import Guard
from custseg_spark.interfaces.dashboard.settings import Settings
from custseg_spark.interfaces.dashboard.trying.upload_route import (
    NAME_HEADER,
    PASS_HEADER,
    add_uploads,
)
from custseg_spark.interfaces.dashboard.trying.uploads import Limits, Uploads

LOG = b"event_time,user_id\n2024-01-01 00:00:00,7\n"


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    limits = Limits(file_bytes=5_000_000, total_bytes=8_000_000, spare_bytes=0)
    with Uploads(tmp_path / "tries", limits) as made:
        yield made


@pytest.fixture
def client(uploads: Uploads) -> TestClient:
    app = FastAPI()
    add_uploads(app, uploads)
    return TestClient(app, headers={PASS_HEADER: uploads.new_pass()})


def left(uploads: Uploads) -> list[str]:
    """What is in the folder of uploads."""
    return sorted(p.name for p in uploads.folder.iterdir())


def test_a_file_arrives_as_it_is(client: TestClient, uploads: Uploads) -> None:
    answer = client.post("/uploads", content=LOG, headers={NAME_HEADER: "log.csv"})
    assert answer.status_code == 200
    upload = uploads.get(answer.json()["id"])
    assert upload is not None
    assert (upload.name, upload.kind, upload.bytes) == ("log.csv", "text", len(LOG))
    assert upload.path.read_bytes() == LOG


def test_a_file_arrives_in_blocks(client: TestClient, uploads: Uploads) -> None:
    blocks = [LOG[:19], *([LOG[19:]] * 60_000)]
    answer = client.post("/uploads", content=iter(blocks))
    upload = uploads.get(answer.json()["id"])
    assert upload is not None
    assert upload.path.read_bytes() == b"".join(blocks)


def archive(member: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr(member, "<workbook/>")
    return content.getvalue()


def parquet() -> bytes:
    content = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(LOG, "text", id="csv"),
        pytest.param(archive("xl/workbook.xml"), "xlsx", id="workbook"),
        pytest.param(parquet(), "parquet", id="parquet"),
        pytest.param(b"SQLite format 3\x00" + bytes(84), "sqlite", id="database"),
    ],
)
def test_the_kind_is_told_by_the_content(
    client: TestClient, uploads: Uploads, content: bytes, kind: str
) -> None:
    answer = client.post("/uploads", content=content, headers={NAME_HEADER: "data.bin"})
    upload = uploads.get(answer.json()["id"])
    assert upload is not None
    assert upload.kind == kind


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\..\\x.csv", "/etc/passwd", "a/b.csv", "\x00\n.csv", "", "é" * 500],
)
def test_a_name_is_shown_and_no_path(client: TestClient, uploads: Uploads, name: str) -> None:
    answer = client.post("/uploads", content=LOG, headers={NAME_HEADER: quote(name)})
    upload = uploads.get(answer.json()["id"])
    assert upload is not None
    assert upload.name.isprintable()
    assert 0 < len(upload.name) <= 120
    assert "/" not in upload.name
    assert upload.path == uploads.folder / upload.id / "upload"
    assert left(uploads) == [upload.id]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        pytest.param(b"", 422, "the file is empty", id="empty"),
        pytest.param(b"a\x00\x01", 415, "binary content", id="binary"),
        pytest.param("a,b".encode("utf-16"), 415, "UTF-16 text; expected UTF-8", id="utf-16"),
        pytest.param(b"\xd0\xcf\x11\xe0", 415, "Excel before 2007", id="old workbook"),
        pytest.param(archive("a.csv"), 415, "expected CSV, XLSX, Parquet or SQLite", id="zip"),
        pytest.param(b'{"a": 1}', 415, "it is json; expected CSV", id="json"),
        pytest.param(b"\x1f\x8b" + bytes(20), 415, "it is gzip; expected CSV", id="gzip"),
    ],
)
def test_what_is_refused_is_said_and_not_kept(
    client: TestClient, uploads: Uploads, content: bytes, status: int, words: str
) -> None:
    answer = client.post("/uploads", content=content)
    assert (answer.status_code, left(uploads)) == (status, [])
    assert words in answer.json()["detail"]
    assert str(uploads.folder) not in answer.text


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_file_that_is_too_large_is_not_kept(
    client: TestClient, uploads: Uploads, is_announced: bool
) -> None:
    content = LOG + bytes(5_000_000)
    body = content if is_announced else iter([content[:4_000_000], content[4_000_000:]])
    answer = client.post("/uploads", content=body)
    assert (answer.status_code, left(uploads)) == (413, [])
    assert answer.json()["detail"].startswith("the file is too large: at most 0.00466 GiB")


@pytest.mark.parametrize("is_announced", [True, False])
def test_all_files_together_have_a_limit(
    client: TestClient, uploads: Uploads, is_announced: bool
) -> None:
    content = LOG * 100_000
    first = client.post("/uploads", content=content)
    assert first.status_code == 200
    body = content if is_announced else iter([content[:100], content[100:]])
    second = client.post("/uploads", content=body)
    assert second.status_code == 507
    assert "there is room for" in second.json()["detail"]
    assert left(uploads) == [first.json()["id"]]
    uploads.remove(first.json()["id"])
    assert client.post("/uploads", content=content).status_code == 200


@pytest.mark.parametrize("given", ["", "x", "é"])
def test_without_a_pass_nothing_is_taken(client: TestClient, uploads: Uploads, given: str) -> None:
    answer = client.post("/uploads", content=LOG, headers={PASS_HEADER: given.encode()})
    assert (answer.status_code, left(uploads)) == (401, [])


def test_a_pass_ends(tmp_path: Path) -> None:
    with Uploads(tmp_path, Limits(pass_s=-1)) as uploads:
        assert not uploads.admits(uploads.new_pass())


def test_old_uploads_are_removed_unless_they_are_read(tmp_path: Path) -> None:
    limits = Limits(kept_s=-1, spare_bytes=0)
    with Uploads(tmp_path, limits) as uploads:
        app = FastAPI()
        add_uploads(app, uploads)
        receiving = uploads.receive("log.csv", None)
        receiving.path.write_bytes(LOG)
        receiving.grown(len(LOG))
        uploads.use(receiving.id, is_used=True)
        upload = receiving.keep()
        assert uploads.get(upload.id) == upload
        uploads.use(upload.id, is_used=False)
        assert uploads.get(upload.id) is None
        assert left(uploads) == []


def test_at_the_end_nothing_is_left(tmp_path: Path) -> None:
    with Uploads(tmp_path) as uploads:
        uploads.receive("log.csv", None).path.write_bytes(LOG)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_server_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "custseg-uploads-dead" / "x").mkdir(parents=True)
    with Uploads(tmp_path) as uploads:
        assert [p for p in tmp_path.iterdir()] == [uploads.folder]


def guarded(uploads: Uploads, password: str | None) -> TestClient:
    app = FastAPI()
    add_uploads(app, uploads)
    app.add_middleware(Guard, settings=Settings(Path("lake"), password))
    return TestClient(app, headers={PASS_HEADER: uploads.new_pass()})


def test_another_site_can_not_upload(uploads: Uploads) -> None:
    client = guarded(uploads, None)
    refused = client.post("/uploads", content=LOG, headers={"Origin": "http://elsewhere.example"})
    assert (refused.status_code, left(uploads)) == (403, [])
    taken = client.post("/uploads", content=LOG, headers={"Origin": "http://testserver"})
    assert taken.status_code == 200


def test_an_upload_needs_the_password_where_there_is_one(uploads: Uploads) -> None:
    answer = guarded(uploads, "a long password").post("/uploads", content=LOG)
    assert (answer.status_code, left(uploads)) == (401, [])
