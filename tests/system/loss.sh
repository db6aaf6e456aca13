#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Packets get lost, doubled and overtaken in both directions; every request is
# executed once and every byte arrives.
#
#   h1 [h1-h2 netem] 10.0.1.1 ──veth── 10.0.1.2 [netem h2-h1] h2
. /tests/case.sh

impair() {                      # impair NETEM-ARGUMENT...
	for end in "h1 h1-h2" "h2 h2-h1"; do
		# shellcheck disable=SC2086
		set -- $end "$@"
		host=$1 dev=$2
		shift 2
		in_host "$host" tc qdisc replace dev "$dev" root netem limit 100000 "$@" || return 1
	done
}

run_with() {                    # run_with NAME NETEM-ARGUMENT...
	name=$1
	shift
	if impair "$@"; then
		check "$name" exchange --count "$(scaled 300 30)" --outstanding 8
	else
		not_ok "$name" "tc refused: netem $*"
	fi
}

check load load_modules
check hosts net_pair
[ "$MODE" = uml ] || modprobe sch_netem 2>/dev/null
run_with loss_1_percent loss 1%
run_with loss_10_percent loss 10%
run_with duplicate duplicate 20%
run_with reorder delay 1ms reorder 70%
run_with all_together loss 3% duplicate 5% delay 500us 300us reorder 50%
check unload unload
