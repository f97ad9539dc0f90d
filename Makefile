# The two commands of the README are `make migrate` and `make test`; both set up what they need.

# The first Python that is new enough; name another with `make PYTHON=/path/to/python`.
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(shell \
	$(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(p))))
# Worker processes of pytest; 0 runs everything in one.
JOBS ?= 2
PYTEST_ARGS ?=
SERVICES ?=

BIN := .venv/bin
MIN := .venv-min/bin

.PHONY: migrate test lint bench test-min test-adoption docs clean
.DEFAULT_GOAL := migrate

migrate: .venv/ready ## create and migrate the databases of the services (SQLite unless DATABASE_TYPE says otherwise)
	@$(BIN)/dbkit migrate $(SERVICES)

test: lint ## everything that has to hold: style, types, layers, tests
	$(BIN)/pytest -n $(JOBS) $(PYTEST_ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/ready ## ratios against the stock tool and plain SQLAlchemy, and starts while the server is away
	$(BIN)/python -m benchmarks

test-min: .venv-min/ready ## the oldest SQLAlchemy and Alembic that are promised, on SQLite
	$(MIN)/pytest -n $(JOBS) -m "not postgresql and not mariadb and not mysql and not tidb and not mssql" \
		--ignore=tests/packaging --ignore=tests/typing $(PYTEST_ARGS)

test-adoption: .venv/ready ## histories of well-known applications, each in an environment of its own, against the stock tool
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group adoption
	@$(BIN)/python -m tests.adoption.environments
	$(BIN)/pytest -c tests/adoption/pytest.ini --rootdir=. tests/adoption -n $(JOBS) $(PYTEST_ARGS)

docs: .venv/ready ## write the generated pages anew, and build the site: build/docs/index.html
	$(BIN)/python -m tests.docs.generate
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -d build/doctrees docs build/docs

clean:
	rm -rf .venv .venv-min .adoption .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The stamps make a second call take seconds. pip learnt --group in 25.1.
.venv/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "dbkit needs Python 3.11 or newer; none was found" >&2; exit 1; }
	@echo "setting up .venv, once, for a minute or two" >&2
	@$(PYTHON) -m venv .venv || { echo "no virtual environment: on Debian, apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --group dev -e '.[postgresql,mysql,mariadb,tidb,async,asyncpg,otel,testing]'
	@# SQL Server's driver is a binary that some machines have no build of; nothing else needs it.
	@$(BIN)/python -m pip install --quiet -e '.[mssql]' || echo "note: pyodbc could not be installed; SQL Server is left out" >&2
	@$(BIN)/python -c 'import pyodbc' 2>/dev/null || echo "note: pyodbc cannot be loaded; its tests of SQL Server skip: apt-get install libodbc2 libltdl7" >&2
	@touch $@

.venv-min/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "dbkit needs Python 3.11 or newer; none was found" >&2; exit 1; }
	$(PYTHON) -m venv .venv-min
	$(MIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(MIN)/python -m pip install --quiet --group dev -e '.[postgresql,mysql,mariadb,tidb,async,asyncpg,otel,testing]' \
		sqlalchemy==2.0.40 alembic==1.18.4
	@touch $@
