#!/usr/bin/python3
"""The peer of auth_calls.c through impacket: one connection, one call after the other.

    impacket_auth.py HOST PORT ntlm|krb5 integrity|privacy NAME PASSWORD DOMAIN KDC add|OCTETS N

Prints the number of calls, nanoseconds of the whole and of the median call, and those that the
processor spent here on the whole.
"""
import statistics
import struct
import sys
import time

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.uuid import uuidtup_to_bin

RPCECHO = uuidtup_to_bin(('60a15ec5-4de8-11d7-a637-005056a20182', '1.0'))


class Stub:
    """What is in a request, octets already."""

    def __init__(self, octets):
        self.octets = octets

    def getData(self):  # pylint: disable=invalid-name
        return self.octets


def main():
    host, port, mechanism, level, name, password, domain, kdc, what, count = sys.argv[1:]
    size = 0 if what == 'add' else int(what)
    stub = Stub(struct.pack('<LL', size, size) + bytes(size) if size else struct.pack('<L', 41))
    trans = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[%s]' % (host, port))
    trans.set_credentials(name, password, domain)
    if mechanism == 'krb5':
        trans.set_kerberos(True, kdc)
    dce = trans.get_dce_rpc()
    if mechanism == 'krb5':
        dce.set_auth_type(rpcrt.RPC_C_AUTHN_GSS_NEGOTIATE)
    dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY if level == 'privacy'
                       else rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY)
    dce.connect()
    dce.bind(RPCECHO)
    times = []
    spent = time.process_time_ns()
    start = last = time.monotonic_ns()
    for _ in range(int(count)):
        dce.call(1 if size else 0, stub)
        answer = dce.recv()
        if len(answer) < (size or 4):
            raise SystemExit('a short answer')
        now = time.monotonic_ns()
        times.append(now - last)
        last = now
    print(count, last - start, int(statistics.median(times)), time.process_time_ns() - spent)


main()
