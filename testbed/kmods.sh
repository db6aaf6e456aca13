# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Builds timetrace.ko and homa.ko for one kernel, and puts the kernel's own modules that guests want beside them. kbuild writes beside the sources, so they are staged per kernel:
# build/kmod-NAME/src, refreshed in place to keep builds incremental.

# What benchmarks leave out to see what it costs while it is off.
declare -A WITHOUT_FLAGS=([delays]=-DHOMA_NO_DELAYS [probes]="-DHOMA_NO_DELAYS -DTT_BARE -DNOTRACE")

kmods_build() {                 # kmods_build KERNEL TREE: into TREE/build/kmod-KERNEL
	local name=$1 tree=$2 out stage built=1 ko
	need rsync rsync; need make make; need gcc gcc
	[ -f "$tree/Kbuild" ] || die "$tree holds no Kbuild; --tree wants the top of a checkout"
	kernel_ready "$name"
	CUBIC=
	[[ $name != sim-* ]] || cubic_ready "$name"
	out=$tree/build/kmod-$name${WITHOUT:+-without-$WITHOUT}
	[ "$tree" = "$TOP" ] && out=$BUILD/kmod-$name${WITHOUT:+-without-$WITHOUT}
	stage=$out/src
	mkdir -p "$stage"
	with_lock "$out/.lock" "modules for $name"
	# What is excluded here (objects) is also kept from deletion. Times are not copied: a file changed while the last
	# build ran would be older than the object made of what it was.
	rsync -rlp --checksum --delete --include='*/' --include='*.[chS]' --include='*.def' --include=Kbuild --exclude='*' \
		"$tree/module" "$tree/tracer" "$stage/"

	local folder folders=()
	for folder in tracer/kernel module; do
		if [ -f "$stage/$folder/Kbuild" ]; then folders+=("$folder/"); else note "$folder/Kbuild is missing: that module is not built"; fi
	done
	[ ${#folders[@]} -gt 0 ] || die "nothing to build in $tree"
	if ! kmods_make "$name" "$stage" "${folders[*]}"; then
		built=
		# The tracer stands alone; keep it usable while the module does not build.
		[ ${#folders[@]} = 1 ] || kmods_make "$name" "$stage" tracer/kernel/ >/dev/null 2>&1 || true
	fi
	for ko in tracer/kernel/timetrace.ko module/homa.ko; do
		if [ -f "$stage/$ko" ] && { [ "$built" ] || [ "$ko" != module/homa.ko ]; }; then
			cp "$stage/$ko" "$out/.new" && mv "$out/.new" "$out/${ko##*/}"
		else
			rm -f "$out/${ko##*/}"          # never leave one of an older tree
		fi
	done
	[ -z "$CUBIC" ] || cp "$CUBIC" "$out/"
	ko=$stage/tracer/kernel/tests/tt_leak.ko       # of kernels that look for leaks
	[ ! -f "$ko" ] || cp "$ko" "$out/"
	unlock
	[ "$built" ] || die "the modules do not build for $name (errors above); built: $(cd "$out" && find . -name "*.ko" -printf "%f " | grep . || echo none)"
	find "$out" -maxdepth 1 -name '*.ko'
}

kmods_make() {                  # kmods_make KERNEL STAGE FOLDERS
	printf '# SPDX-License-Identifier: GPL-2.0-only\nobj-m += %s\n' "$3" >"$2/Kbuild.new"
	if cmp -s "$2/Kbuild.new" "$2/Kbuild"; then rm "$2/Kbuild.new"; else mv "$2/Kbuild.new" "$2/Kbuild"; fi
	kernel_make_args "$1" "$KERNEL_DIR"
	local log=$2/make.log failed=
	"${MAKE[@]}" -s -j"${JOBS:-$(nproc)}" W=1 ${SPARSE:+C=2 CF=-D__CHECK_ENDIAN__} \
		${WITHOUT:+"KCFLAGS=${WITHOUT_FLAGS[$WITHOUT]}"} M="$2" modules >"$log" 2>&1 || failed=1
	cat "$log" >&2
	# What was compiled with a warning is compiled again the next time, so that none is forgotten.
	! grep -q ':[0-9]*: warning:' "$log" || find "$2" -name '*.o' -delete
	[ ! "$failed" ]
}
