#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds loss_test into $O/tests/guest/ and prints its path. The capture room is compiled into it with its
# faults, so that a test can take a defence away.

set -euo pipefail
cd "$(dirname "$0")/../../.."
O=${O:-$PWD/build}
rooms=("$O/room/changes.a" "$O/room/lib.a")
out=$O/tests/guest/loss_test

make -s O="$O" bpf "${rooms[@]}" >&2
mkdir -p "${out%/*}"
${CC:-gcc} -O1 -g -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DTM_FAULTS \
	-Iuserspace -Ibpf -I"$O/bpf" -Itests/unit -Itests/guest/capture tests/guest/loss/*.c tests/guest/capture/sink.c \
	userspace/capture/*.c userspace/lib/fault.c -o "$out" "${rooms[@]}" -lbpf -lelf -lz -lpthread
echo "$out"
