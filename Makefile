.DEFAULT_GOAL := help
.PHONY: help demo up down test check faults chaos reliability fuzz fmt proto dashboards api clients lock bench performance clean
LIBS := contracts plumbing web webhooks care
SERVICES := ingest segmenter care-triggers notifier reporting
TOOLS := tools/huiliu_cli tools/simulators tools/demo tools/watching tools/documents deploy/local
MEMBERS := $(LIBS:%=libs/%) $(SERVICES:%=services/%) $(TOOLS)
OURS := $(LIBS) $(SERVICES) huiliu-cli simulators demo watching documents localstack
BIN := .venv/bin
UV := .tools/bin/uv
PYTHON ?= python3
SWIFT := services/ingest/src/ingest/edges/_swift
# make faults ONLY=3,4 SEED=7
TRIALS = $(if $(ONLY),--rows $(ONLY)) $(if $(SEED),--seed $(SEED)) $(ARGS)
LOAD = PYTHONPATH=tests $(BIN)/python -m load
PROTOC = $(BIN)/python -m grpc_tools.protoc -I proto --python_out=$(1) --pyi_out=$(1) proto/huiliu/v1/*.proto
DOCUMENTS = mkdir -p .local && $(BIN)/buf build -o .local/proto.binpb && $(BIN)/python -m documents .local/proto.binpb $(1)
export XDG_RUNTIME_DIR ?= $(CURDIR)/.local/run
unexport PYTHONDONTWRITEBYTECODE # compiling everything anew, in every process, is what makes tests slow

help: ## Print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.ok ## Start everything here and play a day, or a past: DATA=<Olist folder>; ARGS="--exit" ends by itself
	@$(BIN)/python -m demo $(if $(DATA),--data "$(DATA)") $(ARGS)

up: .venv/.ok ## Start Kafka, Postgres and the five services here, and go on running
	@$(BIN)/python -m demo --only-up $(ARGS)

down: .venv/.ok ## Stop what `make up` or `make demo` runs in another window
	@$(BIN)/python -m localstack down
	@$(BIN)/python -m localstack down --directory .local/demo

test: .venv/.ok ## Run all tests but the long ones, on a Postgres and a Kafka that they start and stop
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	@$(MAKE) --no-print-directory .local/bench-venv/.ok
	-@$(MAKE) --no-print-directory clients
	@$(BIN)/pytest -q tests/unit --cov --cov-report=term --cov-fail-under=100
	@$(BIN)/pytest -q -n 2 --dist loadfile tests/integration tests/contract
	@$(BIN)/pytest -q -rs tests/e2e
endif

check: .venv/.ok ## Format, lint, types, layers, dependencies, dead code, contracts, migrations
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && echo "format and lint: clean"
	@$(BIN)/mypy libs services tools deploy tests
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/vulture && echo "dead code: none"
	@set -e; for member in $(MEMBERS); do (cd $$member && $(CURDIR)/$(BIN)/deptry --no-ansi src >/dev/null 2>$(CURDIR)/.local/deptry.txt) \
	  || { echo "$$member:"; cat .local/deptry.txt; exit 1; }; done; echo "dependencies: each member declares its own"
	@$(BIN)/buf lint && $(BIN)/buf breaking --against proto/released.binpb && echo "proto: clean, and nothing broken"
	@rm -rf .local/proto && mkdir -p .local/proto && $(call PROTOC,.local/proto) \
	  && diff -r -x __pycache__ .local/proto/huiliu libs/contracts/src/huiliu && echo "generated code: up to date"
	@rm -rf .local/grafana && $(BIN)/python -m watching .local/grafana && diff -r .local/grafana deploy/grafana >/dev/null \
	  && echo "dashboards: up to date" || { echo "dashboards: not what their code makes; run make dashboards"; exit 1; }
	@rm -rf .local/api && $(call DOCUMENTS,.local/api) && diff -r .local/api docs/api >/dev/null \
	  && echo "API documents: up to date" || { echo "docs/api: not what the code makes; run make api"; exit 1; }
	@rm -rf .local/sql && mkdir -p .local/sql && $(BIN)/python -m plumbing.migrate .local/sql $(SERVICES:%=services/%) \
	  && $(BIN)/squawk .local/sql/*.sql >.local/squawk.txt || { cat .local/squawk.txt; exit 1; }; echo "migrations: safe"
	@$(LOAD) page --check && echo "docs/performance.md: as its files have it"

faults: .venv/.ok ## Kill, freeze and cut what runs; prove what is promised: make faults ONLY=3 SEED=7
	@# The proof of the alerts takes minutes a fault, by their own `for:`; it belongs to `make chaos`.
	@$(BIN)/pytest -q -s tests/faults --ignore=tests/faults/test_alerts.py --form short $(TRIALS)

chaos: .venv/.ok ## The long forms of the fault tests, for the night
	@$(BIN)/pytest -q -s tests/faults --form full $(TRIALS)

reliability: .venv/.ok ## Make docs/reliability.md from what the last trials left
	@cd tests && $(CURDIR)/$(BIN)/python -m support.reliability take

fuzz: .venv/.ok .local/clients/venv/.ok ## Throw generated input at every route of ingest, for long: make fuzz SEED=7
	@FUZZ_SEED=$(SEED) HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -q -rs -s tests/e2e/test_fuzz.py $(ARGS)

bench: .venv/.ok .local/bench-venv/.ok ## Measure beside peers: make bench ONLY=B1, FULL=1, RECORD=1 for docs/performance
	@$(LOAD) run $(if $(ONLY),--only $(ONLY)) $(if $(FULL),--full) $(if $(RECORD),--record) $(ARGS)

performance: .venv/.ok ## Make docs/performance.md anew from docs/performance/
	@$(LOAD) page

fmt: .venv/.ok ## Format, and fix what can be fixed
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

proto: .venv/.ok ## Regenerate the protobuf code
	@$(call PROTOC,libs/contracts/src)

dashboards: .venv/.ok ## Write the dashboards' JSON anew
	@$(BIN)/python -m watching deploy/grafana

api: .venv/.ok ## Write docs/api anew: ingest's API as OpenAPI, the topics as AsyncAPI
	@$(call DOCUMENTS,docs/api)

clients: .local/clients/python/.ok .local/clients/typescript/.ok ## Generate typed clients of ingest: Python and TypeScript

lock: $(UV) ## Resolve requirements.lock anew, and the locks of images, of the benchmarks' peers and of the clients' makers
	@set -e; for folder in tests/load tools/clients; do $(UV) pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate $$folder/requirements.in \
	  --output-file $$folder/requirements.lock; done
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate $(OURS:%=--no-emit-package %) \
	  --group dev $(MEMBERS:%=%/pyproject.toml) --output-file requirements.lock
	@set -e; for service in $(SERVICES); do $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate $(OURS:%=--no-emit-package %) --constraint requirements.lock \
	  deploy/images/build.in services/$$service/pyproject.toml --output-file services/$$service/requirements.lock; done
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --constraint requirements.lock services/ingest/compile.in --output-file services/ingest/compile.lock

clean: ## Stop what runs here and remove what was installed and written
	-@[ ! -x $(BIN)/python ] || $(BIN)/python -m localstack down
	rm -rf .venv .tools .local .coverage

.venv/.ok: requirements.lock $(MEMBERS:%=%/pyproject.toml) $(SWIFT).pyx $(UV)
	@echo "installing what requirements.lock names into .venv ..."
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@mkdir -p .local/run && chmod 700 .local/run
	@rm -f $(SWIFT).*.so && (cd .local && $(CURDIR)/$(BIN)/cythonize -i -q $(CURDIR)/$(SWIFT).pyx) >.local/swift.txt 2>&1 \
	  || echo "$(SWIFT).pyx is not compiled: plain orders will be read slowly. It needs gcc and Python's headers, see .local/swift.txt"
	@rm -f $(SWIFT).c
	@touch $@

.local/bench-venv/.ok: tests/load/requirements.lock $(UV)
	@echo "installing the benchmarks' peers into .local/bench-venv ..."
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .local/bench-venv
	@$(UV) pip sync --quiet --require-hashes --python .local/bench-venv/bin/python tests/load/requirements.lock
	@touch $@

.local/clients/venv/.ok: tools/clients/requirements.lock $(UV)
	@echo "installing what makes clients into .local/clients/venv ..."
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .local/clients/venv
	@$(UV) pip sync --quiet --require-hashes --python .local/clients/venv/bin/python tools/clients/requirements.lock
	@touch $@

.local/clients/python/.ok: docs/api/ingest.openapi.json tools/clients/python.yml .local/clients/venv/.ok
	@rm -rf $(@D) && mkdir -p $(@D) && .local/clients/venv/bin/openapi-python-client generate --path $< --meta none \
	  --fail-on-warning --config tools/clients/python.yml --output-path $(@D)/ingest_client
	@touch $@

.local/clients/typescript/.ok: docs/api/ingest.openapi.json $(addprefix tools/clients/,.npmrc package.json package-lock.json tsconfig.json)
	@command -v npm >/dev/null || { echo "TypeScript needs npm, with node 20 or later"; exit 1; }
	@mkdir -p $(@D) && cp $(filter tools/%,$^) $(@D) && cd $(@D) && npm ci --silent \
	  && node_modules/.bin/openapi-typescript $(CURDIR)/$< --output ingest.ts
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; say which: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
