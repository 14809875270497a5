#!/usr/bin/python3 -B
"""Packets that no ordinary program sends when it is asked to.
  forge.py reset IF PORT MAC TTL   resets a connection to PORT when its first data passes on IF, in the
                                   server's name but from hardware address MAC; once for each
  forge.py claim NAME SUFFIX TO    registers a NetBIOS name as this host's (RFC 1002 4.2.2)
  forge.py refuse ADDRESS          answers IKEv2 with NO_PROPOSAL_CHOSEN (RFC 7296 3.10.1)
  forge.py esp TO                  one ESP packet, sent again as TCP does it (RFC 4303 2)"""
import os
import socket
import struct
import sys
import time


def checksum(octets):
    octets += b'\0' * (len(octets) % 2)
    total = sum(struct.unpack('!%dH' % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def reset(interface, port, mac, ttl):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    link.bind((interface, 0))
    done = set()
    while True:
        frame = link.recv(65536)
        if frame[12:14] != b'\x08\x00' or frame[23] != 6:
            continue
        ip = frame[14:14 + (frame[14] & 15) * 4]
        tcp = frame[14 + len(ip):14 + struct.unpack('!H', ip[2:4])[0]]
        sport, dport, seq, ack, offset = struct.unpack('!HHIIB', tcp[:13])
        if dport != int(port) or len(tcp) == offset >> 4 << 2 or sport in done:
            continue
        done.add(sport)
        head = struct.pack('!HHIIBBHHH', dport, sport, ack, 0, 5 << 4, 4, 0, 0, 0)
        pseudo = ip[16:20] + ip[12:16] + struct.pack('!BBH', 0, 6, len(head))
        head = head[:16] + struct.pack('!H', checksum(pseudo + head)) + head[18:]
        top = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(head), 0x4d52, 0, int(ttl), 6, 0) + \
            ip[16:20] + ip[12:16]
        top = top[:10] + struct.pack('!H', checksum(top)) + top[12:]
        link.send(frame[6:12] + bytes.fromhex(mac.replace(':', '')) + b'\x08\x00' + top + head)


def claim(name, suffix, to):
    raw = name.upper().ljust(15).encode() + bytes([int(suffix, 16)])
    label = b'\x20' + bytes(65 + n for o in raw for n in (o >> 4, o & 15)) + b'\0'
    broadcast = to.endswith('.255')
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind(('', 137))
    sock.settimeout(8)
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.connect((to.replace('.255', '.1'), 137))
    message = struct.pack('!HHHHHH', 0x1234, 0x2910 if broadcast else 0x2900, 1, 0, 0, 1) + label + \
        struct.pack('!HHHHHIHH', 0x20, 1, 0xc00c, 0x20, 1, 300000, 6, 0) + \
        socket.inet_aton(own.getsockname()[0])
    sock.sendto(message, (to, 137))
    while True:
        answer = sock.recv(4096)
        print('opcode', answer[2] >> 3 & 15, 'rcode', answer[3] & 15)
        if answer[2] & 0x80 and answer[2] >> 3 & 15 == 5:
            break


def refuse(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 500))
    while True:
        asked, peer = sock.recvfrom(4096)
        notify = struct.pack('!BBHBBH', 0, 0, 8, 0, 0, 14)
        sock.sendto(asked[:8] + b'\x11' * 8 + struct.pack('!BBBBII', 41, 0x20, 34, 0x20, 0,
                                                          28 + len(notify)) + notify, peer)


def esp(to):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
    for i, pause in enumerate((1, 2, 4, 0)):
        sock.sendto(struct.pack('!II', 0x1f3a9c44, i + 1) + os.urandom(68), (to, 0))
        time.sleep(pause)


try:
    {'reset': reset, 'claim': claim, 'refuse': refuse, 'esp': esp}[sys.argv[1]](*sys.argv[2:])
except TimeoutError:
    sys.exit('nobody answers')
