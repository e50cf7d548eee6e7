"""The layout's rules, read from the source: imports flow one way, pure modules stay pure."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "custseg_spark"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From what knows nothing of ours to what composes the rest; a module imports only what stands
# before it, or its own level.
FLOW = (
    ("errors",),
    ("config", "places", "progress", "schemas"),
    ("session",),
    ("sources",),
    ("returns",),
    ("rules",),
    ("quality", "sessions", "features", "naming"),
    ("customers",),
    ("models",),
    ("trial",),
    ("counting", "tables"),
    ("ledger", "refresh", "featurising"),
    ("readers",),
    ("refusals",),
    ("appending", "registering"),
    ("history",),
    ("planning", "publishing"),
    ("ingest", "gate", "checking", "pipeline", "report"),
    ("exports",),
    ("summary", "showing", "cli"),
    ("cli_exports",),
)
# Run by `python -m` and, as jobs, imported by nobody: they may use everything.
PROGRAMS = {PACKAGE / "sources" / "check.py"}
PURE = (
    "returns",
    "rules",
    "quality",
    "customers",
    "sessions",
    "features",
    "naming",
    "exports/frames",
)
SQL_CALLS = {"sql", "expr", "selectExpr", "execute"}
ACTIONS = {"collect", "count", "toPandas", "show", "cache", "persist", "first", "take", "head"}
CLOCKS = {
    "current_date",
    "current_timestamp",
    "now",
    "today",
    "utcnow",
    "localtimestamp",
    "curdate",
}


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(name: str) -> int:
    return next(i for i, names in enumerate(FLOW) if name in names)


def imports(tree: ast.AST) -> set[str]:
    """The parts of the package that a module imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "custseg_spark":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("custseg_spark."):
            found.add((node.module or "").split(".")[1])
    return found


def calls(tree: ast.AST) -> set[str]:
    """The names of methods called on something other than `F`, Spark's functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if not (isinstance(owner, ast.Name) and owner.id == "F"):
                found.add(node.func.attr)
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_flow_one_way(path: Path) -> None:
    if (path.parent == PACKAGE and path.name == "__init__.py") or path in PROGRAMS:
        return
    own = level(part(path))
    backward = {name for name in imports(parsed(path)) if level(name) > own}
    assert not backward, f"{path.name} imports what stands after it: {backward}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_pure_modules_have_no_action_and_no_clock(path: Path) -> None:
    tree = parsed(path)
    if f"{path.relative_to(PACKAGE)}".removesuffix(".py").startswith(PURE):
        assert not calls(tree) & ACTIONS
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    if part(path) != "cli" and path not in PROGRAMS:
        assert not names & CLOCKS, f"{path.name} reads a clock"


# What a session of Spark Connect doesn't have: `session` alone would have to change for it.
CLASSIC_ONLY = {"sparkContext", "rdd", "foreachPartition", "_sc", "_jvm", "_jsc", "_jdf", "_jseq"}
CLASSIC_ONLY |= {"_jsparkSession", "_jconf", "_java_obj", "_call_java", "_to_java", "_jc"}


@pytest.mark.parametrize(
    "path",
    [*MODULES, *(PACKAGE.parent / "jobs").glob("*.py")],
    ids=lambda p: str(p.relative_to(PACKAGE.parent)),
)
def test_only_session_builds_a_session_or_touches_the_jvm(path: Path) -> None:
    if path == PACKAGE / "session.py":
        return
    tree = parsed(path)
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert not names & {"builder", *CLASSIC_ONLY}
    imported = {
        a.name
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom | ast.Import)
        for a in n.names
    }
    assert not imported & {"SparkContext", "SparkConf", "java_gateway", "pyspark.core"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_formatted_string_reaches_sql(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in SQL_CALLS:
            assert not any(isinstance(a, ast.JoinedStr) for a in node.args)


def test_jobs_are_short_and_imported_by_nobody() -> None:
    jobs = sorted((PACKAGE.parent / "jobs").glob("*.py"))
    assert jobs
    for path in jobs:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 40
    for path in MODULES:
        tops = {
            (n.module or "").split(".")[0]
            for n in ast.walk(parsed(path))
            if isinstance(n, ast.ImportFrom)
        }
        assert "jobs" not in tops


def test_programs_are_imported_by_nobody() -> None:
    names = {
        ".".join(("custseg_spark", *p.relative_to(PACKAGE).with_suffix("").parts)) for p in PROGRAMS
    }
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom):
                assert not {f"{node.module}.{a.name}" for a in node.names} & names
                assert node.module not in names
