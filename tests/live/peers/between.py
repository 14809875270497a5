#!/usr/bin/python3 -B
"""between.py PORT HOST HOSTPORT WAY [ARG]: passes connection-oriented PDUs on, and changes some.

nothing, nohs, nohs_client, nohs_server (PFC_SUPPORT_HEADER_SIGN out of what both, the client or the
server sent at bind time), repeat (each response comes twice), fault STATUS (in place of each
response), kdc (no RPC: one bit of each ticket for a service, over TCP). "ready" when it listens."""
import socket
import struct
import sys
import threading

PORT, HOST, HOST_PORT, WAY = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
STATUS = int(sys.argv[5], 16) if len(sys.argv) > 5 else 0
BIND_TIME, RESPONSE, FAULT, SIGN = (11, 12, 14, 15), 2, 3, 4


def exactly(sock, count):
    octets = b''
    while len(octets) < count:
        more = sock.recv(count - len(octets))
        if not more:
            raise EOFError
        octets += more
    return octets


def pdu(sock, client):
    head = exactly(sock, 16)
    body = bytearray(head + exactly(sock, struct.unpack_from('<H', head, 8)[0] - 16))
    mine = WAY == 'nohs' or WAY == ('nohs_client' if client else 'nohs_server')
    if mine and body[2] in BIND_TIME:
        body[3] &= ~SIGN
    if WAY == 'fault' and not client and body[2] == RESPONSE:
        body = body[:24] + struct.pack('<II', STATUS, 0)
        body[2] = FAULT
        struct.pack_into('<HH', body, 8, len(body), 0)
    return bytes(body) * (2 if WAY == 'repeat' and not client and body[2] == RESPONSE else 1)


def message(sock, client):
    """Kerberos over TCP: a length of four octets before each."""
    head = exactly(sock, 4)
    body = bytearray(exactly(sock, struct.unpack('>I', head)[0]))
    if not client and body[0] == 0x6d: # TGS-REP: what is last is sealed
        body[-9] ^= 1
    return head + body


def pump(source, sink, client):
    try:
        while True:
            sink.sendall((message if WAY == 'kdc' else pdu)(source, client))
    except (EOFError, OSError):
        for sock in source, sink:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


listener = socket.create_server(('127.0.0.1', PORT))
print('ready', flush=True)
while True:
    a, _ = listener.accept()
    b = socket.create_connection((HOST, HOST_PORT))
    for way in (a, b, True), (b, a, False):
        threading.Thread(target=pump, args=way, daemon=True).start()
