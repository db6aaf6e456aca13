#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layout_m32.sh CC UAPI_DIR: the layout tests of a 32-bit program; compiled
# only, so that no 32-bit libraries are needed.
dir=$(dirname "$0")
if ! echo '#include <sys/socket.h>' | "$1" -m32 -fsyntax-only -xc - 2>/dev/null; then
	echo "skipped: no headers for 32-bit programs (package gcc-multilib)"
	exit 77
fi
"$1" -m32 -std=gnu11 -Wall -Werror -fsyntax-only -I"$2" "$dir/uapi_layout.c"
