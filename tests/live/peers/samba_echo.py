"""Samba's Python bindings ask an echo server on port 49152: every level, transfer syntax and byte
order they can be told, one connection and stubs of three sizes each; a line per cell.

    samba_echo.py HOST USER PASSWORD DOMAIN SMBCONF MECH..."""
import sys

from samba import NTSTATUSError
from samba.credentials import Credentials, DONT_USE_KERBEROS, MUST_USE_KERBEROS
from samba.dcerpc import echo
from samba.param import LoadParm

HOST, USER, PASSWORD, DOMAIN, CONF = sys.argv[1:6]
SIZES = (8, 256, 20000)
lp = LoadParm()
lp.load(CONF)


def credentials(mech):
    c = Credentials()
    c.guess(lp)
    c.set_username(USER)
    c.set_password(PASSWORD)
    c.set_domain(DOMAIN)
    c.set_realm(lp.get('realm'))
    c.set_kerberos_state(MUST_USE_KERBEROS if 'krb5' in mech else DONT_USE_KERBEROS)
    return c


def outcome(client, size):
    data = [(i * 7 + i // 256) % 256 for i in range(size)]
    good = (client.EchoData(data) == data and client.TestCall('h' * size) == 'h' * size and
            client.TestCall2(3).v == 30)
    return 'good' if good else 'other octets'


for mech in sys.argv[6:]:
    for level in ('connect', 'packet', 'sign', 'seal'):
        for more in ('', ',bigendian', ',padcheck', ',ndr64', ',ndr64,bigendian'):
            client = why = None
            try:
                flags = mech.replace('spnego-ntlm', 'spnego').replace('spnego-krb5', 'spnego')
                client = echo.rpcecho('ncacn_ip_tcp:%s[49152,%s,%s%s]' % (HOST, flags, level, more),
                                      lp, credentials(mech))
            except NTSTATUSError as error:
                why = error
            for size in SIZES:
                try:
                    said = why or outcome(client, size)
                except NTSTATUSError as error:
                    said = error
                print('%s %s%s %d: %s' % (mech, level, more, size, said), flush=True)
