# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2153      # vm and the other parts set the capitals
# A cluster: one User-Mode Linux kernel a node, in virtual time, joined by testbed/fabric.
#
#   fabric ── calendar ── every node: who runs, and until when
#          └─ portK ───── eth0 of node K
#   DIR/nodeK: what node K wrote to $OUT, console.log, dmesg.log;  DIR/fabric.json: what the network counted

cluster_fabric() {              # sets FABRIC
	FABRIC=${FABRIC:-$BUILD/testbed/fabric/fabric}
	[ -x "$FABRIC" ] || die "$FABRIC is not built; run: make user"
}

# All that can be wrong is found here, before anything starts or is written. Sets NODE_MB, KERNEL_OPTIONS, DRIFTS, CPU_COSTS.
cluster_check() {               # cluster_check SCRIPT
	local need_mb free_mb
	cluster_fabric
	[ -f "$TOPOLOGY" ] || usage_error "--topology: no such file '$TOPOLOGY'"
	DRIFTS=$("$FABRIC" --check --nodes "$NODES" --topology "$TOPOLOGY") || exit 2
	[[ $CPU_MODEL == */* || $CPU_MODEL == *.toml ]] || CPU_MODEL=$TOP/configs/cpu-models/$CPU_MODEL.toml
	[ -f "$CPU_MODEL" ] || usage_error "--cpu-model: no such file '$CPU_MODEL'"
	CPU_COSTS=$(/usr/bin/python3 "$TESTBED/cpu_model.py" "$CPU_MODEL") || exit 2
	NODE_MB=40
	KERNEL_OPTIONS=()
	if [ "$KERNEL" = sim-debug ]; then
		NODE_MB=200                     # KASAN's shadow, freed objects in quarantine, the image
		# See uml_command; 6.12 has no such arrays.
		KERNEL_OPTIONS=(retain_initrd)
	fi
	need_mb=$((NODES * NODE_MB > MEM ? NODES * NODE_MB : MEM))
	free_mb=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
	[ "$free_mb" -ge "$need_mb" ] || die "$NODES nodes need about $need_mb MB of memory, $free_mb MB are available"
	[ "$(ulimit -n)" -ge $((NODES * 4 + 64)) ] || die "$NODES nodes need $((NODES * 4 + 64)) open files; raise: ulimit -n"
}

# Nodes and fabric run one at a time and hand over fastest, by a third, on one CPU: the one with most idle time of late.
cluster_cpu() {                 # sets CPU
	local allowed
	allowed=$(taskset -cp $$ | sed 's/.*: //')
	CPU=$({ cat /proc/stat; sleep 0.2; cat /proc/stat; } | awk -v allowed="$allowed" '
		BEGIN {
			best = -1
			for (n = split(allowed, ranges, ","); n > 0; n--) {
				split(ranges[n] "-" ranges[n], ends, "-")
				for (cpu = ends[1]; cpu <= ends[2]; cpu++) may["cpu" cpu]
			}
		}
		$1 in may && $1 in idle && $5 - idle[$1] > best { best = $5 - idle[$1]; cpu = substr($1, 4) }
		$1 in may { idle[$1] = $5 }
		END { print cpu }')
}

cluster_run() {                 # cluster_run OUT SCRIPT ARG...: exit status as of run
	local out=$1 script=$2 kmods node fabric timer nodes=() ended started=$EPOCHREALTIME; shift 2
	cluster_check "$script"
	kernel_ready "$KERNEL"
	image_base "$KERNEL" "$KERNEL_DIR"
	mkdir -p "$out"
	out=$(realpath "$out")
	rm -rf "$out"/node[0-9]* "$out"/{shared,cpu-model.toml,fabric.json,fabric.log,timing.json,truth.bin,series.csv} "$out"/*.pcapng
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/homascope-vm.XXXXXX")
	on_exit "rm -rf '$WORK'"
	mkdir -p "$WORK/sockets" "$out/shared"
	cp "$CPU_MODEL" "$out/cpu-model.toml"
	ln -s "$out" "$WORK/out"
	NONCE=sim-$SEED         # results must not differ from run to run; old ones are gone
	kmods=$BUILD/kmod-$KERNEL
	[ "$TREE" = "$TOP" ] || kmods=$TREE/build/kmod-$KERNEL
	TMPDIR=$WORK            # nodes keep their memory in files, best on /dev/shm
	[ "$(df -m --output=avail /dev/shm 2>/dev/null | tail -1)" -le $((NODES * NODE_MB * 3 / 2)) ] || TMPDIR=/dev/shm
	ls "$kmods"/*.ko >/dev/null 2>&1 || note "no modules for $KERNEL yet; testbed/vm kmods $KERNEL builds them"
	# One image for all: the node finds its number in the kernel's command line, and fills it in here.
	image_for_run "$WORK/initrd" "$(printf 'MODE=sim\nKERNEL=%s\nNONCE=%s\nTASK=run\nCHANNEL=hostfs:%s/out/node$NODE\nexport SHARED=%s/out/shared DRIFTS="%s" HOMA_PARAMETERS="%s"' \
		"$KERNEL" "$NONCE" /proc/self/cwd /proc/self/cwd "$(echo $DRIFTS)" "${CPU_COSTS:+delay=$CPU_COSTS}")" "$TESTBED/guest/node.sh" "$kmods" "$script:/testbed/job" ${FILES[@]+"${FILES[@]}"} -- "$@"

	cluster_cpu
	setpriv --pdeathsig KILL taskset -c "$CPU" "$FABRIC" --nodes "$NODES" --topology "$TOPOLOGY" --seed "$SEED" --sockets "$WORK/sockets" \
		--out "$out" ${FABRIC_OPTIONS[@]+"${FABRIC_OPTIONS[@]}"} >"$WORK/ready" 2> >(exec tee "$out/fabric.log" >&2) &
	fabric=$!
	on_exit "kill -KILL $fabric 2>/dev/null; wait $fabric 2>/dev/null"
	until grep -qs READY "$WORK/ready"; do
		kill -0 $fabric 2>/dev/null || { wait $fabric || die "the fabric did not start"; }
		sleep 0.05
	done
	for ((node = 0; node < NODES; node++)); do
		(cluster_node "$node" "$out/node$node") &
		nodes+=($!)
		on_exit "kill -KILL -- -$! 2>/dev/null; wait $! 2>/dev/null"
	done
	sleep "$TIMEOUT" &
	timer=$!
	on_exit "kill $timer 2>/dev/null"
	cluster_wait "$out" "$fabric" "$timer" "${nodes[@]}"
}

# Environment, addresses inside the process and paths must not differ from run to run, hence env -i, setarch -R and
# paths that begin where the run's own directory is.
cluster_node() {                # cluster_node NODE OUT: starts it
	mkdir -p "$2" "$WORK/home$1"
	cd "$WORK" || exit 5
	exec setpriv --pdeathsig KILL setsid env -i PATH=/usr/bin:/bin "HOME=home$1" "TMPDIR=$TMPDIR" \
		"UML_RANDOM_SEED=$((SEED * 1000 + $1))" setarch -R taskset -c "$CPU" "$KERNEL_DIR/image" "mem=${MEM}M" initrd=initrd \
		"umid=node$1" "uml_dir=home$1/" "time-travel=ext:$1:sockets/calendar" \
		time-travel-start=1700000000000000000 "virtio_uml.device=sockets/port$1:1" con=null con0=fd:0,fd:1 \
		${KERNEL_OPTIONS[@]+"${KERNEL_OPTIONS[@]}"} norandmaps noreboot panic=-1 panic_on_warn=1 loglevel=5 log_buf_len=4M printk.time=1 "NODE=$1" "NODES=$NODES" \
		</dev/null >"$2/console.log" 2>&1
}

# Until the fabric ends, which it does after the last node; a node that dies ends the run at once.
cluster_wait() {                # cluster_wait OUT FABRIC TIMER NODE-PID...
	local out=$1 fabric=$2 timer=$3 ended="" node failed="" pids=("${@:4}") left=("${@:4}"); shift 3
	while [ "$ended" != "$fabric" ] && [ "$ended" != "$timer" ] && [ -z "$failed" ]; do
		ended=""
		wait -n -p ended "$fabric" "$timer" "${left[@]}" 2>/dev/null || true
		left=()
		for node in "${!pids[@]}"; do
			if [ "$ended" != "${pids[node]}" ]; then
				kill -0 "${pids[node]}" 2>/dev/null && left+=("${pids[node]}")
			elif [ ! -f "$out/node$node/.testbed/result" ] && [ ! -f "$WORK/sockets/killed$node" ]; then
				failed=$node
			fi
		done
	done
	if [ "$failed" ]; then
		note "node $failed died; the end of its console ($out/node$failed/console.log):"
		tail -25 "$out/node$failed/console.log" >&2
	fi
	{ # bash would report how they ended
		kill -KILL "$fabric" "$timer" || true
		for node in "${pids[@]}"; do kill -KILL -- -"$node" || true; done
		wait || true
	} 2>/dev/null
	cluster_verdict "$out" "$ended" "$timer"
}

# The worst of all nodes.
cluster_verdict() {             # cluster_verdict OUT ENDED-PID TIMER-PID
	local out=$1 node code worst=0
	for ((node = 0; node < NODES; node++)); do
		[ ! -f "$WORK/sockets/killed$node" ] || { note "node $node: killed by the topology"; rm -rf "$out/node$node/.testbed"; continue; }
		code=0
		tr -d '\r' <"$out/node$node/console.log" >"$WORK/console" && mv "$WORK/console" "$out/node$node/console.log"
		guest_verdict sim "$out/node$node" "$2" "$3" "$started" 2>"$WORK/verdict" || code=$?
		sed "s/^vm: /vm: node $node: /" "$WORK/verdict" >&2
		[ "$code" -le "$worst" ] || worst=$code
	done
	[ -f "$out/fabric.json" ] || { [ "$worst" != 0 ] || worst=5; }
	rm -rf "$out/shared"
	return "$worst"
}
