#!/usr/bin/env bash
# Makes .venv (pinned packages, the project, Spark's settings) and .jars (Delta).
# `setup.sh floor` makes .venv-floor and .jars-floor, in which the pins of requirements-floor.txt
# stand in for those of the same packages: the oldest Spark and Delta that the code is written for.
# Run by `make`; does nothing when what it made still fits what it was made from.
set -euo pipefail
cd "$(dirname "$0")/.."

line=${1:+-$1} # empty, or the ending of this line's folders and pins
venv=.venv$line
jars=.jars$line
log=.setup$line.log
stamp=$venv/.setup-stamp

pins() {
    local own=${line:+requirements$line.txt}
    if [ -z "$own" ]; then cat requirements-dev.txt; return; fi
    grep -vE "^($(sed -n 's/==.*//p' "$own" | paste -sd '|'))==" requirements-dev.txt
    grep == "$own"
}

# The folder is part of it: Spark's settings hold absolute paths, so a moved checkout is set up anew.
inputs=$( (pins; cat pyproject.toml setup.py scripts/setup.sh scripts/spark_conf.py scripts/class_archive.sh) | cksum)" $PWD"
if [ -x "$venv/bin/python" ] && [ -d "$jars" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$inputs" ]; then exit 0; fi

fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

# Noise goes to the log; its end is shown when a step fails.
step() {
    local what=$1; shift
    printf 'setup: %s\n' "$what"
    if ! "$@" >>"$log" 2>&1; then
        tail -n 25 "$log" >&2
        fail "failed: $what (all of it: $log)"
    fi
}

# --- Java -------------------------------------------------------------------------------------

# A Java that Spark 4 runs on, found without being asked. JAVA_HOME wins, because Spark obeys it.
java_is_usable() { "$1" -version 2>&1 | grep -qE 'version "(17|21)[."]'; }

find_java() {
    java_home=${JAVA_HOME:-}
    if [ -n "$java_home" ]; then java_is_usable "$java_home/bin/java"; return; fi
    if java_is_usable java; then return; fi
    for java_home in /usr/lib/jvm/*-17* /usr/lib/jvm/*-21* /opt/homebrew/opt/openjdk@{17,21} /usr/local/opt/openjdk@{17,21}; do
        if java_is_usable "$java_home/bin/java"; then return; fi
    done
    java_home=
    return 1
}

install_java() {
    apt-get update
    # Debian 13 no longer has 17.
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends openjdk-17-jre-headless ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends openjdk-21-jre-headless
}

# --- Python -----------------------------------------------------------------------------------

# Runs each candidate: version managers leave names on PATH that start nothing.
find_python() {
    local candidate
    for candidate in python3.11 python3.12 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Usable here: a venv's scripts hold the absolute path it was made for.
venv_is_usable() { "$venv/bin/python" -m pip --version >/dev/null 2>&1 && grep -qF "$PWD/$venv" "$venv/bin/activate"; }

make_venv() {
    rm -rf "$venv"
    "$1" -m venv "$venv"
}

install_packages() {
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check -r <(pins)
}

install_project() {
    # Without isolation the pinned setuptools builds it, not the newest of the day.
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
}

# --- Delta's jars, and PostgreSQL's driver ----------------------------------------------------

pinned() { pins | sed -n "s/^$1==//p"; }
spark=$(pinned pyspark)
delta=$(pinned delta-spark)
# Scala is 2.13 since Spark 4. Since Delta 4.1 there is a build for each Spark minor version.
case $delta in
4.0.*) artifact=delta-spark_2.13 needed=(delta-storage) ;;
*) artifact=delta-spark_${spark%.*}_2.13 needed=(delta-storage delta-kernel-{api,defaults,unitycatalog}) ;;
esac

# For tables of that database as a source; other databases' drivers come by --packages.
postgresql=42.7.14

# Spark's own Ivy resolves them (behind a mirror: DEFAULT_ARTIFACT_REPOSITORY), once instead of at
# every start. Of about 33 it finds these are needed; the others repeat what pyspark ships.
fetch_jars() {
    local part=$jars.part name
    rm -rf "$part"
    mkdir -p "$part/keep"
    : >"$part/nothing.py"
    PATH=$PWD/$venv/bin:$PATH JAVA_HOME=${java_home:-${JAVA_HOME:-}} \
        env -u SPARK_HOME -u SPARK_CONF_DIR -u PYSPARK_PYTHON spark-submit \
        --packages "io.delta:$artifact:$delta,org.postgresql:postgresql:$postgresql" \
        --conf "spark.jars.ivy=$PWD/$part" "$part/nothing.py" || return
    for name in "$artifact" "${needed[@]}"; do
        cp "$part/jars/io.delta_$name-$delta.jar" "$part/keep/" || return
    done
    cp "$part/jars/org.postgresql_postgresql-$postgresql.jar" "$part/keep/" || return
    if [ "${#needed[@]}" -gt 1 ]; then
        cp "$part"/jars/io.unitycatalog_unitycatalog-{client,hadoop}-*.jar "$part/keep/" || return
    fi
    # Renamed at the end, so that the folder is either whole or absent.
    rm -rf "$jars"
    mv "$part/keep" "$jars"
    rm -rf "$part"
}

archive_classes() {
    scripts/class_archive.sh "$venv" "$jars" || printf 'no archive: Spark starts more slowly\n'
}

# --- All of it --------------------------------------------------------------------------------

case $PWD in
*[[:space:]:]*) fail "Spark's start scripts need a folder without blanks and colons; this is: $PWD" ;;
esac
: >"$log"

if ! find_java; then
    [ -z "${JAVA_HOME:-}" ] || fail "JAVA_HOME ($JAVA_HOME) is not a Java 17 or 21, which Spark needs." \
        "Point it to one, or unset it."
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        step "installing Java" install_java
        find_java || fail "no Java 17 or 21 found after installing it (see $log)"
    else
        fail "Spark needs Java 17 or 21, and none was found. Install one, then run this again:" \
            "  Debian, Ubuntu:  sudo apt-get install openjdk-17-jre-headless" \
            "  Fedora:          sudo dnf install java-21-openjdk-headless" \
            "  macOS:           brew install openjdk@17"
    fi
fi

if ! venv_is_usable; then
    python=$(find_python) || fail "Python 3.11 or 3.12 is needed, and neither was found on PATH." \
        "  Debian, Ubuntu:  sudo apt-get install python3.11 python3.11-venv (or 3.12)" \
        "  macOS:           brew install python@3.12"
    step "$("$python" -V) into $venv" make_venv "$python"
fi
step "packages, a few minutes the first time" install_packages
step "the project itself" install_project
[ -f "$jars/io.delta_$artifact-$delta.jar" ] && [ -f "$jars/org.postgresql_postgresql-$postgresql.jar" ] ||
    step "Delta $delta for Spark ${spark%.*} and PostgreSQL's driver into $jars" fetch_jars
step "Spark's settings" "$venv/bin/python" scripts/spark_conf.py "$jars" "$java_home"
[ -n "$line" ] || step "an archive of Java's classes, for quick starts" archive_classes
printf '%s\n' "$inputs" >"$stamp"
printf 'setup: done\n'
