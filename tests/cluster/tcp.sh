# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# All nodes send messages of 1 MB to node 0 by TCP.
#   tcp.sh CONGESTION-CONTROL COUNT       COUNT messages each
[ "$1" != cubic ] || insmod /mod/tcp_cubic.ko || fail "tcp_cubic does not load"
ecn=0
[ "$1" != dctcp ] || ecn=1
for setting in "net.ipv4.tcp_congestion_control=$1" "net.ipv4.tcp_ecn=$ecn" "net.ipv4.tcp_rmem=4096 4000000 8000000" \
	"net.ipv4.tcp_wmem=4096 4000000 8000000"; do
	sysctl -qw "$setting" || fail "cannot set $setting"
done
if [ "$NODE" = 0 ]; then
	rpcload server --transport tcp --bind "$(node_address 0)" --port 4000 --threads "$NODES" >/tmp/server 2>&1 &
	server=$!
	wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
fi
barrier serving
sleep_until 0.2
[ "$NODE" = 0 ] || rpcload client --transport tcp --server "$(node_address 0)" --port 4000 --length 1000000 --response-length 100 \
	--count "$2" --json "$OUT/client.json" || fail "messages failed"
barrier finished
[ "$NODE" != 0 ] || { kill "$server"; wait "$server" || fail "the server failed"; }
cat /proc/net/netstat >"$OUT/netstat"
