#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The generator against a continuous policy, natively: then sync, then no difference; both daemons are killed
# in between. With fanotify a restart costs a metadata reconcile, which is part of the test.
# usage: test_generator.sh [OPERATIONS [SEED]]

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
OPS=${1:-5000} SEED=${2:-${TM_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}}
nodes_begin
disk src 600M
disk dst 600M
SRC=$W/src/data DST=$W/dst/copy
mkdir -p "$SRC" "$W/src/outside"
node_start a || exit 1
node_start b || exit 1
generate() { oracle-gen --root "$SRC" --outside "$W/src/outside" --seed "$1" --ops "$OPS" --threads 4; }

echo "# seed $SEED, $OPS operations"
check "create and accept" make_policy p "$SRC" "$DST" --mode continuous
check "first sync" tm a policy sync p --timeout 30
check "generator" generate "$SEED"
check "policy sync" tm a policy sync p --timeout 120
check "no difference (seed $SEED)" equal "$SRC" "$DST"
generate "$((SEED + 1))" > "$W/gen.log" &
gen=$!
sleep 0.3
node_kill b KILL
node_start b
check "the source's daemon is killed and comes back" node_restart a KILL
wait "$gen"
check "policy sync after the kills" tm a policy sync p --timeout 120
check "no difference after the kills (seed $SEED)" equal "$SRC" "$DST"
finish
