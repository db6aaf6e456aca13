#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# On which CPU packets are handled, by what the module counts and by its records.
#
#   h1 [h1-h2] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

both() { in_host h1 sysctl -qw "net.homa.$1" && in_host h2 sysctl -qw "net.homa.$1"; }
metric() { in_host "$1" awk -v name="$2" '$1 == name { sum += $2 } END { print sum + 0 }' /proc/net/homa_metrics; }
steered() { echo $(($(metric h1 steered) + $(metric h2 steered))); }

length=20000
outstanding=16                  # of adaptive's view, many: more than two for each of the guest's CPUs
traffic() { exchange --count "$(scaled 100 30)" --max-length $length --outstanding $outstanding --deadline 500; }

moves() {                       # moves STRATEGY: packets
	both "steering=$1" || return 1
	before=$(steered)
	recorded && [ "$(steered)" -gt "$before" ]
}

stays() {                       # stays STRATEGY: each packet
	both "steering=$1" || return 1
	before=$(steered)
	traffic && [ "$(steered)" = "$before" ]
}

recorded() {                    # what is done for traffic, in /tmp/text
	echo clear >/proc/timetrace && traffic || return 1
	echo freeze >/proc/timetrace
	cat /proc/timetrace >/tmp/text
	echo thaw >/proc/timetrace
	grep -q homa_data_in /tmp/text
}

# In /tmp/text the packets of an RPC are on one CPU, and not all on the same.
together() {
	awk '
		$3 == "homa_data_in" { if (cpu[$4] == "") cpu[$4] = $2; seen[$2] = 1; bad += cpu[$4] != $2 }
		END { for (one in seen) cpus++; print cpus, "CPUs, packets elsewhere:", bad + 0; exit bad || cpus < 2 }' /tmp/text
}

only_on() {                     # only_on CPU STRATEGY: data is handled
	both "steering=$2" && recorded && awk -v cpu="[00$1]" '
		$3 == "homa_data_in" && $2 != cpu { bad++; if (bad < 5) print }
		END { print "packets elsewhere:", bad + 0; exit bad > 0 }' /tmp/text
}

explained() {                   # explained NUMBER...: the reasons for moves in /tmp/text
	for _why in "$@"; do grep -q "homa_steer .* why=$_why " /tmp/text && return; done
	grep homa_steer /tmp/text | head -5
	return 1
}

# Packets take so long that a CPU finds no pause between those of a message.
spreads() {
	echo input=5000000 >/sys/module/homa/parameters/delay
	both busy_usecs=20000 && moves adaptive
	_status=$?
	echo >/sys/module/homa/parameters/delay
	return $_status
}

# What is sent on CPU 0 is given to CPU 1 by RPS.
rps() {
	taskset -p 1 $$ && in_host h1 sh -c 'echo 2 >/sys/class/net/h1-h2/queues/rx-0/rps_cpus' &&
		in_host h2 sh -c 'echo 2 >/sys/class/net/h2-h1/queues/rx-0/rps_cpus'
}

check load load_modules
check hosts net_pair
# Segments, of which messages have several.
check segments both max_gso_size=0
check kernel stays kernel
check rpchash moves rpchash
check rpchash_together together
check rpchash_why explained 1
check gen2 moves gen2
check gen2_why explained 3 4
check gen3 moves gen3
check gen3_why explained 5 6
check adaptive_many moves adaptive
check adaptive_many_why explained 1
outstanding=3
check adaptive_pauses both busy_usecs=1
check adaptive_stays stays adaptive
check adaptive_spreads spreads
check adaptive_spreads_why explained 2
outstanding=16
check rps rps
check rps_kernel only_on 1 kernel
check rps_same_core only_on 0 same_core
check rps_same_core_why explained 0
check no_sockets wait_for 10 no_sockets
net_down
check unload unload
