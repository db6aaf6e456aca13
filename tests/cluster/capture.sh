# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Node 1 asks the others in turn; each RPC is quick until node 0 wakes its server late. All recorders are armed: that of
# node 1 for the slow RPC, the others for what never happens, so that they capture because node 1 tells them.
#   capture.sh DELAY-NS LIMIT-US
hostname "node$NODE"
load_modules || fail "modules do not load"
echo "on all" >/proc/timetrace
# Node 1 has no Homa socket left when the others hear of its capture.
if [ "$NODE" != 1 ]; then
	rpcload server --transport homa --bind "$(node_address "$NODE")" --port 4000 >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
fi
ask() {
	[ "$NODE" != 1 ] || rpcload client --transport homa --server "$(other_addresses)" --port 4000 --length 100 --outstanding 2 --count "$1" ||
		fail "round trips failed"
}
barrier serving
ask 40                          # nobody is armed yet
limit="event homa_rpc_timeout"
[ "$NODE" != 1 ] || limit="homa:rtt $2"
homascope arm "$limit" --captures 3 --pre 20 --post 2 --peers 10.0.0.0/24 || fail "cannot be armed"
barrier armed
ask 40
if ls /proc/timetrace_captures/* >/dev/null 2>&1; then fail "captured before anything was slow"; fi
barrier quick
[ "$NODE" != 0 ] || echo "wakeup=$1" >/sys/module/homa/parameters/delay
barrier slow
ask 2
sleep 0.1
barrier asked
[ "$NODE" = 1 ] || { kill "$server"; wait "$server" || fail "the server failed"; }
cat /proc/timetrace_stages >"$OUT/stages"
cat /proc/net/homa_metrics >"$OUT/metrics"
# A word that the recorder refuses makes it forget nothing, nor does the end of its watch.
if homascope arm 'homa:nonsense 5' 2>/dev/null || ! homascope arm off; then fail "arming says yes to nonsense, or no to off"; fi
homascope collect "$OUT" >"$OUT/collected" || fail "nothing collected: $(cat "$OUT/collected")"
unload_modules || fail "modules cannot be unloaded"
