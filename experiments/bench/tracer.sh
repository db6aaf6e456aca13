# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Guest side of the tracer benchmark.
#   tracer.sh ROUNDS WARMUP COUNT
# Leaves $OUT/loops.<round> (text of /proc/tt_bench), <round>-<arm>-<half>.rpclog of the two halves of each
# visit of an RPC client with tracing off, with the module's own events, and with all, and rpc.ttd, a trace of the own events;
# snapshot: bytes of some dumps read in a row, and how many ns that took.
# shellcheck source=/dev/null
. /lib/testbed.sh
set -u
rounds=$1 warmup=$2 count=$3

control() { echo "$*" >/proc/timetrace || fail "control word '$*' refused"; }

load_modules || fail "modules do not load"
net_pair || fail "no network"
start_in h2 rpcload server --transport homa --bind 10.0.1.2 --port 4000 >/tmp/server 2>&1
# shellcheck disable=SC2154 # set by start_in
server=$pid
wait_for 20 grep -q READY /tmp/server || fail "server: $(cat /tmp/server)"
arms="off own all"
for round in $(seq 0 "$rounds"); do
	for arm in $arms; do
		control off all
		case $arm in own) control on homa ;; all) control on all ;; esac
		for half in 1 2; do
			in_host h1 rpcload client --transport homa --server 10.0.1.2 --port 4000 --length 100 \
				--response-length 100 --warmup "$warmup" --count "$count" \
				--rpclog "/tmp/$round-$arm-$half.rpclog" >/tmp/client 2>&1 ||
				fail "round $round, $arm: $(tail -n 2 /tmp/client)"
		done
	done
	# The other way round next time, so that no arm always follows the same one.
	reversed=
	for arm in $arms; do reversed="$arm $reversed"; done
	arms=$reversed
	say "round $round of $rounds"
done
control off all
control clear
control on homa
in_host h1 rpcload client --transport homa --server 10.0.1.2 --port 4000 --length 100 --response-length 100 \
	--count "$count" >/tmp/client 2>&1 || fail "traced client: $(tail -n 2 /tmp/client)"
ttdump /tmp/rpc.ttd || fail "no dump"
kill "$server"
wait "$server" || fail "the server failed: $(cat /tmp/server)"
net_down

mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
insmod /bin/tt_bench.ko || fail "tt_bench.ko does not load"
echo 1 >/sys/kernel/tracing/events/tt_bench/enable || fail "no ftrace event"
for round in $(seq 0 "$rounds"); do
	cat /proc/tt_bench >"/tmp/loops.$round" || fail "the loops do not run"
done
echo 0 >/sys/kernel/tracing/events/tt_bench/enable
control size 32768
cat /proc/tt_bench >/dev/null
centiseconds() { cut -d' ' -f1 /proc/uptime | tr -d .; }
bytes=$(wc -c </proc/timetrace_raw)
begin=$(centiseconds)
for _ in 1 2 3 4 5 6 7 8 9 10; do dd if=/proc/timetrace_raw of=/dev/null bs=1M 2>/dev/null; done
echo "$((bytes * 10)) $((($(centiseconds) - begin) * 10000000))" >/tmp/snapshot
rmmod tt_bench || fail "tt_bench.ko does not unload"

unload_modules || fail "modules do not unload"
cp /tmp/snapshot /tmp/loops.* /tmp/*.rpclog /tmp/rpc.ttd "$OUT/"
