#!/usr/bin/python3
"""The peer of `msrpc map`: connect, bind and ept_lookup of everything through stock impacket.

    impacket_lookup.py HOST [PORT]

Prints the number of entries and of lookups that the server's paging took. impacket's own listing,
rpcdump.py, stops with an error on both of Samba's ways to end a listing, so that timing it would
time a failure.
"""
import struct
import sys

from impacket.dcerpc.v5 import epm, transport
from impacket.dcerpc.v5.dtypes import NULL

NOT_REGISTERED = 0x16C9A0D6


def main():
    port = sys.argv[2] if len(sys.argv) > 2 else '135'
    binding = 'ncacn_ip_tcp:%s[%s]' % (sys.argv[1], port)
    dce = transport.DCERPCTransportFactory(binding).get_dce_rpc()
    dce.connect()
    dce.bind(epm.MSRPC_UUID_PORTMAP)
    request = epm.ept_lookup()
    request['inquiry_type'] = epm.RPC_C_EP_ALL_ELTS
    request['object'] = NULL
    request['Ifid'] = NULL
    request['vers_option'] = epm.RPC_C_VERS_ALL
    request['entry_handle'] = epm.ept_lookup_handle_t()
    request['max_ents'] = 500
    entries = lookups = 0
    while True:
        dce.call(request.opnum, request, None)
        raw = dce.recv()
        reply = epm.ept_lookupResponse(raw)
        status = struct.unpack('<I', raw[-4:])[0]
        if status not in (0, NOT_REGISTERED):
            raise SystemExit('ept_lookup: status 0x%08x' % status)
        lookups += 1
        entries += reply['num_ents']
        if status or reply['entry_handle'].isNull():
            break
        request['entry_handle'] = reply['entry_handle']
    dce.disconnect()
    print(entries, 'entries', lookups, 'lookups')


main()
