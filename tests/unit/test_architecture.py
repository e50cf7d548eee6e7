"""The layout's rules, read from the source: arrows point down only, core stays pure."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "custseg_spark"
# What each layer may import besides itself; EVERYBODYS stand below all.
EVERYBODYS = ("errors", "paths", "progress", "redaction", "scratch")
LAYERS = {
    "core": (),
    "config": ("core",),
    "engine": ("config", "core"),
    "pipeline": ("engine", "config", "core"),
    "outputs": ("pipeline", "engine", "config", "core"),
    "interfaces": ("outputs", "pipeline", "engine", "config", "core"),
}
# Each folder of core may import those before it.
FLOW = (
    "mappings",
    "events",
    "customers",
    "sessions",
    "clv",
    "features",
    "clustering",
    "segments",
    "insights",
    "experiments",
)
MOST_FLOORS = 10
SPARK = {"pyspark", "delta", "py4j"}
NOT_IN_CORE = {*SPARK, "deltalake", "os", "io", "pathlib", "shutil", "tempfile", "time", "sqlite3"}
CLOCKS = {
    "now",
    "today",
    "utcnow",
    "current_date",
    "current_timestamp",
    "localtimestamp",
    "curdate",
}
SQL_CALLS = {"sql", "expr", "selectExpr", "execute", "executemany"}
# What a session of Spark Connect doesn't have: one module alone would have to change for it.
JVM = {"sparkContext", "rdd", "foreachPartition", "_sc", "_jvm", "_jsc", "_jdf", "_jseq"}
JVM |= {"_jsparkSession", "_jconf", "_java_obj", "_call_java", "_to_java", "_jc"}
BUILDS_A_SESSION = "custseg_spark/engine/spark/session.py"
TOUCHES_JVM = {
    BUILDS_A_SESSION: JVM,
    "custseg_spark/engine/spark/file_systems.py": {"sparkContext", "_jvm", "_jsparkSession"},
    # A transaction over several tables, which Spark's writer doesn't know.
    "custseg_spark/engine/spark/database_connections.py": {"sparkContext", "_jvm"},
    # MLlib's tree shows its inner centres to the JVM only.
    "custseg_spark/engine/spark/mllib_models.py": {"_java_obj"},
    # MLlib's KMeans takes an initial model in the JVM only.
    "custseg_spark/engine/spark/mllib_kmeans.py": {"sparkContext", "_jvm", "_jdf"},
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def name(path: Path) -> str:
    """A module's dotted name below the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    name(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"
}
FILES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "jobs").glob("*.py")])


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All that a module's source is made of."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    """The full names that a module imports, wherever in it."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def ours(module: str) -> frozenset[str]:
    """The modules of ours that a module imports."""
    found = set()
    for imported in imports(MODULES[module]):
        if imported.startswith("custseg_spark."):
            below = imported.removeprefix("custseg_spark.")
            found.add(below if below in MODULES else below.rpartition(".")[0])
    return frozenset(found - {""})


def attributes(path: Path) -> set[str]:
    return {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}


def tops(path: Path) -> set[str]:
    """The packages that a module imports."""
    return {imported.partition(".")[0] for imported in imports(path)}


def layer(module: str) -> str:
    return module.partition(".")[0]


def unit(module: str) -> str:
    """What stands directly in a layer: a folder or a module. What stands below all is one."""
    return "ground" if layer(module) in EVERYBODYS else ".".join(module.split(".")[:2])


def of_core() -> list[str]:
    return [module for module in MODULES if layer(module) == "core"]


def floors(arrows: Mapping[str, set[str]]) -> dict[str, int]:
    """How many stand on each other below each, itself included; CycleError for a circle."""
    found: dict[str, int] = {}
    for each in TopologicalSorter(arrows).static_order():
        found[each] = 1 + max((found[below] for below in arrows.get(each, ())), default=0)
    return found


def test_every_module_is_of_a_layer() -> None:
    assert {layer(module) for module in MODULES} == {*LAYERS, *EVERYBODYS}
    folders = {
        unit(m).removeprefix("core.") for m in MODULES if MODULES[m].parent.parent.name == "core"
    }
    assert folders == set(FLOW)


def test_arrows_point_down() -> None:
    upward = [
        f"{module} imports {other}"
        for module in MODULES
        for other in ours(module)
        if layer(other) not in {layer(module), *LAYERS.get(layer(module), ()), *EVERYBODYS}
    ]
    assert not upward


def test_interfaces_dont_import_each_other() -> None:
    for module in MODULES:
        if layer(module) == "interfaces":
            others = {unit(other) for other in ours(module) if layer(other) == "interfaces"}
            assert others <= {unit(module), "interfaces.clock"}, module


def test_each_folder_of_core_imports_earlier_folders_only() -> None:
    def folder(module: str) -> str:
        return unit(module).removeprefix("core.")

    places = {each: place for place, each in enumerate(FLOW)}
    backward = [
        f"{module} imports {other}"
        for module in of_core()
        for other in ours(module)
        # What stands beside the folders is below them all.
        if places.get(folder(other), -1) > places.get(folder(module), -1)
    ]
    assert not backward


def test_no_circle_and_at_most_ten_floors() -> None:
    modules = {module: set(ours(module)) for module in MODULES}
    floors(modules)
    units: dict[str, set[str]] = {}
    for module, others in modules.items():
        units.setdefault(unit(module), set()).update(unit(o) for o in others)
    tallest = floors({each: below - {each} for each, below in units.items()})
    assert max(tallest.values()) <= MOST_FLOORS, tallest


def test_core_has_no_engine_no_file_and_no_clock() -> None:
    for module in of_core():
        path = MODULES[module]
        assert not tops(path) & NOT_IN_CORE, module
        called = {ast.unparse(n.func) for n in nodes(path) if isinstance(n, ast.Call)}
        assert not called & {"open", "print", "input"}, module


def test_spark_is_in_engine_pipeline_and_outputs_only() -> None:
    for module, path in MODULES.items():
        if layer(module) not in ("engine", "pipeline", "outputs"):
            # It takes sessions and frames of Spark's, and gives frames.
            is_python = module.startswith("interfaces.python.")
            allowed = {"pyspark.sql", "pyspark.sql.types"} if is_python else set()
            taken = {i.rpartition(".")[0] for i in imports(path) if i.partition(".")[0] in SPARK}
            assert taken <= allowed, module


def test_the_clock_is_read_in_one_place() -> None:
    for path in FILES:
        read = {
            ast.unparse(node)
            for node in nodes(path)
            if isinstance(node, ast.Attribute) and node.attr in CLOCKS
        }
        if relative(path) != "custseg_spark/interfaces/clock.py":
            assert read <= {"clock.now"}, path


def test_one_place_builds_a_session_and_touches_the_jvm() -> None:
    for path in FILES:
        assert attributes(path) & JVM <= TOUCHES_JVM.get(relative(path), set()), path
        if relative(path) != BUILDS_A_SESSION:
            assert "builder" not in attributes(path), path
            taken = {part for imported in imports(path) for part in imported.split(".")}
            assert not taken & {"SparkContext", "SparkConf", "java_gateway"}, path


def test_no_formatted_string_reaches_sql() -> None:
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in SQL_CALLS:
                assert not any(isinstance(argument, ast.JoinedStr) for argument in node.args), path


def test_jobs_are_short_and_imported_by_nobody() -> None:
    jobs = sorted((ROOT / "jobs").glob("*.py"))
    assert jobs
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 40 for path in jobs)
    assert not [module for module, path in MODULES.items() if "jobs" in tops(path)]
