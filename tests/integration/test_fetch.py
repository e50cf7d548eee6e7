"""The client of a purchase API: pages, faults, limits, resuming; what it leaves in the folder."""

import asyncio
import gzip
import json
import lzma
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, job
from fastapi import Response
from fastapi.responses import StreamingResponse
from purchase_server import Faults, make_app, mobile_of, purchases_of, scripted, serving

from custseg_spark.engine.sources.http.answers import MalformedError, page
from custseg_spark.engine.sources.http.api import retry_after
from custseg_spark.errors import (
    ConfigurationError,
    ConflictError,
    CustsegError,
    InputError,
    RejectedShareError,
    TargetError,
)

SEED = 7
MOBILES = [mobile_of(n, SEED) for n in range(60)]
QUICK = {
    "batch_size": 10,
    "customers_per_file": 25,
    "requests_per_second": 1000,
    "attempts": 12,
    "first_wait_s": 0.01,
    "longest_wait_s": 0.05,
}


def customers_csv(folder: Path, mobiles: Sequence[str] = MOBILES) -> Path:
    path = folder / "customers.csv"
    path.write_text("\n".join(["mobile,name", *(f"{m},Ann" for m in mobiles)]) + "\n")
    return path


def arguments(folder: Path, url: str, **changed: float) -> list[str]:
    settings = {**QUICK, **changed}
    given = [f"--set=fetch.{key}={value}" for key, value in settings.items()]
    return [f"--customers={folder}/customers.csv", f"--url={url}", f"--to={folder}/landing", *given]


def fetch(folder: Path, url: str, **changed: float) -> None:
    job("fetch").run(arguments(folder, url, **changed))


def landed(folder: Path) -> list[dict[str, Any]]:
    """The records of all files, in the order of the files' names."""
    files = sorted((folder / "landing").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def expected(mobiles: Sequence[str] = MOBILES) -> list[dict[str, str]]:
    return [{**p, "mobile": m} for m in mobiles for p in purchases_of(m, SEED)]


def answer(customers: Any, cursor: Any = None) -> bytes:
    return json.dumps({"customers": customers, "next_cursor": cursor}).encode()


def test_all_purchases_arrive_by_pages_whatever_goes_wrong_meanwhile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    customers_csv(tmp_path)
    faults = Faults(fail=0.2, rubbish=0.15, slow=0.05, slow_seconds=1.0, retry_after=0)
    with serving(make_app(SEED, page_size=7, faults=faults)) as url:
        fetch(tmp_path, f"{url}/", timeout_s=0.5)
    assert landed(tmp_path) == expected()
    said = capsys.readouterr().out
    assert f"Fetched {len(expected()):,} purchases of 60 customers into 3 files" in said
    assert " 0 of them again" not in said
    assert "Warning" not in said


def test_a_second_fetch_asks_for_nothing_and_new_customers_for_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    customers_csv(tmp_path, MOBILES[:50])
    app = make_app(SEED)
    with serving(app) as url:
        fetch(tmp_path, url)
        before = len(app.state.requests)
        fetch(tmp_path, url)
        assert len(app.state.requests) == before == 6
        customers_csv(tmp_path)
        fetch(tmp_path, url)
        assert len(app.state.requests) == before + 1
    assert landed(tmp_path) == expected()
    assert "The files of 50 customers were there already" in capsys.readouterr().out


def test_a_killed_fetch_goes_on_where_it_stopped(tmp_path: Path) -> None:
    customers_csv(tmp_path)
    # Two files at a time: when the first is whole, the next is under way.
    app = make_app(SEED, faults=Faults(slow=1, slow_seconds=0.3))
    with serving(app) as url:
        command = [sys.executable, str(ROOT / "jobs" / "fetch.py"), *arguments(tmp_path, url)]
        process = subprocess.Popen([*command, "--set=fetch.parallel=1"])
        try:
            while not list(tmp_path.glob("landing/purchases-*")):
                assert process.poll() is None
                time.sleep(0.01)
            while not list(tmp_path.glob("landing/.purchases-000001-*.part")):
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert len(list(tmp_path.glob("landing/*.jsonl"))) == 1
        before = len(app.state.requests)
        fetch(tmp_path, url)
        # Three batches for each of the two files that weren't whole, but for the last one's one.
        assert len(app.state.requests) - before == 4
    assert landed(tmp_path) == expected()
    assert not list(tmp_path.glob("landing/.purchases-*"))


def test_a_customer_with_malformed_answers_affects_nobody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    customers_csv(tmp_path)
    few = {"attempts": 2, "max_quarantined_share": 0.2}
    # Two purchases a page: the pages before the malformed one have come already.
    with serving(make_app(SEED, page_size=2, faults=Faults(broken=0.1))) as url:
        fetch(tmp_path, url, **few)
    records = landed(tmp_path)
    lost = [m for r in records if "quarantined" in r for m in r["mobiles"]]
    assert 0 < len(lost) < 12
    assert [r for r in records if "quarantined" not in r] == expected(
        [m for m in MOBILES if m not in lost]
    )
    assert all(len(r["mobiles"]) == 1 and r["answer"] for r in records if "quarantined" in r)
    said = f"Warning: no proper answer for {len(lost)} customers; the same command asks again"
    assert said in capsys.readouterr().out
    with serving(make_app(SEED)) as url:
        fetch(tmp_path, url, **few)
    assert landed(tmp_path) == expected()
    assert not list(tmp_path.glob("landing/*.quarantined.jsonl"))


def test_without_a_proper_answer_all_are_quarantined_quickly(tmp_path: Path) -> None:
    customers_csv(tmp_path)
    app = make_app(SEED, faults=Faults(rubbish=1, kinds=("html",)))
    with serving(app) as url, pytest.raises(RejectedShareError, match="60 of 60") as found:
        fetch(tmp_path, url, attempts=2)
    assert found.value.exit_code == 4
    # Of each of the six batches two, and of each part of it at most one.
    assert len(app.state.requests) <= 6 * 2 + 60 * 2
    records = landed(tmp_path)
    assert sorted(m for r in records for m in r["mobiles"]) == sorted(MOBILES)
    assert {r["answer"] for r in records} == {"<html><body>Down for maintenance</body></html>"}


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (Faults(fail=1, failures=("500",)), "status 500"),
        (Faults(fail=1, failures=("429",), retry_after=0), "status 429"),
        (Faults(fail=1, failures=("dropped",)), "RemoteProtocolError"),
        (Faults(slow=1, slow_seconds=2), "ReadTimeout"),
    ],
)
def test_an_api_that_stays_down_is_exit_code_3(
    tmp_path: Path, faults: Faults, message: str
) -> None:
    customers_csv(tmp_path)
    app = make_app(SEED, faults=faults)
    with serving(app) as url, pytest.raises(InputError, match="after 2 attempts") as found:
        fetch(tmp_path, url, attempts=2, timeout_s=0.2, parallel=1)
    assert found.value.exit_code == 3
    assert message in str(found.value)
    assert "the same command goes on from here" in str(found.value)
    assert len(app.state.requests) == 2


def test_an_answer_without_end_is_given_up(tmp_path: Path) -> None:
    customers_csv(tmp_path, MOBILES[:1])

    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" "
            await asyncio.sleep(0.05)

    with (
        serving(scripted([StreamingResponse(trickle())])) as url,
        pytest.raises(InputError, match=r"no whole answer in 0\.3 s"),
    ):
        fetch(tmp_path, url, attempts=1, timeout_s=0.3)


def test_no_more_requests_a_second_than_allowed(tmp_path: Path) -> None:
    customers_csv(tmp_path)
    app = make_app(SEED)
    with serving(app) as url:
        fetch(tmp_path, url, batch_size=2, requests_per_second=20)
    times = app.state.requests
    assert len(times) == 31
    # A little less, as a request may take longer on its way than the next.
    assert times[-1] - times[0] > 30 / 20 * 0.9


def test_a_server_that_asks_for_a_rest_gets_it(tmp_path: Path) -> None:
    customers_csv(tmp_path, MOBILES[:1])
    app = scripted([Response("", 503, {"Retry-After": "1"}), Response(answer([]))])
    with serving(app) as url:
        fetch(tmp_path, url, longest_wait_s=2)
    first, second = app.state.requests
    assert second - first >= 1
    assert app.state.bodies[1] == {"mobiles": MOBILES[:1], "cursor": None}
    long = scripted([Response("", 429, {"Retry-After": "3600"})])
    customers_csv(tmp_path, MOBILES[1:2])
    with serving(long) as url, pytest.raises(InputError, match="come back in 3,600 s"):
        fetch(tmp_path, url)


def test_a_rest_is_asked_for_in_seconds_or_by_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    assert retry_after("7") == 7
    assert 55 < retry_after(format_datetime(soon, usegmt=True)) <= 60
    for text in ("", "soon", "-3", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert retry_after(text) == 0


def test_a_token_is_sent_and_a_wrong_one_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers_csv(tmp_path)
    app = make_app(SEED, token="right")
    with serving(app) as url:
        for token in ("", "wrong"):
            monkeypatch.setenv("CUSTSEG_API_TOKEN", token)
            with pytest.raises(InputError, match="status 401; is the token in CUSTSEG_API_TOKEN"):
                fetch(tmp_path, url, parallel=1)
        assert len(app.state.requests) == 2
        monkeypatch.setenv("CUSTSEG_API_TOKEN", "right")
        fetch(tmp_path, url)
    assert landed(tmp_path) == expected()


BOUGHT = {"date": "2024-03-01", "amount": 12.50, "store": "Leeds"}
MALFORMED: tuple[tuple[bytes, str], ...] = (
    (b"", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b"<html>", "not JSON"),
    (answer([{"mobile": "7", "purchases": [BOUGHT]}])[:-5], "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"customers": [{"mobile": "7", "purchases": [{"amount": 1, "amount": 2}]}]}', "a key twice"),
    (b"[]", "no object with a list"),
    (b'{"customers": null}', "no object with a list"),
    (b'{"customers": {}}', "no object with a list"),
    (answer(["7"]), "a customer without"),
    (answer([{"mobile": "7"}]), "a customer without"),
    (answer([{"mobile": "7", "purchases": None}]), "a customer without"),
    (answer([{"mobile": "7", "purchases": [12.5]}]), "a customer without"),
    (answer([{"mobile": "8", "purchases": []}]), "wasn't asked for"),
    (answer([{"purchases": []}]), "wasn't asked for"),
    (answer([{"mobile": "7", "purchases": [{**BOUGHT, "mobile": "8"}]}]), "of another customer"),
    (answer([], {}), "next_cursor"),
    (answer([], ""), "next_cursor"),
    (answer([], "a"), "next_cursor"),
)


@pytest.mark.parametrize(("body", "why"), MALFORMED)
def test_an_answer_of_another_form_is_malformed(body: bytes, why: str) -> None:
    with pytest.raises(MalformedError) as found:
        page(body, {"7"}, {"a"})
    assert why in found.value.why
    assert found.value.answer == body.decode(errors="replace")[:2000]


def test_values_stay_the_text_that_they_are() -> None:
    body = (
        b'{"customers": [{"mobile": 7, "purchases": [{"amount": 12.50, "date": null},'
        b' {"amount": 1e400, "x": NaN}]}, {"mobile": "8", "purchases": []}], "next_cursor": "b"}'
    )
    assert page(body, {"7", "8"}, {"a"}) == (
        [
            {"amount": "12.50", "date": None, "mobile": "7"},
            {"amount": "1e400", "x": "NaN", "mobile": "7"},
        ],
        "b",
    )


def test_the_customers_to_ask_for(tmp_path: Path) -> None:
    """Numbers of every file, once each; other texts are passed over: ingest refuses their rows."""
    folder = tmp_path / "customers.csv"
    folder.mkdir()
    text = '\ufeffname, mobile \r\n"Ann\nLee",71\r\nBob,72.0\r\n,\r\nCyd,7-3\r\nAnn,71\r\nshort\r\n'
    (folder / "a.csv").write_bytes(text.encode())
    (folder / "b.csv.gz").write_bytes(gzip.compress(b"mobile\n+74\n"))
    (folder / "c.csv.xz").write_bytes(lzma.compress(b"mobile\n75\n"))
    app = scripted([Response(answer([]))])
    with serving(app) as url:
        fetch(tmp_path, url)
    assert app.state.bodies == [{"mobiles": ["71", "72", "+74", "75"], "cursor": None}]


@pytest.mark.parametrize(
    ("customers", "changed", "error", "message"),
    [
        (b"phone,name\n7,Ann\n", [], InputError, "no column 'mobile'"),
        (b"mobile\nnone\n", [], InputError, "no mobile number in it"),
        (b"", [], InputError, "empty file"),
        (b"mobile\n\xff\n", [], InputError, "can't be read"),
        (gzip.compress(b"mobile\n7\n", mtime=0)[:-9], [], InputError, "broken gzip file"),
        (b'{"mobile": "7"}', [], InputError, "expected customer attributes as CSV, got json"),
        (b"mobile\n7\n", ["--to=customers.csv"], TargetError, "can't be written"),
        (b"mobile\n7\n", ["--url=localhost"], ConfigurationError, "expected http"),
        (b"mobile\n7\n", ["--url=http://[::1"], ConfigurationError, "fetch.url"),
        (b"mobile\n7\n", ["--set=fetch.batch_size=0"], ConfigurationError, "fetch.batch_size"),
        (b"mobile\n7\n", ["--set=fetch.atempts=0"], ConfigurationError, "mean 'attempts'"),
        (b"mobile\n7\n", ["--customers=s3a://b/c"], ConfigurationError, "a path of this machine"),
        (b"mobile\n7\n", ["--to=s3a://b/c"], ConfigurationError, "--to s3a://b/c: expected a path"),
        (b"mobile\n7\n", ["--customers=none.csv"], InputError, "no readable file at none.csv"),
        (b"mobile\n7\n", [], InputError, "ConnectError after 2 attempts"),
    ],
)
def test_an_impossible_fetch_is_a_clear_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    customers: bytes,
    changed: list[str],
    error: type[CustsegError],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "customers.csv").write_bytes(customers)
    # Port 9 discards, and nobody listens there.
    given = arguments(tmp_path, "http://127.0.0.1:9", attempts=2)
    with pytest.raises(error) as found:
        job("fetch").run([*given, *changed])
    assert message in str(found.value)


def test_a_folder_takes_one_fetch_at_a_time(tmp_path: Path) -> None:
    customers_csv(tmp_path)
    app = make_app(SEED, faults=Faults(slow=1, slow_seconds=0.5))
    with serving(app) as url:
        command = [sys.executable, str(ROOT / "jobs" / "fetch.py"), *arguments(tmp_path, url)]
        with subprocess.Popen(command) as first:
            while not app.state.requests:
                assert first.poll() is None
                time.sleep(0.01)
            with pytest.raises(ConflictError, match="another fetch is filling"):
                fetch(tmp_path, url)
            assert first.wait() == 0
    assert landed(tmp_path) == expected()


def test_a_shell_sees_the_exit_code_and_no_traceback(tmp_path: Path) -> None:
    customers_csv(tmp_path)
    given = arguments(tmp_path, "http://127.0.0.1:9", attempts=1)
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "fetch.py"), *given], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "error: http://127.0.0.1:9/purchases: ConnectError after 1 attempts" in done.stderr
    assert "Traceback" not in done.stderr
