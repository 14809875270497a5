#!/usr/bin/python3 -B
"""A bind, and perhaps one call with an empty stub, by impacket.

    bind.py BINDING USER PASSWORD [UUID VERSION [OPNUM]]

    bind.py --map ADDRESS       asks its mapper for samr
    bind.py --oxid ADDRESS      asks it where an object is served

With a user the authentication level is that of the variable LEVEL, 2 to 6; with AUTH=68 it is
Netlogon's, with a key that nobody gave it.
"""
import os
import sys

from impacket.dcerpc.v5 import epm, samr, srvs, transport
from impacket.dcerpc.v5.dcomrt import IObjectExporter
from impacket.smb3structs import SMB2_DIALECT_21
from impacket.uuid import uuidtup_to_bin


def discover(what, address):
    try:
        if what == '--map':
            print(epm.hept_map(address, samr.MSRPC_UUID_SAMR, protocol='ncacn_ip_tcp'))
            return
        rpc = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[135]' % address).get_dce_rpc()
        rpc.connect()
        print(IObjectExporter(rpc).ResolveOxid2(0x1234, (7,)))
    except Exception as error:
        print(error)


def main():
    if sys.argv[1].startswith('--'):
        discover(*sys.argv[1:])
        return
    binding, user, password, *rest = sys.argv[1:]
    link = transport.DCERPCTransportFactory(binding)
    link.set_connect_timeout(5)
    if hasattr(link, 'set_credentials'):
        link.set_credentials(user, password)
    if hasattr(link, 'preferred_dialect'):
        link.preferred_dialect(SMB2_DIALECT_21)  # with 3.0 impacket encrypts
    rpc = link.get_dce_rpc()
    if os.environ.get('LEVEL'):
        rpc.set_auth_level(int(os.environ['LEVEL']))
    if os.environ.get('AUTH'):
        rpc.set_auth_type(int(os.environ['AUTH']))
        rpc.set_session_key(bytes(16))
    try:
        rpc.connect()
        rpc.bind(uuidtup_to_bin((rest[0], rest[1])) if rest else srvs.MSRPC_UUID_SRVS)
        if len(rest) > 2:
            rpc.call(int(rest[2]), b'')
            rpc.recv()
        print('ok')
    except Exception as error:
        print(error)


main()
