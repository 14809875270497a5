#!/usr/bin/python3
"""The peer of calls.c through impacket: one connection, one ept_map after the other.

    impacket_calls.py HOST PORT N

Prints the number of calls, nanoseconds of the whole and of the median call.
"""
import statistics
import sys
import time

from impacket.dcerpc.v5 import epm, transport
from impacket.uuid import uuidtup_to_bin

LSARPC = uuidtup_to_bin(('12345778-1234-ABCD-EF00-0123456789AB', '0.0'))
NDR = uuidtup_to_bin(('8a885d04-1ceb-11c9-9fe8-08002b104860', '2.0'))


def question():
    interface = epm.EPMRPCInterface()
    interface['InterfaceUUID'] = LSARPC[:16]
    interface['MajorVersion'] = interface['MinorVersion'] = 0
    transfer = epm.EPMRPCDataRepresentation()
    transfer['DataRepUuid'] = NDR[:16]
    transfer['MajorVersion'], transfer['MinorVersion'] = 2, 0
    protocol = epm.EPMProtocolIdentifier()
    protocol['ProtIdentifier'] = epm.FLOOR_RPCV5_IDENTIFIER
    port = epm.EPMPortAddr()
    port['IpPort'] = 0
    host = epm.EPMHostAddr()
    host['Ip4addr'] = bytes(4)
    tower = epm.EPMTower()
    tower['NumberOfFloors'] = 5
    tower['Floors'] = b''.join(floor.getData() for floor in
                               (interface, transfer, protocol, port, host))
    request = epm.ept_map()
    request['max_towers'] = 64
    request['map_tower']['tower_length'] = len(tower)
    request['map_tower']['tower_octet_string'] = tower.getData()
    return request


def main():
    count = int(sys.argv[3])
    dce = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[%s]' %
                                           tuple(sys.argv[1:3])).get_dce_rpc()
    dce.connect()
    dce.bind(epm.MSRPC_UUID_PORTMAP)
    times = []
    start = last = time.monotonic_ns()
    for _ in range(count):
        reply = dce.request(question())
        epm.EPMTower(b''.join(reply['ITowers'][0]['Data']['tower_octet_string']))
        now = time.monotonic_ns()
        times.append(now - last)
        last = now
    print(count, last - start, int(statistics.median(times)))
    dce.disconnect()


main()
