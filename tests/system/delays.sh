#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Delay injectors: each point delays as it is told, and the log tells it.
#
#   h1 [h1-h2] 10.0.1.1, client ──veth── 10.0.1.2 [h2-h1] h2, server
. /tests/case.sh

param=/sys/module/homa/parameters/delay
log=/sys/kernel/debug/homa/delays
delay() { echo "$*" >$param; }
shows() { [ "$(cat $param)" = "$*" ]; }
refused() { ! delay "$*" 2>/dev/null && shows "seed=1 copy=5"; }
long() { exchange --count "$(scaled 20 8)" --max-length 400000 --outstanding 4; }
records() { awk -v point="$1" '$4 == point' $log; }

delayed() {                     # delayed POINT NS: there were some, each so long at least
	records "$1" | awk -v ns="$2" '$6 != ns || $7 < ns || $2 <= 0 || ($5 <= 0 && $4 != "syscall") { print; bad = 1 } END { exit bad || !NR }'
}

draws() {                       # draws SEED FILE: what 50 packets of one client at a time are delayed by
	delay "seed=$1 input=random:20000" || return 1
	_from=$(records input | tail -n 1 | cut -d' ' -f1)
	exchange --count 30 --max-length 1000 --outstanding 1 || return 1
	delay
	records input | awk -v from="${_from:-0}" '$1 > from && n++ < 50 { print $6 }' >"$2"
	[ "$(wc -l <"$2")" = 50 ]
}
# The order of the log is not that of the draws: two CPUs may delay at a time.
same() { draws 7 /tmp/a && draws 7 /tmp/b && ! head -n 40 /tmp/b | grep -vxF -f /tmp/a; }
other() { draws 8 /tmp/c && head -n 40 /tmp/c | grep -qvxF -f /tmp/a; }
by_bytes() {                    # by_bytes POINT MOST: as many ns as the bytes want, which differ
	records "$1" | awk -v from="$_from" -v most="$2" '$1 > from { n[$6]; if ($6 > most || $7 < $6) bad = 1 }
		END { exit bad || length(n) < 2 }'
}
spread() { sort -n /tmp/a | awk '{ v[NR] = $1 } END { exit !(v[1] < 5000 && v[NR] > 15000 && v[NR] <= 20000) }'; }
off() {                         # nothing more is delayed
	delay && _last=$(tail -n 1 $log) && long && [ "$(tail -n 1 $log)" = "$_last" ]
}
at_load() {                     # as a parameter of the module
	unload_modules && insmod /mod/timetrace.ko && insmod /mod/homa.ko delay=grant=2000,seed=5 && shows "seed=5 grant=2000"
}
bad_at_load() { rmmod homa && ! insmod /mod/homa.ko delay=grant 2>/dev/null && insmod /mod/homa.ko; }

check load load_modules
grep -q debugfs /proc/mounts || mount -t debugfs none /sys/kernel/debug || skip debugfs "a kernel without it"
check hosts net_pair
check off_to_begin shows seed=1
check set delay copy=5
for bad in nonsense grant=-1 grant=x grant=10000001 nowhere=5 seed=x "copy=6 grant=" copy=random: input=5/kb copy=5/mb copy=10001/kb; do
	check "refused_$(echo "$bad" | tr -c 'a-z0-9\n' _)" refused "$bad"
done
# One that is slow enough to be waited for, by slow kernels, too.
check slow in_host h1 sysctl -qw net.homa.link_mbps="$(scaled 100 20)"
check all_points delay "input=1000 pacer=2000 grant=3000 wakeup=4000 copy=5000 tx_done=6000"
check exchange long
delay
check input delayed input 1000
check pacer delayed pacer 2000
check grant delayed grant 3000
check wakeup delayed wakeup 4000
check copy delayed copy 5000
check tx_done delayed tx_done 6000
check seed_repeats same
check seed_matters other
check spread spread
check off off
# Of messages of up to 400,000 bytes.
check per_kb delay "copy=100/kb copy_in=50/kb syscall=700 softirq=900"
check per_kb_shown shows "seed=1 copy=100/kb copy_in=50/kb syscall=700 softirq=900"
_from=$(tail -n 1 $log | cut -d' ' -f1)
check exchange_per_kb long
delay
check copy_per_kb by_bytes copy 40000
check copy_in_per_kb by_bytes copy_in 20000
check syscall delayed syscall 700
check softirq delayed softirq 900
check no_network net_down
check at_load at_load
check bad_at_load bad_at_load
check unload unload
