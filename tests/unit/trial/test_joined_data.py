"""`joined_data.csv` of scripts/run_pipeline.py: customers beside their purchases, nobody lost."""

import csv
import json
from pathlib import Path

import pytest
import run_pipeline


def test_every_customer_and_purchase_is_joined_once(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("mobile,name\n70,Ada\n71,Bob\n72,Cy\n")
    landing = tmp_path / "landing"
    landing.mkdir()
    bought = [
        {"date": "2024-01-01", "amount": "12.50", "store": "York"},
        {"date": "2024-01-02", "amount": 3, "store": None},
    ]
    lines = [
        {"mobile": "70", "purchases": bought},
        {"mobile": "71", "purchases": []},
        {"mobile": "99", "purchases": bought},
        {"malformed": "<html>", "mobiles": ["72"]},
    ]
    (landing / "purchases-000000-a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    rows = run_pipeline.join(tmp_path / "customers.csv", landing, tmp_path / "joined_data.csv")
    with (tmp_path / "joined_data.csv").open(newline="") as file:
        joined = list(csv.DictReader(file))
    assert rows == len(joined) == 4
    assert [(r["mobile"], r["name"], r["date"], r["amount"], r["store"]) for r in joined] == [
        ("70", "Ada", "2024-01-01", "12.50", "York"),
        ("70", "Ada", "2024-01-02", "3", ""),
        ("71", "Bob", "", "", ""),
        ("72", "Cy", "", "", ""),
    ]


def test_an_unknown_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_pipeline.main(["generat"])
    assert ended.value.code == 2
    assert "unknown step 'generat'; known: generate, extract, transform, load" in (
        capsys.readouterr().err
    )
