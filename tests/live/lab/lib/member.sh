# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # names are shared by the parts of lab.sh
# mem, a member of the domain, on demand: winbindd, smbd and samba-dcerpcd (source3). It
# starts from nothing and joins anew.
# smbd wants a Unix account for everybody who logs on. /etc/passwd of the host has them: no package
# of the machine is needed, and the machine's own nsswitch.conf stays as it is.

member_config() {
    printf '[global]\n'
    printf '\t%s\n' "security = ads" "workgroup = $DOMAIN" "realm = $REALM" "netbios name = MEM" \
        "interfaces = lo eth0" "bind interfaces only = yes" "usershare path =" \
        "idmap config * : backend = tdb" "idmap config * : range = 100000-200000" \
        "idmap config $DOMAIN : backend = rid" "idmap config $DOMAIN : range = 300000-400000" \
        "template shell = /bin/false" "load printers = no" \
        "printing = bsd" "printcap name = /dev/null" "server min protocol = NT1" \
        "eventlog list = Application System Security" "rpc start on demand helpers = no" \
        "rpc server dynamic port range = 49152-49252" "allow dcerpc auth level connect = yes"
    printf '\trpcd_%s\n' {epmapper,classic,lsad,winreg}:{num_workers=1,idle_seconds=86400}
    samba_paths "$1"
    printf '[share]\n\tpath = %s\n\tread only = no\n' "$1/share"
}

# on_member CMD...: run a command there that is to find winbindd
on_member() {
    # shellcheck disable=SC2016
    on mem env KRB5_CONFIG="$LAB_STATE/krb5.conf" sh -c \
        'mount --bind "$0" /run/samba && exec "$@"' "$LAB_STATE/mem/run" "$@"
}

# Whoever logs on, as winbindd knows them; written in place, for it is mounted into processes.
member_accounts() {
    local user
    for user in Administrator alice; do
        on_member wbinfo -i "$DOMAIN\\$user" || return 1
    done >>"/etc/netns/$(ns mem)/passwd"
}

member_knows_domain() { on_member wbinfo -t && on_member wbinfo -i "$DOMAIN\\alice"; }

member_is_ready() {
    answers "$MEM_IP" 135 445 && on client dig +short +time=1 +tries=1 mem.lab.test |
        has -x "$MEM_IP" && on client timeout 3 "$LAB_DIR/epmlook.py" "$MEM_IP" 500 | has ncacn_ip_tcp
}

member_wake() {
    local call
    for call in dsroledominfo 'winreg_enumkey HKLM'; do
        on client timeout 20 rpcclient -s "$LAB_STATE/client/smb.conf" \
            -U "$DOMAIN/Administrator%$PASSWORD" "ncacn_ip_tcp:$MEM_IP" -c "$call" || [ $? = 1 ]
    done
}

member_start() {
    local dir=$LAB_STATE/mem conf=$LAB_STATE/mem/smb.conf
    printf '%s\n' "server $DC_IP" 'zone lab.test' "update add mem.lab.test 900 A $MEM_IP" send |
        on client nsupdate
    cat /etc/passwd >"/etc/netns/$(ns mem)/passwd"
    on_member net -s "$conf" ads join -U "Administrator%$PASSWORD" --no-dns-updates
    on_member winbindd -s "$conf" -D
    wait_for 20 member_knows_domain
    member_accounts
    on_member smbd -s "$conf" -D
    on_member /usr/libexec/samba/samba-dcerpcd -s "$conf" -D --libexec-rpcds
    wait_for 20 member_is_ready
    member_wake
}

member_up() {
    local dir=$LAB_STATE/mem log=$LAB_STATE/run/mem.log
    if member_is_ready >/dev/null 2>&1; then return 0; fi
    dc_is_ready >/dev/null 2>&1 || die "there is no domain: lab.sh up dc"
    member_down
    ip -n "$(ns mb)" link set s2 up
    samba_dirs "$dir"
    member_config "$dir" >"$dir/smb.conf"
    (set -e; member_start) >>"$log" 2>&1 9>&- ||
        { tail -5 "$log" >&2; die "mem does not start; see $dir/log"; }
}

member_down() {
    stop_host mem
    ip -n "$(ns mb)" link set s2 down
    rm -rf "$LAB_STATE/mem"
}

member() {
    net_is_up || die "the lab is down"
    case ${1:-} in
    on) member_up ;;
    off) member_down ;;
    *) usage >&2; exit 64 ;;
    esac
}
