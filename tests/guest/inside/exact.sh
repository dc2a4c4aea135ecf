#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Exactly the changed bytes travel: 4 KiB in a large file, a renamed directory with many files.
# usage: exact.sh MIB FILES

set -uo pipefail
. "$(dirname "$0")/common.sh"
MIB=$1 FILES=$2
head -c "$((MIB << 20))" /dev/zero | tr '\0' 'x' > "$SRC/large"
mkdir "$SRC/many"
(cd "$SRC/many" && seq -f "f%06g" "$FILES" | xargs touch)
guest_policy p continuous
check "first sync" tm a policy sync p --timeout 900
check "equal" same

counter() { field a p ".totals.$1"; }
payload=$(counter payload_bytes) read=$(counter read_bytes)
worker=$(worker_pid a source)
strace -f -qq -e trace=pread64,read,sendfile,readv,preadv,copy_file_range,splice,mmap -o "$W/strace" -p "$worker" &
strace_pid=$!
sleep 2
dd if=/dev/urandom of="$SRC/large" bs=4096 count=1 seek=$((MIB * 128)) conv=notrunc status=none
check "sync after 4 KiB" tm a policy sync p --timeout 60
kill "$strace_pid"; wait "$strace_pid" 2>/dev/null
payload=$(($(counter payload_bytes) - payload)) read=$(($(counter read_bytes) - read))
echo "# 4 KiB in $MIB MiB: $payload bytes of payload, $read bytes read"
check "at most 8 KiB of payload (and at least 4)" test "$payload" -le 8192 -a "$payload" -ge 4096
check "the source read at most 64 KiB by its own count" test "$read" -le 65536
# File data enters the worker by sendfile and pread64 only; its sockets are read with read().
traced=$(awk -F' = ' '/(sendfile|pread64|copy_file_range|preadv|splice)\(/ { if ($NF + 0 > 0) s += $NF } END { printf "%d", s }' "$W/strace")
echo "# strace: $traced bytes by sendfile, pread64 and the like"
check "and by strace's" test "$traced" -le 65536 -a "$traced" -ge 4096
check "equal" same

payload=$(counter payload_bytes) wire=$(counter wire_bytes)
mv "$SRC/many" "$SRC/moved"
start=$(date +%s%N)
check "sync after mv of a directory with $FILES files" tm a policy sync p --timeout 60
took=$((($(date +%s%N) - start) / 1000000))
payload=$(($(counter payload_bytes) - payload)) wire=$(($(counter wire_bytes) - wire))
echo "# mv of $FILES files: $took ms, $payload bytes of payload, $wire bytes on the wire"
check "no file data" test "$payload" -eq 0
check "one message's worth on the wire (4 KiB)" test "$wire" -le 4096
check "in 2 s" test "$took" -le 2000
check "equal" same

# What changes names and attributes only costs no content, with one link or several.
head -c 2000000 /dev/urandom > "$SRC/file"
tm a policy sync p --timeout 60 > /dev/null
free() # WHAT COMMAND...
{
	local what=$1
	shift
	payload=$(counter payload_bytes)
	"$@"
	check "sync after $what" tm a policy sync p --timeout 60
	check "$what: no file data" test "$(($(counter payload_bytes) - payload))" -eq 0
}
free "a new hard link" ln "$SRC/file" "$SRC/moved/link"
free "a rename of a file with two links" mv "$SRC/moved/link" "$SRC/other"
free "chmod of it" chmod 600 "$SRC/other"
free "chown of it" chown 5:5 "$SRC/file"
free "touch of it" touch "$SRC/file"
free "setfattr" setfattr -n user.a -v b "$SRC/file"
free "a third link and a rename over it" bash -c "ln '$SRC/file' '$SRC/third' && mv -T '$SRC/moved' '$SRC/back' && ln -f '$SRC/other' '$SRC/back/third'"
free "rm of a link" rm "$SRC/file"
check "equal" same
finish
