# SPDX-License-Identifier: GPL-2.0-or-later
#
# For scripts that run inside the guest: two nodes, source on /mnt/vda, target on /mnt/vdb, BPF capture.

export BACKEND=${BACKEND:-bpf}
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/nodes.sh"
modprobe veth 2>/dev/null
SRC=/mnt/vda/src DST=/mnt/vdb/dst
mkdir -p "$SRC" /mnt/vda/outside

# guest_policy NAME MODE: nodes up, policy accepted and authorized
guest_policy()
{
	nodes_begin
	node_start a || exit 1
	node_start b || exit 1
	check "the BPF backend is in use" test "$(tm a status -j | jq -r .capture.backend)" = "$BACKEND"
	check "create and accept" make_policy "$1" "$SRC" "$DST" --mode "$2"
}

# Every difference, and the counters of the policy if there is one.
same()
{
	local out
	out=$(equal "$SRC" "$DST") && return 0
	tm a policy show p -j | jq -c '{status, pending, in_flight, in_sync, failures, last_error, capture, totals}'
	tm a policy failures p | tail -n 5
	printf '%s\n' "$out"
	return 1
}
