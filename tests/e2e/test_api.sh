#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The REST interface against its own document: every operation with good and bad input by everybody who may
# ask, events, conditions, accounts; see api.py.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 200M
disk dst 200M
mkdir -p "$W/src/data/sub" "$W/src/other" "$W/dst/copy/old" "$W/dst/empty"
printf 'hello\n' > "$W/src/data/sub/file"
printf 'x' > "$W/src/data/$(printf 'n\xff\033[2J')"
printf 'old' > "$W/dst/copy/old/thing"
printf 'odd' > "$W/dst/copy/$(printf 'o\xff')"
node_start a --set web.user=nobody --set peer.reconnect_interval=300ms || exit 1
node_start b --set web.user=nobody || exit 1

exec_api() { python3 "$TOP/tests/e2e/api.py" "$W" "$(address b)" "$(node_pid a)" "$(node_pid b)"; }
exec_api
