#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every page in a real browser: accessibility, narrow windows, roles, the keyboard, hostile names, what the page weighs. One policy has
# some hundred device nodes whose names are the corpus: the target refuses each, so each is a line of Failures by file.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
. "$(dirname "$0")/lib/web.sh"
browser_ready
nodes_begin
trap 'status=$?; web_end; (exit $status); nodes_end' EXIT
disk src 200M
disk dst 200M
mkdir -p "$W/src/data" "$W/src/host"
echo plain > "$W/src/data/file"
RAW_NAMES=$("$TOP/tests/browser/names.py" "$W/src/data/names") || exit 1
hostile=$(printf '%s/src/host/\xe2\x80\xae txt.exe \e[2J\n<b onmouseover=alert(1)>\x27$(id)' "$W")
mkdir "$hostile" "$W/src/slow"
for i in 1 2 3 4 5 6 7 8; do head -c 4000000 /dev/urandom > "$W/src/slow/$i"; done
echo x > "$hostile/x"

node_start a --set web.user=$WEB_USER || exit 1
node_start b --set web.user=$WEB_USER || exit 1
make_policy main "$W/src/data" "$W/dst/main" || exit 1
make_policy hostile "$hostile" "$W/dst/<svg onload=alert(2)>" || exit 1
make_policy slow "$W/src/slow" "$W/dst/slow" || exit 1
wait_status a main Authorized 20 && wait_status a slow Authorized 20 && wait_status a hostile Authorized 20 || exit 1
tm a policy replicate main --wait --timeout 120 > "$W/replicate.out" 2>&1
tm a policy replicate hostile --wait --timeout 120 >> "$W/replicate.out" 2>&1
web_start a && web_start b || exit 1
set_password b admin > /dev/null && set_password a admin > /dev/null && set_password a olga operator > /dev/null && set_password a vic viewer > /dev/null || exit 1
export POLICY=main RAW_NAMES WEB_PID_A=${WEB_PID[a]} DAEMON_PID_A=$(node_pid a)
# A wire on which a run lasts long enough to be aborted.
export SLOWER="nsenter --net=/run/netns/${NS_PREFIX}a tc qdisc add dev eth0 root tbf rate 16mbit burst 64k latency 300ms"
export FASTER="nsenter --net=/run/netns/${NS_PREFIX}a tc qdisc del dev eth0 root"
browse "$TOP/tests/browser/pages.mjs" || TAP_FAILED=1
exit "$TAP_FAILED"
