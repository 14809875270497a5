#!/usr/bin/python3
"""Runs the programs of examples/ against one another and against msrpc serve. Prints TAP.

    examples.py EXAMPLES_DIR MSRPC
"""
import os
import re
import socket
import subprocess
import sys
import tempfile

examples, msrpc = sys.argv[1:3]
count = failed = 0


def example(name):
    return os.path.join(examples, name)


def run(*command, line=''):
    done = subprocess.run(command, input=line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def same(name, got, want):
    global count, failed
    count += 1
    print(f"{'ok' if got == want else 'not ok'} {count} - {name}")
    if got != want:
        failed += 1
        print(f'# got {got!r}, expected {want!r}')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def test_add():
    server = subprocess.Popen([example('add_server'), '0'], stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        same('add_one asks add_server', run(example('add_one'), '127.0.0.1', port, '41'),
             (0, '42\n', ''))
        code, out, err = run(example('ep_lookup'), '127.0.0.1', port)
        same('ep_lookup at a server that is no mapper fails', (code, out, bool(err)),
             (1, '', True))
    finally:
        server.terminate()
    same('add_server ends with SIGTERM', server.wait(60), 0)


def test_lookup():
    mapper, ready = free_port(), os.pipe()
    server = subprocess.Popen([msrpc, 'serve', '--mapper', f'127.0.0.1:{mapper}', '--bind',
                               '127.0.0.1', '--register', 'samr@49999', '--ready-fd',
                               str(ready[1])], pass_fds=[ready[1]], stdout=subprocess.DEVNULL)
    os.close(ready[1])
    try:
        os.read(ready[0], 100)
        code, out, _ = run(example('ep_lookup'), '127.0.0.1', str(mapper))
        line = '12345778-1234-abcd-ef00-0123456789ac 1.0 ncacn_ip_tcp[49999]'
        same('ep_lookup lists what msrpc serve registered', (code, line in out.splitlines()),
             (0, True))
    finally:
        server.terminate()
        server.wait(60)


def test_logon():
    """Where only who has logged on, and seals, may call."""
    port, ready = str(free_port()), os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        users, config = os.path.join(folder, 'users'), os.path.join(folder, 'config')
        with open(users, 'w', encoding='utf-8') as f:
            f.write('CORP\\bob:Secret.1\n')
        with open(config, 'w', encoding='utf-8') as f:
            f.write('[interface rpcecho]\nmin_auth_level = privacy\n')
        server = subprocess.Popen([msrpc, 'serve', '--mapper', f'127.0.0.1:{free_port()}',
                                   '--bind', '127.0.0.1', '--interface', 'rpcecho@' + port,
                                   '--users', users, '--config', config,
                                   '--ready-fd', str(ready[1])], pass_fds=[ready[1]],
                                  stdout=subprocess.DEVNULL)
        os.close(ready[1])
        try:
            os.read(ready[0], 100)
            code, out, err = run(example('add_one'), '127.0.0.1', port, '41')
            same('the server takes no stranger', (code, out, '0x00000005' in err), (1, '', True))
            asked = example('log_on'), '127.0.0.1', port, 'CORP\\bob', '41'
            same('log_on calls with the right password', run(*asked, line='Secret.1\n'),
                 (0, '42\n', ''))
            code, out, err = run(*asked, line='Secret.2\n')
            same('log_on with a wrong one is refused', (code, out, '0x00000005' in err),
                 (1, '', True))
            same('log_on prints no password', 'Secret' in err, False)
        finally:
            server.terminate()
            server.wait(60)


def test_quoted():
    """What README and libmsrpc(3) show of log_on.c stands there, to the word."""
    def words(*path):
        with open(os.path.join(root, *path), encoding='utf-8') as f:
            return re.sub(r'\s+', ' ', f.read())
    source, readme = words('examples', 'log_on.c'), words('README.md')
    manual = words('doc', 'man', 'libmsrpc.3')
    wish = manual[manual.find('const mr_logon_options wish'):].partition('; ')[0]
    for name, text in (('README.md', readme), ('libmsrpc(3)', manual)):
        code = text[text.find('r = mr_logon_new'):].partition('};')[0]
        same(f'{name} quotes log_on.c', (code != '', code in source), (True, True))
    same('... and the wish', (wish != '', wish in source), (True, True))


root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
test_add()
test_lookup()
test_logon()
test_quoted()
print(f'1..{count}')
sys.exit(1 if failed else 0)
