#!/usr/bin/python3 -B
"""msrpc serve under faults and load, in a network namespace of its own: what is asserted is that
nothing else is lost; the numbers are told, never judged."""
import json
import os
import re
import resource
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

if 'SERVE_LOAD_ALONE' not in os.environ:
    os.environ['SERVE_LOAD_ALONE'] = '1'
    os.execvp('unshare', ['unshare', '--net', sys.executable, '-B', __file__])

from tap import *

MSRPC = names['MSRPC']
REGISTERED = os.path.join(os.path.dirname(os.path.realpath(MSRPC)), '../../tests/live/registered')
TEST_SLEEP = 6
HOST, MAPPER, METRICS = '10.77.0.1', 135, 9135
ECHO = ('60a15ec5-4de8-11d7-a637-005056a20182', 1, 0)
EPM = ('e1af8308-5d1f-11c9-91a4-08002b14a0fa', 3, 0)
NDR = ('8a885d04-1ceb-11c9-9fe8-08002b104860', 2, 0)
OURS = ('3d1f7e52-6c0a-4c54-9d0e-5a2b6f0c9a77', 1, 0)
FOLDER = names['TEST_TMP']
CONFIG, LOG, SOCKET = (os.path.join(FOLDER, x) for x in ('serve.conf', 'log', 'epm.sock'))
CAP = 1500                  # connections of one client
POOL = 20000, 20009         # none that the clients here get by themselves
FULL = 20100
TEXT = '''[mapper]
listen = %s:%d
socket = %s
[listen]
bind = %s
[ports]
Ports = %%s
PortsInternetAvailable = Y
UseInternetPorts = Y
[interface rpcecho]
[limits]
connections = 20000
connections_per_client = %d
bind_timeout = 3
stall_timeout = 3
[log]
rate = 5
[metrics]
listen = %s:%d
''' % (HOST, MAPPER, SOCKET, HOST, CAP, HOST, METRICS)


def tell(text, *args):
    print('# ' + text % args, flush=True)


# ---- octets

def syntax(it):
    return uuid.UUID(it[0]).bytes_le + struct.pack('<HH', it[1], it[2])


def pdu(kind, body, call=1):
    return struct.pack('<BBBB4sHHI', 5, 0, kind, 3, b'\x10\0\0\0', 16 + len(body), 0, call) + body


def bind(interface):
    return pdu(11, struct.pack('<HHIB3xHB1x', 4280, 4280, 0, 1, 0, 1) + syntax(interface) +
               uuid.UUID(NDR[0]).bytes_le + struct.pack('<I', NDR[1]))


def request(opnum, stub, call=2):
    return pdu(0, struct.pack('<IHH', len(stub), 0, opnum) + stub, call)


ADD_ONE, BIND_ECHO, BIND_EPM = request(0, struct.pack('<I', 41)), bind(ECHO), bind(EPM)


class Gone(Exception):
    """The connection ended."""


class Client:
    """A connection from @source; blocks, and gives up after half a minute."""

    def __init__(self, port, source=None, host=HOST):
        self.socket = socket.create_connection((host, port), 30, (source, 0) if source else None)

    def read(self):
        data = b''
        while len(data) < 16 or len(data) < struct.unpack_from('<H', data, 8)[0]:
            more = self.socket.recv(4096)
            if not more:
                raise Gone
            data += more
        return data

    def ask(self, octets, kind):
        self.socket.sendall(octets)
        data = self.read()
        if data[2] != kind:
            raise Gone('PDU %d' % data[2])
        return data

    def bind(self, octets=BIND_ECHO):
        self.ask(octets, 12)
        return self

    def add_one(self):
        return struct.unpack('<I', self.ask(ADD_ONE, 2)[24:28])[0] == 42

    def close(self):
        self.socket.close()


def numbers():
    with urllib.request.urlopen('http://%s:%d/metrics' % (HOST, METRICS), timeout=30) as answer:
        text = answer.read().decode()
    return {k: float(v) for k, v in re.findall(r'^(msrpc_\S+) (\S+)$', text, re.M)}


def wait_for(what, good):
    end = time.monotonic() + 60
    while not good(value := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def entries():
    """What the mapper knows: interfaces and ports."""
    run = subprocess.run([MSRPC, 'map', HOST, '--json'], capture_output=True, check=False)
    report = json.loads(run.stdout or '{}')
    return [(x['interface']['uuid'], int(x['endpoint'])) for x in report.get('endpoints', ())]


def mapped():
    """The ports that the mapper gives for rpcecho and for ours."""
    return dict(entries())


def resident(child):
    with open('/proc/%d/status' % child.pid) as file:
        return int(re.search(r'VmRSS:\s+(\d+)', file.read())[1])


def configure(ports):
    with open(CONFIG, 'w') as file:
        file.write(TEXT % ports)


def percentiles(times):
    times = sorted(times)
    return (statistics.median(times) * 1e6, times[len(times) * 99 // 100] * 1e6)


def timed_calls(client, count):
    times, good = [], 0
    for _ in range(count):
        begin = time.perf_counter()
        good += client.add_one()
        times.append(time.perf_counter() - begin)
    return good, percentiles(times)


# ---- faults

class Drip(threading.Thread):
    """Sends one octet a second until the server has enough of it."""

    def __init__(self, port, octets, bound):
        super().__init__(daemon=True)
        self.client = Client(port)
        if bound:
            self.client.bind()
        self.octets, self.ended, self.sent = octets, False, 0
        self.start()

    def run(self):
        self.client.socket.settimeout(1)
        for octet in self.octets:
            try:
                self.client.socket.sendall(bytes([octet]))
                self.sent += 1
                if not self.client.socket.recv(100):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            return
        self.ended = True


def connects(port, wanted=2000, seconds=2):
    """Connections made, bound, asked and closed at a pace, from four threads."""
    good, lost = [0] * 4, []

    def run(index):
        begin = time.monotonic()
        for n in range(wanted * seconds // 4):
            pause = begin + n * 4 / wanted - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            try:
                client = Client(port, '10.77.1.%d' % (index + 1)).bind()
                good[index] += client.add_one()
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack('ii', 1, 0))
                client.close()
            except (OSError, Gone) as error:
                lost.append(error)

    begin = time.monotonic()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begin
    eq((sum(good), len(lost)), (wanted * seconds, 0),
       '%d connections with a bind and a call, paced at %d/s, lose nothing' %
       (wanted * seconds, wanted), lost[:3])
    tell('%.0f connect + bind + call + close per second', sum(good) / took)


def idle(port, child):
    count = min(15000, most_files - 500)
    caller = Client(port).bind()
    good, before = timed_calls(caller, 1000)
    least = resident(child)
    lost, held = 0, []
    for i in range(count):
        try:
            held.append(Client(port, '10.77.2.%d' % (i % 100 + 1)).bind())
        except (OSError, Gone):
            lost += 1
    most = resident(child)
    more, after = timed_calls(caller, 1000)
    eq((lost, good, more), (0, 1000, 1000), '%d connections rest, and calls go on' % count)
    eq(numbers()['msrpc_connections'] >= count, True, 'all of them stand')
    tell('%.2f KB of memory a connection above %d KB (instrumented builds take more)',
         (most - least) / max(len(held), 1), least)
    tell('p50 and p99 of a call: %.0f and %.0f us alone, %.0f and %.0f us beside them',
         *before, *after)
    eq(sum(x.add_one() for x in held[::100]), len(held[::100]), 'any of them can call')
    for client in held + [caller]:
        client.close()
    wait_for(numbers, lambda x: x['msrpc_connections'] < count / 2)


def one_client(port):
    held, other = [], 0
    for _ in range(CAP + 100):
        try:
            held.append(Client(port, '10.77.3.1').bind())
        except (OSError, Gone):
            pass
    for _ in range(20):
        client = Client(port, '10.77.3.2').bind()
        other += client.add_one()
        client.close()
    eq((len(held), other), (CAP, 20), 'one client gets its share of connections, others theirs')
    for client in held:
        client.close()


def blast(port, source, count, ready):
    """Asks on @count connections as fast as they take it, and reads what comes, until it is killed."""
    octets = b''.join(request(0, struct.pack('<I', 41), 2 + i) for i in range(16384))
    poll, at = select.poll(), {}
    for _ in range(count):
        it = Client(port, source).bind().socket
        it.setblocking(False)
        at[it.fileno()] = it, 0
        poll.register(it, select.POLLIN | select.POLLOUT)
    os.write(ready, b'.')
    while True:
        for fd, events in poll.poll():
            it, sent = at[fd]
            try:
                if events & select.POLLIN:
                    it.recv(1 << 20)
                if events & select.POLLOUT:
                    sent += it.send(memoryview(octets)[sent:])
            except BlockingIOError:
                pass
            at[fd] = it, sent % len(octets)


def blasted(port, asked=200):
    """One client floods on 64 connections; how many of its calls come between those of another?"""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            blast(port, '10.77.1.2', 64, told)
        finally:
            os._exit(1)
    os.close(told)
    try:
        os.read(ready, 1)
        calls = 'msrpc_call_seconds_count'
        start = numbers()[calls]
        wait_for(numbers, lambda x: x[calls] > start + 10000)
        other, before = Client(port, '10.77.1.3').bind(), numbers()[calls]
        good, times = timed_calls(other, asked)
        between = numbers()[calls] - before - asked
        wait_for(numbers, lambda x: x[calls] > before + asked + between)
        eq(os.waitpid(pid, os.WNOHANG), (0, 0), 'the flood goes on')
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    # 64 connections had 64 KiB each read in a turn: 150 thousand calls
    ok(good == asked and 0 < between / asked < 20000,
       'a client that floods on 64 connections does not hold up another', good, between)
    tell('%d calls of the flood for each of the other, which took %.0f us, %.0f at the 99th percentile',
         between / asked, *times)
    other.close()


def hangups(child):
    """SIGHUP moves the interface between two ports twenty times while calls go on."""
    before = numbers()
    port = mapped()[ECHO[0]]
    kept, calls, lost, stop = Client(port).bind(), [0, 0], [], threading.Event()

    def keep_calling():
        while not stop.is_set():
            try:
                calls[0] += kept.add_one()
            except (OSError, Gone) as error:
                lost.append(error)
                return

    def keep_mapping():
        while not stop.is_set():
            try:
                client = Client(MAPPER).bind(BIND_EPM)
                client.close()
                calls[1] += 1
            except (OSError, Gone) as error:
                lost.append(error)
                return

    threads = [threading.Thread(target=x) for x in (keep_calling, keep_mapping)]
    for thread in threads:
        thread.start()
    ports = []
    for i in range(20):
        configure('%d-%d' % ((POOL[0], POOL[0] + 4) if i % 2 else (POOL[0] + 5, POOL[1])))
        child.send_signal(signal.SIGHUP)
        wait_for(numbers, lambda x: x['msrpc_reloads_total'] == before['msrpc_reloads_total'] +
                 i + 1)
        ports.append(mapped().get(ECHO[0]))
    stop.set()
    for thread in threads:
        thread.join()
    eq((lost, len(set(ports)), None in ports), ([], 2, False),
       'SIGHUP under load: no call and no connection is lost, the mapper always knows', ports)
    tell('20 reloads beside %d calls of one connection and %d new ones', *calls)
    kept.close()


def full_pool(child):
    port = mapped()[ECHO[0]]
    taken = socket.create_server((HOST, FULL))
    configure(str(FULL))
    for _ in range(2):
        before = numbers()['msrpc_reloads_total']
        child.send_signal(signal.SIGHUP)
        wait_for(numbers, lambda x: x['msrpc_reloads_total'] == before + 1)
    eq(mapped()[ECHO[0]], port, 'a full pool: the interface stays where it is')
    eq(Client(port).bind().add_one(), True, '... and answers')
    with open(LOG) as file:
        told = [x for x in file if '1721' in x]
    eq(len(told), 1, 'the log tells 1721, once', *told)
    taken.close()
    configure('%d-%d' % POOL)
    child.send_signal(signal.SIGHUP)


# ---- a server of this machine that dies

def pressing(port, index, counts, answered):
    """Calls without end; what ends it is the death of the server."""
    client = Client(port).bind(bind(OURS))
    try:
        while client.add_one():
            counts[index] += 1
            if counts[index] == 100:
                answered.set()
    except (OSError, Gone):
        counts[index + 2] = 1


def killed():
    """A server that the library registered is killed while calls are answered and others wait."""
    child = subprocess.Popen([REGISTERED, SOCKET, HOST], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    eq(child.stdout.readline(), b'ready\n', 'a server registers over the local socket')
    before = sorted(entries())
    ports = [x for interface, x in before if interface == OURS[0]]
    eq(len(set(ports)), 2, 'the mapper knows its two endpoints', before)
    waiting = Client(ports[0]).bind(bind(OURS))
    waiting.socket.sendall(request(TEST_SLEEP, struct.pack('<I', 1)))
    others = Client(mapped()[ECHO[0]]).bind()
    counts, begun = [0, 0, 0, 0], [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=pressing, args=(port, i, counts, begun[i]))
               for i, port in enumerate(ports)]
    for thread in threads:
        thread.start()
    eq([x.wait(60) for x in begun], [True, True], 'calls are being answered')
    begin = time.monotonic()
    child.kill()
    child.wait()
    left = wait_for(entries, lambda x: OURS[0] not in dict(x))
    took = time.monotonic() - begin
    eq(sorted(left), [x for x in before if x[0] != OURS[0]],
       'kill -9 in the middle of calls: its entries are gone, all others are there')
    tell('%.0f ms after the kill, one map of ours included', took * 1e3)
    for thread in threads:
        thread.join(60)
    tell('%d and %d calls until then', *counts[:2])
    try:
        ended = waiting.socket.recv(1) == b''
    except ConnectionResetError:
        ended = True
    eq((ended, counts[2:], others.add_one()), (True, [1, 1], True),
       '... its clients learn of it, others of nothing')
    again = subprocess.Popen([REGISTERED, SOCKET, HOST], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    eq(again.stdout.readline(), b'ready\n', 'it registers again')
    again.terminate()
    eq(again.wait(60), 0, '... and ends in order')
    eq(sorted(wait_for(entries, lambda x: OURS[0] not in dict(x))), sorted(left),
       'its entries go with it')


# ---- the run

for line in ('link set lo up', 'addr add 10.77.0.1/16 dev lo',
             *('addr add 10.77.1.%d/32 dev lo' % i for i in range(1, 5)),
             *('addr add 10.77.2.%d/32 dev lo' % i for i in range(1, 101)),
             *('addr add 10.77.3.%d/32 dev lo' % i for i in (1, 2))):
    subprocess.run(['ip', *line.split()], check=True)
most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
configure('%d-%d' % POOL)
ready, told = os.pipe()
with open(LOG, 'w') as log:
    server = subprocess.Popen([MSRPC, 'serve', '--config', CONFIG, '--ready-fd', str(told)],
                              pass_fds=[told], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
os.close(told)
if not os.read(ready, 6):
    raise SystemExit('Bail out! serve does not start: ' + open(LOG).read())
try:
    echo = mapped()[ECHO[0]]
    drips = [Drip(echo, BIND_ECHO, False), Drip(echo, ADD_ONE, True)]
    connects(echo)
    idle(echo, server)
    one_client(echo)
    blasted(echo)
    for drip in drips:
        drip.join(60)
    eq([x.ended for x in drips], [True, True], 'a client of one octet a second is sent away')
    tell('after %d octets of a bind and %d of a request', *(x.sent for x in drips))
    hangups(server)
    full_pool(server)
    killed()
    eq(server.poll(), None, 'the server stands')
finally:
    server.terminate()
eq(server.wait(60), 0, 'SIGTERM ends it in order')
with open(LOG) as file:
    text = file.read()
ok('too many connections of this client' in text and re.search(r'refused connections: \d+ more', text),
   'the log tells whom it refused, and counts', text[-2000:])
done()
