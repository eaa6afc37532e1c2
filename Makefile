# `make run` and `make test` are all that a fresh machine needs; `make help` lists the rest.
# Kept to GNU make 3.81 and a POSIX shell, which is what macOS has.

BIN := .venv/bin
# How many tests run at once; 0 for one after the other, in this process.
WORKERS ?= auto
# Containers often forbid Python to keep what it compiled: each process would compile all of it anew.
unexport PYTHONDONTWRITEBYTECODE

# What the browser gets from npm packages. The desk serves each under its path in the package.
VENDOR := newsletter/web/assets/vendor
VENDORED := \
	@fontsource-variable/noto-sans-arabic/LICENSE \
	@fontsource-variable/noto-sans-arabic/files/noto-sans-arabic-arabic-wght-normal.woff2 \
	@fontsource-variable/noto-sans-hebrew/LICENSE \
	@fontsource-variable/noto-sans-hebrew/files/noto-sans-hebrew-hebrew-wght-normal.woff2 \
	@fontsource-variable/source-sans-3/LICENSE \
	@fontsource-variable/source-sans-3/files/source-sans-3-latin-ext-wght-normal.woff2 \
	@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-italic.woff2 \
	@fontsource-variable/source-sans-3/files/source-sans-3-latin-wght-normal.woff2 \
	@fontsource-variable/source-serif-4/LICENSE \
	@fontsource-variable/source-serif-4/files/source-serif-4-cyrillic-wght-normal.woff2 \
	@fontsource-variable/source-serif-4/files/source-serif-4-greek-wght-normal.woff2 \
	@fontsource-variable/source-serif-4/files/source-serif-4-latin-ext-wght-normal.woff2 \
	@fontsource-variable/source-serif-4/files/source-serif-4-latin-wght-normal.woff2 \
	@fontsource-variable/source-serif-4/files/source-serif-4-vietnamese-wght-normal.woff2 \
	@tabler/core/dist/css/tabler.min.css \
	altcha/LICENSE.txt \
	altcha/dist/workers/pbkdf2.js \
	htmx.org/dist/htmx.min.js \
	htmx.org/LICENSE \
	uplot/dist/uPlot.iife.min.js \
	uplot/dist/uPlot.min.css \
	uplot/LICENSE

# The writing page's script, bundled with the packages that it is made of.
WRITING := $(VENDOR)/writing/writing.js

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-slow torture setup check lint messages bench demo screenshots dist lock clean assets parts

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: setup ## set up, then run the press with a local inbox (PORT=, INBOX_PORT=, DATA_DIR=)
	@$(BIN)/newsletter up --check
	@$(BIN)/newsletter db upgrade
	@$(BIN)/newsletter issues sample; $(BIN)/newsletter issues load || echo "The press starts all the same; mend the files and load them again."
	@exec $(BIN)/newsletter up

PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

test: .venv/.installed-dev assets parts ## set up, then run the tests, in minutes (ARGS="-k words" for some)
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: .venv/.installed-dev assets parts ## the slow tests: torture, real peers, packaging, a week at the desk (ARGS=)
	@$(PYTEST) -m "slow or hypothesis" --hypothesis-profile thorough $(ARGS)

torture: .venv/.installed-dev assets parts ## the torture tests at full length: kills, outages, full disks (ARGS=)
	@TORTURE=long $(BIN)/python -m pytest tests/torture $(ARGS)

setup: .venv/.installed assets ## all of the set-up; starts nothing
	@:

check: lint test ## lint, types, import contracts, tests; what is slow is left to CI

lint: .venv/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# A new language begins with `pybabel init --input-file messages.pot --output-dir . --locale fr` in that folder.
CATALOGUES := newsletter/i18n/catalogues
messages: .venv/.installed-dev ## gather the words that readers see into the catalogues, for translating
	@$(BIN)/pybabel --quiet extract --mapping-file newsletter/i18n/babel.cfg --keyword lazy_gettext \
		--ignore-dirs "node_modules .*" --add-comments "Translators:" --add-location file --sort-by-file --no-wrap \
		--project "Newsletter Press" --output-file $(CATALOGUES)/messages.pot .
	@$(BIN)/pybabel --quiet update --input-file $(CATALOGUES)/messages.pot --output-dir $(CATALOGUES) \
		--no-fuzzy-matching --no-wrap --ignore-obsolete --ignore-pot-creation-date

demo: setup ## the whole story in the terminal, in a minute
	@$(BIN)/python -m newsletter.demo

bench: .venv/.installed-dev assets parts ## measure: ratios, not seconds
	@$(BIN)/python -m bench $(ARGS)

screenshots: .venv/.installed-dev assets parts ## take the pictures in docs anew (ARGS=--pages for every page of the desk)
	@$(BIN)/python -m docs.take_screenshots $(ARGS)

dist: setup ## a wheel and a source archive in dist/
	@$(BIN)/python -m hatchling build

lock: .venv/.installed ## pin the versions that pyproject.toml and package.json allow
	@sh .ci/lock

clean: ## remove what set-up made; your data in var/ stays
	rm -rf .venv node_modules $(VENDOR) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

assets: $(VENDORED:%=$(VENDOR)/%) $(WRITING)

parts: .venv/.installed-dev
	@sh .ci/machine parts

# pip comes last into a new environment, so half a one is made again.
$(BIN)/pip:
	@echo "The first time takes a few minutes: packages are fetched and installed into .venv and node_modules."
	@python=$$(sh .ci/machine python) && echo "Making .venv with $$python" && "$$python" -m venv --clear .venv

.venv/.installed: requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# The development lock holds all of the other, so one installation does for both.
.venv/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/pip
	@echo "Installing Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch .venv/.installed $@

node_modules/.installed: package.json package-lock.json .npmrc | .venv/.installed
	@echo "Installing front-end packages"
	@$(BIN)/npm ci --loglevel=error > /dev/null
	@touch $@

$(WRITING): $(wildcard newsletter/web/assets/src/*.*js) node_modules/.installed
	@mkdir -p $(@D)
	@$(BIN)/node newsletter/web/assets/src/bundle.mjs newsletter/web/assets/src/writing.js $@

$(VENDOR)/%: node_modules/.installed
	@mkdir -p $(@D)
	@cp node_modules/$* $@
