# Each target sets up what it needs: Python 3.11 with pip is enough, no server has to run.
#   make demo   the whole product on a local Google (ARGS="--once" ends with a table expected / actual)
#   make cluster  three NATS servers, PostgreSQL with a standby and two of every service on this machine (`pingcrm promote` promotes the standby)
#   make test   all tests, in parallel        make check  ruff, mypy --strict, import-linter, bandit, and make audit
#   make bench  the benchmarks                make clean  remove what the others made
#   make proof  the chaos tests at depth: 5,000 messages per kind of fault, 300 random histories, every death, a fortnight of meetings, and
#               ten minutes of requests to the API by chance (three quarters of an hour)
#   make chaos  that cluster on a local Google, and every few seconds something in it killed, paused, cut off or without room:
#               ten minutes (PINGCRM_CHAOS_SECONDS, PINGCRM_CHAOS_SEED), then everything compared with the oracle, and how long each fault was felt
#   make simulation  the six o'clock sync of 100,000 accounts through Google's quotas, on a clock of its own (a quarter of an hour)
#   make soak   an hour of mail at twenty times the real rate for 200 accounts: does anything grow? (ARGS="--seconds 600" for less)
#   make dashboards  each panel of both Grafana dashboards with the numbers that it gives of a product under load (three minutes; make promtool)
#   make sabotage  harm the code on purpose, one small change at a time, and see that a test notices
#   make browser  a Chromium for the tests of the pages, where none is installed (they are skipped without one)
#   make promtool  what tries the alerts and dashboards, from Debian's packages (they are not tried without)
#   make typescript  the packages of Node for the test of the TypeScript client (it is skipped without)
#   make handbook  the pages of docs/ as a site in build/handbook, every link checked
#   make screens  pictures of every page, in docs/screens: desktop, phone, dark
#   make mutants  change the rules at random, a sample of 600, and see how many changes a test notices
#   make containers-test  docker-compose.yml as people run it: up, synced, killed, down and up again (skipped without a Docker; minutes)
#   make audit  whether a pinned package has a known vulnerability (skipped where the advisories can't be reached)
#   make sbom   dist/pingcrm.cdx.json: the packages that the product runs on, as a CycloneDX bill of materials
#   make setup  only .venv/bin/pingcrm
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Three workers on two cores: each starts its own PostgreSQL, NATS and Valkey, and waits for a third of its time.
WORKERS ?= 3

.PHONY: setup demo cluster chaos test proof simulation soak dashboards sabotage mutants check audit sbom bench clean lock docs vendor browser promtool typescript screens \
	handbook containers-test

$(VENV)/.runtime: requirements.txt pyproject.toml
	@echo "Setting up $(VENV) (once, about a minute) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) 2>/dev/null || \
		{ rm -rf $(VENV); $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv --quiet $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -c 'import os, sysconfig as s; p = s.get_path("purelib"); print(os.path.relpath(".", p), file=open(p + "/pingcrm.pth", "w"))'
	@cp libs/local/pingcrm.sh $(BIN)/pingcrm && chmod +x $(BIN)/pingcrm
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.docs: requirements-docs.txt $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@touch $@

setup: $(VENV)/.runtime

demo: $(VENV)/.runtime
	@$(BIN)/pingcrm demo $(ARGS)

cluster: $(VENV)/.runtime
	@$(BIN)/pingcrm cluster $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

proof: $(VENV)/.dev
	PINGCRM_PROOF_EXAMPLES=$${PINGCRM_PROOF_EXAMPLES:-300} PINGCRM_PROOF_MESSAGES=$${PINGCRM_PROOF_MESSAGES:-5000} \
		PINGCRM_PROOF_FUZZING_SECONDS=$${PINGCRM_PROOF_FUZZING_SECONDS:-600} PINGCRM_PROOF_DAYS=$${PINGCRM_PROOF_DAYS:-14} \
		$(BIN)/python -m pytest --timeout=3600 tests/chaos tests/integration/fault_points tests/integration/gateway/test_gateway_fuzzing.py $(ARGS)

chaos: $(VENV)/.dev
	PINGCRM_CHAOS_SECONDS=$${PINGCRM_CHAOS_SECONDS:-600} $(BIN)/python -m pytest -s tests/chaos/test_cluster.py $(ARGS)

simulation: $(VENV)/.dev
	@$(BIN)/python -m tests.simulation $(ARGS)

soak: $(VENV)/.dev
	@$(BIN)/python -m tests.soak $(ARGS)

dashboards: $(VENV)/.dev
	@$(BIN)/python -m tests.dashboards $(ARGS)

sabotage: $(VENV)/.dev
	@$(BIN)/python -m tests.sabotage $(ARGS)

mutants: $(VENV)/.dev
	@$(BIN)/python -m tests.mutants --workers $(WORKERS) $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml services libs
	$(BIN)/python -m tests.audit

audit: $(VENV)/.dev
	@$(BIN)/python -m tests.audit

sbom: $(VENV)/.dev
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-format JSON --output-file dist/pingcrm.cdx.json requirements.txt
	@echo "dist/pingcrm.cdx.json"

bench: $(VENV)/.dev
	@$(BIN)/python -m tests.bench $(ARGS)

containers-test: $(VENV)/.runtime
	@PYTHON="$(CURDIR)/$(BIN)/python" bash tests/containers/run.sh

browser: $(VENV)/.dev
	@$(BIN)/python -m tests.browser.chromium

promtool:
	command -v promtool >/dev/null || apt-get install --yes --quiet --no-install-recommends prometheus

typescript:
	npm ci --silent --no-audit --no-fund --prefix tests/support/typescript

screens: $(VENV)/.dev
	@$(BIN)/python -m tests.browser.screens $(ARGS)

handbook: $(VENV)/.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "The handbook is in build/handbook: $(BIN)/python -m http.server --directory build/handbook 8026 --bind 127.0.0.1"

vendor:
	$(PYTHON) -m services.gateway.pages.vendoring

docs: $(VENV)/.dev
	$(BIN)/python -m services.gateway.api.openapi > docs/openapi.json
	$(BIN)/python -m libs.common.asyncapi > docs/asyncapi.json
	$(BIN)/python -m libs.common.log_schema > docs/logs.schema.json
	$(BIN)/python -m libs.local.settings_pages

lock: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal requirements-docs.in -o requirements-docs.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .demo build dist *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
