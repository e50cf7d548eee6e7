"""A purchase API that is hostile: bounded in memory and time, whatever it sends."""

import gzip
import time
from pathlib import Path

import pytest
from checkout import job
from faults import hostile_api
from faults.hostile_api import MOBILE, Mode, answer, page, serving

from custseg_spark.engine.sources.http import api, exchanges
from custseg_spark.errors import CustsegError, InputError, RejectedShareError

# Longer than the deadline of each of two exchanges, by far less than a server goes on for.
SOON_S = 8.0


def fetch(folder: Path, mode: Mode) -> None:
    (folder / "customers.csv").write_text(f"mobile\n{MOBILE}\n")
    settings = ("timeout_s=0.5", "attempts=2", "first_wait_s=0.01", "requests_per_second=9999")
    with serving(mode) as url:
        given = [f"--customers={folder}/customers.csv", f"--url={url}", f"--to={folder}/landing"]
        job("fetch").run([*given, *(f"--set=fetch.{setting}" for setting in settings)])


# A bomb's two gigabytes take seconds to pack.
@pytest.mark.parametrize("name", [n for n in hostile_api.MODES if "bomb" not in n])
def test_a_hostile_api_is_refused_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    packed = gzip.compress(gzip.compress(bytes(1_000_000)))
    monkeypatch.setattr(hostile_api, "_bomb", lambda _: packed)
    start = time.monotonic()
    with pytest.raises(CustsegError) as found:
        fetch(tmp_path, hostile_api.MODES[name])
    assert found.value.exit_code in (3, 4)
    assert time.monotonic() - start < SOON_S


def test_an_answer_is_unpacked_within_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    monkeypatch.setattr(exchanges, "MOST_BYTES", 1 << 22)
    with pytest.raises(RejectedShareError, match="no proper answer for 1 of 1 customers"):
        fetch(tmp_path, lambda _: answer(bomb, "Content-Encoding: gzip"))
    [line] = (tmp_path / "landing").glob("*.quarantined.jsonl")
    assert '"more than 4,194,304 bytes"' in line.read_text()


def test_an_answer_may_be_packed_once(tmp_path: Path) -> None:
    bought = [{"amount": "1.5"}]
    packed = gzip.compress(page(None, bought))
    fetch(tmp_path, lambda _: answer(packed, "Content-Encoding: gzip"))
    [file] = (tmp_path / "landing").glob("*.jsonl")
    assert file.read_text() == f'{{"amount": "1.5", "mobile": "{MOBILE}"}}\n'
    message = "packed as 'gzip, gzip'; expected gzip at most"
    (tmp_path / "again").mkdir()
    with pytest.raises(InputError, match=message):
        fetch(tmp_path / "again", lambda _: answer(packed, "Content-Encoding: gzip, gzip"))


def test_pages_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"goes on without end: 101 pages .* the last 101 of them"):
        fetch(tmp_path, lambda number: answer(page(f"c{number}")))
    monkeypatch.setattr(api, "_MOST_PAGES", 150)
    bought = [{"amount": "1"}]
    with pytest.raises(InputError, match="goes on without end: 151 pages for 1 customers"):
        fetch(tmp_path, lambda number: answer(page(f"d{number}", bought)))
    fetch(tmp_path, lambda number: answer(page(f"e{number}" if number < 99 else None)))
