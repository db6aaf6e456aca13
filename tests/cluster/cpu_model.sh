# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Round trips of 100 bytes with what the CPU costs, then without; the log of the costs comes back. Then some of
# 1 MB, and some of which the pacer lets go each packet too late.
#   cpu_model.sh LATE_NS
load_modules || fail "modules do not load"
if [ "$NODE" = 0 ]; then
	rpcload server --transport homa --bind "$(node_address 0)" --port 4000 >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
fi
ask() {                         # ask NAME BYTES
	barrier "$1"
	[ "$NODE" != 1 ] || rpcload client --transport homa --server "$(node_address 0)" --port 4000 --length "$2" --warmup 1 --count 5 \
		--rpclog "$OUT/$1" || fail "round trips failed"
	barrier "$1_done"
}
ask costly 100
cat /sys/module/homa/parameters/delay >"$OUT/parameter"
mount -t debugfs none /sys/kernel/debug
cat /sys/kernel/debug/homa/delays >"$OUT/delays"
echo >/sys/module/homa/parameters/delay
ask free 100
ask long 1000000
echo "pacer=$1" >/sys/module/homa/parameters/delay
ask late 1000000
[ "$NODE" != 0 ] || { kill "$server"; wait "$server" || fail "the server failed"; }
