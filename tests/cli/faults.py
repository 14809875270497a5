#!/usr/bin/python3 -B
"""Servers that say no, say it at length, or say nothing: what call and ping make of it."""
import socket
import struct
import threading

from cli import *

NDR20 = bytes.fromhex('045d888aeb1cc9119fe808002b10486002000000')


def pdu(ptype, call, body, flags=3):
    return struct.pack('<BBBBIHHI', 5, 0, ptype, flags, 0x10, 16 + len(body), 0, call) + body


def bind_ack(call, contexts, results):
    body = struct.pack('<HHIH', 4280, 4280, 0x1234, 4) + b'135\0' + b'\0' * 2
    body += struct.pack('<BBH', contexts, 0, 0)
    for result, reason in results:
        body += struct.pack('<HH', result, reason) + (NDR20 if result == 0 else b'\0' * 20)
    return body


# as a Windows domain controller sent it with the fault nca_s_op_rng_error
EERR = bytes.fromhex(
    '01100800cccccccc' '4800000000000000' '00000200' '00000000' '00000000' '01000100' '04000000'
    '04000200' 'ac020000' '00000000' 'a0ac1283a475da01' '02000000' 'd1060000' 'b7000000' '00000000'
    '04000000' '4400430031000000' '00000000')


class Liar:
    """A server of one answer to each request: a function of (call id, opnum) giving PDUs."""

    def __init__(self, answer, alter=(0, 0)):
        self.answer, self.alter = answer, alter
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with peer:
            while True:
                head = peer.recv(16, socket.MSG_WAITALL)
                if len(head) < 16:
                    return
                _, _, ptype, _, _, length, _, call = struct.unpack('<BBBBIHHI', head)
                body = peer.recv(length - 16, socket.MSG_WAITALL)
                if ptype == 11:
                    peer.sendall(pdu(12, call, bind_ack(call, 1, [(0, 0)])))
                elif ptype == 14:
                    peer.sendall(pdu(15, call, bind_ack(call, 1, [self.alter])))
                elif ptype == 0:
                    reply = self.answer(call, struct.unpack_from('<H', body, 6)[0])
                    if reply is None:
                        return
                    peer.sendall(reply)


def fault(status, flags=3, more=b''):
    def answer(call, _):
        return pdu(3, call, struct.pack('<IHBBII', 32 + len(more), 0, 0, 1 if more else 0, status, 0)
                   + more, flags)
    return answer


# ---- call
liar = Liar(fault(5))
run = Run('call', liar.address, 'mgmt.inq_if_ids')
ok(run.code == 40 and '0x00000005' in run.err and 'ERROR_ACCESS_DENIED' in run.err,
   'call: a fault with its name', run)
report = valid(Run('call', liar.address, 'mgmt.inq_if_ids', '--json'), 'call, fault')
eq((report['calls'][0].get('fault'), 'reply' in report['calls'][0]), ('0x00000005', False),
   'call: the fault in JSON')
run = Run('call', Liar(fault(0x1c010003)).address, 'mgmt.inq_if_ids')
ok('nca_unk_if' in run.err and 'RPC_S_UNKNOWN_IF' in run.err, 'call: what Windows shows', run)
run = Run('call', Liar(lambda call, _: pdu(2, call, struct.pack('<IHBB', 2, 0, 0, 0) + b'xy')).address,
          'mgmt.inq_if_ids')
ok(run.code == 40 and 'if_id_vector' in run.err, 'call: a reply cut short names its place', run)
run = Run('call', Liar(lambda call, _: None).address, 'mgmt.inq_if_ids')
eq(run.code, 40, 'call: closed instead of answered', run)
run = Run('call', Liar(lambda call, _: b'').address, 'mgmt.inq_if_ids', '--timeout', '0.2')
eq(run.code, 40, 'call: no answer in time', run)

liar = Liar(fault(0x1c010002, more=EERR))
run = Run('call', liar.address, 'mgmt.inq_if_ids')
ok('DC1, RPC runtime: status 1745 RPC_S_PROCNUM_OUT_OF_RANGE, location 183, process 684, 2024-03-'
   in run.err, 'call: extended error information', run)
report = valid(Run('call', liar.address, 'mgmt.inq_if_ids', '--json'), 'call, extended error')
eq([(x['computer'], x['status'], x['component']) for x in
    report['calls'][0].get('extended_error', [])], [('DC1', 1745, 2)], 'extended error in JSON')
liar = Liar(fault(0x1c010002, more=EERR[:40]))
run = Run('call', liar.address, 'mgmt.inq_if_ids')
ok(run.code == 40 and 'cannot be read' in run.err, 'call: extended error information cut short', run)

# ---- ping
run = Run('ping', Liar(fault(5)).address, '--json')
report = valid(run, 'ping, fault')
ok(run.code == 0 and report['lost'] == 0 and all(c['fault'] == '0x00000005' for c in report['calls']),
   'ping: a fault is an answer', run)
ok('an answer too' in Run('ping', Liar(fault(5)).address).out, 'ping: and is said to be one')
run = Run('ping', Liar(fault(0x1c010002), alter=(2, 1)).address, '--json', '--stats')
report = valid(run, 'ping without mgmt')
ok(run.code == 0 and report['lost'] == 0 and 'mgmt' not in report['method'] and
   'error' in report['stats'], 'ping: where mgmt is rejected another call is timed', run)
run = Run('ping', Liar(lambda call, _: b'').address, '--timeout', '0.2', '--count', '2', '--json')
report = valid(run, 'ping, silence')
eq((run.code, report['lost'], report['min']), (40, 2, None), 'ping: all lost', run)
answers = iter([True, False, True])
run = Run('ping', Liar(lambda call, opnum: fault(5)(call, opnum) if next(answers) else b'').address,
          '--timeout', '0.3', '--count', '3', '--json')
report = valid(run, 'ping, one lost')
eq((run.code, report['lost']), (1, 1), 'ping: one lost is a warning', run)
run = Run('ping', Liar(lambda call, _: b'').address, '--timeout', '5', '--deadline', '0.3')
ok(run.code in (40, 75), 'ping: the deadline', run)
done()
