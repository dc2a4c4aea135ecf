#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the matrix program into $O/tests/guest/ and prints its path.

set -euo pipefail
cd "$(dirname "$0")/../../.."
O=${O:-$PWD/build}
rooms=("$O/room/capture.a" "$O/room/changes.a" "$O/room/lib.a")
out=$O/tests/guest/matrix

make -s O="$O" "${rooms[@]}" >&2
mkdir -p "${out%/*}"
${CC:-gcc} -O1 -g -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-Iuserspace -Itests/guest -Itests/guest/capture tests/guest/matrix/*.c tests/guest/capture/sink.c -o "$out" \
	"${rooms[@]}" -lbpf -lelf -lz -lpthread
echo "$out"
