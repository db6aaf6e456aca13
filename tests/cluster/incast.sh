# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# All nodes send one message of 1 MB to node 0 at the same time.
load_modules || fail "modules do not load"
if [ "$NODE" = 0 ]; then
	rpcload server --transport homa --bind "$(node_address 0)" --port 4000 >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
fi
barrier serving
sleep_until 0.2
if [ "$NODE" != 0 ]; then
	rpcload client --transport homa --server "$(node_address 0)" --port 4000 --length 1000000 --response-length 100 \
		--count 1 --verify --json "$OUT/client.json" || fail "the message failed"
fi
barrier finished
[ "$NODE" != 0 ] || { kill "$server"; wait "$server" || fail "the server failed"; }
cat /proc/net/homa_metrics >"$OUT/metrics"
