#!/usr/bin/python3 -B
"""A resolver that fails for one name and forwards every other question. UDP only.

    dnsfault.py --listen ADDR --forward ADDR MODE NAME [ADDRESS]

MODE is what the asker of NAME gets (RFC 1035 4.1.1 rcodes, RFC 2308 for negative answers):
    wrong      an A record with ADDRESS (other types are forwarded)
    nodata     the name exists, but with a TXT record only
    nxdomain servfail refused   that rcode
    silent     nothing at all
    lame       no error, no answer, only a referral upwards: a server that does not serve the zone
"""
import argparse
import ipaddress
import socket
import struct
import threading

A, NS, SOA, TXT, ANY = 1, 2, 6, 16, 255
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
QR, AA, RD, RA = 0x8000, 0x0400, 0x0100, 0x0080


def parse_question(query):
    """Name, type and the offset behind the first question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode('latin-1').lower())
        at += 1 + query[at]
    return '.'.join(labels), struct.unpack_from('>H', query, at + 1)[0], at + 5


def wire_name(name):
    return b''.join(bytes([len(x)]) + x.encode() for x in name.split('.') if x) + b'\0'


def record(owner, kind, data, ttl=5):
    return owner + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


def soa(name):
    zone = name.split('.', 1)[1]
    return record(wire_name(zone), SOA, wire_name('ns.' + zone) + wire_name('root.' + zone) +
                  struct.pack('>5I', 1, 900, 600, 86400, 5))


def answer(query, end, args, name, kind):
    """The faulty reply, or None where the question goes to the real server."""
    same = b'\xc0\x0c'
    flags, rcode, answers, authority = QR | AA | RA, NOERROR, [], []
    if args.mode == 'wrong':
        if kind != A:
            return None
        answers = [record(same, A, ipaddress.IPv4Address(args.address).packed)]
    elif args.mode == 'nodata':
        if kind in (TXT, ANY):
            answers = [record(same, TXT, b'\x04text')]
        else:
            authority = [soa(name)]
    elif args.mode == 'nxdomain':
        rcode, authority = NXDOMAIN, [soa(name)]
    elif args.mode == 'lame':
        flags, authority = QR, [record(b'\0', NS, wire_name('a.root-servers.net'))]
    else:
        flags, rcode = QR | RA, SERVFAIL if args.mode == 'servfail' else REFUSED
    ident, asked = struct.unpack_from('>HH', query)
    head = struct.pack('>6H', ident, flags | (asked & RD) | rcode, 1, len(answers),
                       len(authority), 0)
    return head + query[12:end] + b''.join(answers + authority)


def forward(query, server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
        upstream.settimeout(3)
        upstream.connect((server, 53))
        upstream.send(query)
        return upstream.recv(65535)


def serve_one(sock, query, peer, args):
    try:
        name, kind, end = parse_question(query)
        if args.mode == 'silent' and name == args.name:
            return
        reply = answer(query, end, args, name, kind) if name == args.name else None
        sock.sendto(reply or forward(query, args.forward), peer)
    except (OSError, IndexError, struct.error):
        pass    # an ill-formed question or a dead server: silence, as from any resolver


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--listen', required=True)
    parser.add_argument('--forward', required=True)
    parser.add_argument('mode', choices=['wrong', 'nodata', 'nxdomain', 'servfail', 'refused',
                                         'lame', 'silent'])
    parser.add_argument('name', type=str.lower)
    parser.add_argument('address', nargs='?')
    args = parser.parse_args()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((args.listen, 53))
    print('ready', flush=True)
    while True:
        query, peer = sock.recvfrom(65535)
        threading.Thread(target=serve_one, args=(sock, query, peer, args), daemon=True).start()


main()
