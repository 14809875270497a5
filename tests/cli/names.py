#!/usr/bin/python3 -B
"""msrpc name against DNS servers of our own on loopback: from where and as whom it asked, servers
on other ports than 53, words of any length."""
import contextlib
import re
import socket
import struct
import tempfile
import threading

from cli import *

# Where nothing is to answer, and where something is: that has time, however busy the machine.
QUICK = ['--no-system', '--timeout', '0.3', '--retries', '0']
SURE = ['--no-system', '--timeout', '10', '--retries', '0']
A, TXT, AAAA = 1, 16, 28


def closed():
    """An address where nothing serves DNS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(('127.0.0.1', 0))
        return '127.0.0.1:%d' % probe.getsockname()[1]


def reply(query, answers):
    """The answer to a query: answers[type] is an rcode or a list of (ttl, data), none is NODATA;
    None keeps silent."""
    end = query.index(b'\0', 12) + 5
    kind = struct.unpack('!H', query[end - 4:end - 2])[0]
    what = answers.get(kind, []) if answers is not None else None
    if what is None:
        return None
    rcode, records = (what, []) if isinstance(what, int) else (0, what)
    data = b''.join(b'\xc0\x0c' + struct.pack('!HHIH', kind, 1, ttl, len(rdata)) + rdata
                    for ttl, rdata in records)
    return (query[:2] + struct.pack('!HHHHH', 0x8580 | rcode, 1, len(records), 0, 0) +
            query[12:end] + data)


@contextlib.contextmanager
def server(answers):
    """A DNS server on UDP; gives its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(('127.0.0.1', 0))

        def serve():
            while True:
                query, peer = udp.recvfrom(4096)
                if not query:
                    return
                back = reply(query, answers)
                if back:
                    udp.sendto(back, peer)
        thread = threading.Thread(target=serve)
        thread.start()
        at = udp.getsockname()
        try:
            yield '%s:%d' % at
        finally:
            udp.sendto(b'', at)
            thread.join()


def findings(run):
    return {x['id'] for x in run.json()['findings']}


# ---- from where, as whom ----

nowhere = closed()
with tempfile.NamedTemporaryFile('w', suffix='.list') as listed:
    listed.write('FILESRV 20 127.0.0.9\n')
    listed.flush()
    forms = {
        'DNS': ['host.example', '--dns-server', nowhere],
        'an address': ['127.0.0.1', '--dns-server', nowhere],
        '--wins': ['FILESRV', '--wins', '127.0.0.9'],
        '--status': ['127.0.0.9', '--status'],
        '--status of a DNS name': ['host.example', '--status', '--dns-server', nowhere],
        '--list': ['--list', listed.name],
        '--dsgetdc': ['--dsgetdc', 'corp.example', '--dns-server', nowhere],
        '--health': ['--health', 'corp.example', '--dns-server', nowhere],
    }
    for form, args in forms.items():
        quick = [x for x in QUICK if '--dns-server' in args or x != '--no-system']
        run = Run('name', *args, *quick)
        first = run.out.split('\n')[0]
        asked = '%s %s ' % (args[0], args[1]) if form in ('--list', '--dsgetdc', '--health') else ''
        ok(first.startswith('msrpc name ' + asked) and first.endswith('  from 127.0.0.1, anonymous') and
           len(first) == 80, form + ': from where and as whom', run)
        report = valid(Run('name', '--json', *args, *quick), form)
        eq(report.get('vantage'), {'address': '127.0.0.1', 'identity': 'anonymous'},
           form + ': vantage')

# ---- the foot ----

run = Run('port', '127.0.0.1', '--ports', '1', '--no-probe')
ok(re.search(r'   \d+(\.\d)? ms$', run.out, re.M), 'a short run took milliseconds, not 0.0 s', run)

# ---- a server on another port ----

with server(None) as mute:
    host, port = mute.split(':')
    run = Run('name', 'host.example', '--dns-server', mute, *QUICK)
    ok('allow UDP and TCP port %s to %s.' % (port, host) in ' '.join(run.out.split()) and
       'msrpc port %s --ports %s --protocol tcp\n' % (host, port) in run.out and
       'port 53' not in run.out, 'a silent server on another port is looked for there', run)
with server({A: [(60, b'\x7f\0\0\1')]}) as good:
    args = ['name', 'host.example', '--type', 'A', '--dns-server', nowhere, '--dns-server', good]
    run = Run(*args, *SURE)
    ok('NAME.SERVER_REJECTS' in findings(Run(*args, *SURE, '--json')) and
       'seconds' not in run.out, 'a server that rejects costs no seconds', run)
    with server(None) as mute:
        args = ['name', 'host.example', '--type', 'A', '--dns-server', mute, '--dns-server', good]
        waits = [*SURE, '--timeout', '3']  # for the one that keeps silent
        run = Run(*args, *waits)
        ok('NAME.SERVER_DEAD' in findings(Run(*args, *waits, '--json')) and
           'loses seconds' in run.out, 'a silent one does', run)

# ---- any TTL, words of any length ----

with server({A: [(0xffffffff, b'\x7f\0\0\1')]}) as good:
    run = Run('name', 'host.example', '--dns-server', good, *SURE)
    ok(re.search(r'127\.0\.0\.1 .* 4294967295 +[0-9.]+ ms$', run.out, re.M), 'the longest TTL', run)
long = '.'.join(['a' * 60] * 4)
with server({TXT: [(60, bytes([250]) + b'x' * 250)], A: [(60, b'\x7f\0\0\1')]}) as good:
    for args in (['host.example', '--type', 'TXT'], [long, '--type', 'A'], [long],
                 ['--dsgetdc', long[:200]], ['--health', long[:200]],
                 ['--health', 'corp.example', '--dc', long[:200], '--color', 'always']):
        run = Run('name', *args, '--dns-server', good, *SURE)
        shown = re.sub('\033\\[[0-9]*m', '', run.out)
        shown = re.sub('\n +Summary of DNS test results:(?s:.*) failed test DNS', '', shown)
        wide = [x for x in shown.splitlines()  # the table is as dcdiag writes it
                if len(x) > 80 and not re.match(r' NEXT|   \S', x)]  # commands stay whole
        eq(wide, [], 'a long word goes on in the next line: ' + args[0][:20], run)

done()
