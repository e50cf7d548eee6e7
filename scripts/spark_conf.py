"""Write the settings of this checkout's Spark into its own pyspark, for every way of starting it.

`spark-submit x.py`, `python x.py`, `pyspark` and `spark-sql` all read the folder `conf` inside the
pyspark package, so jobs need no flags and their code no settings that belong to this machine.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIB = 2**30

DEFAULTS = """\
# Written by scripts/spark_conf.py; `make distclean setup` writes it again.

# Delta. On the driver's class path from the start: a session's own spark.jars come too late for
# spark.sql.extensions. In local mode the driver is all there is; the other line is for a cluster
# on this machine.
spark.driver.extraClassPath {root}/{jars}/*
spark.executor.extraClassPath {root}/{jars}/*
spark.sql.extensions io.delta.sql.DeltaSparkSessionExtension
spark.sql.catalog.spark_catalog org.apache.spark.sql.delta.catalog.DeltaCatalog

# Half of this machine's memory, 1 to 8 GiB: Python workers and the file cache need the rest.
spark.driver.memory {memory}g

# For lakes on this machine, whose rows kernels move. Where Spark itself moves millions (lake.io =
# spark, a large export), --conf spark.driver.extraJavaOptions=-XX:+UseParallelGC is faster.
spark.driver.extraJavaOptions {java_options}

# In the default options, so that a job that sets its own extraJavaOptions keeps it. With the
# warehouse: no derby.log, metastore_db or spark-warehouse in the current folder.
spark.driver.defaultJavaOptions -Dderby.system.home={root}/.spark {further_options}
spark.sql.warehouse.dir {root}/.spark/warehouse

# Tables are found by path. Without Hive's metastore spark-sql starts sooner, and two sessions do
# not wait for one database's lock.
spark.sql.catalogImplementation in-memory

# Delta reads its log in 50 tasks by default; a lake on one machine has a log of kilobytes.
spark.databricks.delta.snapshotPartitions 2

# A broadcast takes whole blocks, and MLlib's tiny jobs make two each: 4 MiB, unless told.
spark.broadcast.blockSize 256k

# In spark-sql this shortcut of Delta 4.4 fails at max() of a date column (ClassCastException).
spark.databricks.delta.optimizeMetadataQuery.enabled false

# Days are UTC days, wherever the machine is.
spark.sql.session.timeZone UTC

# spark-sql names the columns above the rows.
spark.sql.cli.print.header true

# No port, no progress bar: a job prints what it has to say, and nothing else.
spark.ui.enabled false
spark.ui.showConsoleProgress false
"""

JAVA_OPTIONS = (
    # The JVM schedules: kernels in Python move the rows. So what counts is how soon it is there,
    # and how little it holds: the quick compiler, the simple collector, a small new generation.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    # Alone, that compiler has 48 MB for its code.
    "-XX:ReservedCodeCacheSize=240m",
    "-Xms192m",
)
# New objects fill what they may have before they are cleared.
NEW_MIB = 192

LOGGING = """\
# Errors only, on stderr: what a job prints stays readable.
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
# A shell class with a level of its own, other than the root's, announces it in two lines.
logger.python.name = org.apache.spark.api.python.PythonGatewayServer
logger.python.level = error
logger.sql.name = org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver
logger.sql.level = error
logger.shell.name = org.apache.spark.repl.Main
logger.shell.level = error
# A task's error ends the job with its message; --debug has its traceback.
logger.executor.name = org.apache.spark.executor.Executor
logger.executor.level = fatal
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = fatal
"""

ENVIRONMENT = """\
# Loopback: nothing of a local session listens on the network (spark.driver.bindAddress leaves the
# UI open), and a machine whose name does not resolve can still start.
SPARK_LOCAL_IP=${{SPARK_LOCAL_IP:-127.0.0.1}}
# Workers on the driver's Python, whatever python3 is on PATH.
PYSPARK_PYTHON=${{PYSPARK_PYTHON:-{python}}}
# spark-submit passes a job's stderr through pipes; the job shows progress only to a person.
if [ -t 2 ]; then export CUSTSEG_TERMINAL=1; else unset CUSTSEG_TERMINAL; fi
# Java greets each start with a warning that no option turns off (Spark wants the vector module,
# which is still incubating), MLlib with the lack of a library that it does without. The filter
# outlives an interrupt, so that last words still come out.
set +o posix
exec 2> >(trap '' INT; exec grep --line-buffered -vE '^(WARNING: Using incub|netlib-)' >&2)
"""

ARCHIVE = """\
# With an archive of its classes (scripts/class_archive.sh) Java starts sooner. It refuses
# one where a folder with files is on the class path, as this folder is: the settings come by
# --properties-file then, and the class path has an empty folder.
if [ -f {archive} ] && [ "$1" = org.apache.spark.deploy.SparkSubmit ] &&
    [ "$SPARK_CONF_DIR" = {conf} ] && [[ " $* " != *" --properties-file "* ]]; then
    set -- "$1" --properties-file {conf}/with-archive.conf "${{@:2}}"
    SPARK_CONF_DIR={empty}
fi
SPARK_LAUNCHER_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""

JAVA = """\
# Spark doesn't run on the java on PATH; set-up found this one.
JAVA_HOME=${{JAVA_HOME:-{java_home}}}
"""


def memory_bytes() -> int:
    """Memory this process may use: the machine's, or its container's limit where that is lower."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    return machine if text == "max" else min(machine, int(text))


def driver_memory_gib(available: int) -> int:
    return max(1, min(8, available // 2 // GIB))


def new_mib(heap_gib: int) -> int:
    return min(NEW_MIB, heap_gib * 1024 // 3)


def with_own_python(script: str, python: str) -> str:
    """pyspark's script find-spark-home, which looks for Spark by `python3` on PATH, by this Python:
    `.venv/bin/spark-submit` works without an activated environment."""
    default = f'PYSPARK_DRIVER_PYTHON="${{PYSPARK_DRIVER_PYTHON:-{python}}}"'
    first, rest = script.split("\n", 1)
    return script if default in script else f"{first}\n{default}\n{rest}"


def main(jars: str, java_home: str) -> None:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        sys.exit("pyspark is not installed beside this Python")
    conf = Path(spec.origin).parent / "conf"
    conf.mkdir(exist_ok=True)
    (ROOT / ".spark" / "warehouse").mkdir(parents=True, exist_ok=True)

    memory = driver_memory_gib(memory_bytes())

    def defaults(further_options: str = "") -> str:
        return DEFAULTS.format(
            root=ROOT,
            jars=jars,
            memory=memory,
            java_options=" ".join((*JAVA_OPTIONS, f"-XX:MaxNewSize={new_mib(memory)}m")),
            further_options=further_options,
        )

    archive, empty = ROOT / ".spark" / f"classes{jars}.jsa", ROOT / ".spark" / "no-settings"
    empty.mkdir(exist_ok=True)
    environment = ENVIRONMENT.format(python=sys.executable)
    environment += ARCHIVE.format(archive=archive, conf=conf, empty=empty)
    if java_home and "JAVA_HOME" not in os.environ:
        environment += JAVA.format(java_home=java_home)
    logging = f"-Dlog4j2.configurationFile=file:{conf}/log4j2.properties"
    shared = f"{logging} -XX:SharedArchiveFile={archive} -Xlog:disable -Xlog:all=error:stderr"
    (conf / "spark-defaults.conf").write_text(defaults())
    (conf / "with-archive.conf").write_text(defaults(shared))
    (conf / "making-archive.conf").write_text(
        defaults(f"{logging} -XX:ArchiveClassesAtExit={archive} -Xlog:disable")
    )
    (conf / "log4j2.properties").write_text(LOGGING)
    (conf / "spark-env.sh").write_text(environment)
    finder = Path(sys.executable).parent / "find-spark-home"
    if finder.is_file():
        finder.write_text(with_own_python(finder.read_text(), sys.executable))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
