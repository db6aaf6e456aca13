# SPDX-License-Identifier: Apache-2.0
# Front door. `make help` lists what there is to do.
PYTHON ?= /usr/bin/python3
BUILD ?= build
KERNEL ?= uml-smp
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/homascope
# Warnings are errors where we test, not for a newer compiler of a user.
CMAKE_FLAGS ?= $(if $(CI),-DHS_WERROR=ON)
Q := $(if $(V),,@)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	$(Q)awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: ## the main job: virtual cluster, experiment, tables and figures in results/
	$(Q)scripts/demo.sh

.PHONY: test
test: deps ## every test of the project: units, lint, virtual machines
	$(Q)$(MAKE) --no-print-directory user
	$(Q)tests/run

.PHONY: test-full
test-full: deps user ## all that and debug kernels, emulated (KASAN with lockdep, KCSAN) and in the cluster
	$(Q)tests/run --full

.PHONY: check
check: user ## the quick tests: units and lint, no virtual machine (about two minutes)
	$(Q)tests/run --quick

.PHONY: vm-test
vm-test: user ## only the tests that boot a virtual machine
	$(Q)tests/run --only 'vm/*'

.PHONY: sim-test
sim-test: user ## only the tests on the simulated cluster (about five minutes)
	$(Q)tests/run --only 'vm/sim/*'

.PHONY: soak
soak: user ## hostile packets and applications for SECONDS (3600) in GUEST (uml, debug)
	$(Q)SOAK_SECONDS=$(or $(SECONDS),3600) tests/run --only vm/$(or $(GUEST),uml)/hostile

.PHONY: lint
lint: ## style and layering checks
	$(Q)tests/run --only 'lint/*'

.PHONY: deps
deps: ## install the Debian packages all of it needs, saying which
	$(Q)scripts/deps.sh

.PHONY: programs
programs: $(BUILD)/build.ninja ## build what the experiments run: rpcload, homascope, ttdump
	$(Q)ninja -C $(BUILD) $(if $(V),-v,--quiet) rpcload homascope ttdump

.PHONY: user
user: $(BUILD)/build.ninja ## build all user-space programs and tests
	$(Q)ninja -C $(BUILD) $(if $(V),-v,--quiet)

$(BUILD)/build.ninja: CMakeLists.txt
	$(Q)cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS) $(if $(V),,--log-level=WARNING) >/dev/null

FUZZ_SECONDS ?= 600
.PHONY: fuzz
fuzz: user ## any bytes as a dump, for FUZZ_SECONDS; goes on from what it found before in build/fuzz
	$(Q)mkdir -p $(BUILD)/fuzz && cd $(BUILD)/tracer/lib/tests && ./fuzz_reader -max_total_time=$(FUZZ_SECONDS) \
		-timeout=60 -max_len=16384 -print_final_stats=1 $(CURDIR)/$(BUILD)/fuzz fuzz_seeds.d

.PHONY: modules
modules: ## build homa.ko and timetrace.ko for KERNEL (testbed/vm help lists them)
	$(Q)testbed/vm kmods $(KERNEL)

.PHONY: debug-kernel
debug-kernel: ## build the kernels that look for bugs: uml-debug, sim-debug, x86-kasan, x86-kcsan (cached)
	$(Q)for kernel in uml-debug sim-debug x86-kasan x86-kcsan; do testbed/vm kernel $$kernel || exit; done

.PHONY: bench-module
bench-module: user ## 100-byte and 1 MB RPCs, Homa against TCP and UDP, in instruction time
	$(Q)$(PYTHON) experiments/bench/module.py

.PHONY: bench-pacer
bench-pacer: user ## pacers on one link of the cluster: short RPCs beside long messages, use of the link
	$(Q)$(PYTHON) experiments/bench/pacer.py

.PHONY: bench-tracer
bench-tracer: user ## cost of a record and of tracing a 100-byte RPC, beside ftrace and others
	$(Q)$(PYTHON) experiments/bench/tracer.py

.PHONY: bench-cluster
bench-cluster: user ## Homa on the simulated cluster: latencies, slowdown, incast, wall cost
	$(Q)$(PYTHON) experiments/bench/cluster.py

.PHONY: sim-kernel
sim-kernel: ## build the kernel of the simulated cluster (cached)
	$(Q)testbed/vm kernel sim-6.12

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf $(BUILD)

.PHONY: clean-cache
clean-cache: ## remove cached kernels and downloads
	$(Q)rm -rf "$(CACHE)"
