"""The guide to the Python API runs from top to bottom."""

import re
from pathlib import Path

import pytest
from checkout import ROOT, write_log
from pyspark.sql import SparkSession
from test_python_api import SETTINGS, lines

import custseg_spark as cs

GUIDE = (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")
SHOP = "when,action,visitor,sku,price\n2019-11-01 10:00:00,view,7,x1,9.50\n"


def test_the_guide_runs(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "events.csv", lines())
    (tmp_path / "shop.csv").write_text(SHOP)
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.M)
    assert len(blocks) == 9
    segment = cs.segment

    def quick(*arguments: object, **keywords: object) -> cs.Segmentation:
        """As the guide has it, with a small model."""
        return segment(*arguments, **{"settings": SETTINGS, **keywords})  # type: ignore[arg-type]

    monkeypatch.setattr(cs, "segment", quick)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "python.md", "exec"), names)
    assert names["labels"].tolist() == names["scored"]["cluster"].to_list()  # type: ignore[attr-defined, index]
    assert names["done"].duplicates == len(lines())  # type: ignore[attr-defined]
    assert {"profiles.png", "reports", "scoring.json", "shop.toml"} <= set(
        path.name for path in tmp_path.iterdir()
    )
    assert cs.load_mapping("shop.toml").columns["customer_id"] == "visitor"
