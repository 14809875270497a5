#!/bin/bash
# Real MS-RPC peers behind a router, on one machine: network namespaces, Samba and faults to order.
usage() {
    cat <<'TEXT'
usage: lab.sh COMMAND
  up [net|dc|srv|all]         start the wires and the peers (all); idempotent
  down [--purge]              stop everything; --purge also forgets the provisioned domain
  status                      what runs, which faults are on
  exec HOST CMD...            run a command as client, mb, dc1, srv or mem
  fault                       list the faults
  fault NAME on|off [ARG...]  switch one
  fault off                   switch all off
  dns on|off                  DNS servers that lie, refuse, fail or are lame, beside the DC's
  netbios on|off              a WINS server on srv, and a host on the client's link
  member on|off               mem, a member of the domain
  restrict dc1|srv 0|1|2      start that peer again with 'restrict anonymous' at this level
  env                         names, addresses and accounts as shell variables
  check [peers|member|hostile|faults]
                              ask the peers with their own clients, a member of the domain too;
                              try the hostile server; switch every fault once
TEXT
}
set -eu -o pipefail

LAB_DIR=$(dirname "$(readlink -f "$0")")
for part in env net samba member dns netbios faults check; do
    # shellcheck source=/dev/null
    . "$LAB_DIR/lib/$part.sh"
done

# What this machine cannot do ends with status 69, so that a test can tell "skip" from "failed".
require() {
    local tool missing=
    [ "$(id -u)" = 0 ] || unable "needs root"
    for tool in ip nft dig nsupdate samba samba-tool smbd rpcclient; do
        command -v $tool >/dev/null || missing="$missing $tool"
    done
    [ -z "$missing" ] || unable "missing:$missing; run $LAB_DIR/install.sh"
    unshare --net --mount true || unable "this machine allows no network namespaces"
}
unable() { say "lab: $*" >&2; exit 69; }

# One command at a time changes a lab. What it starts must not inherit the lock (9>&-). The file may
# have been removed by the holder we waited for: then its lock is worth nothing.
lock() {
    local file=$LAB_STATE.lock
    net_check_owner
    until [ "$file" -ef /dev/fd/9 ]; do
        exec 9>"$file"
        flock -w 300 9 || die "another command holds $file"
    done
    (umask 077 && mkdir -p "$LAB_STATE")
    [ -O "$LAB_STATE" ] || die "$LAB_STATE belongs to somebody else"
}

up() {
    local what=${1:-all} dc=0
    case $what in net | dc | srv | all) ;; *) usage >&2; exit 64 ;; esac
    require
    lock
    net_up
    faults_off
    restrict_off
    mkdir -p "$LAB_STATE/run"
    client_config
    case $what in
    dc) dc_up ;;
    srv) srv_up ;;
    all)
        (dc_up) &
        (srv_up) || { wait; die "srv is down"; }
        wait $! || dc=$?
        [ $dc = 0 ] || die "dc1 is down"
        ;;
    esac
}

down() {
    lock
    net_down
    rm -rf "$LAB_STATE"/{dc1,srv,mem,client,netbios}
    [ "${1:-}" != --purge ] || rm -rf "$LAB_STATE" "$LAB_STATE.lock"
}

status() {
    local h name
    say "state $LAB_STATE, tag $LAB_TAG"
    net_is_up || { say "down"; return 0; }
    for h in $HOSTS; do say "$h: $(ip netns pids "$(ns "$h")" | wc -l) processes"; done
    for name in $(faults_on); do say "fault $name $(cat "$LAB_STATE/faults/$name")"; done
}

run_on() {
    if ! is_host "${1:-}" || [ $# -lt 2 ]; then die "exec: which of $HOSTS, and what?"; fi
    net_is_up || die "the lab is down"
    if [ "$1" = mem ] && [ -d "$LAB_STATE/mem/run" ]; then
        on_member "${@:2}"
    else
        exec ip netns exec "$(ns "$1")" "${@:2}"
    fi
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
up) up "$@" ;;
down) down "$@" ;;
status) status ;;
exec) run_on "$@" ;;
env) print_env ;;
fault)
    case ${1:-} in
    '') fault_list ;;
    off) lock; faults_off ;;
    *) lock; fault "$@" ;;
    esac
    ;;
dns)
    lock
    net_is_up || die "the lab is down"
    case ${1:-} in on) dns_on ;; off) dns_off ;; *) usage >&2; exit 64 ;; esac
    ;;
netbios) lock; netbios "$@" ;;
member) lock; member "$@" ;;
restrict)
    case ${1:-}.${2:-} in dc1.[012] | srv.[012]) ;; *) usage >&2; exit 64 ;; esac
    lock
    net_is_up || die "the lab is down"
    restrict "$@"
    ;;
check) check "$@" ;;
help | --help | -h) usage ;;
*) usage >&2; exit 64 ;;
esac
