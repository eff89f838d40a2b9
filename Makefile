# `make demo` sets up .venv and converts the detector that ships with edgekit; `make test` runs all
# that a change has to pass; `make nightly` what takes longer. They need nothing but Python 3.11 or later.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_READY := $(VENV)/.demo-ready
BENCH_READY := $(VENV)/.bench-ready
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST_ARGS ?= -n 2 -q

.PHONY: setup lint test nightly demo bench browser clean

test: lint browser
	$(BIN)/pytest $(PYTEST_ARGS)

nightly: $(READY)
	$(BIN)/pytest $(PYTEST_ARGS) -m nightly

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(READY)

browser:
	tests/browser/install.sh

demo: $(DEMO_READY)
	$(BIN)/edgekit demo --out demo

bench: $(BENCH_READY)
	$(BIN)/python benchmarks/ort_cpu_int8.py
	$(BIN)/python benchmarks/ort_cpu_int8.py --kernels avx2
	$(BIN)/python benchmarks/quantization_choices.py
	$(BIN)/python benchmarks/convert_cost.py
	$(BIN)/python benchmarks/digits.py
	$(BIN)/python benchmarks/folding.py
	$(BIN)/python benchmarks/checkpoints.py
	$(BIN)/python benchmarks/families.py
	$(BIN)/python benchmarks/rewrite_parity.py
	$(BIN)/python benchmarks/calibration_cost.py
	$(BIN)/python benchmarks/calibration_size.py
	$(BIN)/python benchmarks/near_duplicates.py
	$(BIN)/python benchmarks/range_choices.py
	$(BIN)/python benchmarks/repairs.py
	$(BIN)/python benchmarks/shared_scales.py
	$(BIN)/python benchmarks/gradient_images.py
	$(BIN)/python benchmarks/ablation.py --kernels avx2
	$(BIN)/python benchmarks/search_strategies.py --kernels avx2
	$(BIN)/python benchmarks/bccd.py
	$(BIN)/python benchmarks/damage_proxy.py
	$(BIN)/python benchmarks/half_precision.py
	$(BIN)/python benchmarks/speed_of_the_file.py
	$(BIN)/python benchmarks/speed_of_the_file.py --kernels avx2
	$(BIN)/python benchmarks/openvino_cpu_int8.py
	$(BIN)/python benchmarks/openvino_cpu_int8.py --kernels avx2
	$(BIN)/python benchmarks/openvino_symmetric.py
	$(BIN)/python benchmarks/percentile_coverage.py
	$(BIN)/python benchmarks/busy_machine.py
	$(BIN)/python benchmarks/report_of_200_rows.py
	$(BIN)/python benchmarks/bootstrap_coverage.py
	$(BIN)/python benchmarks/five_thousand_images.py
	$(BIN)/python benchmarks/roofline.py
	$(BIN)/python benchmarks/on_device_script.py
	$(BIN)/python benchmarks/render.py

$(READY): EXTRA := dev
$(DEMO_READY): EXTRA := demo
$(READY) $(DEMO_READY): pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error No Python 3.11 or later with venv found. Name one: make PYTHON=/path/to/python3))
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[$(EXTRA)]'
	touch $@

$(BENCH_READY): $(READY)
	$(INSTALL) -e '.[openvino,demo]' onnxconverter-common
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
