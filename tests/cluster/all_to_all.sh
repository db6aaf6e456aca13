# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Every node serves and asks all others, open loop; all records of it come back.
#   all_to_all.sh SEED
load_modules || fail "modules do not load"
echo "on all" >/proc/timetrace
rpcload server --transport homa --bind "$(node_address "$NODE")" --port 4000 --threads 2 >/tmp/server 2>&1 &
server=$!
wait_for 5 grep -q READY /tmp/server || fail "no server: $(cat /tmp/server)"
barrier serving
rpcload load --transport homa --servers "$(other_addresses)" --port 4000 --workload /w3.csv --load 0.3 --duration 0.0005 \
	--seed $(($1 * 1000 + NODE)) --csv "$OUT/rpcs.csv" --rpclog "$OUT/rpclog" --json "$OUT/load.json" || fail "load failed"
barrier finished
ttdump "$OUT/trace.ttd" || fail "no trace"
kill "$server"
wait "$server" || fail "the server failed"
cat /proc/net/homa_metrics >"$OUT/metrics"
