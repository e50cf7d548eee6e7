"""Writes docs/data_dictionary.md from the features: `python scripts/data_dictionary.py`."""

from pathlib import Path

from custseg_spark.core.features.dictionary import markdown

if __name__ == "__main__":
    page = Path(__file__).parents[1] / "docs" / "data_dictionary.md"
    page.write_text(markdown(), encoding="utf-8")
