"""Write docs/reference/data_dictionary.md from the registry of features."""

from pathlib import Path

from custseg_spark.core.features.dictionary import markdown

if __name__ == "__main__":
    page = Path(__file__).parents[1] / "docs" / "reference" / "data_dictionary.md"
    page.write_text(markdown(), encoding="utf-8")
