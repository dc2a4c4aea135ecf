# SPDX-License-Identifier: GPL-2.0-or-later
#
# The host's half of the power cut tests, sourced:
#	power_cut KERNEL FIRST SECOND SEED	run inside/powercut.sh FIRST, cut the power, run SECOND on the same disks
#	power_cut_source KERNEL SEED		the same with load and heal, the target in a guest of its own that stays up

power_cut()
{
	local kernel=$1 first=$2 second=$3 seed=$4 top work vm try qemu
	top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/tm-cut.XXXXXX")
	mkdir "$work/shared"
	truncate -s 1G "$work/a.img" "$work/b.img"
	echo "# kernel $kernel, seed $seed"
	"$top/scripts/vm" --kernel "$kernel" --disk-image "$work/a.img:ext4" --disk-image "$work/b.img:ext4" --mount-rw "$work/shared" \
		--pid-file "$work/qemu.pid" --timeout 600 -- env O="$O" TM_FAULT="${TM_FAULT:-}" tests/guest/inside/powercut.sh "$first" "$work/shared" "$seed" > "$work/first.log" 2>&1 &
	vm=$!
	for ((try = 0; try < 6000; try++)); do
		[[ -e $work/shared/cut ]] && break
		kill -0 "$vm" 2>/dev/null || break
		sleep 0.1
	done
	if [[ -e $work/shared/cut ]]; then
		qemu=$(cat "$work/qemu.pid")
		kill -9 "$qemu"
		wait "$vm" 2>/dev/null
		echo "ok the power went while the nodes ran"
		"$top/scripts/vm" --kernel "$kernel" --disk-image "$work/a.img:ext4" --disk-image "$work/b.img:ext4" --mount-rw "$work/shared" \
			--timeout 600 -- env O="$O" tests/guest/inside/powercut.sh "$second" "$work/shared" "$seed" | grep -v '^1\.\.'
	else
		wait "$vm" 2>/dev/null
		tail -n 30 "$work/first.log" | sed 's/^/# /'
		echo "not ok the power went while the nodes ran"
	fi
	rm -rf "$work"
}

power_cut_source()
{
	local kernel=$1 seed=$2 top work source target try net
	top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/tm-cut.XXXXXX")
	net=tmcut$BASHPID
	mkdir "$work/shared"
	truncate -s 1G "$work/a.img" "$work/b.img"
	echo "# kernel $kernel, seed $seed, two guests"
	guest() # SIDE IMAGE ARGUMENT...
	{
		"$top/scripts/vm" --kernel "$kernel" --net "$net:$1" --disk-image "$work/$2.img:ext4" --mount-rw "$work/shared" \
			--pid-file "$work/$2.pid" --timeout 1200 -- env O="$O" TWO=1 tests/guest/inside/powercut.sh "${@:3}"
	}
	guest 2 b target "$work/shared" > "$work/target.log" 2>&1 &
	target=$!
	guest 1 a load "$work/shared" "$seed" > "$work/first.log" 2>&1 &
	source=$!
	for ((try = 0; try < 9000; try++)); do
		[[ -e $work/shared/cut ]] && break
		kill -0 "$source" 2>/dev/null || break
		sleep 0.1
	done
	if [[ -e $work/shared/cut ]]; then
		kill -9 "$(cat "$work/a.pid")"
		wait "$source" 2>/dev/null
		echo "ok the power of the source went while the generator ran"
		guest 1 a heal "$work/shared" "$seed" | grep -v '^1\.\.'
	else
		kill "$source" 2>/dev/null
		wait "$source" 2>/dev/null
		tail -n 30 "$work/first.log" "$work/target.log" | sed 's/^/# /'
		echo "not ok the power of the source went while the generator ran"
	fi
	touch "$work/shared/end"
	kill "$target" 2>/dev/null
	wait "$target" 2>/dev/null
	rm -rf "$work"
}
