#!/usr/bin/python3 -B
"""Everything an endpoint mapper knows, one JSON object a line, through impacket.

    epmlook.py HOST [MAX [PORT]]

MAX is the number of entries asked for per call (default 500). This is the oracle that another
client's listing is compared with, so it takes entries as they come: no merging, no sorting, the
address of a tower even where it is 0.0.0.0. Both endings of a listing are understood: status 0 with
a live handle and then an empty call (Samba's AD DC), and entries together with ept_s_not_registered
and a null handle (Samba's standalone server).
"""
import ipaddress
import json
import signal
import struct
import sys
import uuid

from impacket.dcerpc.v5 import epm, transport
from impacket.dcerpc.v5.dtypes import NULL

NOT_REGISTERED = 0x16C9A0D6

# C706 appendix I and MS-RPCE 2.2.1.2.1: protocol identifiers of the fourth floor
PROTSEQ = {0x07: 'ncacn_ip_tcp', 0x08: 'ncadg_ip_udp', 0x0F: 'ncacn_np', 0x10: 'ncalrpc',
           0x1F: 'ncacn_http'}


def floors(tower):
    """The (left, right) byte pairs of a tower; its counts are always little-endian."""
    count, at = struct.unpack_from('<H', tower)[0], 2
    for _ in range(count):
        pair = []
        for _ in range(2):
            size = struct.unpack_from('<H', tower, at)[0]
            pair.append(tower[at + 2:at + 2 + size])
            at += 2 + size
        yield pair


def describe(entry):
    parts = list(floors(b''.join(entry['tower']['tower_octet_string'])))
    left, right = parts[0]
    major, minor = struct.unpack('<H', left[17:19])[0], struct.unpack('<H', right[:2])[0]
    protocol, endpoint = parts[3][0][0], parts[3][1]
    if protocol in (0x07, 0x08, 0x1F):
        endpoint = str(struct.unpack('>H', endpoint)[0])
    else:
        endpoint = endpoint.rstrip(b'\0').decode('latin-1')
    host = ''
    if len(parts) > 4:
        kind, value = parts[4][0][0], parts[4][1]
        host = str(ipaddress.ip_address(value)) if kind == 0x09 else \
            value.rstrip(b'\0').decode('latin-1')
    return {
        'uuid': str(uuid.UUID(bytes_le=left[1:17])),
        'version': '%d.%d' % (major, minor),
        'annotation': b''.join(entry['annotation']).rstrip(b'\0').decode('latin-1'),
        'object': str(uuid.UUID(bytes_le=entry['object'])),
        'protseq': PROTSEQ.get(protocol, 'protocol_0x%02x' % protocol),
        'endpoint': endpoint,
        'host': host,
    }


def lookup(host, per_call, port):
    dce = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[%d]' % (host, port)).get_dce_rpc()
    dce.connect()
    dce.bind(epm.MSRPC_UUID_PORTMAP)
    handle = epm.ept_lookup_handle_t()
    while True:
        request = epm.ept_lookup()
        request['inquiry_type'] = epm.RPC_C_EP_ALL_ELTS
        request['object'] = NULL
        request['Ifid'] = NULL
        request['vers_option'] = epm.RPC_C_VERS_ALL
        request['entry_handle'] = handle
        request['max_ents'] = per_call
        dce.call(request.opnum, request, None)
        raw = dce.recv()
        reply = epm.ept_lookupResponse(raw)
        status = struct.unpack('<I', raw[-4:])[0]
        if status not in (0, NOT_REGISTERED):
            raise SystemExit('epmlook: ept_lookup status 0x%08x' % status)
        yield from reply['entries'][:reply['num_ents']]
        handle = reply['entry_handle']
        if handle.isNull() or status:
            break
    dce.disconnect()


def main():
    if not 2 <= len(sys.argv) <= 4:
        raise SystemExit(__doc__)
    per_call = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 135
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for entry in lookup(sys.argv[1], per_call, port):
        print(json.dumps(describe(entry)))


main()
