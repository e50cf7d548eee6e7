"""The beginning of a program in which importing Spark is an error."""

WITHOUT_SPARK = """
import sys
from importlib.abc import MetaPathFinder

class NoSpark(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"pyspark", "delta", "py4j"}:
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, NoSpark())
"""
