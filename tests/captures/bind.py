#!/usr/bin/python3 -B
"""A bind, and perhaps one call with an empty stub, by impacket.

    bind.py BINDING USER PASSWORD [UUID VERSION [OPNUM]]
"""
import sys

from impacket.dcerpc.v5 import srvs, transport
from impacket.smb3structs import SMB2_DIALECT_21
from impacket.uuid import uuidtup_to_bin


def main():
    binding, user, password, *rest = sys.argv[1:]
    link = transport.DCERPCTransportFactory(binding)
    link.set_connect_timeout(5)
    if hasattr(link, 'set_credentials'):
        link.set_credentials(user, password)
    if hasattr(link, 'preferred_dialect'):
        link.preferred_dialect(SMB2_DIALECT_21)  # with 3.0 impacket encrypts
    rpc = link.get_dce_rpc()
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
