#!/bin/bash
# guest.sh FASTBLOCK [SECONDS] - starts a whole cluster under Linux 6.1, the oldest kernel that fastblock supports.
#
# Boots Debian's 6.1 kernel in QEMU, software emulation only, with nothing in it but busybox, the given executable and the
# libraries it is linked with. There: `vstart` on an ext4 disk (so that O_DIRECT is real), a verified `bench`, `vstart stop`.
# What the guest prints goes to stdout; the lines that start with "guest:" are for the caller.
#
# Exit codes: 0 all of it succeeded; 1 something failed in the guest; 2 wrong usage; 3 the guest did not end in SECONDS
# (default 240: far more than five times what a quiet machine needs); 77 not possible here, the reason is on stderr.
#
# Needs: qemu-system-x86, busybox-static, cpio, e2fsprogs. The kernel is downloaded once (27 MB), by apt, and not installed;
# 15 MB of it are kept in $XDG_CACHE_HOME/fastblock-guest.
set -u
binary=${1:?usage: guest.sh FASTBLOCK [SECONDS]}
limit=${2:-240}
[ -x "$binary" ] || { echo "guest.sh: $binary is not there" >&2; exit 2; }
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fastblock-guest
PATH=$PATH:/sbin:/usr/sbin
skip() { echo "guest.sh: $*" >&2; exit 77; }

[ "$(uname -m)" = x86_64 ] || skip "the executable and the kernel are for x86-64"
for program in qemu-system-x86_64 busybox cpio mkfs.ext4 apt-get dpkg-deb; do
    command -v $program > /dev/null || skip "$program is not installed"
done

# What the disk needs, in load order; ext4 is built in.
modules="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk"

# ---------- the kernel ----------
# The newest of Debian 12's; the one for clouds is the same source with fewer drivers.
newest() { apt-cache "$@" pkgnames linux-image-6.1. 2> /dev/null | grep -E '^linux-image-6\.1\.0-[0-9]+-cloud-amd64$' | sort -V | tail -n 1; }

fetch() {
    local options=(-o APT::Sandbox::User=) package
    package=$(newest)
    if [ -z "$package" ]; then
        # The system's package lists were never fetched: make our own from its sources.
        mkdir -p "$work/lists/partial" "$work/archives/partial"
        options+=(-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work")
        apt-get -qq "${options[@]}" update >&2
        package=$(newest "${options[@]}")
    fi
    [ -n "$package" ] || skip "apt offers no 6.1 kernel here; only Debian 12 has one"
    echo "guest.sh: downloading $package" >&2
    (cd "$work" && apt-get -qq "${options[@]}" download "$package") >&2 || skip "$package could not be downloaded"
    dpkg-deb --extract "$work"/linux-image-*.deb "$work/package" || skip "$package could not be unpacked"
    rm -rf "$cache/new"
    mkdir "$cache/new"
    for name in $modules; do find "$work/package" -name "$name.ko" -exec cp {} "$cache/new/" \; ; done
    cp "$work"/package/boot/vmlinuz-* "$cache/new/vmlinuz" && mv -T "$cache/new" "$cache/kernel" || skip "$cache cannot be written"
}

work=$(mktemp -d) || exit 1
qemu=
trap '[ -n "$qemu" ] && kill -9 "$qemu" 2> /dev/null; rm -rf "$work"' EXIT
mkdir -p "$cache" 2> /dev/null && exec 9> "$cache/lock" || skip "$cache cannot be written"
flock 9 # two runs must not download at the same time
[ -e "$cache/kernel/vmlinuz" ] || fetch
exec 9>&-

# ---------- the guest's files: everything it has is in its initial memory disk ----------
root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,tmp,data,modules}
cp -L "$(command -v busybox)" "$root/bin/busybox"
cp -L "$binary" "$root/bin/fastblock"
# The loader and the libraries stay at the paths under which the executable looks for them; libgcc_s is loaded by name.
libraries=$(ldd "$binary" | grep -oE '/[^ ]+'; ls /lib/x86_64-linux-gnu/libgcc_s.so.1 2> /dev/null)
for library in $libraries; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
done
cp "$cache"/kernel/*.ko "$root/modules/"
cat > "$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp
mount -t devtmpfs dev /dev
exec < /dev/console > /dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
for name in MODULES; do insmod /modules/$name.ko; done
mount -t ext4 /dev/vda /data
ip link set lo up
ulimit -n 65536
cluster=/data/c
say() { echo "guest: $* (after $(cut -d. -f1 /proc/uptime) s)"; }

say "kernel $(uname -r)"
fastblock vstart --dir $cluster --size 512M --pgs 16 --no-bench --detach --nbd-port 0 --timeout 90; started=$?
say "vstart exit $started"
export FASTBLOCK_CONFIG=$cluster/fastblock.toml
fastblock image create vol/guest --size 64M --timeout 90 &&
    fastblock bench rw vol/guest --rw randwrite --bs 4k --qd 4 --time 3 --verify --json --timeout 90; measured=$?
say "bench exit $measured"
grep -h io_uring $cluster/logs/*.log
fastblock vstart stop --dir $cluster; stopped=$?
say "stop exit $stopped"
if [ $started$measured$stopped = 000 ]; then
    say "all passed"
else
    for log in $cluster/logs/*.log; do echo "--- $log"; tail -n 25 $log; done
    dmesg | tail -n 25
fi
sync
poweroff -f
INIT
sed -i "s/MODULES/$modules/" "$root/init"
chmod 755 "$root/init"
(cd "$root" && find . | cpio --create --format=newc --quiet --owner=0:0) > "$work/initrd" || exit 1
truncate -s 4G "$work/disk"
mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 "$work/disk" || exit 1

# ---------- run it ----------
# Two CPUs, since the servers poll; the clock is trusted and the kernel's own tests are off: emulation is slow enough.
qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$cache/kernel/vmlinuz" -initrd "$work/initrd" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check random.trust_cpu=on cryptomgr.notests audit=0" \
    -chardev "file,id=console,path=$work/console" -serial chardev:console \
    -drive "file=$work/disk,format=raw,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk > "$work/qemu" 2>&1 &
qemu=$!
late=
end=$((SECONDS + limit))
while kill -0 "$qemu" 2> /dev/null; do
    if [ $SECONDS -ge $end ]; then late=yes; kill -9 "$qemu"; break; fi
    sleep 0.2
done
wait "$qemu" 2> /dev/null
qemu=
tr -d '\r' < "$work/console"
cat "$work/qemu" >&2
if grep -q '^guest: all passed' "$work/console"; then exit 0; fi
if [ -n "$late" ]; then echo "guest.sh: the guest did not end in $limit s" >&2; exit 3; fi
echo "guest.sh: the guest ended without success" >&2
exit 1
