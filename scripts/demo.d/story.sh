# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the demo tells. Uses only `on`, `tm` and the paths of place.sh.

say() { printf '\n\033[1m%s\033[0m\n' "$*" | { [[ -t 1 ]] && cat || sed 's/\x1b\[[0-9;]*m//g'; }; }
tell() { printf '  %s\n' "$*"; }
shown() { printf '  %s$ tidemark %s\n' "$1" "${*:2}"; tm "$@" 2>&1 | sed 's/^/    /'; return "${PIPESTATUS[0]}"; }
value() { tm "$1" policy show kernel -j | jq -r "$2"; }
human() { numfmt --to=iec-i --suffix=B --format=%.1f "$1"; }

wait_for()
{
	local n=$1 want=$2 try
	for ((try = 0; try < 600; try++)); do
		[[ $(value "$n" .status 2>/dev/null) = "$want" ]] && return 0
		sleep 0.2
	done
	echo "$n shows $(value "$n" .status), not $want" >&2
	return 1
}

data() { if [[ $place = native ]]; then echo "$DATA/$1"; else echo "$DATA"; fi; }

prepare()
{
	say "Two clusters of one node each: alpha, the source, and beta, the target."
	tell "capture on alpha: $(tm alpha status -j | jq -r .capture.backend); on beta: $(tm beta status -j | jq -r .capture.backend)"
	tell "alpha's key: $(tm alpha status -j | jq -r .fingerprint)"
	tell "beta's key:  $(tm beta status -j | jq -r .fingerprint)"
	SRC=$(data alpha)/tree DST=$(data beta)/copy
	on alpha "mkdir -p $SRC && tar -xf $tree -C $SRC"
	FILES=$(on alpha "find $SRC -mindepth 1 | wc -l")
	BYTES=$(on alpha "find $SRC -type f -printf '%s\n' | awk '{ s += \$1 } END { printf \"%d\", s }'")
	tell "alpha has a real tree: part of the Linux source, $FILES entries, $(human "$BYTES") of file data"
}

authorize()
{
	say "1. On alpha: create the relationship."
	shown alpha policy create kernel --source-dir "$SRC" --target-dir "$DST" --target-address "$BETA"
	say "2. On beta: somebody asks. Who, and for what?"
	wait_for beta "Awaiting Authorization"
	shown beta policy list
	shown beta policy show kernel | sed -n '/Authorization request/,$p'
	say "3. Beta's admin accepts. The directory does not exist yet: a warning, nothing more."
	shown beta policy accept kernel || tell "(exit status $?)"
	on beta "mkdir -p $DST"
	shown beta policy accept kernel
	wait_for alpha Authorized
	tell "alpha has seen it: $(value alpha .status)"
}

first_sync()
{
	say "4. On alpha: replicate."
	shown alpha policy replicate kernel --wait
	wait_for alpha Finished
	local secs
	secs=$(tm alpha policy show kernel -j | jq -r '(.last_run.finished | sub("\\.[0-9]+"; "") | fromdate) - (.last_run.started | sub("\\.[0-9]+"; "") | fromdate)')
	tell "status: $(value alpha .status), $(value alpha .status_since); $(value alpha .last_run.files) objects, $(human "$(value alpha .last_run.payload_bytes)") of file data, $(human "$(value alpha .last_run.wire_bytes)") on the wire, $secs s"
	tell "sent with sendfile: $(human "$(value alpha .totals.sendfile_bytes)"), encrypted by the kernel: $(human "$(value alpha .totals.ktls_bytes)")"
	compare
}

# Not our own code: rsync, checksums on, everything it can see, on beta against alpha's rsync daemon.
compare()
{
	local config=/run/tm-demo-rsyncd.conf out
	on alpha "printf 'use chroot = no\nuid = root\ngid = root\nread only = yes\nmunge symlinks = no\npid file = %s\n[tree]\npath = %s\n' $RUN/rsyncd.alpha.pid $SRC > $config
		test -s $RUN/rsyncd.alpha.pid && kill -0 \$(cat $RUN/rsyncd.alpha.pid) 2>/dev/null || { rm -f $RUN/rsyncd.alpha.pid; rsync --daemon --port=8730 --config=$config; }"
	out=$(on beta "rsync -niacAXH --numeric-ids --delete --exclude=/.tidemark --exclude=/lost+found rsync://$ALPHA:8730/tree/ $DST/")
	if [[ -n $out ]]; then
		tell "rsync -niacAXH --delete finds DIFFERENCES:"
		printf '%s\n' "$out" | head -n 20
		return 1
	fi
	tell "independent comparison (rsync -niacAXH --delete, checksums of every file): no difference"
}

# step TITLE COMMAND: one real change, then what it cost
step()
{
	local title=$1 payload wire p0 w0 seen0 started=$SECONDS
	shift
	p0=$(value alpha .totals.payload_bytes)
	w0=$(value alpha .totals.wire_bytes)
	seen0=$(value alpha .capture.seen)
	on alpha "cd $SRC && $*" > "$W/step.log" 2>&1 || { cat "$W/step.log"; return 1; }
	tm alpha policy sync kernel --timeout 600 > /dev/null
	payload=$(($(value alpha .totals.payload_bytes) - p0))
	wire=$(($(value alpha .totals.wire_bytes) - w0))
	printf '  %-44s %6d operations seen  %10s file data  %10s on the wire\n' "$title" \
		$(($(value alpha .capture.seen) - seen0)) "$(human $payload)" "$(human $wire)"
	PAYLOAD=$((PAYLOAD + payload)) WIRE=$((WIRE + wire))
}

changes()
{
	PAYLOAD=0 WIRE=0
	say "5. Real programs change the tree on alpha; after each, policy sync."
	step "patch: two lines in a source file" "printf -- '--- a/fs/inode.c\n+++ b/fs/inode.c\n@@ -1,1 +1,3 @@\n // SPDX-License-Identifier: GPL-2.0-only\n+// one line\n+// another line\n' | patch -p1 -s"
	step "git init, add, commit of fs/ext4" "cd fs/ext4 && git -c init.defaultBranch=main init -q . && git add . && git -c user.name=demo -c user.email=demo@example.org commit -q -m first"
	step "sqlite3: a table with 5000 rows" "sqlite3 app.db 'create table t(a,b); with recursive n(i) as (select 1 union all select i+1 from n where i<5000) insert into t select i, hex(randomblob(20)) from n;'"
	step "sqlite3: one row of them changed" "sqlite3 app.db 'update t set b=1 where a=2500;'"
	step "dd: a new file of 64 MiB" "dd if=/dev/zero of=big bs=1M count=64 status=none && printf x | dd of=big bs=1 seek=1000 conv=notrunc status=none"
	step "dd: 4 KiB in the middle of it" "dd if=/dev/urandom of=big bs=4096 seek=5000 count=1 conv=notrunc status=none"
	step "mv of a directory with $(on alpha "find $SRC/fs | wc -l") entries" "mv fs filesystems"
	step "chmod, chown, setfattr, setfacl, ln, ln -s" "chmod 600 kernel/fork.c; chown 1000:1000 kernel/exit.c; setfattr -n user.note -v demo kernel/cred.c; setfacl -m u:1000:r kernel/pid.c; ln kernel/sys.c sys-hard; ln -s kernel/sys.c sys-soft"
	step "rm -r of kernel/bpf and two dozen files" "rm -r kernel/bpf kernel/[a-c]*.c"
	tell "all changes together: $(human $PAYLOAD) of file data and $(human $WIRE) on the wire; the tree holds $(human "$(on alpha "find $SRC -type f -printf '%s\n' | awk '{ s += \$1 } END { printf \"%d\", s }'")")"
}

ending()
{
	say "6. Is it the same?"
	compare
	say "7. What alpha says about itself."
	shown alpha status || true
	tm alpha policy show kernel -j | jq -r '"  captured: \(.capture.seen) operations seen = \(.capture.queued) queued + \(.capture.coalesced) coalesced + \(.capture.dropped) dropped; full scans since the first sync: \(.totals.rescans)"'
	[[ $(value alpha .status) = Finished ]] || { tell "status is $(value alpha .status), not Finished"; return 1; }
	if [[ ${KEEP:-0} != 1 ]]; then
		say "8. On alpha: delete the relationship."
		shown alpha policy delete kernel --yes
	fi
	say "The demo is through: every step did what it said."
}

story()
{
	prepare
	authorize
	first_sync
	changes
	ending
}
