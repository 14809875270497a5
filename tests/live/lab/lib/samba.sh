# shellcheck shell=bash disable=SC2034,SC2154 # names are shared by the parts of lab.sh
# The real peers: dc1, a Samba AD domain controller (source4 RPC server), and srv, a standalone
# server (source3, samba-dcerpcd). Both start from a known state at every start: the DC from a
# snapshot taken after its one provisioning, the server from nothing.
# libwbclient has winbindd's socket under /run/samba compiled in, so each peer gets a /run/samba of
# its own inside the private mount namespace that `ip netns exec` makes.

samba_dirs() { mkdir -p "$1"/{private,lock,state,cache,run,log,share} /run/samba; }

samba_paths() {
    printf '\t%s\n' "private dir = $1/private" "lock directory = $1/lock" \
        "state directory = $1/state" "cache directory = $1/cache" "pid directory = $1/run" \
        "ncalrpc dir = $1/run/ncalrpc" "log file = $1/log/log.%m"
}

client_config() {
    local dir=$LAB_STATE/client
    samba_dirs "$dir"
    {
        printf '[global]\n\tworkgroup = %s\n\trealm = %s\n\tnetbios name = CLIENT\n' "$DOMAIN" "$REALM"
        samba_paths "$dir"
    } >"$dir/smb.conf"
    cat >"$LAB_STATE/krb5.conf" <<CONF
[libdefaults]
    default_realm = $REALM
    dns_lookup_realm = false
    rdns = false
[realms]
    $REALM = {
        kdc = $DC_IP
    }
[domain_realm]
    .lab.test = $REALM
    lab.test = $REALM
CONF
}

dc_provision() {
    local dir=$LAB_STATE/dc1 tool="on dc1 /usr/bin/python3 /usr/bin/samba-tool"
    rm -rf "$dir"
    samba_dirs "$dir"
    : >"$LAB_STATE/seed.conf"
    $tool domain provision --configfile="$LAB_STATE/seed.conf" --targetdir="$dir" \
        "--realm=$REALM" "--domain=$DOMAIN" --server-role=dc --dns-backend=SAMBA_INTERNAL \
        --host-name=dc1 "--host-ip=$DC_IP" "--adminpass=$PASSWORD" --use-rfc2307 \
        --option="interfaces=lo $DC_IP/24" --option="dns forwarder=" </dev/null
    # The name dc1 has one address, IPv4: provisioning sees no other, and dnsupdate, which would
    # register them all, does not run. The lab's other names are given by dc_names.
    {
        printf '[global]\n'
        printf '\t%s\n' "pid directory = $dir/run" "ncalrpc dir = $dir/run/ncalrpc" \
            "ntp signd socket directory = $dir/run/ntp_signd" "log file = $dir/log/log.%m" \
            "interfaces = lo eth0" "bind interfaces only = yes" "usershare path =" "tls enabled = no" "disable spoolss = yes" "load printers = no" \
            "server services = -dnsupdate" "allow dns updates = nonsecure" \
            "rpc server dynamic port range = 49152-49252" "server min protocol = NT1" \
            "allow dcerpc auth level connect:lsarpc = yes"
        sed -e '1,/^.global./d' -e '/interfaces = /d' "$dir/etc/smb.conf"
    } >"$dir/etc/smb.conf.new"
    mv "$dir/etc/smb.conf.new" "$dir/etc/smb.conf"
    $tool user create alice "$ALICE_PASSWORD" -s "$dir/etc/smb.conf"
    # a server of ours on mb: its machine account, and its keys
    on dc1 /usr/bin/python3 -B - "$dir" "$MB_NAME" "$MB_PASSWORD" <<'PYTHON' || return 1
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
folder, name, password = sys.argv[1:]
lp = LoadParm()
lp.load(folder + '/etc/smb.conf')
db = SamDB(lp.samdb_url(), session_info=system_session(), lp=lp)
db.newcomputer('mb', service_principal_name_list=['host/' + name])
db.modify_ldif("""dn: %s
changetype: modify
replace: msDS-SupportedEncryptionTypes
msDS-SupportedEncryptionTypes: 28
""" % db.search(expression='(sAMAccountName=mb$)')[0].dn)
db.setpassword('(sAMAccountName=mb$)', password)
db.enable_account('(sAMAccountName=mb$)')
PYTHON
    $tool domain exportkeytab "$dir/mb.keytab" --principal="host/$MB_NAME" \
        -s "$dir/etc/smb.conf" || return 1
    tar -C "$LAB_STATE" -cSf "$LAB_STATE/dc1.tar.new" dc1
    mv "$LAB_STATE/dc1.tar.new" "$LAB_STATE/dc1.tar"
}

dc_is_ready() {
    answers "$DC_IP" 135 445 389 88 53 &&
        on client dig +short +time=1 +tries=1 "@$DC_IP" "$DC_NAME" | has -x "$DC_IP" &&
        on client timeout 3 rpcclient -s "$LAB_STATE/client/smb.conf" -U% \
            "ncacn_ip_tcp:$DC_IP" -c epmmap
}

# Names beyond what provisioning gives: an IPv6 only and a dual-stack name of the DC, the server,
# a name whose address nobody has, a name without addresses and an alias.
dc_names() {
    on client nsupdate <<NAMES
server $DC_IP
zone lab.test
update add dc6.lab.test 900 AAAA $DC_IP6
update add dual.lab.test 900 A $DC_IP
update add dual.lab.test 900 AAAA $DC_IP6
update add srv.lab.test 900 A $SRV_IP
update add $MB_NAME 900 A $MB_CLIENT_IP
update add ghost.lab.test 900 A $UNUSED_IP
update add noaddr.lab.test 900 TXT "a name without an address"
update add alias.lab.test 900 CNAME $DC_NAME
send
NAMES
}

# Starts the DC on the state that stands, and waits until it answers.
dc_start() {
    local dir=$LAB_STATE/dc1 log=$LAB_STATE/run/dc1.log
    on dc1 sh -c "mount --bind '$dir/run' /run/samba && exec samba -s '$dir/etc/smb.conf' -D" \
        >>"$log" 2>&1 9>&-
    wait_for 30 dc_is_ready || { tail -5 "$log" >&2; die "the DC does not answer; see $dir/log"; }
}

dc_up() {
    local dir=$LAB_STATE/dc1 log=$LAB_STATE/run/dc1.log
    if dc_is_ready >/dev/null 2>&1; then return 0; fi
    stop_host dc1
    if [ -f "$LAB_STATE/dc1.tar" ]; then
        rm -rf "$dir"
        tar -C "$LAB_STATE" -xf "$LAB_STATE/dc1.tar"
    else
        dc_provision >"$log" 2>&1 || { tail -5 "$log" >&2; die "provisioning the DC failed"; }
    fi
    dc_start
    dc_names || die "the DC's DNS server refused the lab's names"
}

srv_config() {
    printf '[global]\n'
    printf '\t%s\n' "server role = standalone server" "workgroup = WKG" "netbios name = SRV" \
        "interfaces = lo eth0" "bind interfaces only = yes" "usershare path =" \
        "passdb backend = tdbsam" "server min protocol = NT1" "load printers = no" \
        "printing = bsd" "printcap name = /dev/null" "eventlog list = Application System Security" \
        "rpc start on demand helpers = no" "rpc server dynamic port range = 49152-49252" \
        "admin users = root"
    # one process a service, and for good: a second one, or one that ended for lack of work, would
    # take seconds to start while a client waits
    printf '\trpcd_%s\n' {epmapper,classic,lsad,winreg}:{num_workers=1,idle_seconds=86400}
    samba_paths "$1"
    printf '[share]\n\tpath = %s\n\tread only = no\n' "$1/share"
}

srv_is_ready() {
    answers "$SRV_IP" 135 445 &&
        on client timeout 3 "$LAB_DIR/epmlook.py" "$SRV_IP" 500 | has ncacn_ip_tcp
}

# The services over TCP start when first asked; what they answer does not matter (1: a refusal).
srv_wake() {
    local call
    for call in dfsversion dsroledominfo 'winreg_enumkey HKLM'; do
        on client timeout 20 rpcclient -s "$LAB_STATE/client/smb.conf" -U "root%$PASSWORD" \
            "ncacn_ip_tcp:$SRV_IP" -c "$call" || [ $? = 1 ] || return 1
    done
}

srv_up() {
    local dir=$LAB_STATE/srv log=$LAB_STATE/run/srv.log
    if srv_is_ready >/dev/null 2>&1; then return 0; fi
    stop_host srv
    rm -rf "$dir"
    samba_dirs "$dir"
    srv_config "$dir" >"$dir/smb.conf"
    srv_start
}

# The RPC daemon runs by itself (not on demand): only so does it listen on TCP and map on 135.
srv_start() {
    local dir=$LAB_STATE/srv log=$LAB_STATE/run/srv.log
    on srv sh -c "mount --bind '$dir/run' /run/samba
        printf '%s\n%s\n' $PASSWORD $PASSWORD | smbpasswd -c '$dir/smb.conf' -s -a root
        smbd -s '$dir/smb.conf' -D &&
        exec /usr/libexec/samba/samba-dcerpcd -s '$dir/smb.conf' -D --libexec-rpcds" \
        >>"$log" 2>&1 9>&-
    wait_for 20 srv_is_ready || { tail -5 "$log" >&2; die "srv does not answer; see $dir/log"; }
    srv_wake >>"$log" 2>&1 || { tail -5 "$log" >&2; die "a service of srv does not start"; }
}

# restrict HOST LEVEL: start that peer's Samba again with `restrict anonymous = LEVEL`. What it holds
# stays, so that the levels are compared on one database. `up` begins with level 0.
restrict() {
    local host=$1 level=$2 conf=$LAB_STATE/$1/smb.conf
    [ "$host" = srv ] || conf=$LAB_STATE/dc1/etc/smb.conf
    stop_host "$host"
    sed -i '/restrict anonymous = /d' "$conf"
    sed -i "s/^\[global\]/&\n\trestrict anonymous = $level/" "$conf"
    case $host in dc1) dc_start ;; srv) srv_start ;; esac
}

# A peer that was left restricted is stopped, so that `up` starts it from its known state.
restrict_off() {
    local host conf
    for host in dc1/etc srv; do
        conf=$LAB_STATE/$host/smb.conf
        if [ -f "$conf" ] && has 'restrict anonymous = [12]' "$conf"; then stop_host "${host%/etc}"; fi
    done
}
