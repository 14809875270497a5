# shellcheck shell=bash disable=SC2034,SC2154 # names are shared by the parts of lab.sh
# NetBIOS names, on demand: nmbd on srv is the WINS server; nmbd on mb is NEAR, the one host of the
# client's link, and registers with it. The router keeps broadcasts of one link from the other. The
# DC answers for its own names whether this is on or off.

# netbios_config DIR NAME INTERFACE LINE
netbios_config() {
    printf '[global]\n'
    printf '\t%s\n' "server role = standalone server" "workgroup = WKG" "netbios name = $2" \
        "interfaces = $3" "bind interfaces only = yes" "local master = no" "$4" \
        "nmbd socket dir = $1/run/nmbd"
    samba_paths "$1"
}

# netbios_start HOST NAME INTERFACE LINE
netbios_start() {
    local dir=$LAB_STATE/netbios/$1
    samba_dirs "$dir"
    netbios_config "$dir" "$2" "$3" "$4" >"$dir/smb.conf"
    spawn "$1" "$LAB_STATE/run/nmbd-$1.log" nmbd -s "$dir/smb.conf" -F --no-process-group
}

# netbios_knows NAME [HOW...]: WINS has it, or who is asked in another way
netbios_knows() {
    local name=$1
    shift
    [ $# -gt 0 ] || set -- -U "$SRV_IP" --recursion
    on client nmblookup -s "$LAB_STATE/client/smb.conf" "$@" "$name" | has "<${name#*#}>"
}

netbios_up() {
    command -v nmbd >/dev/null || unable "missing: nmbd; run $LAB_DIR/install.sh"
    if netbios_knows NEAR#20 2>/dev/null; then return 0; fi
    netbios_down
    netbios_start srv SRV eth0 "wins support = yes"
    netbios_start mb NEAR c0 "wins server = $SRV_IP"
    wait_for 30 netbios_knows SRV#20 || die "nmbd of srv does not answer"
    wait_for 30 netbios_knows NEAR#20 || die "nmbd of mb has not registered its name"
    # a broadcast is answered only once that is all done
    wait_for 30 netbios_knows NEAR#20 -B "${MB_CLIENT_IP%.*}.255" || die "nmbd of mb is deaf"
    wait_for 30 netbios_knows NEAR#00 -B "${MB_CLIENT_IP%.*}.255" || die "nmbd of mb is deaf"
}

netbios_down() {
    unspawn mb "$LAB_STATE/run/nmbd-mb.log"
    unspawn srv "$LAB_STATE/run/nmbd-srv.log"
    rm -rf "$LAB_STATE/netbios"
}

netbios() {
    net_is_up || die "the lab is down"
    case ${1:-} in
    on) netbios_up ;;
    off) netbios_down ;;
    *) usage >&2; exit 64 ;;
    esac
}
