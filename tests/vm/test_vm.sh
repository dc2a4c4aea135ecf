#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests scripts/vm: what it promises to its callers (TAP on stdout).
# Takes about a minute; needs root and what scripts/setup guest brings.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
vm=$top/scripts/vm
dir=$(mktemp -d "${TMPDIR:-/tmp}/test-vm.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/tmp"
export TMPDIR=$dir/tmp
count=0 failures=0

# check NAME COMMAND...: one line of TAP
check()
{
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count $name"
	else
		failures=$((failures + 1))
		echo "not ok $count $name"
		echo "# failed: $*"
		sed 's/^/# stderr: /' "$dir/err" 2>/dev/null || true
	fi
}

# guest OPTION...: run with the outputs in $dir/out and $dir/err, status in $status
guest()
{
	status=0
	"$vm" "$@" > "$dir/out" 2> "$dir/err" || status=$?
}

# In the guest: does every line of the list hold?
all_true()
{
	[ "$status" = 0 ] && [ ! -s "$dir/err" ]
}

test_streams()
{
	cat > "$dir/streams" <<'END'
head -c 300000 /dev/zero | tr '\0' x
printf 'a\0b\r\n\377\x04no newline'
printf 'to stderr\0\n' >&2
echo reopened > /dev/stderr
exit 37
END
	{ head -c 300000 /dev/zero | tr '\0' x; printf 'a\0b\r\n\377\x04no newline'; } > "$dir/want.out"
	{ printf 'to stderr\0\n'; echo reopened; } > "$dir/want.err"
	guest --append foo=bar -- bash "$dir/streams"
	check "exit status is the command's" [ "$status" = 37 ]
	check "stdout is byte-exact" cmp "$dir/want.out" "$dir/out"
	check "stderr is byte-exact and separate" cmp "$dir/want.err" "$dir/err"
}

# Everything about the environment is asked in one guest.
test_environment()
{
	local kernel=$1
	cat > "$dir/environment" <<'END'
fail() { echo "$*" >&2; bad=1; }
bad=
[[ $(uname -r) = $1.* ]] || fail "kernel is $(uname -r)"
[ "$PWD" = "$2" ] || fail "directory is $PWD"
[ "$3" = "it's \$HOME
\"two\" lines" ] || fail "argument was changed: $3"
[ "$(hostname)" = guest ] || fail "host name is $(hostname)"
[ "$(id -u)" = 0 ] || fail "not root"
[ "$(readlink -f /proc/self/fd/0)" = /dev/null ] || fail "stdin is not /dev/null"
[ -s /sys/kernel/btf/vmlinux ] || fail "no BTF of the kernel"
[[ ,$(cat /sys/kernel/security/lsm), = *,bpf,* ]] || fail "lsm= lacks bpf"
for mount in bpf:/sys/fs/bpf debugfs:/sys/kernel/debug tracefs:/sys/kernel/tracing \
	     cgroup2:/sys/fs/cgroup tmpfs:/dev/shm tmpfs:/run; do
	grep -q " ${mount#*:} ${mount%%:*} " /proc/mounts || fail "no ${mount%%:*} at ${mount#*:}"
done
[ "$(cat /sys/class/net/lo/flags)" = 0x9 ] || fail "loopback is down"
for module in xfs btrfs tls dm-flakey dm-log-writes sch_netem veth nfsd; do
	modprobe "$module" || fail "cannot load $module"
done
grep -q ' /mnt/vda ext4 .*noinit_itable' /proc/mounts || fail "vda is not ext4 with noinit_itable"
grep -q ' /mnt/vdb xfs ' /proc/mounts || fail "vdb is not xfs"
[ "$(cat /sys/class/block/vdc/size)" = 131072 ] || fail "vdc is not 64 MiB"
grep -q '^/dev/vdc ' /proc/mounts && fail "vdc is mounted"
echo x > "$2/written-in-guest" || fail "the layer is not writable"
echo result > "$4/result" || fail "the share is not writable"
unshare -Urm true || fail "no user namespace"
[ -z "$bad" ]
END
	mkdir -p "$dir/cwd" "$dir/share"
	(cd "$dir/cwd" && "$vm" --kernel "$kernel" --disk 256M:ext4 --disk 400M:xfs --disk 64M \
		--mount-rw "$dir/share" -- bash ../environment "$kernel" "$dir/cwd" \
		"it's \$HOME
\"two\" lines" "$dir/share" > "$dir/out" 2> "$dir/err") && status=0 || status=$?
	check "$kernel: kernel, directory, arguments, mounts, modules, disks" all_true
	check "$kernel: the host is left alone" [ ! -e "$dir/cwd/written-in-guest" ]
	check "$kernel: a writable share leaves results" grep -qx result "$dir/share/result"
	rm -f "$dir/share/result"
}

test_ends()
{
	guest --timeout 8 -- sleep 100
	check "timeout gives 124" [ "$status" = 124 ]
	check "timeout says so" grep -q timeout "$dir/err"
	guest -- bash -c 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger'
	check "a panic gives 125" [ "$status" = 125 ]
	check "a panic shows the console" grep -q 'Kernel panic' "$dir/err"
	guest -- /no/such/command
	check "a missing command gives 127" [ "$status" = 127 ]
	guest --no-such-option
	check "wrong usage gives 2" [ "$status" = 2 ]
	guest --kernel 5.10 -- true
	check "an unknown kernel gives 125" [ "$status" = 125 ]
}

test_signal()
{
	local runner
	"$vm" --pid-file "$dir/pid" -- sleep 100 2> "$dir/err" & runner=$!
	while [ ! -s "$dir/pid" ]; do sleep 0.1; done
	sleep 1
	kill -TERM "$runner"
	status=0
	wait "$runner" || status=$?
	check "SIGTERM ends it with 143" [ "$status" = 143 ]
	check "and takes QEMU along" [ ! -e "/proc/$(cat "$dir/pid")/exe" ]
}

# Two guests talk over a wire; one of them holds a process back at its end.
test_two()
{
	local one two name=test-$$
	"$vm" --net "$name:1" --timeout 120 -- python3 -c '
import socket
s = socket.create_server(("10.37.0.1", 7000))
c = s.accept()[0]
c.sendall(b"over the wire\n")
c.close()' 2> "$dir/one.err" & one=$!
	guest --net "$name:2" --timeout 120 -- bash -c '
		sleep 1000 &
		for i in $(seq 200); do
			{ exec 3<> /dev/tcp/10.37.0.1/7000; } 2>/dev/null && break
			sleep 0.2
		done
		cat <&3'
	check "two guests at once, connected" grep -qx "over the wire" "$dir/out"
	check "a process left behind does not hold the guest" [ "$status" = 0 ]
	two=0
	wait "$one" || two=$?
	check "the other guest ends well" [ "$two" = 0 ]
}

# A synced file survives QEMU's death on an image, an unsynced one does not.
test_power_cut()
{
	local try runner
	truncate -s 256M "$dir/image"
	"$vm" --disk-image "$dir/image:ext4" --pid-file "$dir/pid" --hostfwd 17001:7000 -- bash -c '
		echo kept > /mnt/vda/synced && sync
		echo lost > /mnt/vda/unsynced
		echo ready
		exec python3 -m http.server 7000' > "$dir/cut.out" 2> "$dir/cut.err" & runner=$!
	for ((try = 0; try < 300; try++)); do
		! curl -s -o /dev/null http://127.0.0.1:17001/etc/hostname || break
		sleep 0.2
	done
	check "a forwarded port is reached from 127.0.0.1" [ "$try" -lt 300 ]
	kill -9 "$(cat "$dir/pid")"
	status=0
	wait "$runner" || status=$?
	check "a power cut gives 125" [ "$status" = 125 ]
	guest --disk-image "$dir/image:ext4" -- bash -c 'cat /mnt/vda/synced; test ! -s /mnt/vda/unsynced'
	check "what was synced before a power cut is kept" grep -qx kept "$dir/out"
	check "what was not synced is lost" [ "$status" = 0 ]
}

# The clock of --icount counts instructions: hashing the same bytes takes the
# same time in every run, within 1 %.
test_icount()
{
	local first second
	cat > "$dir/loop" <<'END'
import hashlib, time
data = bytes(100000)
def once():
    start = time.monotonic_ns()
    hashlib.sha256(data).digest()
    return time.monotonic_ns() - start
print(min(once() for n in range(20)))
END
	guest --icount -- python3 "$dir/loop"; first=$(cat "$dir/out")
	guest --icount -- python3 "$dir/loop"; second=$(cat "$dir/out")
	check "--icount repeats itself ($first, $second)" \
		[ $(( (first - second) * 100 / (first + 1) )) -eq 0 ]
}

echo "TAP version 13"
echo "1..27"
test_streams
test_environment 6.1
test_environment 6.12
test_ends
test_signal
test_two
test_power_cut
test_icount
check "nothing is left in the directory for temporary files" \
	[ -z "$(find "$TMPDIR" -name 'tidemark-vm.*' -o -type s)" ]
[ $failures -eq 0 ]
