#!/usr/bin/python3 -B
"""What a plain RPC client meets on its way to one call, one word a step, on one line.

    probe.py HOST [TIMEOUT]

Resolve HOST, connect to 135, bind to the mapper, map samr, connect there, bind, call SamrConnect2.
The first step that fails ends the line with the system's word for it.
"""
import errno
import socket
import struct
import sys
import time

import pdu


class Failed(Exception):
    pass


def step(name, action):
    started = time.monotonic()
    try:
        result = action()
        print('%s ok' % name, end='; ', flush=True)
        return result
    except (OSError, pdu.Closed) as error:
        word = errno.errorcode.get(error.errno, '') if isinstance(error, OSError) else ''
        if isinstance(error, socket.timeout):
            word = 'timeout'
        elif isinstance(error, socket.gaierror):
            word = 'gaierror %d (%s)' % (error.errno, error.strerror)
        millis = (time.monotonic() - started) * 1000
        print('%s FAIL %s after %d ms' % (name, word or error, millis))
        raise Failed from error


def connect(address, timeout):
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect(address[4])
    return sock


def exchange(sock, data, wanted):
    sock.sendall(data)
    reply = pdu.Received(sock)
    if reply.ptype != wanted:
        raise OSError(0, 'PDU type %d' % reply.ptype)
    return reply.body


def walk(host, timeout):
    address = step('resolve', lambda: socket.getaddrinfo(host, 135, type=socket.SOCK_STREAM)[0])
    mapper = step('tcp 135', lambda: connect(address, timeout))
    step('bind', lambda: exchange(mapper, pdu.bind(pdu.EPM), pdu.BIND_ACK))
    stub = step('map', lambda: exchange(mapper, pdu.request(pdu.EPT_MAP, pdu.map_request(pdu.SAMR)),
                                        pdu.RESPONSE))
    at = stub.index(b'\x01\0\x07\x02\0') + 5
    port = struct.unpack_from('>H', stub, at)[0]
    there = address[:4] + ((address[4][0], port) + address[4][2:],)
    server = step('tcp %d' % port, lambda: connect(there, timeout))
    step('bind', lambda: exchange(server, pdu.bind(pdu.SAMR), pdu.BIND_ACK))
    started = time.monotonic()
    step('call', lambda: exchange(server, pdu.request(57, struct.pack('<II', 0, 0x30)), pdu.RESPONSE))
    print('call took %.1f ms' % ((time.monotonic() - started) * 1000))


def main():
    try:
        walk(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 2)
    except Failed:
        sys.exit(1)


main()
