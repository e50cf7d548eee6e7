"""The examples of the Python API's docstrings run, but for the marked ones, which need Spark."""

import doctest
from importlib import import_module

import pytest
from checkout import ROOT

MODULES = ("configuring", "models", "previews", "tables", "lakes", "segmentations")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = import_module(f"custseg_spark.interfaces.python.{name}")
    flags = doctest.IGNORE_EXCEPTION_DETAIL | doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=flags).failed == 0
