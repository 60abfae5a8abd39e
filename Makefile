# usernet's front door; `make` alone says what there is.
#
#   PYTHON=python3.13   another interpreter (it gets a .venv of its own)
#   PYTEST_ARGS="..."   passed on to pytest
#   FUZZ_SECONDS=60     how long `make fuzz` runs
#   MATRIX_ARGS="..." for make bench-matrix, such as --quick; FAIRNESS_ARGS likewise
#   BENCH_SECONDS=3     how long each run of `make bench` measures; BENCH_RUNS=3 how often

PYTHON ?= python3
VENV ?= .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
PY := $(VENV)/bin/python
FUZZ_SECONDS ?= 60
SOURCES := $(shell find src -name '*.py' -o -name '*.pxd') setup.py pyproject.toml

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint bench bench-matrix bench-fairness profile fuzz build clean

help:
	@echo "make demo     build, then a web server on our own TCP, fetched by a kernel client (no root, 10 s)"
	@echo "make test     build, then every test with the compiled engine and again interpreted"
	@echo "make lint     ruff, mypy --strict, and the C of the bench with all warnings"
	@echo "make bench    our stack over TAP beside the kernel's over veth, as ratios (root)"
	@echo "make bench-matrix    our TCP beside the kernel's over round-trip time and loss (root; 90 min, MATRIX_ARGS=--quick: 2)"
	@echo "make bench-fairness  one flow of ours and one of the kernel's through one bottleneck (root, 5 min)"
	@echo "make profile  where the time of one bench goes: make profile MODE=bulk_receive (root, perf)"
	@echo "make fuzz     hostile frames into a live stack for FUZZ_SECONDS=$(FUZZ_SECONDS)"
	@echo "make build    only create $(VENV) and compile into it"
	@echo "make clean    remove $(VENV), build/ and caches"

demo: $(VENV)/.built
	@$(VENV)/bin/usernet demo

build: $(VENV)/.built

test: $(VENV)/.built $(VENV)/.group-test
	@tools/need.sh ip:iproute2 ping:iputils-ping curl:curl tshark:tshark nmap:nmap iperf3:iperf3
	@tools/test.sh $(VENV) $(PYTEST_ARGS)

lint: $(VENV)/.group-lint build/generator
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy src/usernet

bench: $(VENV)/.built build/generator
	@tools/need.sh ip:iproute2
	@$(PY) bench/run.py

bench-matrix: $(VENV)/.built $(VENV)/.group-bench
	@tools/need.sh ip:iproute2 tshark:tshark
	@$(PY) bench/matrix.py --plot build/matrix.png $(MATRIX_ARGS)

bench-fairness: $(VENV)/.built $(VENV)/.group-bench
	@tools/need.sh ip:iproute2
	@$(PY) bench/fairness.py --plot build/fairness.png $(FAIRNESS_ARGS)

profile: $(VENV)/.built build/generator
	@tools/need.sh ip:iproute2 perf:linux-perf
	@$(PY) bench/where.py $(or $(MODE),bulk_receive)

fuzz: $(VENV)/.built $(VENV)/.group-fuzz
	@$(PY) fuzz/run.py $(FUZZ_SECONDS)

clean:
	rm -rf .venv .venv-* build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made: tools/venv.sh
	@tools/venv.sh $(PYTHON) $(VENV)
	@touch $@

$(VENV)/.group-%: pyproject.toml | $(VENV)/.made
	@echo "usernet: installing the $* tools into $(VENV)"
	@$(PY) -m pip install --disable-pip-version-check -q --group $*
	@touch $@

$(VENV)/.built: $(SOURCES) tools/build.sh | $(VENV)/.made $(VENV)/.group-build
	@tools/build.sh $(VENV)

build/generator: bench/generator.c
	@mkdir -p build
	$(or $(CC),cc) -std=c11 -O2 -Wall -Wextra -Werror -o $@ $<
