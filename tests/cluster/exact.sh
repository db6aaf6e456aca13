# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# One round trip on an idle network, then two nodes that send to one.
if [ "$NODE" = 0 ]; then
	rpcload server --transport udp --bind "$(node_address 0)" --port 4000 >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
fi
barrier serving
if [ "$NODE" = 1 ]; then
	rpcload client --transport udp --server "$(node_address 0)" --port 4000 --length 100 --count 5 --rpclog "$OUT/rpclog" ||
		fail "round trips failed"
fi
barrier idle_done
sleep_until 1
if [ "$NODE" != 0 ]; then
	rpcload client --transport udp --server "$(node_address 0)" --port 4000 --length 1400 --count 200 --outstanding 16 ||
		fail "flood failed"
fi
barrier finished
[ "$NODE" != 0 ] || { kill "$server"; wait "$server" || fail "the server failed"; }
