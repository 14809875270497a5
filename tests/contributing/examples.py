#!/usr/bin/python3
"""Runs the programs of examples/ against one another and against msrpc serve. Prints TAP.

    examples.py EXAMPLES_DIR MSRPC
"""
import os
import socket
import subprocess
import sys

examples, msrpc = sys.argv[1:3]
count = failed = 0


def example(name):
    return os.path.join(examples, name)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
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


test_add()
test_lookup()
print(f'1..{count}')
sys.exit(1 if failed else 0)
