#!/usr/bin/python3 -B
"""A NetBIOS name server or a host that lies: nbns.py ADDRESS[,BROADCAST] [MODE] [NAME#XX=IP[+IP]...]

Answers name queries that reach ADDRESS (and the broadcast address) on UDP 137. A name it is given is
answered with those addresses, a broadcast for any other name not at all, a direct question with "no
such name". MODE instead:
  group     the names are groups
  wait      asks for patience (WACK) and says no more
  redirect  names the first address given as the server to ask
  cut       cuts its answers short
  noise     sends another question's answer, then garbage, then the answer
  conflict  answers node status queries: the names, marked as in conflict
Prints a line once it listens."""
import select
import socket
import struct
import sys


def encode(name, suffix):
    octets = name.upper().ljust(15).encode() + bytes([suffix])
    return b'\x20' + bytes(65 + n for c in octets for n in (c >> 4, c & 15)) + b'\0'


def message(ident, flags, name, kind, ttl, data, counts=(0, 1, 0, 0)):
    return (struct.pack('>HHHHHH', ident, flags, *counts) + name +
            struct.pack('>HHIH', kind, 1, ttl, len(data)) + data)


def status(ident, name, table):
    names = b''.join(n.ljust(15).encode() + bytes([s, 0x0c, 0]) for n, s in table)
    return message(ident, 0x8400, name, 0x21, 0, bytes([len(table)]) + names + bytes(46))


def answer(mode, query, direct, table):
    ident, flags = struct.unpack('>HH', query[:4])
    name, kind = query[12:-4], struct.unpack('>H', query[-4:-2])[0]
    if flags & 0x8000:
        return []
    if kind == 0x21:
        return [status(ident, name, table)] if mode == 'conflict' else []
    ips = next((ips for (n, s), ips in table.items() if encode(n, s) == name), None)
    if ips is None:
        return [message(ident, 0x8583, name, 0x0a, 0, b'')] if direct else []
    if mode == 'wait':
        return [message(ident, 0xbc00, name, 0x0a, 2, query[2:4])]
    if mode == 'redirect':
        return [message(ident, 0x8400, name, 2, 60, b'\x02ns\0', (0, 0, 1, 1)) +
                b'\x02ns\0' + struct.pack('>HHIH', 1, 1, 60, 4) + socket.inet_aton(ips[0])]
    group = 0x8000 if mode == 'group' else 0
    good = message(ident, 0x8580, name, 0x20, 300, b''.join(
        struct.pack('>H', 0x6000 | group) + socket.inet_aton(ip) for ip in ips))
    if mode == 'cut':
        return [good[:-3]]
    if mode == 'noise':
        return [struct.pack('>H', ident ^ 1) + good[2:], b'\xff' * 40, good[:2], good]
    return [good]


def main():
    addresses, rest = sys.argv[1].split(','), sys.argv[2:]
    mode = rest.pop(0) if rest and '=' not in rest[0] else ''
    table = {}
    for item in rest:
        name, _, ips = item.partition('=')
        name, _, suffix = name.partition('#')
        table[name, int(suffix, 16)] = ips.split('+')
    socks = []
    for address in addresses:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 137))
        socks.append(s)
    print('ready', flush=True)
    while True:
        for s in select.select(socks, [], [])[0]:
            query, sender = s.recvfrom(2048)
            if len(query) < 50:
                continue
            for reply in answer(mode, query, s is socks[0], table):
                socks[0].sendto(reply, sender)


main()
