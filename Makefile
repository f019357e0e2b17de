# Two commands do all on a machine with Python and a package index:
#   make demo    the main job on real Glance, alone and with the filters
#   make test    the tests
# Everything is installed into .venv of this checkout; nothing else is touched.

# The newest Glance, which judges the functional tests, needs Python 3.11.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := requirements.txt test-requirements.txt functional-requirements.txt
BENCH_REQUIREMENTS := bench-requirements.txt
LINT_REQUIREMENTS := lint-requirements.txt doc/requirements.txt

# pip takes minutes for what takes uv seconds.
UV := $(shell command -v uv)
ifdef UV
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

# uv is to trust the certification authorities that the machine trusts.
export UV_SYSTEM_CERTS ?= true

.PHONY: help demo demo-proxy old-glance serve readme test test-long fuzz stores databases proxied \
	bench bench-quick matrix \
	matrix-quick matrix-edges matrix-table pins tempest lint typing docs \
	security mutation coverage soak redbot clean

help:
	@sed -n '2,4s/^# *//p' Makefile

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
	  echo "Python 3.11 or newer is needed (set PYTHON=...)" >&2; exit 1; }
	@echo "==> making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python $(REQUIREMENTS) setup.cfg pyproject.toml
	@echo "==> installing real Glance and this checkout (a minute or two)"
	@$(INSTALL) \
	  $(addprefix -r ,$(REQUIREMENTS)) -e .
	@touch $@

$(VENV)/.installed-lint: $(VENV)/.installed $(LINT_REQUIREMENTS)
	@echo "==> installing the style, type and documentation tools"
	@$(INSTALL) \
	  $(addprefix -r ,$(LINT_REQUIREMENTS))
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed $(BENCH_REQUIREMENTS)
	@echo "==> installing what the benchmarks compare with"
	@$(INSTALL) \
	  $(addprefix -r ,$(BENCH_REQUIREMENTS))
	@touch $@

$(VENV)/.installed-stores: $(VENV)/.installed stores-requirements.txt
	@echo "==> installing servers and clients of stores"
	@$(INSTALL) \
	  -r stores-requirements.txt
	@touch $@

$(VENV)/.installed-redbot: $(VENV)/.installed redbot-requirements.txt
	@echo "==> installing what judges responses"
	@$(INSTALL) \
	  -r redbot-requirements.txt
	@touch $@

$(VENV)/.installed-matrix: $(VENV)/.installed matrix-requirements.txt
	@echo "==> installing what makes environments of other releases of Glance"
	@$(INSTALL) \
	  -r matrix-requirements.txt
	@touch $@

$(VENV)/.installed-security: $(VENV)/.installed security-requirements.txt
	@echo "==> installing what looks for weaknesses"
	@$(INSTALL) \
	  -r security-requirements.txt
	@touch $@

$(VENV)/.installed-mutation: $(VENV)/.installed mutation-requirements.txt
	@echo "==> installing what makes mutants"
	@$(INSTALL) \
	  -r mutation-requirements.txt
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/python -m demo

# The same, and more, through the proxy in front of it.
demo-proxy: $(VENV)/.installed
	@$(BIN)/python -m demo.proxy

# Real Newton and Ocata, alone and behind the proxy; needs Python 2.7 and the
# program that OLD_GLANCE names. WRITE=write makes the documentation's table.
old-glance: $(VENV)/.installed
	@$(BIN)/python -m demo.proxy old $(WRITE)

serve: $(VENV)/.installed
	@$(BIN)/python -m demo serve

# The table in the README, observed anew.
readme: $(VENV)/.installed
	@$(BIN)/python -m demo readme

# Many tests wait for servers, so there are more workers than CPUs.
WORKERS ?= $(shell expr 2 '*' "$$(nproc 2>/dev/null || echo 2)")

# What failed is told last: whoever sees only the end of a log sees that.
TESTS = run --slowest --concurrency $(WORKERS) $(STESTR_ARGS) \
  || { $(BIN)/stestr failing; $(BIN)/stestr failing --list; exit 1; }

test: $(VENV)/.installed
	@$(BIN)/stestr $(TESTS)

# With many more examples of the property tests, and the tests that are only
# for the nightly run.
test-long: $(VENV)/.installed
	@HYPOTHESIS_PROFILE=long $(BIN)/stestr $(TESTS)

# Hostile requests, header fields and disk images, other ones each time:
# FUZZ_SECONDS=60 for a minute.
FUZZ_SECONDS ?= 3600
fuzz: $(VENV)/.installed
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m glance_filters.tests.fuzz \
	  --seconds $(FUZZ_SECONDS) $(FUZZ_ARGS)

# The tests on real stores, Ceph and Swift too, and then the tests of ranges,
# locations, uploads and imports with their data there. Ceph (ceph-mon,
# ceph-osd, ceph-common, python3-rbd, python3-rados) and memcached are to be
# installed with the system's packages; what is not there is left out, and said
# so.
STORES ?= rbd s3 swift
STORE_TESTS := functional.test_(range_translator|download_clients|location_guard(?!_trials)|disk_formats\.|upload|refused_uploads|import_inspection|real_glance)
stores: $(VENV)/.installed-stores
	@failed=; GLANCE_FILTERS_TEST_STORES="$(STORES)" HYPOTHESIS_PROFILE=long \
	  $(BIN)/stestr run --slowest stores || failed="stores"; \
	for store in $(STORES); do echo "==> data on $$store"; \
	  $(BIN)/python -m glance_filters.tests.fixtures.store_servers $$store \
	  $(BIN)/python -m stestr run "$(STORE_TESTS)" \
	  || failed="$$failed $$store"; done; \
	test -z "$$failed" || { echo "failed: $$failed" >&2; exit 1; }

# The tests that save images, with Glance's data in real MariaDB and PostgreSQL
# (Debian's mariadb-server, postgresql), in place of SQLite; what is not there
# is left out, and said so.
DATABASES ?= mariadb postgresql
DATABASE_TESTS := functional.test_(location_guard(?!_trials)|guarded_calls|disk_formats|import|upload|refused|ways_into|range_translator|real_glance)
databases: $(VENV)/.installed
	@for database in $(DATABASES); do echo "==> data of Glance in $$database"; \
	  $(BIN)/python -m glance_filters.tests.fixtures.glance_databases $$database \
	  $(BIN)/python -m stestr run --concurrency $(WORKERS) \
	  "$(DATABASE_TESTS)" || exit 1; done

# The tests of filters on real Glance, with all filters in front of another
# Glance and the proxy between them. What cannot hold there is skipped, with the
# reason.
PROXIED_TESTS := functional.test_(location_guard|guarded_calls|disk_formats\.|import|upload|refused|ways_into|range_translator|metadef_overlay|download_clients|config_changes|health|real_glance)
proxied: $(VENV)/.installed
	@GLANCE_FILTERS_TEST_PROXIED=yes $(BIN)/stestr run --slowest \
	  --concurrency $(WORKERS) "$(PROXIED_TESTS)"

# What the filters cost, in comparison; writes the tables of the documentation.
bench: $(VENV)/.installed-bench
	@$(BIN)/python -m bench

# That all of it runs: a few rounds, and nothing is written.
bench-quick: $(VENV)/.installed-bench
	@$(BIN)/python -m bench --quick

# Mutants that the unit tests let live: ROOM=http, or ROOM=http/byte_ranges.py
# MUTATION_ARGS="--sample 100".
mutation: $(VENV)/.installed-mutation
	@nice -n 15 $(BIN)/python -m mutation $(ROOM) $(MUTATION_ARGS)

# How much of each room its unit tests run; writes a table.
coverage: $(VENV)/.installed-mutation
	@nice -n 15 $(BIN)/python -m mutation.coverage

# Mixed traffic for a quarter of an hour: what grows, and what fails.
SOAK_SECONDS ?= 900
soak: $(VENV)/.installed-bench
	@$(BIN)/python -m bench.soak --seconds $(SOAK_SECONDS) $(SOAK_ARGS)

# Each release of Glance, by these tests and by its own; RELEASES="22.1.1 ..."
# for some of them.
matrix: $(VENV)/.installed-matrix
	@$(BIN)/python -m matrix run $(RELEASES)

# By these tests alone.
matrix-quick: $(VENV)/.installed-matrix
	@$(BIN)/python -m matrix run --quick $(RELEASES)

# By these tests alone, the oldest and the first whose libraries know the
# formats of images.
matrix-edges: $(VENV)/.installed-matrix
	@$(BIN)/python -m matrix run --quick 22.1.1 30.2.0

# The table in the documentation, of what was found last.
matrix-table: $(VENV)/.installed-matrix
	@$(BIN)/python -m matrix table --write

# OpenStack's own tests, which need Debian's mariadb-server, qemu-utils and curl.
# TEMPEST_ARGS=--formats for those of image formats, in some minutes.
TEMPEST ?= ../shared/tempest/run

tempest: $(VENV)/.installed
	@if [ -x "$(TEMPEST)" ]; then \
	  $(BIN)/python -m matrix.tempest $(TEMPEST_ARGS) \
	    $(abspath $(TEMPEST)) .tempest; \
	else echo "skipped: there is no $(TEMPEST) (set TEMPEST=...)"; fi

# The versions of all that the environments hold.
pins: $(VENV)/.installed-matrix
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m matrix pins $(RELEASES)

lint: $(VENV)/.installed-lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo --no-cache

typing: $(VENV)/.installed-lint $(VENV)/.installed-bench
	@$(BIN)/mypy

# Known weaknesses: of the code, and of what it requires.
security: $(VENV)/.installed-security
	@$(BIN)/bandit --quiet --configfile pyproject.toml \
	  --recursive glance_filters
	@$(BIN)/pip-audit --progress-spinner off --requirement requirements.txt

# What REDbot says of downloads.
redbot: $(VENV)/.installed-redbot
	@HYPOTHESIS_PROFILE=long $(BIN)/stestr run functional.test_redbot

docs: $(VENV)/.installed-lint
	@$(BIN)/sphinx-build -W --keep-going -q -b html doc/source doc/build/html
	@$(BIN)/sphinx-build -W --keep-going -q -b html \
	  releasenotes/source releasenotes/build/html

clean:
	rm -rf $(VENV) .stestr doc/build releasenotes/build
