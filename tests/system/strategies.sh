#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each strategy of each kind carries traffic with losses, is changed under load,
# and unknown ones are refused.
#
#   h1 [h1-h2 netem] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1 netem] h2, server
. /tests/case.sh

get() { in_host "$1" sysctl -n "net.homa.$2"; }
both() { in_host h1 sysctl -qw "net.homa.$1=$2" && in_host h2 sysctl -qw "net.homa.$1=$2"; }

kinds() {                       # settings with a list of choices beside them
	in_host h1 ls /proc/sys/net/homa | sed -n 's/^available_\(.*\)s$/\1/p'
}

names() { get h1 "available_$1s"; }

first() { echo "${1%% *}"; }

is_default() { [ "$(get h1 "$1")" = "$(first "$(names "$1")")" ]; }

refused() {                     # refused KIND NAME...
	kind=$1
	shift
	for bad in "$@"; do
		in_host h1 sh -c 'echo "$2" >"/proc/sys/net/homa/$1"' -- "$kind" "$bad" 2>/dev/null && { echo "accepted: $bad"; return 1; }
		is_default "$kind" || return 1
	done
}

unknown_refused() {             # and the log says what there is
	refused "$1" nonsense && dmesg | grep -F "homa: there is no $1 \"nonsense\", but: $(names "$1")"
}

lossy() {
	[ "$MODE" = uml ] || modprobe sch_netem 2>/dev/null
	in_host h1 tc qdisc add dev h1-h2 root netem limit 100000 loss 2% duplicate 2% delay 200us 100us reorder 50% &&
		in_host h2 tc qdisc add dev h2-h1 root netem limit 100000 loss 2% duplicate 2% delay 200us 100us reorder 50%
}

smooth() { in_host h1 tc qdisc del dev h1-h2 root && in_host h2 tc qdisc del dev h2-h1 root; }

traffic() { exchange --count "$(scaled 200 40)" --outstanding 20 --long-permille 20 --deadline 500; }

carries() { both "$1" "$2" && traffic; }

switch_all() {                  # through all names of all kinds, until the load has ended
	rounds=0
	while kill -0 "$load" 2>/dev/null; do
		for kind in $(kinds); do
			for name in $(names "$kind"); do both "$kind" "$name" || return 1; done
		done
		rounds=$((rounds + 1))
	done
	echo "$rounds rounds"
	[ $rounds -gt 0 ]
}

under_load() {
	exchange --count "$(scaled 1000 150)" --outstanding 50 --long-permille 20 --deadline 500 &
	load=$!
	switch_all || return 1
	wait "$load"
}

# Threads that share one CPU: those that wait are woken for several messages at a time.
metric() { in_host "$1" awk -v name="$2" '$1 == name { sum += $2 } END { print sum + 0 }' /proc/net/homa_metrics; }
held() { echo $(($(metric h1 handoffs_held) + $(metric h2 handoffs_held))); }
one_cpu() { exchange --count "$(scaled 2000 400)" --max-length 1000 --outstanding 64 --deadline 500; }

wakeups_held() {
	before=$(held)
	one_cpu && [ "$(held)" -gt "$before" ]
}

wakeups_not_held() {
	in_host h1 sysctl -qw net.homa.wake_batch=1 && in_host h2 sysctl -qw net.homa.wake_batch=1 || return 1
	before=$(held)
	one_cpu && [ "$(held)" = "$before" ]
}

defaults() { for kind in $(kinds); do both "$kind" "$(first "$(names "$kind")")" || return 1; done; }

check load load_modules
check hosts net_pair
used=$(memory_used)
for kind in $(kinds); do
	check "${kind}_default" is_default "$kind"
	check "${kind}_unknown" unknown_refused "$kind"
done
# The log takes ten lines in five seconds, so these come last; a name may hold anything.
for kind in $(kinds); do
	check "${kind}_odd_names" refused "$kind" "" "$(first "$(names "$kind")")x" "$(printf 'a\tb\033[31m')"
done
check lossy lossy
for kind in $(kinds); do
	default=$(get h1 "$kind")
	for name in $(names "$kind"); do check "${kind}_$name" carries "$kind" "$name"; done
	both "$kind" "$default"
done
check smooth smooth
check switch_under_load under_load
check defaults defaults
check exchange exchange --count 20
check pinned taskset -p 1 $$
check wakeups_held wakeups_held
check wakeups_not_held wakeups_not_held
# A namespace that ends with a strategy of its own leaves nothing behind.
check ends_with_idle_core_first both waiter_order idle_core_first
check no_sockets wait_for 10 no_sockets
net_down
check memory memory_is_back "$used"
check unload unload
