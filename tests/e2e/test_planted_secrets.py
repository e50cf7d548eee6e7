"""A small job with secrets planted wherever one may stand leaves none where none may be."""

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable
from faults import planted_secrets
from faults.secret_forms import FORMS
from postgresql_server import PASSWORD, Server

# A JVM each: a run, and a load that fails. Every night the exports and a failing source as well.
QUICK = ("segment", "fetch", "wrong_password", "wrong_token", "wrong_dsn")


@pytest.mark.parametrize(
    "names", [QUICK, pytest.param(None, marks=pytest.mark.heavy)], ids=["quick", "all"]
)
def test_no_planted_secret_is_found(
    postgresql: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...] | None,
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    server = f"postgresql://loader@127.0.0.1:{postgresql.port}"
    outcome = planted_secrets.run(tmp_path, server, names)
    assert not outcome.wrong
    assert not outcome.found
    assert len(outcome.planted) > len(FORMS) > 30
    # There was something to look at.
    assert outcome.command_lines >= len(outcome.ended)
    assert {"lake", "reports", "landing"} <= {p.name for p in tmp_path.iterdir()}
    events = b"".join(p.read_bytes() for p in (tmp_path / "events").rglob("*") if p.is_file())
    assert b"SparkListenerApplicationEnd" in events
    said = {path.stem: path.read_text() for path in (tmp_path / "said").iterdir()}
    assert "INFO SparkContext" in said["segment"]
    assert "the command line holds a secret" in said["segment"]
    assert "password authentication failed" in said["wrong_password"]
    assert "is the token in CUSTSEG_API_TOKEN right?" in said["wrong_token"]
    assert "password=***: expected sqlite:///FILE" in said["wrong_dsn"]
    if names is None:
        assert (tmp_path / "exports").is_dir()
        assert "password authentication failed" in said["wrong_jdbc"]
    [config] = DeltaTable(tmp_path / "lake" / "runs").to_pyarrow_table()["config"].to_pylist()
    kept = json.loads(config)
    assert kept["fetch"]["url"] == "https://***@api.example"
    assert kept["sources"]["sales_facts"]["description"].count("***") >= len(FORMS)
