"""The commands of the guides that need no Spark run as they stand, on a lake of literal rows."""

import re
import shlex
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import python_lake
from checkout import ROOT

from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES
from custseg_spark.interfaces.cli import audience, tune

GUIDES = ROOT / "docs" / "guides"
COMMANDS: dict[str, Callable[[Sequence[str]], None]] = {
    "audience": audience.run,
    "tune": tune.run,
}


def commands(guide: str) -> list[list[str]]:
    text = (GUIDES / guide).read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^custseg (.*)$", text, re.M)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lake = python_lake.make(tmp_path / "lake")
    more = [
        {
            "run_date": python_lake.NOW,
            "customer_id": f"n{n}",
            "monetary": Decimal(10 ** (n % 3)),
            "frequency": 1 + n % 3,
            "recency_days": n,
            "event_count": 40,
        }
        for n in range(200)
    ]
    python_lake.add(NativeLake(tmp_path / "lake"), CUSTOMER_FEATURES, more, run_id="b")
    assert lake.exists(CUSTOMER_FEATURES)
    text = (GUIDES / "audiences.md").read_text(encoding="utf-8")
    contacts = re.search(r"```\n(customer_id,.*?)```", text, re.DOTALL)
    assert contacts is not None
    (tmp_path / "contacts.csv").write_text(contacts[1])
    return tmp_path


@pytest.mark.parametrize(
    ("guide", "said"),
    [
        ("audiences.md", "  segment                        customers  in files  held back  no"),
        (
            "tuning.md",
            "  features    transform  clip        scaling     d   k  silhouette  stability",
        ),
    ],
)
def test_a_guides_commands_print_what_it_says(
    here: Path, guide: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, *options in commands(guide):
        COMMANDS[name](options)
    assert said in capsys.readouterr().out
    assert said in (GUIDES / guide).read_text(encoding="utf-8")
