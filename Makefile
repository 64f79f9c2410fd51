.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Everything is run from the workspace's own environment.
BIN := .venv/bin
PYTHON := $(BIN)/python
STACK := $(PYTHON) -m localstack

.PHONY: help
help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Installs what the checkout needs (packages, stubs)
	@deploy/local/bootstrap.sh

.PHONY: demo
demo: up ## Sets up, starts the stack, runs the main job on real budgets and prints what happened
	@$(PYTHON) -m treasury.main_job

.PHONY: test
test: setup ## Sets up and runs every test: unit, contract, integration, e2e
	@$(PYTHON) tools/run_tests.py $(ARGS)

# A stack of its own, also beside another: a lake on MinIO is no lake on SeaweedFS.
MINIO_STACK = LUMBUNG_S3_PROGRAM=minio LUMBUNG_DATA_DIR=$(or $(LUMBUNG_DATA_DIR),$(CURDIR)/.lumbung)/on-minio \
  LUMBUNG_BASE_PORT=$$(($${LUMBUNG_BASE_PORT:-18000} + 200))

.PHONY: test-minio
test-minio: setup ## Builds MinIO and runs every contract, integration and e2e test with it as the store
	@$(PYTHON) -m platformsetup.minioserver
	@$(MINIO_STACK) $(BIN)/pytest tests/contract tests/integration tests/e2e $(ARGS)

.PHONY: chaos-ingest
chaos-ingest: setup ## Kills ingest at 12 points x 10 seeds: files, PostgreSQL, MariaDB, topics (about 100 minutes)
	@LUMBUNG_KILL_SEEDS=$${LUMBUNG_KILL_SEEDS:-10} $(BIN)/pytest -s tests/integration/ingest/test_kill_*.py $(ARGS)

.PHONY: chaos
chaos: setup ## Kills each process of the stack in turn while a pipeline runs (about 8 minutes)
	@$(BIN)/pytest tests/chaos $(ARGS)

.PHONY: images
images: setup ## Builds the container images that changed into build/images
	@$(PYTHON) -m platformimages build $(ARGS)

.PHONY: bundle
bundle: setup ## One tar with every image and the chart, for places without a network
	@$(PYTHON) -m platformimages bundle

.PHONY: test-cluster
test-cluster: images ## Tests on a real one-node Kubernetes (needs root and LUMBUNG_CLUSTER_TOOLS)
	@$(BIN)/pytest tests/cluster $(ARGS)

.PHONY: test-cluster-minio
test-cluster-minio: images ## The same installation with MinIO as the store (needs Go, and what test-cluster needs)
	@LUMBUNG_S3_PROGRAM=minio $(BIN)/pytest tests/cluster $(ARGS)

.PHONY: check-charts
check-charts: setup ## Renders every profile and holds it against Kubernetes' schemas, checkov and kube-score
	@$(PYTHON) tools/chart_schema.py --check
	@$(BIN)/pytest tests/charts $(ARGS)
	@$(PYTHON) tools/check_charts.py

.PHONY: promtool
promtool: setup ## Builds Prometheus' checker of rules, with which check-charts tests the alerts (needs Go, minutes once)
	@$(PYTHON) tools/promtool.py

.PHONY: check
check: setup ## Format, lint, types, imports, protos, unused code, lock
	@$(PYTHON) tools/check.py

.PHONY: format
format: setup ## Formats Python and protos
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/buf format -w --path protos

.PHONY: up
up: setup ## Starts the local stack, or heals it, and waits until it is ready
	@$(STACK) up

.PHONY: down
down: ## Stops what `up` started
	@$(STACK) down

.PHONY: status
status: ## Shows every part, its health and its golden signals
	@$(STACK) status

.PHONY: reset
reset: ## Stops the stack and deletes its data
	@$(STACK) reset

.PHONY: backup
backup: ## Copies databases, bucket and secrets of the running stack into a new folder in TO
	@$(STACK) backup --to "$(or $(TO),backups)"

.PHONY: restore
restore: setup ## Makes and starts a stack from the backup FROM, where there is none yet
	@$(STACK) restore --from "$(or $(FROM),$(error say FROM=folder of a backup))"

.PHONY: bench
bench: setup ## Runs the benchmarks, interleaved, with medians
	@$(PYTHON) bench/run.py $(ARGS)

.PHONY: bench-ingest
bench-ingest: setup ## Benchmarks of ingest: files beside Polars and dlt, workbooks, databases beside connectorx
	@$(PYTHON) bench/ingest.py --megabytes 1000 --rounds 3
	@$(PYTHON) bench/run.py ingest_peers workbook memory sources
