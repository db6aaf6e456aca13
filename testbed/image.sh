# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The guest's initramfs: one base archive a kernel (busybox, iproute2, ethtool, kernel modules with what they depend on),
# kept under build/images, and a second archive laid over it for each run.

GUEST_TOOLS="ip tc bridge ss ethtool"
GUEST_MODULES="virtio_mmio virtio_pci virtio_blk veth bridge vxlan 8021q macvlan dummy ifb sch_netem sch_prio sch_multiq sch_ets
	sch_tbf sch_fq sch_fq_codel sch_ingress cls_u32 cls_matchall cls_flower act_mirred act_gact act_skbedit act_pedit
	act_csum tcp_dctcp tcp_diag udp_diag inet_diag netdevsim"

# A program and, if it is linked dynamically, its libraries.
image_add_program() {           # image_add_program SRC ROOT DST
	local lib
	mkdir -p "$2/$(dirname "$3")"
	cp -L --preserve=mode "$1" "$2/$3"
	for lib in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' || true); do
		mkdir -p "$2/lib64" "$2/lib/x86_64-linux-gnu"
		case $lib in
		/lib64/ld-*) cp -Lu "$lib" "$2/lib64/" ;;
		*) cp -Lu "$lib" "$2/lib/x86_64-linux-gnu/" ;;
		esac
	done
}

image_pack() {                  # image_pack ROOT OUT
	(cd "$1" && find . -mindepth 1 -print0 | sort -z | cpio --null -o -H newc -R 0:0 --reproducible --quiet) >"$2"
}

image_base() {                  # image_base KERNEL DIR: sets BASE_CPIO
	local name=$1 dir=$2 tool key root tmp paths=()
	need cpio cpio; need busybox busybox-static
	for tool in $GUEST_TOOLS; do
		need "$tool" iproute2/ethtool
		paths+=("$(command -v "$tool")")
	done
	! ldd "$(command -v busybox)" >/dev/null 2>&1 ||
		die "busybox must be the static one; install it with: make deps (package busybox-static)"
	key=$({ cat "$dir/version" "$TESTBED/image.sh"; stat -Lc '%n %s %Y' "${paths[@]}" "$(command -v busybox)"; } | sha256sum | cut -c1-12)
	BASE_CPIO=$BUILD/images/$name-$key.cpio
	with_lock "$BUILD/images/.lock" "guest images"
	[ -f "$BASE_CPIO" ] && { unlock; return; }
	tmp=$(mktemp -d "$BUILD/images/.new.XXXXXX")
	on_exit "rm -rf '$tmp'"
	root=$tmp/root
	mkdir -p "$root"/{bin,etc,root,proc,sys,dev,tmp,run,out,mod,testbed,var} "$root/lib/modules/$(cat "$dir/release")"
	ln -s ../run "$root/var/run"
	ln -s bin "$root/sbin"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for tool in $(busybox --list); do [ -e "$root/bin/$tool" ] || ln -s busybox "$root/bin/$tool"; done
	for tool in "${paths[@]}"; do
		rm -f "$root/bin/$(basename "$tool")"
		image_add_program "$tool" "$root" "bin/$(basename "$tool")"
	done
	mkdir -p "$root/usr/lib"
	[ -d /usr/lib/tc ] && cp -r /usr/lib/tc "$root/usr/lib/"
	echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
	echo 127.0.0.1 localhost >"$root/etc/hosts"
	printf '#!/bin/busybox sh\necho PROBE-OK\npoweroff -f\n' >"$root/probe"        # the KVM probe's PID 1
	chmod 755 "$root/probe"
	[ -d "$dir/modules" ] && image_add_modules "$dir" "$root"
	image_pack "$root" "$tmp/cpio"
	rm -f "$BUILD/images/$name"-*.cpio
	mv "$tmp/cpio" "$BASE_CPIO"
	unlock
}

image_add_modules() {           # image_add_modules KERNELDIR ROOT
	local dir=$1 root=$2 release target index module line file
	release=$(cat "$dir/release")
	target=$root/lib/modules/$release
	index=$(mktemp -d)
	on_exit "rm -rf '$index'"
	mkdir -p "$index/lib/modules"
	ln -s "$(realpath "$dir/modules")" "$index/lib/modules/$release"
	PATH=$PATH:/sbin:/usr/sbin depmod -n -b "$index" "$release" 2>/dev/null | sed '/^alias/,$d' >"$index/dep"
	for module in $GUEST_MODULES; do
		line=$(grep -E "(^|/)$module\.ko[.a-z]*:" "$index/dep" | head -1) || continue   # built in, or not in this kernel
		for file in ${line/:/ }; do
			case $file in
			*.xz) xz -dc "$dir/modules/$file" >"$target/$(basename "$file" .xz)" ;;
			*.zst) zstd -dqcf "$dir/modules/$file" >"$target/$(basename "$file" .zst)" ;;
			*) cp "$dir/modules/$file" "$target/" ;;
			esac
		done
	done
	cp "$dir/modules/modules.builtin" "$dir/modules/modules.order" "$target/" 2>/dev/null || true
	PATH=$PATH:/sbin:/usr/sbin depmod -b "$root" "$release" 2>/dev/null
}

# One word, quoted for a POSIX shell.
sh_quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# The run's own archive laid over the base: environment, script, files, modules, guest library.
image_for_run() {               # image_for_run OUT ENV-TEXT SCRIPT|'' KMODDIR SRC:DST... -- ARG...
	local out=$1 env=$2 script=$3 kmods=$4 root=$WORK/overlay spec src dst arg; shift 4
	mkdir -p "$root/testbed" "$root/lib" "$root/mod"
	install -m 755 "$TESTBED/guest/init" "$root/init"
	cp "$TESTBED/guest/testbed.sh" "$TESTBED/guest/net.sh" "$root/lib/"
	echo "$env" >"$root/testbed/env"
	cp "$kmods"/*.ko "$root/mod/" 2>/dev/null || true
	while [ "${1:---}" != -- ]; do
		spec=$1; shift
		src=${spec%:*} dst=${spec##*:}
		if [ -d "$src" ]; then
			mkdir -p "$root/$dst"
			cp -rL "$src/." "$root/$dst/"
		else
			image_add_program "$src" "$root" "$dst"
		fi
	done
	shift || true
	if [ "$script" ]; then
		cp "$script" "$root/testbed/script"
		{
			printf '. /lib/testbed.sh\nset --'
			for arg in "$@"; do printf ' '; sh_quote "$arg"; done
			printf '\n. /testbed/script\n'
		} >"$root/testbed/start"
	fi
	image_pack "$root" "$WORK/overlay.cpio"
	cat "$BASE_CPIO" "$WORK/overlay.cpio" >"$out"
}
