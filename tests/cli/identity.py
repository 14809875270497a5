#!/usr/bin/python3 -B
"""Who asks: forms and contradictions of the identity switches, secrets nowhere to be seen, refused
accounts that are not tried again; against a server of our own that knows alice, by NTLM."""
import contextlib
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from cli import *

SECRET, WRONG = 'Sec.ret1-kept', 'Wrong.2-kept'
HASH = '5e3a34d5b1e2d4e0c5a2f8a3f2b2c6f7'
USER = 'LAB\\alice'


def quiet(run, *secrets):
    return not any(s in run.out or s in run.err for s in secrets or (SECRET, WRONG))


def refused(code, name, *args, **more):
    run = Run(*args, **more)
    ok(run.code == code and run.err.count('\n') == 1 and not run.out and quiet(run),
       '%s: %d' % (name, code), run)


@contextlib.contextmanager
def slow_dns(address):
    """A name server that takes its time and knows one address for every name."""
    def answer():
        while True:
            query, peer = wire.recvfrom(512)
            if not query:
                return
            end = query.index(b'\0', 12) + 5
            a = query[end - 4:end - 2] == b'\0\1'
            time.sleep(0.3)
            wire.sendto(query[:2] + b'\x81\x80\0\1' + (b'\0\1' if a else b'\0\0') + b'\0\0\0\0' +
                        query[12:end] + (b'\xc0\x0c\0\1\0\1\0\0\0\1\0\4' + socket.inet_aton(address)
                                         if a else b''), peer)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(('127.0.0.1', 0))
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield '127.0.0.1:%d' % wire.getsockname()[1]
        finally:
            wire.sendto(b'', wire.getsockname())
            thread.join()


# ---- what is refused before anything is sent ----

T = '127.0.0.1:9'
for command in 'ping', 'map', 'interfaces':
    refused(64, '%s: two proofs' % command, command, '-u', USER, '-p', SECRET, '-H', HASH, T)
refused(64, 'call: two proofs', 'call', 'alice:%s@%s' % (SECRET, T), 'mgmt.inq_if_ids', '-H', HASH)
refused(64, 'range: two proofs', 'range', '--of', 'alice:%s@%s' % (SECRET, T), '-k', '-H', HASH)
for args in (['-p', SECRET], ['-H', HASH]):
    refused(64, '-U with a password and ' + args[0], 'ping', '-U', 'a%' + WRONG, *args, T)
    refused(64, args[0] + ' and -U with a password', 'ping', *args, '-U', 'a%' + WRONG, T)
refused(64, 'trace: whose password', 'trace', '/dev/null', '-p', SECRET)
with tempfile.NamedTemporaryFile('w') as file:
    refused(66, 'serve: no account', 'serve', '--users', file.name, '--bind', '127.0.0.1')
    file.write('# two\nLAB\\a:%s\nlab\\A:%s\n' % (SECRET, WRONG))
    file.flush()
    refused(64, 'serve: an account twice', 'serve', '--users', file.name, '--bind', '127.0.0.1')
    ok(':3:' in Run('serve', '--users', file.name, '--bind', '127.0.0.1').err, 'its line is told')
    for size in (1 << 20) + 1, 1 << 20:  # octets, the last of which are a comment
        file.seek(0)
        file.write('LAB\\a:%s\n' % SECRET)
        file.write('#' * (size - file.tell()))
        file.truncate()
        file.flush()
        run = Run('trace', os.path.join(SOURCE, 'tests/captures/sealed/ntlm-privacy.pcap.gz'),
                  '--users', file.name)
        ok((run.code, 'longer than' in run.err) == ((0, False) if size <= 1 << 20 else (66, True)),
           'accounts in a file of %d octets: %d' % (size, run.code), run)
refused(64, 'nobody and somebody', 'ping', '-N', '-u', USER, '-p', SECRET, T)
refused(64, 'a guest with a ticket', 'map', '--guest', '-k', T)
refused(64, 'a password and no user', 'ping', '-p', SECRET, T)
refused(64, 'a user in two places', 'ping', '-u', USER, '-p', SECRET, 'bob@' + T)
refused(64, 'nothing proves him', 'ping', '-u', USER, '-no-pass', T)
refused(64, 'Kerberos by NTLM', 'ping', '-k', '--auth', 'ntlm', T)
refused(64, 'a misspelt switch with a secret', 'ping', '--pasword=' + SECRET, T)
refused(64, 'a bundled secret', 'ping', '-p' + SECRET, T)
refused(64, 'port logs on to nobody', 'port', 'alice:%s@%s' % (SECRET, T), '--ports', '9')
refused(64, 'an audit asks as a stranger', 'audit', 'alice:%s@%s' % (SECRET, T))
refused(64, 'Kerberos to an address', 'ping', '-k', '--aes-key', HASH, '-u', 'a@b.test',
        '127.0.0.1:9')
refused(64, 'Kerberos to an address, diagnosed', 'diagnose', '-k', '--aes-key', HASH, '-u',
        'a@b.test', '127.0.0.1:9')
refused(64, 'a key alone, to an address', 'map', '--aes-key', HASH, '-u', 'a@b.test', '127.0.0.1:9')
refused(64, 'Kerberos to an address, called', 'call', '-k', '127.0.0.1:9', 'mgmt.inq_if_ids')
refused(66, 'no password file', 'ping', '-u', USER, '--password-file', '/nowhere/f', T)
refused(66, 'no key table', 'ping', '-u', USER, '--keytab', '/nowhere/k', T)
refused(66, 'no ticket cache', 'ping', '--ccache', '/nowhere/c', T)
refused(66, 'a key table that is none', 'ping', '-u', USER, '--keytab', '/etc/passwd', T)
refused(66, 'no ticket at hand', 'ping', '-k', 'localhost:9', env={'KRB5CCNAME': 'FILE:/nowhere'})
# a pipe that nobody writes into: no file of keys or settings, a password that does not come
with tempfile.TemporaryDirectory() as folder:
    pipe, name = os.path.join(folder, 'pipe'), 'localhost:9'
    os.mkfifo(pipe)
    for word, args, env in (('keytab', ['-u', 'a@b.test', '--keytab', pipe], {}),
                            ('ccache', ['--ccache', 'FILE:' + pipe], {}),
                            ('KRB5CCNAME', ['-k'], {'KRB5CCNAME': 'FILE:' + pipe}),
                            ('KRB5_CONFIG', ['-u', 'a@b.test', '-p', SECRET],
                             {'KRB5_CONFIG': '/dev/null:' + pipe}),
                            ('KRB5_CONFIG', ['-u', 'a@b.test', '-p', SECRET],
                             {'KRB5_CONFIG': '/dev/zero'})):
        refused(66, '%s is no file' % word, 'ping', *args, name, env=env)
        run = Run('ping', *args, name, env=env)
        ok(word in run.err and (pipe in run.err or '/dev/zero' in run.err), '... and named', run)
    for args in (['trace', '/dev/null'], ['serve', '--bind', '127.0.0.1']):
        refused(66, args[0] + ': a key table that is no file', *args, '--keytab', pipe)
    refused(75, 'no password by the deadline', 'ping', '-u', USER, '--password-file', pipe,
            '--deadline', '0.2', T)
    for number in signal.SIGINT, signal.SIGTERM:
        with subprocess.Popen([MSRPC, 'ping', '-u', USER, '--password-file', pipe, T],
                              stderr=subprocess.PIPE, text=True) as child:
            with open(pipe, 'w') as held:   # it is there, and reads
                child.send_signal(number)
                ok(child.wait(timeout=60) == 130 and 'interrupted' in child.stderr.read(),
                   'no password, and a signal %d: 130' % number)

# an account where none is taken, or with its @HOST forgotten
for args in (['ping', 'ncacn_ip_tcp:LAB/alice:%s@localhost[49154]', '-i', 'samr'],
             ['ping', 'ncacn_ip_tcp:alice:%s@localhost'],
             ['call', 'ncacn_ip_tcp:a:%s@h[1]', 'mgmt.x'],
             ['ping', 'ncacn_ip_tcp:alice:%s@localhost[49154'],
             ['diagnose', 'LAB/alice:%s'], ['ping', 'LAB\\alice:%s'], ['ping', 'alice:%s'],
             ['map', 'alice:a:%s'], ['ping', 'LAB/alice:12:%s:3'],
             ['name', 'LAB/alice:%s@localhost'],
             ['name', 'LAB/alice:%s'], ['portqry', '-n', 'alice:%s@localhost'],
             ['rpcping', '-s', 'alice:%s@localhost']):
    refused(64, 'not repeated: ' + ' '.join(args), *(word.replace('%s', SECRET) for word in args))
refused(64, 'a command is forgotten', 'LAB/alice:%s@localhost' % SECRET)
refused(64, 'digits may be a password', 'ping', 'LAB/alice:13579', )
ok('13579' not in Run('ping', 'LAB/alice:13579').err, 'nor are digits repeated')
run = subprocess.run(['setsid', MSRPC, 'ping', '-u', USER, T], capture_output=True, text=True,
                     stdin=subprocess.DEVNULL, check=False)
ok(run.returncode == 69 and '--password-file' in run.stderr, 'no terminal to ask: 69', run.stderr)

# ---- our own server ----

work = tempfile.TemporaryDirectory()
users = os.path.join(work.name, 'users')
with open(users, 'w') as file:
    file.write('%s:%s\n' % (USER, SECRET))
passwords = os.path.join(work.name, 'password')
with open(passwords, 'w') as file:
    file.write(SECRET + '\nanother line\n')

with Server('--users', users, '--interface', 'rpcecho') as server:
    def ping(*args, **more):
        return Run('ping', '127.0.0.1', '--mapper-port', str(server.mapper), '--interface',
                   'rpcecho', '--count', '1', *args, **more)

    def good(name, *args, mechanism='NTLM', level='privacy', who=USER, **more):
        run = ping('--json', *args, **more)
        report = valid(run, name)
        auth = report.get('vantage', {}).get('auth', {})
        ok(run.code == 0 and quiet(run) and report['vantage']['identity'] == who and
           (auth.get('mechanism'), auth.get('level')) == (mechanism, level), name, run)
        return report

    report = good('-u and -p', '-u', USER, '-p', SECRET)
    ok('address' in (report['vantage']['auth']['fallback'] or ''), 'that it is NTLM is told', report)
    run = ping('-u', USER, '-p', SECRET)
    ok('from 127.0.0.1, as %s (NTLM, privacy)' % USER in run.out and
       'NTLM in place of Kerberos' in run.err, 'on the screen, too', run)
    port = str(valid(ping('--json'), 'the port')['port'])
    for args in (['interfaces', '127.0.0.1:' + port], ['interfaces', '127.0.0.1', '--mapper-port', str(server.mapper)],
                 ['ping', '127.0.0.1:' + port, '-i', 'rpcecho', '--matrix', '--count', '1']):
        run = Run(*args, '-u', USER, '-p', SECRET)
        eq(run.err.count('NTLM in place of Kerberos'), 1, 'and once by ' + ' '.join(args[0::3]), run)
    good('DOMAIN/user', '-u', 'LAB/alice', '-p', SECRET)
    good('-d', '-u', 'alice', '-d', 'LAB', '-p', SECRET)
    good('a password file', '-u', USER, '--password-file', passwords)
    late = ['sh', '-c', '(sleep 0.3; echo "$1") | { shift; exec "$@"; }', 'sh', SECRET]
    run = subprocess.run([*late, MSRPC, 'ping', '127.0.0.1', '--mapper-port', str(server.mapper),
                          '--interface', 'rpcecho', '--count', '1', '-u', USER, '--password-file',
                          '/dev/stdin'], capture_output=True, text=True, check=False)
    ok(run.returncode == 0, 'a pipe that takes its time', run.stdout, run.stderr)
    good('standard input', '-u', USER, '--password-file', '-', stdin=(SECRET + '\n').encode())
    good('Samba -U', '-U', '%s%%%s' % (USER, SECRET))
    nt = subprocess.run(['python3', '-c', 'import sys; from impacket.ntlm import compute_nthash; '
                         'print(compute_nthash(sys.argv[1]).hex())', SECRET],
                        capture_output=True, text=True, check=False).stdout.strip()
    if nt:
        good('a hash', '-u', USER, '-H', nt)
        good("impacket's switches", '-hashes', 'aad3b435b51404eeaad3b435b51404ee:' + nt,
             '-no-pass', '-target-ip', '127.0.0.1', '-u', USER)
    else:
        skip('a hash', 'no impacket')
    for level in 'connect', 'call', 'pkt', 'integrity', 'privacy':
        good('negotiate at ' + level, '-u', USER, '-p', SECRET, '--auth-level', level,
             level='pkt' if level == 'call' else level)  # call goes out as packet
    for level in 'pkt', 'integrity', 'privacy':
        good('NTLM at ' + level, '-u', USER, '-p', SECRET, '--auth', 'ntlm', '--auth-level', level,
             level=level)

    at = '127.0.0.1:%d' % server.mapper
    for name, args in [('map', ['map', 'LAB/alice:%s@%s' % (SECRET, at)]),
                       ('map --probe', ['map', '--probe', 'LAB/alice:%s@%s' % (SECRET, at)]),
                       ('interfaces', ['interfaces', 'LAB/alice:%s@%s' % (SECRET, at)]),
                       ('interfaces of a host', ['interfaces', '--mapper-port', str(server.mapper),
                                                 'LAB/alice:%s@127.0.0.1' % SECRET]),
                       ('call', ['call', 'LAB/alice:%s@%s' % (SECRET, at), 'mgmt.inq_if_ids']),
                       ('range', ['range', '--of', 'LAB/alice:%s@%s' % (SECRET, at)]),
                       ('ping --matrix', ['ping', '--matrix', 'LAB/alice:%s@%s' % (SECRET, at)])]:
        run = Run(*args, '--json')
        report = valid(run, name)
        ok(run.code <= 1 and quiet(run) and report.get('vantage', {}).get('identity') == USER,
           name + ' with an account', run)

    # ---- a ticket that nobody asked for, in a file of at most 64 KB ----

    def text(*words):
        return b''.join(struct.pack('>I', len(word)) + word.encode() for word in words)

    def ticket_cache(size):
        alice = struct.pack('>II', 1, 1) + text('LAB.TEST', 'alice')
        head = b'\5\3' + alice + alice + struct.pack('>II', 1, 2) + text('LAB.TEST', 'krbtgt',
                                                                         'LAB.TEST')
        head += struct.pack('>HHIIIIIBIII', 18, 18, 0, 0, 0, 0x7fffffff, 0, 0, 0, 0, 0)
        left = size - len(head) - 8
        path = os.path.join(work.name, 'tickets')
        with open(path, 'wb') as file:
            file.write(head + struct.pack('>I', left) + bytes(left + 4))
        return {'KRB5CCNAME': 'FILE:' + path}

    for size in 65535, 65536, 65537:
        run = ping(env=ticket_cache(size))
        ok(run.code == 0 and ('your ticket alice@LAB.TEST is unused' in run.out) == (size <= 65536),
           'a ticket cache of %d octets' % size, run)
    ok('ticket' not in ping('-N', env=ticket_cache(5000)).out, '-N means nobody')

    # ---- refusals ----

    for auth in 'ntlm', 'negotiate':
        run = ping('-u', USER, '-p', WRONG, '--auth', auth)
        ok(run.code == 40 and 'is not logged on' in run.err and 'not tried again' in run.err and
           quiet(run), 'a wrong password by %s: 40' % auth, run)
    run = Run('map', *['LAB/alice:%s@127.0.0.%d:%d' % (WRONG, i, server.mapper) for i in (1, 1, 1)],
              '--jsonl')
    told = [line for line in run.err.splitlines() if 'was refused before' in line]
    ok(run.code == 40 and len(told) == 2 and quiet(run), 'the other targets are not tried', run)
    with slow_dns('127.0.0.1') as dns:
        for command in 'map', 'diagnose':
            run = Run(command, '-u', USER, '-p', WRONG, '--auth', 'ntlm', '--dns-server', dns, '--jsonl',
                      'slow.lab.test:%d' % server.mapper, at)
            told = [line['error'] if command == 'map' else str(line['findings'])
                    for line in map(json.loads, run.out.splitlines()) if 'target' in line]
            eq(['was refused before' in t for t in told], [False, True],
               command + ': the first target is tried first, however slow its name is', run)
    run = Run('map', '-u', USER, '-p', WRONG, '--max-logons', '2', at, at, at)
    ok(run.err.count('was refused before') == 1, '--max-logons 2 tries twice', run)
    run = Run('ping', '-u', USER, '-p', SECRET, '127.0.0.1:9', at, '--retries', '1')
    ok(run.code == 20 and '1 call' not in run.err and 'NTLM, privacy' in run.out,
       'a host that is not reached says nothing about an account', run)

    # ---- what the server's log says of it ----

    with Server('--users', users, '--interface', 'rpcecho', '--log', 'info') as other:
        for auth in 'ntlm', 'negotiate':
            Run('ping', '127.0.0.1', '--mapper-port', str(other.mapper), '-i', 'rpcecho', '-u', USER,
                '-p', WRONG, '--auth', auth)
        other.child.terminate()
        said = other.child.communicate()[1].decode()
        ok(said.count(": not logged on: NTLM: the answer to the challenge does not fit alice's") == 2 and
           'protocol error' not in said, 'a wrong password is no protocol error', said)

    # ---- the terminal ----

    def on_terminal(*args, answer):
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(MSRPC, [MSRPC, *args])
        text = b''
        while b'Password of' not in text and (more := os.read(fd, 1000)):
            text += more
        os.write(fd, answer)
        while True:
            try:
                more = os.read(fd, 1000)
            except OSError:
                break
            if not more:
                break
            text += more
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()

    code, text = on_terminal('map', '-u', USER, at, answer=SECRET.encode() + b'\n')
    ok(code == 0 and SECRET not in text and text.count('Password of') == 1,
       'asked for without echo', code, text)
    code, text = on_terminal('map', '-u', USER, '-p', '-', at, at, answer=SECRET.encode() + b'\n')
    ok(code == 0 and text.count('Password of') == 1, 'once for all targets', code, text)
    for size, want in (1022, 40), (1023, 64):
        code, text = on_terminal('map', '-u', USER, at, answer=b'x' * size + b'\n')
        ok(code == want and 'xxx' not in text, 'a password of %d octets: %d' % (size, want), code,
           text)
    code, text = on_terminal('map', '-u', USER, at, answer=b'\x03')
    ok(code == 130, 'Ctrl-C there: 130', code, text)

# ---- where secrets could be seen ----


def hanging(*args, cwd=None):
    """A run against a listener that never answers, once it has connected."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port = listener.getsockname()[1]
        child = subprocess.Popen(['sh', '-c', 'ulimit -c unlimited; exec "$@"', 'sh', MSRPC,
                                  *(a.replace('PORT', str(port)) for a in args)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
                                 stdin=subprocess.DEVNULL)
        listener.settimeout(GUARD)
        child.peer = listener.accept()[0]
        child.peer.recv(1)
        return child


for name, args in [('-p', ['ping', '-u', USER, '-p', SECRET, '127.0.0.1:PORT']),
                   ('--password=', ['map', '-u', USER, '--password=' + SECRET, '127.0.0.1:PORT']),
                   ('a target', ['map', 'LAB/alice:%s@127.0.0.1:PORT' % SECRET]),
                   ('-U', ['map', '-U', '%s%%%s' % (USER, SECRET), '127.0.0.1:PORT']),
                   ('range --of', ['range', '--of', 'alice:%s@127.0.0.1:PORT' % SECRET]),
                   ('-H', ['ping', '-u', USER, '-H', HASH, '127.0.0.1:PORT'])]:
    child = hanging(*args, '--timeout', '20', cwd=work.name)
    with open('/proc/%d/cmdline' % child.pid, 'rb') as file:
        words = file.read()
    with open('/proc/%d/limits' % child.pid) as file:
        core = re.search(r'core file size +(\d+) +(\d+)', file.read())
    ok(SECRET.encode() not in words and HASH.encode() not in words, name + ': not in argv', words)
    ok(core and core.groups() == ('0', '0'), name + ': no core files', core)
    child.send_signal(signal.SIGABRT)
    out, err = child.communicate(timeout=GUARD)
    child.peer.close()
    ok(child.returncode == -signal.SIGABRT and SECRET.encode() not in out + err and
       not [f for f in os.listdir(work.name) if f.startswith('core')],
       name + ': nothing is left when it dies', child.returncode, out, err, os.listdir(work.name))
done()
