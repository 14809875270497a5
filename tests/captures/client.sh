# shellcheck shell=bash disable=SC2154 # the lab's names come from the environment
# shellcheck disable=SC2034 # ADMIN and ROOT are for the commands of scenes.sh
# What a scene's command may use on the client.
HERE=${HERE:-$(dirname "${BASH_SOURCE[0]}")}
LABDIR=$HERE/../live/lab
eval "$("$LABDIR/lab.sh" env)"
export KRB5CCNAME=$PWD/ccache KRB5_CONFIG

# Samba remembers addresses; a scene begins without.
forget() { find "${LAB_SMBCONF%/*}" -name 'gencache*' -delete; }
forget
# dc COMMAND...: samba-tool on the domain controller
dc() {
    ip netns exec "$NS_DC1" /usr/bin/python3 /usr/bin/samba-tool "$@" \
        -s "$LAB_STATE/dc1/etc/smb.conf" >/dev/null
}

# tcp HOST USER COMMAND: a call over ncacn_ip_tcp, found through the mapper
tcp() { rpcclient -s "$LAB_SMBCONF" -U "$2" "ncacn_ip_tcp:$1" -c "$3"; }
# pipe HOST USER COMMAND: over a named pipe
pipe() { rpcclient -s "$LAB_SMBCONF" -U "$2" "ncacn_np:$1" -c "$3"; }
ADMIN="$DOMAIN\\Administrator%$PASSWORD"
ROOT="root%$PASSWORD"
smb() { smbclient -s "$LAB_SMBCONF" "$@"; }
ticket() { printf '%s\n' "$2" | kinit "$1"; }
unsynced() { # MIT corrects a skew by itself unless told not to
    sed 's/\[libdefaults\]/&\n    kdc_timesync = 0/' "$KRB5_CONFIG" >krb5.conf
    export KRB5_CONFIG=$PWD/krb5.conf
}
hostile() { # MODE COMMAND: with a misbehaving mapper on the server's host
    local mode=$1 pid
    shift
    # shellcheck disable=SC2086 # a mode with its options
    ip netns exec "$NS_SRV" "$LABDIR/hostile.py" $mode --port 1350 --bind "$SRV_IP" --seconds 20 &
    pid=$!
    sleep 0.5
    "$@"
    kill $pid
    wait $pid || true
}
word() { # both ends hear of one another; "word tcp" asks nothing over UDP
    ping -c1 -W1 "$DC_IP"
    dig +short +tries=1 +timeout=2 ${1:+"+$1"} "@$DC_IP" dc1.lab.test
    sleep 1
}
certificate() { # NAME DAYS [FILE]: a certificate of its own, valid until DAYS from now
    faketime -f "$(($2 - 30))d" openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$1" \
        -addext "subjectAltName=DNS:$1" -keyout key.pem -out "${3:-cert.pem}" 2>/dev/null
}
web() { # MODE: a web server on the server's host that fails, and a client
    local pid
    case $1 in
    tls-expired*) certificate srv.lab.test -10 ;;
    tls-name | tls-name-left) certificate mail.lab.test 10 ;;
    tls-*) certificate srv.lab.test 10 ;;
    esac
    case $1 in
    tls-*) cat cert.pem key.pem >web.pem; cp cert.pem trusted.pem ;;
    esac
    [ "$1" != tls-unknown-ca ] || certificate other.lab.test 10 trusted.pem
    ip netns exec "$NS_SRV" "$HERE/web.py" serve "$1" "$SRV_IP" &
    pid=$!
    sleep 1
    "$HERE/web.py" ask "$1" srv.lab.test
    kill $pid
    wait $pid || true
}
forged() { # MAC TTL COMMAND: the first data to port 135 is reset on the link, in the server's name
    local pid mac=$1 ttl=$2
    shift 2
    ip netns exec "$NS_MB" "$HERE/forge.py" reset c0 135 "$mac" "$ttl" &
    pid=$!
    sleep 0.5
    "$@"
    kill $pid
    wait $pid || true
}
MSRPC=${MSRPC:-$HERE/../../build/msrpc}
impacket() { # EXAMPLE ARGUMENT...: one of the examples that come with it
    local example=$1
    shift
    /usr/bin/python3 "/usr/share/doc/python3-impacket/examples/$example.py" "$@"
}
member() { net "$@" -s "$LAB_SMBCONF" --option="server role=member server" --option="security=ads"; }
beside() { # NAMESPACE WHAT ADDRESS COMMAND...: with a server of peer.py
    local where=$1 what=$2 address=$3 pid
    shift 3
    ip netns exec "$where" "$HERE/peer.py" serve "$what" "$address" &
    pid=$!
    sleep 1
    "$@"
    kill $pid
    wait $pid || true
}
near() { beside "$NS_MB" names "$MB_CLIENT_IP" "$@"; }
other() { # WHAT: a service that is no RPC on the server's host, and a client of it
    beside "$NS_SRV" "$1" "$SRV_IP" "$HERE/peer.py" ask "$1" srv.lab.test
}
PEER_IP=10.88.2.18
peer() { # ARGUMENTS COMMAND: with failing.py at an address of its own on the server's host
    local pid out=peer.out
    rm -f $out
    ip -n "$NS_SRV" addr add "$PEER_IP/24" dev eth0 2>/dev/null
    # shellcheck disable=SC2086 # words
    ip netns exec "$NS_SRV" "$HERE/failing.py" "$PEER_IP" $1 >$out &
    pid=$!
    for _ in $(seq 200); do
        grep -qs ready $out && break
        sleep 0.1
    done
    eval "$2"
    kill $pid
    wait $pid || true
    ip -n "$NS_SRV" addr del "$PEER_IP/24" dev eth0
}
# rpc ADDRESS PORT UUID VERSION [OPNUM [LEVEL]]: a bind and a call
rpc() { "$HERE/bind.py" "ncacn_ip_tcp:$1[$2]" "${LEVEL:+alice}" "${LEVEL:+x}" "${@:3}"; }
SAMR="12345778-1234-abcd-ef00-0123456789ac 1.0"
# spnego ADDRESS PORT: a call with SPNEGO at a port that is given, by Samba
spnego() {
    /usr/bin/python3 - "$1" "$2" "$LAB_SMBCONF" <<'PYTHON'
import sys
from samba import credentials, param
from samba.dcerpc import samr
address, port, conf = sys.argv[1:]
lp = param.LoadParm(conf)
creds = credentials.Credentials()
creds.guess(lp)
creds.set_username("alice")
creds.set_password("x")
creds.set_kerberos_state(credentials.DONT_USE_KERBEROS)
samr.samr("ncacn_ip_tcp:%s[%s,spnego,sign]" % (address, port), lp, creds)
PYTHON
}
# rpc_pipe PIPE: a bind through a pipe of the failing server
rpc_pipe() { "$HERE/bind.py" "ncacn_np:$PEER_IP[\\pipe\\$1]" alice x; }
kdc() { # COMMAND: with a realm whose KDC is failing.py
    sed "s/kdc = .*/kdc = $PEER_IP/" "$KRB5_CONFIG" >krb5.conf
    KRB5_CONFIG=$PWD/krb5.conf "$@"
}
with() { # OPTION COMMAND: with an option of Samba's on srv, in [global] or [$SECTION]
    local conf=$LAB_STATE/srv/smb.conf daemon
    daemon=$(cat "$LAB_STATE/srv/run/smbd.pid")
    cp "$conf" smb.conf.before
    sed -i "/^\t${1%% = *} = /d; s|^\[${SECTION:-global}\]|&\n\t$1|" "$conf"
    kill -HUP "$daemon"
    sleep 0.5
    eval "$2"
    cp smb.conf.before "$conf"
    kill -HUP "$daemon"
}
modify() { # ACCOUNT ATTRIBUTE[:] [VALUE]: of an account of the domain; with a colon the value is base64
    ip netns exec "$NS_DC1" /usr/bin/python3 - "$LAB_STATE/dc1/private/sam.ldb" "$@" <<'PYTHON'
import base64, sys
import ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
path, account, name, *value = sys.argv[1:]
sam = SamDB(path, session_info=system_session(), lp=LoadParm())
found = sam.search(expression='sAMAccountName=' + account, attrs=[])[0]
values = [base64.b64decode(v) if name.endswith(':') else v for v in value]
message = ldb.Message(found.dn)
message['x'] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, name.rstrip(':'))
sam.modify(message)
PYTHON
}
fragments() { # drop|pass: what follows the first fragment, on its way to the client
    ip netns exec "$NS_MB" nft delete table ip fragments 2>/dev/null
    [ "$1" = pass ] || ip netns exec "$NS_MB" nft -f - <<'RULES'
table ip fragments {
    chain early {
        type filter hook prerouting priority -450
        ip frag-off & 0x1fff != 0 drop
    }
}
RULES
}
hasty() { # the client sends again before a host that delays its acknowledgements has sent them
    local way
    way=$(ip route get "$PEER_IP" | sed -n 's/.* via \([^ ]*\) dev \([^ ]*\) .*/via \1 dev \2/p')
    # shellcheck disable=SC2086 # words
    ip route replace "$PEER_IP" $way rto_min 5ms quickack 0
    "$@"
    ip route del "$PEER_IP"
}
