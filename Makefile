# The commands of equityaccess; `make` alone lists them. A fresh machine needs a Python >= 3.11 and make, nothing else:
# every target first brings .venv up to the locks, and every package is checked against the hashes in them.

VENV    := .venv
BIN     := $(VENV)/bin
RUNTIME := $(VENV)/runtime.stamp
DEV     := $(VENV)/dev.stamp
INSTALL  = $(BIN)/pip install --quiet --disable-pip-version-check
LOCKED   = $(INSTALL) --require-hashes --only-binary :all:
# The first Python on PATH that is new enough; PYTHON=... chooses another.
PYTHON  ?= $(shell for it in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$it" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$it"; break; }; done)
DEMO     = $(if $(PORT),--port $(PORT)) $(if $(DATA_DIR),--data-dir "$(DATA_DIR)") $(if $(RESET),--reset)

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers contract containers test-wheel trust authorization coverage mutation audit sbom bench openapi schema wheel secrets lock vendor translations clean

help:
	@awk -F ': .*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "equityaccess needs Python 3.11 or newer; none was found on PATH." >&2; exit 1; }
	@echo "Installing into $(VENV) with $(PYTHON) (once per change of the locks)"
	@"$(PYTHON)" -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(LOCKED) -r requirements.lock -r requirements-build.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@$(LOCKED) -r requirements-dev.lock
	@touch $@

demo: $(RUNTIME)  ## real directory, a year of sample pushes, API and scheduler (PORT=8741 DATA_DIR=/some/dir RESET=1)
	@$(BIN)/equityaccess demo $(DEMO)

test: $(DEV)  ## every test, on a PostgreSQL that starts by itself
	$(BIN)/pytest -n 2

check: lint types layers test contract containers test-wheel  ## what CI checks, but for harnesses and advisories

lint: $(DEV)  ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)  ## mypy --strict
	$(BIN)/mypy

layers: $(DEV)  ## who may import whom
	$(BIN)/lint-imports

contract: $(DEV)  ## openapi/openapi.json is what the service serves
	$(BIN)/equityaccess openapi --check

containers: $(DEV)  ## Dockerfile and docker-compose.yml
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

test-wheel: wheel $(DEV)  ## the built wheel, installed as an operator does and walked as each role does
	.ci/test-wheel "$(PYTHON)" dist/*.whl

trust: $(DEV)  ## promises proven by harnesses, as one table; writes docs/trust.md (QUICK=1 in five minutes, MUTANTS=1 seeded defects)
	$(BIN)/python -m tests.trust $(if $(QUICK),--quick) $(if $(MUTANTS),--mutants)

authorization: $(DEV)  ## add the rows of new routes to tests/trust/authorization.csv, to be decided by hand
	$(BIN)/python -m tests.trust.authorization

bench: $(DEV)  ## ratios measured side by side; see bench/
	$(BIN)/python -m bench $(BENCH)

coverage: $(DEV)  ## every test, every branch watched
	$(BIN)/python -m tests.measured

mutation: $(DEV)  ## which changes of keys, idempotency and scope checks no test notices; takes its time
	$(BIN)/python -m tests.mutation

audit: $(DEV)  ## known vulnerabilities of what is locked; says loudly when nobody can be asked
	$(BIN)/python -m tests.advisories

sbom: $(DEV)  ## write the bill of materials, CycloneDX from the locks, to dist/
	$(BIN)/python -m tests.sbom

openapi: $(DEV)  ## write openapi/openapi.json
	$(BIN)/equityaccess openapi --write

schema: $(DEV)  ## write db/schema.sql from the migrations
	$(BIN)/python -m tests.schema_dump

wheel: $(RUNTIME)  ## build dist/*.whl
	@rm -rf dist
	$(BIN)/hatchling build --target wheel

# The folder is closed, its files are not: a container reads them as a user of its own.
secrets:  ## random passwords for docker-compose.yml, in secrets/ (never overwritten)
	@test ! -e secrets || { echo "secrets/ is there already; it is left as it is." >&2; exit 1; }
	@mkdir -m 0700 secrets
	@for who in administrator api; do \
		head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > secrets/$${who}_password; done
	@printf 'postgresql://postgres:%s@postgres/equityaccess' "$$(cat secrets/administrator_password)" > secrets/administrator_url
	@printf 'postgresql://equityaccess_api:%s@postgres/equityaccess' "$$(cat secrets/api_password)" > secrets/api_url
	@chmod 0644 secrets/*
	@echo "Written: secrets/. Keep a copy where the county keeps its secrets."

lock:  ## resolve the newest allowed versions into requirements*.lock (needs uv)
	uv lock --upgrade
	uv export --frozen --no-emit-project --no-header --no-dev --output-file requirements.lock --quiet
	uv export --frozen --no-emit-project --no-header --only-group build --output-file requirements-build.lock --quiet
	uv export --frozen --no-emit-project --no-header --all-groups --output-file requirements-dev.lock --quiet

vendor: $(DEV)  ## bring style sheets, scripts and fonts of the pages from npm packages, in tests/vendor's versions (needs npm)
	$(BIN)/python -m tests.vendor

translations: $(DEV)  ## bring the texts of the pages into the catalogues of their languages
	$(BIN)/python -m tests.dashboard.catalogue

clean:  ## remove .venv, dist and caches
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
