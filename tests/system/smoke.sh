#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Load, one RPC at a time of every boundary length, metrics, unload.
#
#   h1 [h1-h2] 10.0.1.1 ──veth── 10.0.1.2 [h2-h1] h2
. /tests/case.sh

metrics() { in_host h1 cat /proc/net/homa_metrics; }

check load load_modules
check hosts net_pair
check one_at_a_time exchange --count "$(scaled 200 60)" --outstanding 1
check many_at_once exchange --count "$(scaled 500 60)" --outstanding 20
check short exchange --count "$(scaled 2000 200)" --outstanding 10 --max-length 1000
metrics >/tmp/metrics
check metrics_readable test -s /tmp/metrics
check metrics_count grep -Eq '^[a-z_0-9]+ +[1-9][0-9]*' /tmp/metrics
cp /tmp/metrics "$OUT/smoke.metrics"
check unload unload
check unloaded test ! -d /sys/module/homa
