SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help venv setup install run generate extract transform load run-all docker-up \
	test-unit test test-all test-floor test-airflow test-prefect dbt airflow prefect \
	lint format pins clean distclean

# Another Spark on this machine must not stand in for the pinned one.
unexport SPARK_HOME SPARK_CONF_DIR PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON
# Modules are compiled once, not by each process of a run or of its tests.
unexport PYTHONDONTWRITEBYTECODE

ACTIVATE := . .venv/bin/activate &&
DEMO := data/demo/events.db

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

venv:
	@scripts/setup.sh

setup: venv $(DEMO) ## packages, Delta's jars, Spark's settings and the demo log: all that a run needs

# Order only: the log is made once, not again when packages change. Made in another folder until
# it is whole, the log itself moved last: a killed generation leaves no half log behind.
$(DEMO): | venv
	@rm -rf data/demo.part && mkdir -p data/demo data/demo.part
	@$(ACTIVATE) python scripts/generate_events.py --events 1_000_000 --customers 146_000 --days 60 --seed 7 --out data/demo.part/events.db
	@mv data/demo.part/events_truth.csv data/demo/ && mv data/demo.part/events.db data/demo/
	@rmdir data/demo.part

run: setup ## segment the demo log's customers; the job says where the tables are
	@$(ACTIVATE) spark-submit jobs/segment.py

install: setup ## the same as setup

# A trial shop with customers' attributes and a purchase API: the steps of scripts/run_pipeline.py,
# in data/shop; PIPELINE="--customers 500" and its other options.
PIPELINE :=
STEP := $(ACTIVATE) python scripts/run_pipeline.py $(PIPELINE)

generate: venv ## a trial shop's customers, in data/shop
	@$(STEP) generate

extract: venv ## their purchases, from the trial API, and joined_data.csv
	@$(STEP) extract

transform: venv ## their segments, in data/shop/lake
	@$(STEP) transform

load: venv ## the reporting tables, in data/shop/reports.db
	@$(STEP) load

run-all: venv ## generate, extract, transform, load
	@$(STEP)

docker-up: ## the services of the compose file; docs/guides/deployment.md has its variables
	@docker compose -f conf/deploy/docker/compose.yaml up --build

# A Spark session each, of 3 GiB; the tests of a file are all in one.
TEST_WORKERS := 2

# In their own order: files with few tests are the long ones, and come first by their folders.
PYTEST := $(ACTIVATE) pytest -q -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

# Frames and matrices of a few rows cost twice as much on several threads. Every night they have
# them.
ONE_THREAD := export POLARS_MAX_THREADS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 &&

test-unit: venv ## the tests without Spark, in a minute
	@$(ONE_THREAD) $(PYTEST) tests/unit

test: venv ## what every change must pass: all tests but the heavy ones
	@scripts/s3_jars.sh
	@$(ONE_THREAD) $(PYTEST)

test-all: venv ## the heavy tests too, as every night
	@scripts/s3_jars.sh
	@$(PYTEST) -m 'heavy or not heavy'

# The end of the pipe, and what touches the file systems and Delta most; `FLOOR=tests` for all.
FLOOR := tests/e2e/test_segment.py tests/integration/test_tables.py tests/integration/test_store.py

test-floor: ## the tests from end to end, on the oldest Spark and Delta
	@scripts/setup.sh floor
	@. .venv-floor/bin/activate && pytest -q $(FLOOR)

dbt: .venv-dbt/.pins ## .venv-dbt, in which the tests build the dbt project; without it they skip that

# Spark with its settings it takes from .venv. Its stamp comes last: a killed set-up is made again.
.venv-dbt/.pins: requirements-dbt.txt | venv
	@rm -rf .venv-dbt && .venv/bin/python -m venv .venv-dbt
	@.venv-dbt/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements-dbt.txt
	@cd .venv-dbt/lib/python3*/site-packages && ls -d $(CURDIR)/.venv/lib/python3*/site-packages >venv.pth
	@cp requirements-dbt.txt .venv-dbt/.pins

test-airflow: airflow ## a run of the DAG, each task for real
	@$(ACTIVATE) pytest -q tests/e2e/test_airflow.py -m 'heavy or not heavy'

# Its stamp comes last: a killed set-up is made again.
airflow: .venv-airflow/.pins ## .venv-airflow, in which the tests load the DAG; without it they skip that

.venv-airflow/.pins: requirements-airflow.txt | venv
	@rm -rf .venv-airflow && .venv/bin/python -m venv .venv-airflow
	@.venv-airflow/bin/pip install --quiet --no-compile --disable-pip-version-check -r requirements-airflow.txt
	@cp requirements-airflow.txt .venv-airflow/.pins

test-prefect: prefect ## a run of the flow by Prefect's engine, each task for real
	@$(ACTIVATE) pytest -q tests/e2e/test_prefect.py -m 'heavy or not heavy'

prefect: .venv-prefect/.pins ## .venv-prefect, in which the tests load the flow; without it they skip that

.venv-prefect/.pins: requirements-prefect.txt | venv
	@rm -rf .venv-prefect && .venv/bin/python -m venv .venv-prefect
	@.venv-prefect/bin/pip install --quiet --no-compile --disable-pip-version-check -r requirements-prefect.txt
	@cp requirements-prefect.txt .venv-prefect/.pins

lint: venv ## style, format, types
	@$(ACTIVATE) ruff check . && ruff format --check . && mypy

format: venv ## mend what lint can mend
	@$(ACTIVATE) ruff check --fix . && ruff format .

PIN := .venv/bin/pip-compile --quiet --strip-extras --allow-unsafe --no-header --no-annotate \
	--no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

pins: venv ## compile requirements*.in into pins, keeping those that still fit
	@.venv/bin/pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	@$(PIN) -o requirements.txt requirements.in && $(PIN) -o requirements-dev.txt requirements-dev.in
	@$(PIN) -o requirements-dbt.txt requirements-dbt.in
	@$(PIN) -o requirements-airflow.txt requirements-airflow.in
	@$(PIN) -o requirements-prefect.txt requirements-prefect.in

clean: ## remove what runs made: tables, reports
	@rm -rf lake reports

distclean: clean ## remove all that make made, the demo log and .venv too
	@rm -rf .venv* .jars* .tools .spark .setup*.log data/demo data/demo.part build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
