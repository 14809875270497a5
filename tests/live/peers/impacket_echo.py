"""impacket asks an echo server on port 49152: the levels it has, whole and in fragments of 8 octets
and of 200, stubs of three sizes each; a line per cell. It never asks for header signing.

    impacket_echo.py HOST USER PASSWORD DOMAIN MECH..."""
import os
import sys

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import ULONG
from impacket.dcerpc.v5.ndr import NDRCALL, NDRUniConformantArray
from impacket.dcerpc.v5.rpcrt import (DCERPCException, RPC_C_AUTHN_LEVEL_CONNECT,
                                      RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
                                      RPC_C_AUTHN_LEVEL_PKT_PRIVACY, RPC_C_AUTHN_GSS_NEGOTIATE,
                                      RPC_C_AUTHN_WINNT)
from impacket.uuid import uuidtup_to_bin

HOST, USER, PASSWORD, DOMAIN = sys.argv[1:5]
LEVELS = (('connect', RPC_C_AUTHN_LEVEL_CONNECT), ('integrity', RPC_C_AUTHN_LEVEL_PKT_INTEGRITY),
          ('privacy', RPC_C_AUTHN_LEVEL_PKT_PRIVACY))
TYPES = {'ntlm': RPC_C_AUTHN_WINNT, 'spnego-ntlm': RPC_C_AUTHN_GSS_NEGOTIATE,
         'spnego-krb5': RPC_C_AUTHN_GSS_NEGOTIATE}
CELLS = ((0, 8), (0, 256), (0, 20000), (8, 8), (8, 256), (200, 20000))


class Octets(NDRUniConformantArray):
    item = 'c'


class EchoData(NDRCALL):
    opnum = 1
    structure = (('len', ULONG), ('in_data', Octets))


class EchoDataResponse(NDRCALL):
    structure = (('out_data', Octets),)


def outcome(dce, fragment, size):
    data = [bytes([(i * 7 + i // 256) % 256]) for i in range(size)]
    call = EchoData()
    call['len'] = size
    call['in_data'] = data
    if fragment:
        dce.set_max_fragment_size(fragment)
    dce.call(EchoData.opnum, call)
    reply = EchoDataResponse(dce.recv())
    return 'good' if list(reply['out_data']) == data else 'other octets'


for mech in sys.argv[5:]:
    for name, level in LEVELS:
        if 'krb5' in mech and name == 'integrity':
            continue  # breaks off by itself
        for fragment, size in CELLS:
            try:
                t = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[49152]' % HOST)
                t.set_credentials(USER, PASSWORD, DOMAIN)
                t.set_kerberos('krb5' in mech, os.environ.get('DC_IP'))
                dce = t.get_dce_rpc()
                dce.set_auth_level(level)
                dce.set_auth_type(TYPES[mech])
                dce.connect()
                dce.bind(uuidtup_to_bin(('60a15ec5-4de8-11d7-a637-005056a20182', '1.0')))
                said = outcome(dce, fragment, size)
                dce.disconnect()
            except DCERPCException as error:
                said = error
            print('%s %s fragments of %d, %d: %s' % (mech, name, fragment, size, said), flush=True)
