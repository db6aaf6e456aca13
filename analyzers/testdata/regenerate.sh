#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the kept traces anew in a guest, and what homascope says about them.
# Look at the difference before committing it.
#
#	regenerate.sh [--expected]      --expected: keep the traces, write the expected output only
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
build=${BUILD:-$top/build}
if [ "${1:-}" != --expected ]; then
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	"$top/testbed/vm" run --mode uml --cpus 2 --file "${RPCLOAD:-$build/experiments/workload/rpcload}:/bin/rpcload" \
		--out "$out" "$here/guest.sh" homa tcp
	cp "$out"/{homa,tcp}.{ttd,client.rpclog,server.rpclog} "$here"
fi
for trace in homa homa2 tcp; do
	(cd "$here" && "${HOMASCOPE:-$build/analyzers/homascope}" attribute --trace $trace.ttd \
		--rpclog $trace.client.rpclog --rpclog $trace.server.rpclog --csv $trace.csv)
done
