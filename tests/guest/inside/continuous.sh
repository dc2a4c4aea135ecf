#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A continuous policy under the generator: then sync, then no difference.
# usage: continuous.sh OPERATIONS SEED THREADS

set -uo pipefail
. "$(dirname "$0")/common.sh"
OPS=$1 SEED=$2 THREADS=$3
mkdir -p "$SRC/start/dir"
echo start > "$SRC/start/dir/file"
oracle-canary create /mnt/vda/outside /tmp/canary >/dev/null 2>&1 || true
guest_policy p continuous
check "first sync" tm a policy sync p --timeout 300
echo "# seed $SEED, $OPS operations, $THREADS threads"
check "the generator ends well (seed $SEED)" oracle-gen --root "$SRC" --outside /mnt/vda/outside --seed "$SEED" --ops "$OPS" --threads "$THREADS"
check "policy sync" tm a policy sync p --timeout 600
check "no difference (seed $SEED)" same
check "no rescan was needed" test "$(field a p .totals.rescans)" = 0
check "seen = queued + coalesced + dropped" test "$(field a p '.capture.seen == .capture.queued + .capture.coalesced + .capture.dropped')" = true
field a p '"# captured: \(.capture.seen) seen, \(.capture.queued) queued, \(.capture.coalesced) coalesced, \(.capture.dropped) dropped; \(.totals.batches) batches, \(.totals.payload_bytes) bytes of payload"'
check "the status says in sync" wait_status a p Finished 10
finish
