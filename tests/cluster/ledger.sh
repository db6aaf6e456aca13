# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Every node serves and asks all others, from 0.2 s on; ledgers say what became of each RPC. Then nothing may be left.
#   ledger.sh COUNT SEED SURVIVOR...      the nodes that live to the end
count=$1 seed=$2
shift 2
load_modules || fail "modules do not load"
rpc_ledger server --bind "$(node_address "$NODE")" --port 700 --threads 2 --seed "$seed" >"$OUT/server.log" 2>&1 &
server=$!
wait_for 5 grep -q READY "$OUT/server.log" || fail "no server: $(cat "$OUT/server.log")"
barrier serving
sleep_until 0.2
rpc_ledger client --server "$(other_addresses)" --port 700 --count "$count" --outstanding 100 --long-permille 5 --seed "$seed" \
	--deadline 500 >"$OUT/client.log" 2>&1
echo $? >"$OUT/client.status"
barrier finished "$@"
kill -TERM "$server"
wait "$server"
echo $? >"$OUT/server.status"
cat /proc/net/homa_metrics >"$OUT/metrics"
grep debug_locks /proc/lockdep_stats >"$OUT/lockdep" 2>/dev/null
grep '^HOMA' /proc/net/protocols | awk '{ n += $3 } END { exit n != 0 }' || fail "sockets are left: $(grep '^HOMA' /proc/net/protocols)"
unload_modules || fail "modules cannot be unloaded"
