#!/usr/bin/python3 -B
"""KDCs that refuse: at 127.0.0.1, UDP and TCP, port FIRST + N answers everything with error N, for
1 to LAST (RFC 4120 5.9.1, 7.2). They never saw the domain.

    falsekdc.py FIRST LAST REALM
"""
import selectors
import socket
import struct
import sys
import time

FIRST, LAST, REALM = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
INTEGER, STRING, TIME, SEQUENCE = 0x02, 0x1b, 0x18, 0x30


def der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82, size >> 8, size & 255])
    return bytes([tag]) + length + body


def field(number, tag, body):
    return der(0xa0 + number, der(tag, body))


def error(code):
    now = time.strftime('%Y%m%d%H%M%SZ', time.gmtime()).encode()
    names = der(SEQUENCE, der(STRING, b'krbtgt') + der(STRING, REALM))
    service = field(0, INTEGER, b'\x02') + der(0xa1, names)
    return der(0x7e, der(SEQUENCE, field(0, INTEGER, b'\x05') + field(1, INTEGER, b'\x1e') +
                         field(4, TIME, now) + field(5, INTEGER, b'\x00') +
                         field(6, INTEGER, bytes([code])) + field(9, STRING, REALM) +
                         field(10, SEQUENCE, service)))


def answer(sock, code):
    if sock.type == socket.SOCK_DGRAM:
        sock.sendto(error(code), sock.recvfrom(65536)[1])
        return
    peer = sock.accept()[0]
    with peer:
        peer.settimeout(5)
        if peer.recv(65536):
            peer.sendall(struct.pack('>I', len(error(code))) + error(code))


ports = selectors.DefaultSelector()
for number in range(1, LAST + 1):
    for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
        at = socket.socket(socket.AF_INET, kind)
        at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        at.bind(('127.0.0.1', FIRST + number))
        if kind == socket.SOCK_STREAM:
            at.listen(8)
        ports.register(at, selectors.EVENT_READ, number)
print('ready', flush=True)
while True:
    for key, _ in ports.select():
        try:
            answer(key.fileobj, key.data)
        except OSError:
            pass
