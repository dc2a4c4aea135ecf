#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tutorial in a real browser, between two nodes in two network namespaces, with whatever capture backend this
# kernel takes. Pictures of every step go to $O/screenshots.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
. "$(dirname "$0")/lib/web.sh"
browser_ready
nodes_begin
trap 'status=$?; web_end; (exit $status); nodes_end' EXIT
disk src 600M
disk dst 600M
mkdir -p "$W/src/testmatt/deep/er"
for i in $(seq 1500); do echo "$i" > "$W/src/testmatt/deep/er/file$i"; done
for i in 1 2 3 4 5 6; do head -c 30000000 /dev/urandom > "$W/src/testmatt/big$i"; done
echo one > "$W/src/testmatt/one.txt"

node_start a --set web.user=$WEB_USER || exit 1
node_start b --set web.user=$WEB_USER || exit 1
web_start a || exit 1
web_start b || exit 1
set_password b > /dev/null || exit 1
export SET_PASSWORD="echo $PASSWORD | $O/tidemark --socket $W/a/run/api.sock admin set-password --stdin"
export SRC_PARENT=$W/src SRC_NAME=testmatt DST=$W/dst/testmatt-target
export ORACLE="PATH=$PATH oracle-compare --max 20 $W/src/testmatt $W/dst/testmatt-target"
browse "$TOP/tests/browser/tutorial.mjs" || TAP_FAILED=1
exit "$TAP_FAILED"
