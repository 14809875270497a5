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

from cli import *
from served import *


def mistakes(save):
    for text, wanted in MISTAKES:
        path = save('bad.conf', text)
        run = Run('serve', '--config', path)
        ok(run.code == 64 and '%s:%s' % (path, wanted) in run.err, 'a mistake: ' + wanted, run)
        run = Run('serve', '--check-config', '--config', path)
        ok(run.code == 64 and '%s:%s' % (path, wanted) in run.err, '... to --check-config too', run)
    folder = os.path.dirname(save('bad.json', '{"interface":"netlogon","replies":{"NetrNo":5}}'))
    for text, code, wanted in UNREADABLE:
        path = save('mock.conf', text % folder)
        run = Run('serve', '--check-config', '--config', path)
        ok(run.code == code and '%s:%s' % (path, wanted % folder) in run.err, 'a file that the file '
           'names: ' + wanted, run)
    run = Run('serve', '--config', save('half.conf', '[ports]\nPorts = 50000\n'), '--check-config')
    ok(run.code == 64 and 'belong together (87)' in run.err, 'half of Rpc\\Internet', run)
    eq(Run('serve', '--config', '/nonexistent').code, 66, 'no file')
    for what, text in (('none', None), ('no key table', 'no keys\n'), ('empty', '')):
        path = os.path.join(folder, 'none.keytab') if text is None else save('bad.keytab', text)
        for args in (('--keytab', path),
                     ('--config', save('keys.conf', '[access]\nkeytab = %s\n' % path))):
            run = Run('serve', '--check-config', *args)
            ok(run.code == 66 and run.err.startswith('msrpc serve: %s: ' % path) and
               run.err.count('\n') == 1, 'a key table, %s: %s' % (what, args[0]), run)
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
    run = Run('serve', '--check-config', '--ports', '1-2,3')
    ok(run.code == 0 and '3 dynamic ports, 1-2,3' in run.out and 'NAME@PORT' in run.out,
       '--ports that were hardly meant', run)
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
        run = Run('ping', '127.0.0.1:%d' % first, '--interface', 'samr')
        ok(run.code == 40 and 'msrpc ping 127.0.0.1 --mapper-port %d --interface samr' % first in
           run.err, 'an interface that is not there: a mapper may have been meant', run)

        def again(*what):
            before = metric(first + 7, 'reloads_total')
            save('serve.conf', text % what)
            child.send_signal(signal.SIGHUP)
            wait_for(lambda: metric(first + 7, 'reloads_total'), lambda x: x > before)

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
        run = Run('diagnose', server.address, '--interface', 'rpcecho', '--json')
        ok('RPC.ANONYMOUS_DENIED' not in [x['id'] for x in run.json()['findings']],
           'diagnose blames nobody, though mgmt is closed', run)
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
        strangers(first + 7)

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


def ending(stream):
    """What comes until the other side ends, and whether it did within 30 s."""
    stream.settimeout(30)
    data = b''
    try:
        while more := stream.recv(4096):
            data += more
    except ConnectionResetError:
        pass
    except TimeoutError:
        return data, False
    return data, True


def strangers(port):
    """Those who ask for numbers and speak no HTTP, or nothing, or too slowly."""
    for octets in (b'\0', b'\x16\x03\x01\x02\0', b'GET /metrics\0', b'GET /metrics HTTP/1.1\r\nX: \1',
                   b'hello\r\n', b'\r\n', b'GET  /metrics\n', b'GET /metrics HTTP/2\r\n',
                   b'GET /metrics HTTP/1.1 more\r\n', bytes(range(256))):
        with socket.create_connection(('127.0.0.1', port)) as stranger:
            stranger.sendall(octets)
            data, ended = ending(stranger)
        ok(ended and data.startswith(b'HTTP/1.1 400 ') and data.count(b'HTTP/1.1 4') == 1,
           'metrics: %r is a bad request at once' % octets[:24], data)
    with socket.create_connection(('127.0.0.1', port)) as pieces:
        for octet in b'GET /metrics?x=y HTTP/1.0\nHost: x\n\n':
            pieces.sendall(bytes([octet]))
        ok(ending(pieces)[0].startswith(b'HTTP/1.1 200 '), 'metrics: a request in pieces')
    silent = [socket.create_connection(('127.0.0.1', port)) for _ in range(40)]
    eq(get(port)[0], 200, 'silent scrapers keep nobody out')
    closed = [ending(x)[1] for x in silent[:24]]
    eq(closed, [True] * 24, '... the oldest made room')
    eq(ending(silent[-1])[1], True, '... and the others are given up after a while')
    for one in silent:
        one.close()


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
