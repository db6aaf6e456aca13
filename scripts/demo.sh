#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job: explain RPC latency in a virtual cluster, from nothing to tables
# and figures. Called by `make demo`.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
LOGS=build/logs/demo
STEPS=5
# shellcheck source=scripts/steps.sh
. scripts/steps.sh

SHOW=1 step "install what is missing" "see the message above; then 'make deps'" \
	scripts/deps.sh
step "build rpcload, homascope and ttdump" "read the log; 'make clean' and again" \
	make --no-print-directory programs
SHOW=1 step "get the guest kernel (built once, about 5 minutes, then cached)" \
	"read the log; 'make clean-cache' starts afresh" \
	testbed/vm kernel uml-smp
step "build homa.ko and timetrace.ko" "read the log" \
	testbed/vm kmods uml-smp
SHOW=1 step "run the experiment load_balancing" \
	"read the log; 'experiments/run configs/experiments/load_balancing.toml' repeats this step" \
	experiments/run configs/experiments/load_balancing.toml
printf 'demo: done in %s\n' "$(elapsed)"
