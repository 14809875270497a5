#!/usr/bin/python3 -B
"""serve as a service: its file and the mistakes in it, ports as Rpc\\Internet has them, who may call,
SIGHUP, metrics, the log, sockets that were passed in."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from cli import *

ECHO = ['rpcecho.echo_AddOne', '{"in_data":41}']
BAD = (('listen = 1\n', '1:1: listen: a key stands in a section'),
       ('[mapper]\nlisten = 135\n[mapping]\n', '3:2: mapping: no such section'),
       ('[mapper]\n  port = 135\n', '2:3: port: no such key in this section'),
       ('[log]\nrate = 1\nRATE = 2\n', '3:1: RATE: said twice'),
       ('[ports]\nPorts = 50000-50100, 70000 # all of it\n',
        '2:22: 70000: above 65535; one bad entry voids them all (87)'),
       ('[ports]\nUseInternetPorts = yes\n', '2:20: yes: Y or N is wanted'),
       ('[limits]\nmemory = 1T\n', '2:10: 1T: a number from'),
       ('[interface rpcecho]\nmin_auth_level = high\n', '2:18: high: one of these is wanted: none|'),
       ('[interface rpcecho]\n[interface RPCECHO]\n', '2:12: RPCECHO: this interface has a section'),
       ('[mapper]\nlisten = localhost:x\n', '2:10: localhost:x: [ADDR:]PORT is wanted'),
       ('[metrics]\nlisten = 70000\n', '2:10: 70000: [ADDR:]PORT is wanted'),
       ('[listen]\nbind = ::1, 1.2.3.4.5\n', '2:13: 1.2.3.4.5: this is no address'),
       ('[access\n', '1:1: [access: a section ends with ]'),
       ('[log]\nlevel\n', '2:1: level: neither [section] nor key = value'),
       ('[log]\nlevel =\n', '2:1: level: a value is wanted'))


def wait_for(what, good):
    """What @what gives once @good is content with it, or at the end of patience."""
    end = time.monotonic() + 30
    while not good(value := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def endpoints(server):
    run = Run('map', server.address, '--json')
    return sorted(int(x['endpoint']) for x in (run.json() or {}).get('endpoints', ()))


def get(port, path='/metrics', method='GET'):
    request = urllib.request.Request('http://127.0.0.1:%d%s' % (port, path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ''


def free_ports(count):
    """Ports side by side that are free now."""
    for first in range(21000, 30000, 16):
        taken = []
        try:
            for port in range(first, first + count):
                taken.append(socket.create_server(('127.0.0.1', port)))
            return first
        except OSError:
            pass
        finally:
            for one in taken:
                one.close()
    raise SystemExit('Bail out! no free ports')


def mistakes(save):
    for text, wanted in BAD:
        path = save('bad.conf', text)
        run = Run('serve', '--config', path)
        ok(run.code == 64 and '%s:%s' % (path, wanted) in run.err, 'a mistake: ' + wanted, run)
    run = Run('serve', '--config', save('half.conf', '[ports]\nPorts = 50000\n'), '--check-config')
    ok(run.code == 64 and 'belong together (87)' in run.err, 'half of Rpc\\Internet', run)
    eq(Run('serve', '--config', '/nonexistent').code, 66, 'no file')
    for switch in '--mapper', '--metrics':
        run = Run('serve', '--check-config', switch, '70000')
        ok(run.code == 64 and switch + ': 70000 is neither' in run.err, switch, run)
    text = '[ports]\nPorts = 50000-60000\nPortsInternetAvailable = %s\nUseInternetPorts = %s\n'
    for flags, pool in (('YY', '50000-60000'), ('NN', '50000-60000'),
                        ('YN', '49152-49999,60001-65535'), ('NY', '49152-49999,60001-65535')):
        run = Run('serve', '--check-config', '--config', save('ports.conf', text % tuple(flags)))
        ok(run.code == 0 and run.out.endswith(pool + '\n'), 'PortsInternetAvailable and '
           'UseInternetPorts ' + flags, run)
    run = Run('serve', '--check-config', '--era', '2003')
    ok('3977 dynamic ports, 1024-5000' in run.out, '--era 2003', run)
    run = Run('serve', '--check-config', '--config',
              save('high.conf', '[access]\nRestrictRemoteClients = 2\n'))
    ok('refused' in run.out, 'a policy under which nobody finds the server', run)


def life(save):
    first = free_ports(8)
    text = ('[ports]\nPorts = %s\nPortsInternetAvailable = Y\nUseInternetPorts = Y\n'
            '[access]\nRestrictRemoteClients = %d\n[interface rpcecho]\nanonymous = %s\n'
            '[metrics]\nlisten = %d\n[log]\nlevel = info\nrate = 3\n')
    path = save('serve.conf', text % (first, 0, 'no', first + 7))
    with Server('--config', path) as server:
        child = server.child
        eq(endpoints(server), [first], 'the port of the file')
        eq(Run('call', '127.0.0.1:%d' % first, *ECHO).code, 0, 'a call')

        def again(*what):
            before = int(re.search(r'^msrpc_reloads_total (\d+)', get(first + 7)[1], re.M)[1])
            save('serve.conf', text % what)
            child.send_signal(signal.SIGHUP)
            wait_for(lambda: get(first + 7)[1],
                     lambda x: 'msrpc_reloads_total %d\n' % (before + 1) in x)

        with socket.create_connection(('127.0.0.1', first)) as kept:
            again(first + 1, 1, 'no', first + 7)
            eq(endpoints(server), [first + 1], 'SIGHUP: another port, and the mapper knows')
            with socket.socket() as probe:
                eq(probe.connect_ex(('127.0.0.1', first)) != 0, True, '... the old one is closed')
            kept.sendall(b'\x05\x00\x0b\x03')
            kept.settimeout(0.2)
            try:
                alive = kept.recv(1) != b''
            except TimeoutError:
                alive = True
            ok(alive, '... and its connections stay')
        at = '127.0.0.1:%d' % (first + 1)
        run = Run('call', at, '--json', *ECHO)
        eq((run.code, run.json()['calls'][0].get('fault')), (40, '0x00000005'),
           'RestrictRemoteClients 1: a stranger is refused', run)
        run = Run('diagnose', server.address, '--interface', 'rpcecho', '--json')
        ok('RPC.ANONYMOUS_DENIED' in [x['id'] for x in run.json()['findings']],
           'diagnose finds it', run)
        again(first + 1, 1, 'yes', first + 7)
        eq(Run('call', at, *ECHO).code, 0, 'an interface that asks for strangers')
        again(first + 1, 2, 'yes', first + 7)
        run = Run('map', server.address)
        ok(run.code == 30 and '0x00000005' in run.err + run.out, 'RestrictRemoteClients 2: not '
           'even the mapper', run)
        run = Run('diagnose', server.address, '--json')
        eq(run.json()['verdict']['finding'], 'EPM.ACCESS_DENIED', 'diagnose finds it', run)

        status, page = get(first + 7)
        eq(status, 200, 'GET /metrics')
        for line in (r'msrpc_calls_total\{interface="rpcecho",opnum="0",method="echo_AddOne"\} \d',
                     r'msrpc_faults_total\{status="0x00000005"\} [1-9]',
                     r'msrpc_call_seconds_bucket\{le="\+Inf"\} [1-9]',
                     r'msrpc_connections_total [1-9]', r'msrpc_mapper_entries 1$'):
            ok(re.search('^' + line, page, re.M), 'metrics: ' + line, page)
        families = re.findall(r'^# TYPE (\S+) (counter|gauge|histogram)$', page, re.M)
        samples = {re.sub(r'_(bucket|sum|count)$', '', x) if 'seconds' in x and 'time' not in x
                   else x for x in re.findall(r'^(msrpc_\w+)[ {]', page, re.M)}
        eq({x for x, _ in families}, samples, 'metrics: a type for every sample')
        eq([get(first + 7, '/')[0], get(first + 7, method='POST')[0],
            get(first + 7, method='HEAD')[0]], [404, 405, 200], 'nothing else is given')
        with socket.create_connection(('127.0.0.1', first + 7)) as greedy:
            greedy.sendall(b'GET /metrics HTTP/1.1\r\nX: ' + b'x' * 9000)
            ok(greedy.recv(100).startswith(b'HTTP/1.1 431'), 'a long request is refused')
        silent = [socket.create_connection(('127.0.0.1', first + 7)) for _ in range(40)]
        eq(get(first + 7)[0], 200, 'silent scrapers keep nobody out')
        for one in silent:
            one.close()

        for mistake in '[nonsense]\n', '[interface nonsense]\n':
            save('serve.conf', mistake)
            child.send_signal(signal.SIGHUP)
            time.sleep(0.2)
            eq(Run('call', at, *ECHO).code, 40, 'a file with a mistake changes nothing')
        child.terminate()
        told = child.communicate(timeout=GUARD)[1].decode()
        eq(child.returncode, 0, 'SIGTERM ends it')
    ok(re.search(r'not reloaded: /\S*serve\.conf:1:2: nonsense: no such section', told),
       'the log tells the mistake', told)
    ok('nonsense is not built in' in told, '... and the interface that is not there', told)
    ok(re.search(r'^msrpc serve: connections: \d+ more in 10 s$', told, re.M),
       'the log counts what it leaves out', told)
    eq(sum(' connected' in x for x in told.splitlines()) <= 6, True, '... and leaves it out', told)


def full(save):
    """Every port of the pool is taken."""
    first = free_ports(2)
    with socket.create_server(('127.0.0.1', first)):
        run = Run('serve', '--mapper', '127.0.0.1:%d' % (first + 1), '--bind', '127.0.0.1',
                  '--ports', str(first))
        ok(run.code == 69 and 'error 1721, RPC_S_OUT_OF_RESOURCES: no port of %d is free' % first
           in run.err, 'a full pool is 1721', run)
        eq(run.err.count('1721'), 1, '... told once', run)
    del save


def passed(save):
    """Sockets as a service manager passes them, and its datagram that all is well."""
    folder = os.path.dirname(save('x', ''))
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(os.path.join(folder, 'notify'))
    notify.settimeout(30)
    local = socket.socket(socket.AF_UNIX)
    local.bind(os.path.join(folder, 'epm'))
    local.listen()
    with socket.create_server(('127.0.0.1', 0)) as tcp, local, \
            open(os.path.join(folder, 'log'), 'w+') as log:
        port = tcp.getsockname()[1]
        stat = os.fstat(log.fileno())
        env = dict(os.environ, LISTEN_FDS='2', LISTEN_FDNAMES='mapper:local',
                   NOTIFY_SOCKET=os.path.join(folder, 'notify'),
                   JOURNAL_STREAM='%d:%d' % (stat.st_dev, stat.st_ino))

        def settle():
            high = [os.dup2(x.fileno(), 20 + i) for i, x in enumerate((tcp, local))]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)
            os.environb[b'LISTEN_PID'] = b'%d' % os.getpid()
        # the shell knows the process that the sockets are for
        command = ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', MSRPC, 'serve', '--bind',
                   '127.0.0.1', '--log', 'info']
        child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=log,
                                 stdin=subprocess.DEVNULL, close_fds=False, preexec_fn=settle)
        try:
            eq(notify.recv(100), b'READY=1', 'the manager is told')
            run = Run('map', '127.0.0.1:%d' % port, '--json')
            eq(len(run.json()['endpoints']), 1, 'a TCP socket passed in serves the mapper', run)
            with socket.socket(socket.AF_UNIX) as probe:
                eq(probe.connect_ex(os.path.join(folder, 'epm')), 0, 'and a local one')
        finally:
            child.terminate()
            child.wait(GUARD)
        eq(notify.recv(100), b'STOPPING=1', '... of the end too')
        ok(os.path.exists(os.path.join(folder, 'epm')), 'its file is the manager\'s')
        log.seek(0)
        told = log.read()
        ok(told.startswith('<6>ready: ') and 'msrpc serve:' not in told,
           'the journal gets priorities', told)
    notify.close()


with tempfile.TemporaryDirectory() as folder:
    def save(name, value):
        path = os.path.join(folder, name)
        with open(path, 'w') as file:
            file.write(value)
        return path

    mistakes(save)
    life(save)
    full(save)
    passed(save)
done()
