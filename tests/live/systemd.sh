#!/bin/sh
# systemd.sh FOLDER: boots systemd itself over a throw-away copy of this machine's files, in
# namespaces and a cgroup of its own, with no units but those in FOLDER/root/etc/units and without
# the means to change the clock, load modules or restart. Its output goes to standard output; the
# number of its process stands in FOLDER/pid. t/serve-systemd.t adds units and enters.
set -eu
if [ "${2:-}" != inside ]; then
    # the cgroup is made before the namespaces, so that it is their root
    mkdir "$1/cgroup"
    mount -t cgroup2 cgroup2 "$1/cgroup"
    own=$1/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/msrpc-test-$$
    mkdir "$own"
    trap 'echo $$ >"$1/cgroup/cgroup.procs" || :
        find "$own" -depth -type d -exec rmdir {} + || :' EXIT
    echo $$ >"$own/cgroup.procs"
    unshare --fork --kill-child --mount --pid --uts --ipc --net --cgroup sh "$0" "$1" inside
    exit
fi
read -r pid rest </proc/self/stat
echo "$pid" >"$1/pid.new"
top=$1/top root=$1/root
mkdir -p "$top" "$root"
mount --make-rprivate /
mount -t tmpfs -o mode=755 top "$top"
mkdir "$top/upper" "$top/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
units=$root/etc/units
mkdir "$units"
for target in sysinit basic multi-user shutdown sockets timers paths slices umount; do
    printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" >"$units/$target.target"
done
echo 'Wants=systemd-journald.service' >>"$units/sysinit.target"
echo 'Requires=sysinit.target' >>"$units/multi-user.target"
cp /lib/systemd/system/systemd-journald.service /lib/systemd/system/systemd-journald.socket \
    /lib/systemd/system/systemd-journald-dev-log.socket "$units/"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
mv "$1/pid.new" "$1/pid"
cd "$root"
mkdir old
pivot_root . old
umount -l /old
exec env -i container=test PATH="$PATH" SYSTEMD_UNIT_PATH=/etc/units:/usr/local/lib/systemd/system \
    setpriv --bounding-set -sys_time,-sys_boot,-sys_module,-sys_rawio,-mac_admin,-mac_override \
    /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal \
    --show-status=no
