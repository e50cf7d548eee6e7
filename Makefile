SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help venv setup run test test-floor lint format pins clean distclean

# Another Spark on this machine must not stand in for the pinned one.
unexport SPARK_HOME SPARK_CONF_DIR PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON

ACTIVATE := . .venv/bin/activate &&
DEMO := data/demo/events.db

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

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

test: venv ## the tests, without the heavy ones
	@scripts/s3_jars.sh
	@$(ACTIVATE) pytest -q

# The end of the pipe, and what touches the file systems and Delta most; `FLOOR=tests` for all.
FLOOR := tests/test_segment.py tests/test_tables.py tests/test_store.py

test-floor: ## the tests from end to end, on the oldest Spark and Delta
	@scripts/setup.sh floor
	@. .venv-floor/bin/activate && pytest -q $(FLOOR)

lint: venv ## style, format, types
	@$(ACTIVATE) ruff check . && ruff format --check . && mypy

format: venv ## mend what lint can mend
	@$(ACTIVATE) ruff check --fix . && ruff format .

PIN := .venv/bin/pip-compile --quiet --strip-extras --allow-unsafe --no-header --no-annotate \
	--no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

pins: venv ## compile requirements*.in into pins, keeping those that still fit
	@.venv/bin/pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	@$(PIN) -o requirements.txt requirements.in && $(PIN) -o requirements-dev.txt requirements-dev.in

clean: ## remove what runs made: tables, reports
	@rm -rf lake reports

distclean: clean ## remove all that make made, the demo log and .venv too
	@rm -rf .venv* .jars* .spark .setup*.log data/demo data/demo.part build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
