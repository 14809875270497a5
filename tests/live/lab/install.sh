#!/bin/bash
# Installs what the live tests and the benchmarks need: only the packages that are missing, nothing
# said when none is. Debian's own Samba services are kept from starting meanwhile, because they would
# listen on the host's own addresses; the policy file that does it is removed on every way out.
# --list names the packages instead.
set -eu

PACKAGES="
    samba samba-ad-dc samba-ad-provision winbind smbclient python3-samba samba-testsuite
    python3-impacket nmap nbtscan tshark tcpdump nftables iproute2 dnsutils dnsmasq-base
    gcc libc6-dev procps bc hyperfine
    krb5-user faketime ike-scan systemd"
POLICY=/usr/sbin/policy-rc.d

if [ "${1:-}" = --list ]; then
    # shellcheck disable=SC2086 # a list of words
    echo $PACKAGES
    exit 0
fi

missing=()
for package in $PACKAGES; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "install.sh: needs root to install: ${missing[*]}" >&2
    exit 1
fi

# A policy that is already there is the machine's own and is left alone.
if [ ! -e $POLICY ]; then
    trap 'rm -f $POLICY' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >$POLICY
    chmod 755 $POLICY
fi

export DEBIAN_FRONTEND=noninteractive
apt_install() {
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --yes --no-install-recommends "${missing[@]}" >/dev/null
}
echo "install.sh: installing ${missing[*]}"
apt_install 2>/dev/null || { apt-get -qq -o DPkg::Lock::Timeout=300 update && apt_install; }
