# Two commands matter: make train and make test. Each installs what is missing, builds, and runs.
PRESET ?= release
JOBS ?= $(shell nproc)
ARGS ?=
BIN := build/$(PRESET)/bin
BUILD := cmake --build --preset $(PRESET) --parallel $(JOBS)

.PHONY: help setup configure python build train wheel wheel-cuda stubs docs test sanitize bench oracle format lint clean
.DEFAULT_GOAL := help

help:  ## This page
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PRESET=release|debug|asan|tsan chooses the build, JOBS=N its parallel jobs"

setup:  ## Install what the build needs and is missing (apt: Debian 12, Ubuntu 24.04)
	@scripts/setup.sh

configure: setup
	@cmake --preset $(PRESET) --log-level=WARNING

# The Python module and its tests; those of sanitizers would need them in the interpreter too.
python: setup
ifneq ($(filter release debug,$(PRESET)),)
	@python=$$(scripts/python_venv.sh) && cmake --preset $(PRESET) --log-level=WARNING \
	  -D WEFT_BUILD_PYTHON=ON -D Python_EXECUTABLE=$$python
endif

build: configure python  ## Build everything into build/$(PRESET)
	@$(BUILD)

train: configure  ## Train AlexNet on CIFAR-10; ARGS="--epochs 2 ..." reaches the program
	@$(BUILD) --target cifar10_alexnet
	@scripts/train.sh $(BIN)/cifar10_alexnet $(ARGS)

test: build  ## Build and run every test
	@scripts/test.sh $(PRESET) $(ARGS)

# The folders where pointers, lifetimes and foreign bytes are; make test PRESET=asan has the rest.
sanitize: setup  ## Test memory, tape, files and modules with AddressSanitizer, UBSan
	@cmake --preset asan --log-level=WARNING
	@cmake --build --preset asan --parallel $(JOBS) --target test_core test_memory test_autograd test_data test_nn
	@scripts/test.sh asan -R '^test_(core|memory|autograd|data|nn):'

wheel: setup  ## Build a wheel that needs nothing else: build/wheel/*.whl
	@$$(scripts/python_venv.sh) scripts/wheel.py build/wheel

wheel-cuda: build  ## Build a wheel of the CUDA back end alone: build/wheel/weft_cuda-*.whl
	@$$(scripts/python_venv.sh) scripts/wheel_cuda.py build/$(PRESET)/lib/libweft_cuda.so build/wheel

stubs: python  ## Write the type stubs of the compiled part: python/weft/_weft
	@$(BUILD) --target weft_python
	@PYTHONPATH=build/$(PRESET)/python $$(scripts/python_venv.sh) -B python/stubs/generate.py

docs: python  ## Build the site: build/docs/html
	@scripts/setup.sh doxygen
	@$(BUILD) --target weft_python
	@scripts/docs.sh $(PRESET)

bench: build  ## Measure Weft beside its peers
	@scripts/bench.sh $(BIN) $(ARGS)

oracle: build  ## Compare values, gradients, dtypes, errors and a training run with PyTorch's
	@scripts/oracle.sh $(BIN) $(ARGS)

format: setup  ## Lay out every C++ file with clang-format
	@python3 -B tests/structure/format.py --fix

lint: setup  ## Check layout, includes and files without building
	@for check in format arrows includes files; do \
	  echo "lint: $$check" && python3 -B tests/structure/$$check.py || exit 1; done

clean:  ## Remove build/
	@rm -rf build
