#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test_oracle.sh - does the oracle see what it says it sees? Prints TAP.
#
# An oracle is only worth what it refuses. Each kind of difference is planted
# alone in a copy of a tree and must be reported as that kind, on that path,
# and nothing else may be. Then: races, unreadable files, reserved entries,
# manifests, canaries, and the generator.
#
# usage: test_oracle.sh [DIRECTORY OF THE PROGRAMS]
# Works on a loop-mounted ext4 image where it may mount, else in $TMPDIR.

set -u
export LC_ALL=C TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-$here/../../build/tests/oracle}" && pwd) || exit 1

top=$(mktemp -d) || exit 1
mounted=
cleanup()
{
	cd /
	[ -n "$mounted" ] && umount "$top/fs"
	rm -rf "$top"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

mkdir "$top/fs"
truncate -s 1G "$top/image"
if mkfs.ext4 -q -F -E lazy_itable_init=1 "$top/image" 2>"$top/mkfs.log" &&
   mount -o loop "$top/image" "$top/fs" 2>"$top/mount.log"; then
	mounted=yes
	echo "# on a loop-mounted ext4"
else
	echo "# cannot mount a loop image, in a plain directory"
fi
cd "$top/fs" || exit 1

count=0 failed=0
ok()
{
	count=$((count + 1))
	echo "ok $count - $1"
}
not_ok()
{
	count=$((count + 1)) failed=$((failed + 1))
	echo "not ok $count - $1"
	[ $# -gt 1 ] && sed 's/^/# /' "$2" | cut -c1-300 | head -20
}
skip()
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}
check()		# NAME COMMAND...: the command must succeed
{
	local name=$1
	shift
	if "$@" >"$top/out" 2>&1; then ok "$name"; else not_ok "$name" "$top/out"; fi
}
status()	# EXPECTED COMMAND...: the command must exit with just that
{
	local want=$1 got
	shift
	"$@"
	got=$?
	[ $got -eq "$want" ] || { echo "exit status $got, expected $want"; return 1; }
}
compare()
{
	"$bin/oracle-compare" "$@"
}

# ---- the tree differences are planted in ---------------------------------

mkdir -p src/dir/sub src/empty
printf 'hello, world\n' >src/small
: >src/void
head -c 3000000 /dev/urandom >src/large
truncate -s 8M src/sparse
printf data | dd of=src/sparse bs=1 seek=5000000 conv=notrunc status=none
printf one >src/dir/one
printf same >src/dir/a
printf same >src/dir/b
printf linked >src/dir/link1
ln src/dir/link1 src/dir/link2
ln src/dir/link1 src/dir/sub/link3
ln -s small src/symlink
odd=$(printf 'odd\n\t"\\\001\377\033name')
printf odd >"src/dir/$odd"
mkfifo src/fifo
chmod 0640 src/dir/one
touch -d '2001-02-03 04:05:06.123456789' src/dir/one src/dir src/small
have_xattr='' have_acl='' have_dev='' am_root=''
[ "$(id -u)" -eq 0 ] && am_root=yes
setfattr -n user.tm -v value src/small 2>"$top/log" && have_xattr=yes
setfacl -m u:1234:rw src/dir/one 2>"$top/log" && have_acl=yes
mknod src/device c 1 3 2>"$top/log" && have_dev=yes
[ -n "$am_root" ] && chown 1000:1001 src/dir/a src/dir/b
touch -r src/dir/a src/dir/b
touch -d '2020-01-01' src/dir src

fresh()
{
	rm -rf dst
	cp -a src dst
}

# After a plant: what it did to times by the way is put back.
settle()
{
	local p
	for p in "$@"; do
		touch -h -r "src/$p" "dst/$p"
	done
	touch -r src dst
}

# planted NAME KIND PATH [KIND PATH]...: these and only these are reported.
# PATH as the report escapes it.
planted()
{
	local name=$1
	shift
	compare src dst >"$top/out" 2>&1
	local got=$? n=0
	while [ $# -gt 1 ]; do
		n=$((n + 1))
		if ! grep -qF -- "$1 \"$2\": " "$top/out"; then
			not_ok "$name: $1 $2 not reported" "$top/out"
			return
		fi
		shift 2
	done
	if [ $got -ne 1 ] || ! grep -q ": $n differences\$" "$top/out"; then
		not_ok "$name: not exactly $n differences (exit status $got)" "$top/out"
		return
	fi
	ok "$name"
}

flip()		# FILE OFFSET: change one byte
{
	local old new
	old=$(dd if="$1" bs=1 skip="$2" count=1 status=none | od -An -tu1)
	new=$(printf '\\%03o' $((old ^ 1)))
	# shellcheck disable=SC2059
	printf "$new" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

fresh
check "equal trees are equal" compare src dst
check "equal trees are equal with every hole read" compare --read-holes src dst
check "the summary counts entries" sh -c \
	"'$bin/oracle-compare' src dst | grep -qx 'compared $(find src -printf x | wc -c) entries, [0-9]* bytes: 0 differences'"

fresh; flip dst/small 4; settle small
planted "a flipped byte" content small
check "--quick does not read contents" compare --quick src dst
fresh; flip dst/large 2999999; settle large
planted "a flipped last byte of a large file" content large
fresh; flip dst/large 1048576; settle large
planted "a flipped byte at a buffer's edge" content large
fresh; flip dst/sparse 7000001; settle sparse
planted "a byte written into a hole" content sparse
fresh; fallocate -p -o 4997120 -l 8192 dst/sparse && settle sparse
planted "a range punched out" content sparse
fresh; dd if=/dev/zero of=dst/sparse bs=64K count=3 conv=notrunc status=none; settle sparse
planted "a filled hole" holes sparse
fresh; dd if=/dev/zero of=dst/sparse bs=4K count=16 conv=notrunc status=none; settle sparse
check "a filled hole of one block is allowed" compare src dst
check "... but not with --hole-slack 0" status 1 compare --hole-slack 0 src dst
fresh; fallocate -d dst/large 2>"$top/log"; fallocate -n -l 4M dst/large; settle large
check "preallocation is no difference" compare src dst

fresh; truncate -s -1 dst/large; settle large
planted "one byte shorter" size large
fresh; truncate -s 1 dst/void; settle void
planted "an empty file that is not" size void
fresh; truncate -s +1G dst/sparse; settle sparse
planted "a longer hole at the end" size sparse
fresh; chmod 0641 dst/small
planted "mode" mode small
fresh; chmod 1755 dst/empty
planted "the sticky bit" mode empty
fresh; chmod 0700 dst
planted "mode of the root" mode .
fresh; touch -d '2001-02-03 04:05:06.123456788' dst/small
planted "mtime by 1 ns" mtime small
fresh; touch -d '2001-02-03' dst
planted "mtime of the root" mtime .
fresh; touch -h -d '2001-02-03' dst/symlink
planted "mtime of a symlink" mtime symlink
fresh; touch -d '1969-12-31 23:59:59.5' dst/fifo
planted "mtime of a fifo, before 1970" mtime fifo
if [ -n "$am_root" ]; then
	fresh; chown 77 dst/small
	planted "owner" owner small
	fresh; chgrp 77 dst/empty
	planted "group" owner empty
	fresh; chown -h 77 dst/symlink
	planted "owner of a symlink" owner symlink
else
	for n in owner group "owner of a symlink"; do skip "$n" "not root"; done
fi
if [ -n "$have_xattr" ]; then
	fresh; setfattr -n user.tm -v valuf dst/small
	planted "attribute value" xattr small
	fresh; setfattr -n user.tm -v "value " dst/small
	planted "attribute length" xattr small
	fresh; setfattr -x user.tm dst/small
	planted "attribute missing" xattr small
	fresh; setfattr -n user.extra -v x dst/small
	planted "attribute extra" xattr small
	fresh; setfattr -n user.empty dst/empty
	planted "empty attribute on a directory" xattr empty
	fresh; setfattr -n user.root -v x dst
	planted "attribute of the root" xattr .
	fresh; setfattr -n trusted.x -v x dst/small 2>"$top/log"
	check "trusted attributes do not count" compare src dst
	if [ -n "$am_root" ]; then
		check "... but do with --all-xattrs" status 1 compare --all-xattrs src dst
	else
		skip "... but do with --all-xattrs" "not root"
	fi
else
	for n in 1 2 3 4 5 6 7 8; do skip "attributes $n" "no user attributes here"; done
fi
if [ -n "$have_acl" ]; then
	fresh; setfacl -m u:1234:r dst/dir/one; chmod 0660 dst/dir/one; chmod 0660 src/dir/one
	planted "ACL entry" acl dir/one
	fresh; setfacl -d -m u:1234:r dst/empty
	planted "default ACL extra" acl empty
	fresh; setfacl -b dst/dir/one; chmod 0660 dst/dir/one
	planted "ACL missing" acl dir/one
else
	for n in 1 2 3; do skip "ACL $n" "no ACLs here"; done
fi

fresh; rm dst/dir/link2; cp -p dst/dir/link1 dst/dir/link2; settle dir
planted "a broken hard link" links dir/link2
fresh; rm dst/dir/sub/link3; cp -p dst/dir/link1 dst/dir/sub/link3; settle dir/sub
planted "a broken hard link in another directory" links dir/sub/link3
fresh; ln -f dst/dir/a dst/dir/b; settle dir
planted "a joined hard link" links dir/b
fresh; ln dst/small small.outside
check "a link from outside the tree is no difference" compare src dst
rm small.outside

fresh; ln -sfn smalL dst/symlink; settle symlink
planted "symlink target" symlink symlink
fresh; rm dst/symlink; cp -p dst/small dst/symlink; settle
planted "a file for a symlink" kind symlink
fresh; rm dst/fifo; : >dst/fifo; settle fifo
planted "a file for a fifo" kind fifo
fresh; rm dst/void; mkfifo dst/void; settle void
planted "a fifo for a file, without blocking" kind void
fresh; rmdir dst/empty; ln -s /etc dst/empty; settle empty
planted "a symlink for a directory, not followed" kind empty
if [ -n "$have_dev" ]; then
	fresh; rm dst/device; mknod dst/device c 1 5; settle device
	planted "device number" rdev device
else
	skip "device number" "cannot make devices"
fi

fresh; rm dst/dir/one; settle dir
planted "a missing file" missing dir/one
fresh; printf x >dst/dir/extra; settle dir
planted "an extra file" extra dir/extra
fresh; mkdir dst/dir/sub/new; settle dir/sub
planted "an extra empty directory" extra dir/sub/new
fresh; mkdir dst/zz; printf x >dst/zz/file; settle
planted "an extra directory at the end" extra zz
fresh; rm -r dst/dir; settle
planted "a missing subtree" missing dir
fresh; mv dst/dir/one dst/dir/uno; settle dir
planted "a renamed file" missing dir/one extra dir/uno
fresh; mv dst/dir/sub dst/dir/one.d; settle dir
planted "a renamed directory" missing dir/sub extra dir/one.d
fresh; chmod 0600 "dst/dir/$odd"
planted "a name with odd bytes" mode 'dir/odd\n\t\"\\\001\377\033name'
compare --json src dst >"$top/said"
check "JSON escapes the escapes" grep -qF \
	'"path": "dir/odd\\n\\t\\\"\\\\\\001\\377\\033name"' "$top/said"
fresh; mv "dst/dir/$odd" "dst/dir/odd"; settle dir
planted "an odd name made plain" missing 'dir/odd\n\t\"\\\001\377\033name' extra dir/odd
fresh; for n in 1 2 3 4 5; do : >"dst/n$n"; done; settle
check "--max caps lines, not the count" sh -c \
	"'$bin/oracle-compare' --max 2 src dst | grep -c . | grep -qx 4"

# ---- what is no part of a replica -----------------------------------------

fresh; mkdir -m 0700 dst/.tidemark; : >dst/.tidemark/x; settle
if [ -n "$am_root" ]; then
	check ".tidemark of root, 0700, is left out" compare --exclude-reserved src dst
	check "... unless asked for" status 1 compare --include-reserved src dst
	chmod 0755 dst/.tidemark
	planted ".tidemark with another mode counts" extra .tidemark
	chmod 0700 dst/.tidemark; chown 77 dst/.tidemark
	planted ".tidemark of another user counts" extra .tidemark
else
	for n in 1 2 3 4; do skip ".tidemark $n" "not root"; done
fi
fresh; : >dst/.tidemark; settle
planted "a file named .tidemark counts" extra .tidemark
fresh; mkdir -m 0700 dst/dir/.tidemark; settle dir
planted ".tidemark further down counts" extra dir/.tidemark
fresh; mkdir -m 0700 dst/lost+found; settle
planted "lost+found not in a file system's root counts" extra lost+found
if [ -n "$mounted" ]; then
	check "lost+found in a file system's root is left out" sh -c \
		"! '$bin/oracle-compare' . src | grep -F '\"lost+found\"'"
else
	skip "lost+found in a file system's root is left out" "no mount"
fi

# ---- when there is no verdict ---------------------------------------------

fresh
check "a missing root is an error" status 2 compare src nowhere
check "the same directory twice is an error" status 2 compare src src/dir/..
if [ -n "$am_root" ] && command -v setpriv >"$top/log"; then
	chmod 0600 src/dir/one dst/dir/one
	chmod 0755 "$top"
	check "an unreadable file is an error" status 2 setpriv --reuid 65534 --clear-groups \
		"$bin/oracle-compare" src dst
	check "no manifest of an unreadable tree" status 2 setpriv --reuid 65534 --clear-groups \
		"$bin/oracle-manifest" src
else
	skip "an unreadable file is an error" "not root or no setpriv"
	skip "no manifest of an unreadable tree" "not root or no setpriv"
fi
check "a report that cannot be written is an error" sh -c \
	"'$bin/oracle-compare' src dst >/dev/full 2>'$top/log'; [ \$? -eq 2 ]"

# An entry that was compared already moves while a later one is read.
mkdir r1 r2
printf x >r1/a
truncate -s 1G r1/z
cp -a r1/. r2
"$bin/oracle-compare" --read-holes r1 r2 >"$top/said" 2>&1 &
running=$!
while [ -d /proc/$running ] && ! find /proc/$running/fd -lname '*/r1/z' 2>"$top/log" | grep -q .; do
	:
done
chmod 0644 r1/a
wait $running
raced=$?
check "a change after an entry was compared is a race" sh -c \
	"[ $raced -eq 1 ] && grep -q '^race \"a\": source' '$top/said'"
rm -rf r1 r2

# ---- manifests and canaries -----------------------------------------------

fresh
"$bin/oracle-manifest" src >"$top/m1"
check "a manifest equals a copy's" sh -c "'$bin/oracle-manifest' dst | cmp - '$top/m1'"
printf more >>dst/small; "$bin/oracle-manifest" dst >"$top/m2"
rm dst/dir/link2; "$bin/oracle-manifest" dst >"$top/m3"
check "prefix check finds the state" sh -c \
	"'$bin/oracle-prefix-check' dst '$top'/m[123] | grep -qx 'equal 3 $top/m3'"
check "prefix check finds an older state" sh -c \
	"'$bin/oracle-prefix-check' src '$top'/m[123] | grep -qx 'equal 1 $top/m1'"
flip dst/large 77
check "prefix check sees a state between" status 1 "$bin/oracle-prefix-check" dst "$top"/m[123]
sed 's/ f 06/ f 07/' "$top/m1" >"$top/m4"
check "a changed manifest is refused" status 2 "$bin/oracle-prefix-check" src "$top/m4"
head -n -1 "$top/m1" >"$top/m4"
check "a manifest cut short is refused" status 2 "$bin/oracle-prefix-check" src "$top/m4"

canary()	# NAME: dst has been touched; must be told; then start again
{
	check "canary: $1" status 1 "$bin/oracle-canary" check dst "$top/canary"
	fresh
	"$bin/oracle-canary" create dst "$top/canary"
}
fresh
"$bin/oracle-canary" create dst "$top/canary"
check "canary: untouched" "$bin/oracle-canary" check dst "$top/canary"
flip dst/large 5; flip dst/large 5; settle large
canary "a byte changed and changed back, times put back"
chmod 0600 dst/void; chmod 0644 dst/void
canary "mode changed and changed back"
: >dst/dir/x; rm dst/dir/x; settle dir
canary "a file came and went"
rm dst/void; : >dst/void; settle void
canary "a file replaced by its like"

# ---- the generator ---------------------------------------------------------

gen()
{
	timeout 60 "$bin/oracle-gen" "$@"
}

generator_tests()
{
	mkdir g1 g2 o1 o2
	check "the generator runs" gen --root g1 --outside o1 --seed 42 --ops 4000 --big-bytes 4M
	check "and again" gen --root g2 --outside o2 --seed 42 --ops 4000 --big-bytes 4M
	"$bin/oracle-manifest" --no-times g1 >"$top/m1"
	"$bin/oracle-manifest" --no-times g2 >"$top/m2"
	check "one thread, one seed: the same tree twice" cmp "$top/m1" "$top/m2"
	check "and it is not an empty tree" test "$(wc -l <"$top/m1")" -gt 100
	gen --list --threads 4 --seed 5 --ops 4000 >"$top/m1"
	gen --list --threads 4 --seed 5 --ops 4000 >"$top/m2"
	gen --list --threads 4 --seed 6 --ops 4000 >"$top/m3"
	check "four threads, one seed: the same operations" cmp "$top/m1" "$top/m2"
	check "another seed: other operations" status 1 cmp -s "$top/m1" "$top/m3"
	rm -rf g1 g2 o1 o2

	mkdir g out
	mkdir -p "$top/outside"; printf x >"$top/outside/file"
	"$bin/oracle-canary" create "$top/outside" "$top/canary"
	check "four threads end well" gen --root g --outside out --seed 3 --threads 4 --ops 16000 \
		--mix mmap --log "$top/log"
	check "every operation is in the log" test "$(wc -l <"$top/log")" -eq 16000
	check "most kinds of operation succeed" test \
		"$(grep ' = ok$' "$top/log" | cut -d' ' -f3 | sort -u | wc -l)" -ge 50
	check "nothing outside is touched" "$bin/oracle-canary" check "$top/outside" "$top/canary"
	rm -rf dst
	# Not rsync: it drops an ACL's group entry when that equals the mask.
	cp -a g dst
	check "a copy of what it made is equal" compare g dst
	check "... also by its manifest" sh -c \
		"[ \$('$bin/oracle-manifest' --hash g) = \$('$bin/oracle-manifest' --hash dst) ]"

	# Same content, same everything, but ctime moves while it is compared.
	(
		trap 'exit 0' TERM
		while :; do chmod 0755 g; done
	) &
	racer=$!
	sleep 0.1
	compare g dst >"$top/said" 2>&1
	raced=$?
	kill $racer; wait $racer 2>"$top/log"
	check "a race is reported" sh -c "[ $raced -eq 1 ] && grep -q '^race ' '$top/said'"

	: >"$top/pause"
	"$bin/oracle-gen" --root g --seed 4 --threads 3 --duration 30 --pause-file "$top/pause" \
		>"$top/said" 2>&1 &
	running=$!
	for _ in $(seq 500); do [ -e "$top/pause.quiet" ] && break; sleep 0.01; done
	check "paused before the first operation" test -e "$top/pause.quiet"
	"$bin/oracle-manifest" g >"$top/m1"; "$bin/oracle-manifest" g >"$top/m2"
	check "nothing moves while paused" cmp "$top/m1" "$top/m2"
	rm "$top/pause"; sleep 0.3
	check "it goes on" test ! -e "$top/pause.quiet"
	: >"$top/pause"
	for _ in $(seq 500); do [ -e "$top/pause.quiet" ] && break; sleep 0.01; done
	"$bin/oracle-manifest" g >"$top/m2"
	check "and has changed the tree" status 1 cmp -s "$top/m1" "$top/m2"
	rm "$top/pause"
	sleep 0.2
	kill -TERM $running
	wait $running
	stopped=$?
	check "SIGTERM stops it with a summary and exit status 0" sh -c \
		"[ $stopped -eq 0 ] && tail -n 1 '$top/said' | grep -q ' 0 unexpectedly\$'"
	check "a reserved mix says so" status 2 gen --root g --mix uring

	rm -rf g dst out; mkdir g
	peak=0
	gen --root g --seed 9 --threads 2 --ops 40000 --max-bytes 32M >"$top/out" 2>&1 &
	running=$!
	while kill -0 $running 2>"$top/log"; do
		now=$(du -sk g 2>"$top/log" | cut -f1)
		[ "${now:-0}" -gt "$peak" ] && peak=$now
		sleep 0.1
	done
	wait $running
	check "disk use stays near --max-bytes (peak $peak KiB of 32768)" test "$peak" -le 49152
}

if [ -n "$am_root" ]; then
	generator_tests
else
	skip "the generator" "not root: it makes files that only root can read"
fi

echo "1..$count"
[ $failed -eq 0 ]
