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
    ip netns exec "$NS_SRV" "$LABDIR/hostile.py" "$mode" --port 1350 --bind "$SRV_IP" --seconds 20 &
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
    tls-expired) certificate srv.lab.test -10 ;;
    tls-name) certificate mail.lab.test 10 ;;
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
