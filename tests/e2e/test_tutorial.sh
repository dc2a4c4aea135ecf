#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tutorial's life of a policy by command line, between two daemons in two network
# namespaces, with whatever capture backend this kernel takes.

set -uo pipefail
. "$(dirname "$0")/../lib/nodes.sh"
nodes_begin
disk src 200M
disk dst 200M
mkdir -p "$W/src/data/sub"
echo hello > "$W/src/data/file"
head -c 3000000 /dev/urandom > "$W/src/data/sub/big"
ln -s file "$W/src/data/link"
ln "$W/src/data/file" "$W/src/data/hard"
setfattr -n user.colour -v blue "$W/src/data/file"
setfacl -m u:1234:rw "$W/src/data/sub/big"
chown 4321:1234 "$W/src/data/sub"
truncate -s 10M "$W/src/data/sparse"

node_start a || exit 1
node_start b || exit 1
create() { tm a policy create web --source-dir "$W/src/data" --target-dir "$W/dst/copy" --target-address "$(address b)"; }

check "create asks the target" create
check "the source shows Awaiting Authorization" wait_status a web "Awaiting Authorization" 3
check "the target shows Awaiting Authorization" wait_status b web "Awaiting Authorization" 5
check "the target's role is target" test "$(field b web .role)" = target
check "the target shows which cluster asks" test "$(field b web .source.cluster)" = cluster-a
check "the target shows the source's key" test "$(field b web .peer_fingerprint)" = "$(tm a status -j | jq -r .fingerprint)"
check "accept without the directory warns" says "does not exist" tm b policy accept web
check "and the policy still waits" wait_status b web "Awaiting Authorization" 1
mkdir "$W/dst/copy"
touch "$W/dst/copy/foreign"
check "accept of a non-empty directory wants a yes" exits 1 tm b policy accept web
check "accept with --yes" tm b policy accept web --yes
check "the target shows Authorized" wait_status b web Authorized 5
check "the source shows Authorized within a few seconds" wait_status a web Authorized 8
check "replicate --wait ends well" tm a policy replicate web --wait --timeout 60
check "the source shows Finished" wait_status a web Finished 5
check "with a timestamp" test "$(field a web .status_since)" != null
check "the trees are equal" equal "$W/src/data" "$W/dst/copy"
check "the second run with nothing to do ends well" tm a policy replicate web --wait --timeout 60
echo changed >> "$W/src/data/file"
mv "$W/src/data/sub" "$W/src/data/moved"
rm "$W/src/data/link"
check "policy sync works in manual mode" tm a policy sync web --timeout 60
check "after changes the trees are equal again" equal "$W/src/data" "$W/dst/copy"
check "list shows both ends" says "cluster-b" tm a policy list
check "list -j is an array" test "$(tm a policy list -j | jq -r 'type')" = array
check "totals count payload" test "$(field a web '.totals.payload_bytes >= 3000000')" = true
check "disable" tm a policy disable web
check "is shown" wait_status a web Disabled 3
check "enable" tm a policy enable web
check "delete wants a confirmation" exits 1 tm a policy delete web
check "delete --yes" tm a policy delete web --yes
check "is gone from the list" test "$(tm a policy list -j | jq length)" = 0
sleep 2
check "the target says that the other side deleted it" says deleted tm b policy show web
check "delete on the target" tm b policy delete web --yes
check "the data stays" equal "$W/src/data" "$W/dst/copy"

create > /dev/null
wait_status b web "Awaiting Authorization" 5
check "reject with a reason" tm b policy reject web --reason "not here"
check "the source shows Rejected" wait_status a web Rejected 8
check "and the reason" says "not here" tm a policy show web
finish
