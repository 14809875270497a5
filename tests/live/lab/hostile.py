#!/usr/bin/python3 -B
"""An endpoint mapper that misbehaves in one way, for tests of clients.

    hostile.py MODE [--port N] [--bind ADDR] [--seconds S] [--value N] [--reset]

Prints "ready PORT" once it listens, ends by itself after --seconds. Until the point where its mode
turns bad it is a well-behaved mapper that knows two interfaces, samr and lsarpc, on port 9 of its own
address. --value is the number a mode needs (in C notation); --reset makes every close a TCP reset.
"""
import argparse
import random
import signal
import socket
import struct
import sys
import threading
import time

import pdu

MODES = {
    'valid': 'no fault at all: the yardstick of the others',
    'big-endian': 'valid, with big-endian integers',
    'one-byte': 'valid, one byte per segment',
    'garbage': 'answers the BIND with 4096 random bytes',
    'never-answer': 'reads everything, says nothing',
    'close-on-accept': 'closes at once',
    'close-after-bind': 'closes when the BIND has come',
    'close-after-bind-ack': 'closes behind its bind_ack',
    'close-mid-reply': 'sends half of a response and closes',
    'bind-nak': 'bind_nak; --value is the reject reason (4, version not supported)',
    'reject-context': 'bind_ack that rejects each context; --value is the reason (1, abstract syntax)',
    'fault': 'fault; --value is the status (0x1c010003, unknown interface)',
    'lying-frag-len': 'bind_ack; --value is its frag_length (10, less than a header)',
    'lying-auth-len': 'bind_ack; --value is its auth_length (0xfff0, more than the PDU)',
    'wrong-call-id': 'response to a call that was never made',
    'endless-fragments': 'a response that never has a last fragment',
    'huge-count': 'ept_lookup reply that claims 2^32-1 entries',
    'endless-list': 'ept_lookup never comes to an end; --value is a pause before each reply in ms',
    'empty-list': 'ept_lookup never comes to an end, and has no entry either',
    'drip': 'answers the BIND with a byte now and then; --value is the pause in ms (300)',
}
DEFAULTS = {'bind-nak': 4, 'reject-context': 1, 'fault': 0x1C010003, 'lying-frag-len': 10,
            'lying-auth-len': 0xFFF0, 'drip': 300}
OP_RANGE = 0x1C010002


class Mapper:
    """One connection."""

    def __init__(self, sock, args):
        self.sock = sock
        self.mode = args.mode
        self.value = DEFAULTS.get(args.mode, 0) if args.value is None else args.value
        self.reset = args.reset
        self.order = '>' if args.mode == 'big-endian' else '<'
        self.address = sock.getsockname()[0]
        if ':' in self.address:
            self.address = '0.0.0.0'    # a tower has no room for IPv6: "where you found me"

    def send(self, data):
        pause = {'one-byte': 0.0005, 'drip': self.value / 1000}.get(self.mode)
        if pause is None:
            self.sock.sendall(data)
            return
        for byte in data:
            self.sock.sendall(bytes([byte]))
            time.sleep(pause)

    def reply(self, ptype, body, call_id, **fields):
        self.send(pdu.pdu(ptype, body, call_id=call_id, order=self.order, **fields))

    def close(self):
        if self.reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def swallow(self):
        while self.sock.recv(65536):
            pass

    def run(self):
        if self.mode == 'close-on-accept':
            return
        if self.mode == 'never-answer':
            self.swallow()
            return
        while True:
            got = pdu.Received(self.sock)
            if got.ptype in (pdu.BIND, pdu.ALTER):
                more = self.on_bind(got)
            elif got.ptype == pdu.REQUEST:
                more = self.on_request(got)
            else:
                more = True
            if not more:
                return

    def bind_ack(self, got):
        """Body of the bind_ack (C706 12.6.4.4): NDR 2.0 is accepted, all else refused."""
        count, results, at = got.body[8], b'', 12
        for _ in range(count):
            transfers = got.body[at + 2]
            offered = [got.body[at + 24 + 20 * i:][:20] for i in range(transfers)]
            at += 24 + 20 * transfers
            if self.mode == 'reject-context':
                results += struct.pack(self.order + 'HH', 2, self.value) + bytes(20)
            elif pdu.syntax(pdu.NDR20, got.order) in offered:
                results += struct.pack(self.order + 'HH', 0, 0) + pdu.syntax(pdu.NDR20, self.order)
            else:
                results += struct.pack(self.order + 'HH', 2, 2) + bytes(20)
        port = str(self.sock.getsockname()[1]).encode() + b'\0'
        head = struct.pack(self.order + 'HHIH', 4280, 4280, 1, len(port)) + port
        return pdu.pad4(head) + struct.pack(self.order + 'Bxxx', count) + results

    def on_bind(self, got):
        if self.mode == 'garbage':
            self.send(random.Random(1).randbytes(4096))
            self.swallow()
        elif self.mode == 'bind-nak':
            self.reply(pdu.BIND_NAK, struct.pack('<HBBBxxx', self.value, 1, 5, 0), got.call_id)
            return True
        elif self.mode == 'lying-frag-len':
            self.reply(pdu.BIND_ACK, self.bind_ack(got), got.call_id, frag_len=self.value)
            self.swallow()
        elif self.mode == 'lying-auth-len':
            self.reply(pdu.BIND_ACK, self.bind_ack(got), got.call_id, auth_len=self.value)
            self.swallow()
        elif self.mode != 'close-after-bind':
            answer = pdu.BIND_ACK if got.ptype == pdu.BIND else pdu.ALTER_RESP
            self.reply(answer, self.bind_ack(got), got.call_id)
            return self.mode != 'close-after-bind-ack'
        return False

    def entries(self):
        return [(name, pdu.tower(interface, 9, self.address))
                for name, interface in (('samr', pdu.SAMR), ('lsarpc', pdu.LSARPC))]

    def lookup(self, got, most):
        """As many entries as asked for; the last byte of the handle counts those already sent."""
        if self.mode in ('endless-list', 'empty-list'):
            time.sleep(self.value / 1000)
            batch = self.entries() if self.mode == 'endless-list' else []
            return pdu.lookup_reply(batch[:most], most, b'\1' * 20, 0)
        sent = got.body[-5]
        batch = self.entries()[sent:sent + most]
        if not batch:
            return pdu.lookup_reply([], most, bytes(20), pdu.NOT_REGISTERED, self.order)
        handle = bytes(19) + bytes([sent + len(batch)])
        return pdu.lookup_reply(batch, most, handle, 0, self.order)

    def on_request(self, got):
        opnum = struct.unpack_from(got.order + 'H', got.body, 6)[0]
        most = struct.unpack(got.order + 'I', got.body[-4:])[0]     # of ept_lookup and ept_map
        stub = None
        if self.mode == 'endless-fragments':
            self.fragments(got.call_id)
        elif self.mode == 'huge-count':
            stub = pdu.lookup_reply(self.entries(), 0xFFFFFFFF, bytes(20), 0, claimed=0xFFFFFFFF)
        elif opnum == pdu.EPT_LOOKUP:
            stub = self.lookup(got, most)
        elif opnum == pdu.EPT_MAP:
            stub = pdu.map_reply([tower for _, tower in self.entries()[:1]], most, self.order)
        elif opnum == pdu.EPT_HANDLE_FREE:
            stub = bytes(24)
        if self.mode == 'fault' or stub is None:
            status = self.value if self.mode == 'fault' else OP_RANGE
            body = struct.pack(self.order + 'IHBxII', 32, 0, 0, status, 0)
            self.reply(pdu.FAULT, body, got.call_id)
            return True
        body = struct.pack(self.order + 'IHBx', len(stub), 0, 0) + stub
        if self.mode == 'close-mid-reply':
            self.send(pdu.pdu(pdu.RESPONSE, body, call_id=got.call_id)[:16 + len(body) // 2])
            return False
        wrong = 1000 if self.mode == 'wrong-call-id' else 0
        self.reply(pdu.RESPONSE, body, got.call_id + wrong)
        return True

    def fragments(self, call_id):
        body = struct.pack('<IHBx', 4096, 0, 0) + bytes(4096)
        self.reply(pdu.RESPONSE, body, call_id, flags=pdu.FIRST)
        while True:
            self.reply(pdu.RESPONSE, body, call_id, flags=0)


def serve(sock, args):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    mapper = Mapper(sock, args)
    try:
        mapper.run()
    except (OSError, pdu.Closed, IndexError, struct.error):
        pass    # the client left, or sent what no mapper would understand
    finally:
        mapper.close()


def main():
    modes = '\n'.join('  %-21s%s' % mode for mode in MODES.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog='modes:\n' + modes,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('mode', choices=MODES, metavar='MODE')
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--bind', default='127.0.0.1')
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--value', type=lambda text: int(text, 0))
    parser.add_argument('--reset', action='store_true')
    args = parser.parse_args()
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
    signal.alarm(args.seconds)
    family = socket.AF_INET6 if ':' in args.bind else socket.AF_INET
    with socket.create_server((args.bind, args.port), family=family, backlog=64) as listener:
        print('ready', listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=(sock, args), daemon=True).start()


main()
