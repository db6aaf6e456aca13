# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Nodes 1 and 2 ask node 0, by TCP with logs and by Homa with their calls in the trace, COUNT times at a time every 20 ms.
#   hosts.sh COUNT
hostname "node$NODE"
load_modules || fail "modules do not load"
echo "on all" >/proc/timetrace
if [ "$NODE" = 0 ]; then
	rpcload server --transport tcp --bind "$(node_address 0)" --port 4000 --rpclog "$OUT/rpclog" >/tmp/tcp 2>&1 &
	servers=$!
	rpcload server --transport homa --bind "$(node_address 0)" --port 4000 --trace >/tmp/homa 2>&1 &
	servers="$servers $!"
	for transport in tcp homa; do
		wait_for 5 grep -q READY /tmp/$transport || fail "no server: $(cat /tmp/$transport)"
	done
fi
barrier serving
if [ "$NODE" != 0 ]; then
	for i in 1 2 3 4; do
		rpcload client --transport tcp --server "$(node_address 0)" --port 4000 --length 100 --count "$1" --rpclog "$OUT/rpclog$i" &&
			rpcload client --transport homa --server "$(node_address 0)" --port 4000 --length 100 --count "$1" --trace ||
			fail "round trips failed"
		sleep 0.02
	done
fi
barrier asked
# shellcheck disable=SC2086 # two numbers
[ "$NODE" != 0 ] || { kill $servers; wait $servers || fail "a server failed"; }
ttdump "$OUT/trace.ttd" || fail "no trace"
unload_modules || fail "modules cannot be unloaded"
