#!/usr/bin/python3 -B
"""serve while it runs: SIGHUP changes all or nothing, the log holds still, what the system gives too
little of is told; and its documents name what its file understands."""
import ctypes
import json
import os
import platform
import re
import resource
import signal
import socket
import struct
import tempfile

from cli import *
from served import *

ECHO_MOCK = {'interface': 'rpcecho', 'replies': {'echo_AddOne': {'out_data': 1}}}


class Reloaded(Server):
    """With the numbers that tell when a SIGHUP was heard."""
    def __init__(self, *args, **popen):
        self.numbers = free_ports(1)
        super().__init__('--metrics', str(self.numbers), *args, **popen)

    def reload(self):
        """Whether it took the settings."""
        before = [metric(self.numbers, x) for x in ('reloads_total', 'reload_failures_total')]
        self.child.send_signal(signal.SIGHUP)
        after = wait_for(lambda: [metric(self.numbers, x) for x in (
            'reloads_total', 'reload_failures_total')], lambda x: x != before)
        return after[0] > before[0]

    def end(self):
        """What it has told on standard error."""
        self.child.terminate()
        return self.child.communicate(timeout=GUARD)[1].decode()


def answer(port):
    run = Run('call', '127.0.0.1:%d' % port, '--json', *ECHO)
    return (run.json() or {'calls': [{}]})['calls'][0].get('reply', {}).get('out_data')


def logons(save):
    """Who may log on changes with SIGHUP, or stays when a file has a mistake."""
    first = free_ports(4)
    users = save('users', 'LAB\\alice:Secret.1\n')
    keys = os.path.join(os.path.dirname(users), 'none.keytab')
    text = '[interface rpcecho]\nport = %d\n[access]\nusers = %s\n%s'
    path = save('logons.conf', text % (first, users, ''))
    with Reloaded('--config', path) as server:
        save('users', 'alice\n')
        eq(server.reload(), False, 'SIGHUP: a mistake in the file of users changes nothing')
        save('users', 'bob:Secret.2\n')
        eq(server.reload(), True, 'SIGHUP: other users')
        save('logons.conf', text % (first, users, 'keytab = %s\n' % keys))
        eq(server.reload(), False, 'SIGHUP: a key table that is not there changes nothing')
        save('logons.conf', '[interface rpcecho]\nport = %d\n' % first)
        eq(server.reload(), True, 'SIGHUP: nobody may log on any more')
        told = server.end()
    ok('not reloaded: %s:1:1: ' % users in told and 'not reloaded: %s: ' % keys in told,
       'the log says what is wrong', told)


def mocks(save):
    first = free_ports(4)
    save('echo.json', json.dumps(ECHO_MOCK))
    save('samr.json', '{"interface":"samr"}')
    text = '[mock]\nfile = ' + os.path.dirname(save('x', '')) + '/echo.json@%d%s\n[limits]\n%s\n'
    path = save('serve.conf', text % (first, '', ''))
    with Reloaded('--config', path) as server:
        eq((endpoints(server), answer(first)), ([first], 1), 'a mock of the file')
        save('echo.json', json.dumps({**ECHO_MOCK, 'replies': {'echo_AddOne': {'out_data': 2}}}))
        eq((server.reload(), answer(first)), (True, 2), 'SIGHUP: other replies')
        save('echo.json', json.dumps({**ECHO_MOCK, 'replies': {'echo_AddOne': {'out': 3}}}))
        save('serve.conf', text % (first + 1, ', samr@1', 'calls_per_connection = 7'))
        eq((server.reload(), answer(first), endpoints(server)), (False, 2, [first]),
           'SIGHUP: a mistake in a mock changes nothing')
        save('echo.json', json.dumps(ECHO_MOCK))
        samr = ', %s@%d' % (save('samr.json', '{"interface":"samr"}'), first + 2)
        save('serve.conf', text % (first + 1, samr, ''))
        eq((server.reload(), answer(first + 1), endpoints(server)),
           (True, 1, [first + 1, first + 2]), 'SIGHUP: one mock moves, another one comes')
        save('serve.conf', '[mock]\nfile = ' + samr[2:])
        eq((server.reload(), endpoints(server)), (True, [first + 2]), 'SIGHUP: a mock goes')
        save('serve.conf', text % (first + 3, '', ''))
        eq((server.reload(), answer(first + 3), endpoints(server)), (True, 1, [first + 3]),
           '... and comes back')
        told = server.end()
        eq(server.child.returncode, 0, 'SIGTERM ends it')
    ok(re.search(r'not reloaded: %s:2:8: /\S*/echo\.json: replies\.echo_AddOne: ' % re.escape(path),
                 told), 'the log names the line and the file\'s member', told)


def mistakes(save):
    """Every mistake that ends a start is told while the server runs, with its place."""
    first = free_ports(1)
    good = '[interface rpcecho]\nport = %d\n[log]\nrate = 0\n' % first
    path = save('serve.conf', good)
    folder = os.path.dirname(save('bad.json', '{"interface":"netlogon","replies":{"NetrNo":5}}'))
    with Reloaded('--config', path) as server:
        wanted = [(x, y) for x, y in MISTAKES] + [(x % folder, z % folder) for x, _, z in UNREADABLE]
        heard = []
        for text, _ in wanted:
            save('serve.conf', text)
            heard.append(server.reload())
        eq(heard, [False] * len(wanted), 'SIGHUP: none of the mistakes is taken')
        eq((endpoints(server), answer(first)), ([first], 42), '... and nothing changes')
        os.unlink(path)
        eq(server.reload(), False, 'SIGHUP: a file that is gone')
        save('serve.conf', good)
        eq(server.reload(), True, 'SIGHUP: a good one again')
        lines = [x for x in server.end().splitlines() if 'not reloaded: ' in x]
    eq(len(lines), len(wanted) + 1, 'a line for each', *lines)
    for line, (_, place) in zip(lines, wanted):
        ok('not reloaded: %s:%s' % (path, place) in line, 'SIGHUP: ' + place, line)
    ok(path in lines[-1] and 'No such file' in lines[-1], 'SIGHUP: the name of what is gone', lines[-1])


def storms(save):
    """What somebody can cause often fills no disk."""
    log = '[log]\nrate = 3\n'
    path = save('serve.conf', log + '[mock]\nfile = %s\n' % save('echo.json', json.dumps(ECHO_MOCK)))
    with Reloaded('-v', '--config', path) as server:
        port = endpoints(server)[0]
        for _ in range(20):
            answer(port)
        for _ in range(20):
            server.reload()
        save('serve.conf', '[nonsense]\n')
        for _ in range(40):
            server.reload()
        told = server.end()
    for line, kind, count in (('not reloaded: ', 'reloads that failed', 40),
                              ('reloaded: ', 'reloads', 20)):
        lines = re.findall('^msrpc serve: ' + line, told, re.M)
        left = [int(x) for x in re.findall(r'^msrpc serve: %s: (\d+) more in' % kind, told, re.M)]
        eq(len(lines) + sum(left), count, 'every line of the %s is told or counted' % kind, told)
        ok(left and len(lines) <= 3 * (len(left) + 1), '... and few are told', told)
    eq(len(re.findall(r' rpcecho\.echo_AddOne \{', told)), 20, 'more is told of the calls of mocks')
    with Server('-v', '--log', 'error', '--mock', save('m.json', json.dumps(ECHO_MOCK))) as server:
        answer(endpoints(server)[0])
        server.child.terminate()
        eq(server.child.communicate(timeout=GUARD)[1], b'', '--log error is silent of mocks too')


def descriptors(save):
    """Too few of them, and enough that were only not asked for."""
    text = '[limits]\nconnections = %d\n[interface rpcecho]\n'
    path = save('serve.conf', text % 2000)

    def limit(soft, hard):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with Reloaded('--config', path, preexec_fn=limit(600, 1000)) as server:
        server.reload()
        server.reload()
        save('serve.conf', text % 3000)
        server.reload()
        told = server.end()
    lines = re.findall(r'^msrpc serve: (\d+) open files are allowed: (\d+) connections need (\d+)', told,
                       re.M)
    eq(lines, [('1000', '2000', '2320'), ('1000', '3000', '3320')],
       'too few descriptors are told of, once for each figure', told)
    save('serve.conf', text % 500)
    with Reloaded('--config', path, preexec_fn=limit(600, 3000)) as server:
        with open('/proc/%d/limits' % server.child.pid) as file:
            limits = re.search(r'^Max open files +(\d+)', file.read(), re.M)[1]
        eq(int(limits), 820, 'what is wanted is asked for')
        eq('open files' in server.end(), False, '... and nothing said')
    save('serve.conf', '[interface rpcecho]\n')
    with Reloaded('--config', path, preexec_fn=limit(60, 60)) as server:
        kept = [socket.create_connection(('127.0.0.1', server.mapper)) for _ in range(70)]
        wait_for(lambda: len(os.listdir('/proc/%d/fd' % server.child.pid)), lambda x: x == 60)
        for one in kept:
            one.close()
        eq(endpoints(server) != [], True, 'who waited for a descriptor is served')
        told = server.end()
    ok('msrpc serve: %s: nobody is accepted: ' % server.address in told, '... and it is told', told)


def pool(save):
    """A pool that is full is told once, and left when another one is given."""
    first = free_ports(4)
    text = ('[interface rpcecho]\n[ports]\nPorts = %s\nPortsInternetAvailable = Y\n'
            'UseInternetPorts = Y\n[log]\nrate = 0\n')
    path = save('serve.conf', text % first)
    with Reloaded('--config', path) as server, \
            socket.create_server(('127.0.0.1', first + 1)), \
            socket.create_server(('127.0.0.1', first + 2)):
        eq(endpoints(server), [first], 'the port of the pool')
        save('serve.conf', text % '%d-%d' % (first + 1, first + 2))
        for _ in range(3):
            server.reload()
        eq((endpoints(server), answer(first)), ([first], 42), 'a full pool: it stays where it was')
        save('serve.conf', text % '%d-%d' % (first + 1, first + 3))
        server.reload()
        eq((endpoints(server), answer(first + 3)), ([first + 3], 42), 'a larger one: it moves there')
        save('serve.conf', text % (first + 1))
        server.reload()
        told = server.end()
    lines = [x for x in told.splitlines() if '1721' in x]
    eq([x.rpartition(': no port of ')[2] for x in lines],
       ['%d-%d is free' % (first + 1, first + 2), '%d is free' % (first + 1)],
       '1721 is told once for each time it is so', told)


def tasks(server):
    return len(os.listdir('/proc/%d/task' % server.child.pid))


def sleep(port, seconds):
    """What a call is answered that takes so long."""
    run = Run('call', '127.0.0.1:%d' % port, '--json', '--timeout', '50', 'rpcecho.echo_TestSleep',
              '{"seconds":%d}' % seconds)
    call = (run.json() or {'calls': [{}]})['calls'][0]
    return call.get('fault') or call.get('reply', {}).get('result')


def workers(save):
    """Threads for bodies, and an end to calls that take too long."""
    port = free_ports(1)
    text = '[interface rpcecho]\nport = %d\n[limits]\n' % port
    path = save('serve.conf', text)
    with Reloaded('--config', path) as server:
        eq(tasks(server), 1, 'one thread does everything')
    save('serve.conf', text + 'threads = 2\ncall_timeout = 1\n')
    with Reloaded('--config', path) as server:
        eq((tasks(server), answer(port)), (3, 42), 'threads = 2: workers beside it')
        eq(sleep(port, 40), '0x1c00000d', 'call_timeout: a call that takes longer is given up')
        eq(sleep(port, 0), 0, '... and no other')
        save('serve.conf', text + 'threads = 4\n')
        eq((server.reload(), sleep(port, 2)), (True, 2), 'SIGHUP: calls may take for ever again')
        eq((tasks(server), answer(port)), (3, 42), '... and the threads are those of the start')
        told = server.end()
        eq(server.child.returncode, 0, '... which end with it', told)
    ok('the number of threads changes with a restart' in told, 'the log says so', told)
    with Reloaded('--config', path, '--threads', '3', '--call-timeout', '1') as server:
        eq((tasks(server), answer(port)), (4, 42), '--threads overrides the file')
        eq(sleep(port, 40), '0x1c00000d', '... and so does --call-timeout')
    for switch in '--threads', '--call-timeout':
        for value in '0', '-1', 'x', '99999':
            run = Run('serve', '--check-config', switch, value)
            ok(run.code == 64 and '%s %s: a number from 1 to ' % (switch, value) in run.err,
               '%s %s' % (switch, value), run)


# ---- families

class Everywhere(Server):
    places = '--mapper', '%d'


class V6(Server):
    places = '--mapper', '[::]:%d'


def no_ipv6():
    """Makes socket(AF_INET6) fail as where the kernel has none of it (seccomp(2))."""
    number = {'x86_64': 41, 'aarch64': 198}[platform.machine()]
    code = ((0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, socket.AF_INET6),
            (0x06, 0, 0, 0x50000 | 97), (0x06, 0, 0, 0x7fff0000))
    rows = b''.join(struct.pack('<HBBI', *x) for x in code)
    buffer = ctypes.create_string_buffer(rows)
    program = struct.pack('@HP', len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0):
        raise OSError(ctypes.get_errno(), 'prctl')


def reached(server):
    """The families over which the mapper answers."""
    return [x for x in ('127.0.0.1', '[::1]')
            if Run('map', '%s:%d' % (x, server.mapper)).code == 0]


def families():
    if not socket.has_ipv6 or not os.path.exists('/proc/net/if_inet6'):
        skip('families', 'this machine has no IPv6')
        return
    with Everywhere('--interface', 'rpcecho') as server:
        eq(reached(server), ['127.0.0.1', '[::1]'], '--mapper PORT is both families')
    with V6('--interface', 'rpcecho') as server:
        eq(reached(server), ['[::1]'], '--mapper [::]:PORT is IPv6 alone')
    if platform.machine() not in ('x86_64', 'aarch64'):
        skip('no IPv6', 'the number of socket(2) is not known here')
        return
    with Everywhere('--interface', 'rpcecho', preexec_fn=no_ipv6) as server:
        eq(reached(server), ['127.0.0.1'], 'without IPv6 the server starts all the same')


# ---- documents

def documents(save):
    """The keys in doc/cli.md, in the parser and in the example are the same."""
    def read(name):
        with open(os.path.join(SOURCE, name)) as file:
            return file.read()
    parsed = set(re.findall(r'^    \{"(\w+)", "(\w+)", KIND', read('src/apps/serve_config.c'), re.M))
    documented = set()
    for section, cell in re.findall(r'^\| `\[(\w+)[^`]*\]` \| (.*) \|$', read('doc/cli.md'), re.M):
        plain = re.sub(r'\([^)]*\)', '', cell).split(' what the key ')
        for text in plain:
            names = re.findall(r'`(\w+)`', text)
            documented |= {(section, x) for x in names}
    documented -= {('interface', 'epmapper'), ('interface', 'mgmt')}
    eq(documented, parsed, 'doc/cli.md has the keys of the file')
    unknown = []
    for section, key in sorted(parsed):
        name = section + ' rpcecho' if section == 'interface' else section
        run = Run('serve', '--check-config', '--config',
                  save('key.conf', '[%s]\n%s =\n' % (name, key)))
        if 'a value is wanted' not in run.err:
            unknown.append((section, key, run.err))
    eq(unknown, [], '... and the command understands each')
    example = read('systemd/mapper.conf')
    section, shown = '', set()
    for line in example.splitlines():
        if found := re.match(r'(?:# )?\[(\w+)', line):
            section = found[1]
        elif found := re.match(r'(?:# )?(\w+) = ', line):
            shown.add((section, found[1]))
    eq(shown - parsed, set(), 'the example of the unit has no others')
    whole = re.sub(r'^# (?=\[|\w+ = )', '', example, flags=re.M)
    run = Run('serve', '--check-config', '--config', save('example.conf', whole))
    eq(run.code, 0, '... and is good with everything in it', run)


with tempfile.TemporaryDirectory() as folder:
    def save(name, value):
        path = os.path.join(folder, name)
        with open(path, 'w') as file:
            file.write(value)
        return path

    documents(save)
    mocks(save)
    logons(save)
    mistakes(save)
    storms(save)
    descriptors(save)
    pool(save)
    workers(save)
    families()
done()
