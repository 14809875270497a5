#!/usr/bin/python3 -B
"""portqry and rpcping as msrpc stands in for them: every switch, every wrong word, the names the
program is called by, screens against goldens, log files, the interactive and the local mode. The
part that needs low ports runs in a network namespace of its own."""
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from cli import *

INSIDE = 'MSRPC_TEST_NAMESPACE'


# ---- servers that know one answer

GREETINGS = {21: b'220-Hello\r\n220 FTP ready\r\n', 25: b'220 mail.example ESMTP\x1b[2J\r\n',
             110: b'+OK POP3 ready\r\n', 143: b'* OK IMAP4 ready\r\n'}
SQL = (b'ServerName;SQL1;InstanceName;MSSQLSERVER;IsClustered;No;Version;15.0.2000.5;tcp;1433;;')


def snmp(question):
    """The question itself with the tag of an answer and a text in the place of the null."""
    body = question[question.index(b'\xa0') + 2:]
    number = body[:2 + body[1]]
    pdu = number + bytes.fromhex('020100020100300e300c06082b060102010101000400')
    head = bytes.fromhex('0201000406') + b'public'
    inner = head + b'\xa2' + bytes([len(pdu)]) + pdu
    return b'0' + bytes([len(inner)]) + inner


ANSWERS = {
    53: lambda q: q[:2] + b'\x81\x85' + b'\0\0' * 4,
    161: snmp,
    500: lambda q: q[:8] + b'answered' + q[16:28],
    1434: lambda q: b'\x05' + len(SQL).to_bytes(2, 'little') + SQL,
    1701: lambda q: bytes.fromhex('c802001400010000000000018008000000000002'),
}


def greet(port, greeting):
    with socket.create_server(('127.0.0.1', port)) as server:
        while True:
            peer, _ = server.accept()
            peer.sendall(greeting)
            threading.Timer(1, peer.close).start()


def answer(port, make):
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(('127.0.0.1', port))
        while True:
            question, peer = server.recvfrom(2048)
            server.sendto(make(question), peer)


def world():
    """All of them, and an endpoint mapper on its own port."""
    for table, serve in ((GREETINGS, greet), (ANSWERS, answer)):
        for port, what in table.items():
            threading.Thread(target=serve, args=(port, what), daemon=True).start()
    ready, told = os.pipe()
    child = subprocess.Popen([MSRPC, 'serve', '--mapper', '127.0.0.1:135', '--bind', '127.0.0.1',
                              '--ports', '49152-49160', '--ready-fd', str(told)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[told])
    os.close(told)
    os.read(ready, 1)
    for port in GREETINGS:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    break
            time.sleep(0.02)
    return child


def in_namespace():
    child = world()
    for name, args in (
            ('portqry-rpc', ['-e', '135']),
            ('portqry-greetings', ['-o', '21,25,110,143,22']),
            ('portqry-udp', ['-p', 'udp', '-o', '53,161,500,1434,1701,69']),
            ('portqry-community', ['-p', 'udp', '-e', '161', '-cn', '!Sesame1!']),
            ('portqry-both', ['-p', 'BOTH', '-r', '134:135'])):
        run = Run('portqry', '-n', '127.0.0.1', '-nr', *args)
        golden(name, run.out, 'golden ' + name)
        eq(run.code, 1 if name in ('portqry-greetings', 'portqry-both', 'portqry-udp') else 0,
           name + ': exit code', run)
        ok('Sesame1' not in run.out + run.err, name + ': no secret', run)
    run = Run('portqry', '-i', '-nr', '-p', 'udp', stdin=(
        b'help\nset all\nset port=135\nset p=tcp\nq\nset sl\nset nr\nset nr\nset cn=!x!\nset sp=0\n'
        b'q mail\nquery sql\nfrob\nset frob=1\nset port=0\nq frob\nnode\nn localhost\nexit\n'))
    golden('portqry-interactive', run.out, 'golden portqry-interactive')
    eq((run.code, run.err), (0, ''), 'interactive: exit code', run)
    run = Run('rpcping', '-s', '127.0.0.1')
    ok(run.code == 0 and re.fullmatch(r'Completed 1 calls in \d+ ms\n\d+ T/S or +[\d.]+ ms/T\n',
                                      run.out), 'rpcping: the endpoint mapper', run)
    uuid = '60a15ec5-4de8-11d7-a637-005056a20182'
    run = Run('rpcping', '/s', '127.0.0.1', '/f', uuid + ',1', '/i', '50', '/v', '2')
    ok(run.code == 0 and 'Completed 50 calls in ' in run.out and
       'Sending ping to server: rpcecho.echo_AddOne\n' in run.out, 'rpcping /f', run)
    run = Run('rpcping', '-s', '127.0.0.1', '-f', uuid + ',7')
    ok(run.code == 1 and run.out.startswith('Exception 1753 (0x000006D9)\n'), 'rpcping: 1753', run)
    child.terminate()
    child.wait()
    done()


if os.environ.get(INSIDE):
    in_namespace()

# ---- called by an old name
with tempfile.TemporaryDirectory() as folder:
    for name, tool in (('portqry', 'portqry'), ('PortQry.EXE', 'portqry'), ('rpcping', 'rpcping'),
                       ('RpcPing.exe', 'rpcping'), ('msrpc', None), ('portqry2', None)):
        path = os.path.join(folder, name)
        os.symlink(MSRPC, path)
        got = subprocess.run([path, '-?'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=False)
        if tool:
            eq(got.stdout.decode(), Run('help', tool).out, 'called %s: %s' % (name, tool))
        else:
            eq(got.returncode, 64, 'called %s: msrpc' % name)
for tool in ('portqry', 'rpcping'):
    for word in ('-?', '/?', '-h', '--help'):
        eq(Run(tool, word).out, Run('help', tool).out, '%s %s' % (tool, word))

# ---- every switch is accepted; each wrong word is one helpful line
CLOSED = ['-n', '127.0.0.1', '-e', '1', '-nr']
accepted = {
    'portqry': {
        'n': (['-n', '127.0.0.1', '-nr'], None), 'p': (['-p', 'TCP'], 1), 'e': ([], 1),
        'o': (['-n', '127.0.0.1', '-nr', '-o', '2,1'], 1),
        'r': (['-n', '127.0.0.1', '-nr', '-r', '1:2'], 1), 'l': (['-l', '/dev/null', '-y'], 1),
        'y': (['-y'], 1), 'sl': (['-sl'], 1), 'nr': (['-nr'], 1), 'sp': (['-sp', '0'], 1),
        'cn': (['-cn', '!x!'], 1), 'q': (['-q'], 1), 'i': (['-i'], 0), 'local': (['-local'], 0),
        'wport': (['-wport', '1', '-local'], 64), 'wpid': (['-wpid', '1', '-local'], 64),
        'wt': (['-wt', '1'], 64), 'v': (['-v'], 1),
    },
    'rpcping': {
        't': (['-t', 'ncacn_ip_tcp'], 1), 's': ([], 1), 'e': ([], 1), 'o': (['-o', 'RpcProxy=x'], 69),
        'f': (['-f', '60a15ec5-4de8-11d7-a637-005056a20182,1'], None),
        'O': (['-O', '60a15ec5-4de8-11d7-a637-005056a20182'], 1), 'i': (['-i', '2'], 1),
        'q': (['-q'], 1), 'r': (['-r', '1'], 1), 'v': (['-v', '3'], 1), 'c': (['-c'], 69),
        'p': (['-p'], 69), 'd': (['-d'], 69), 'u': (['-u', 'NTLM', '-a', 'connect'], 69),
        'a': (['-u', '14', '-a', 'privacy'], 69),
    },
}
secure = {'N': 'host/x', 'I': 'u,d,p', 'C': '0x1f', 'T': 'static', 'M': 'impersonate', 'S': 'S-1-5-18',
          'Z': '1', 'D': 'O:SY', 'P': 'u,d,*', 'F': '3', 'H': 'Basic,NTLM', 'B': 'msstd:x', 'b': None,
          'R': 'none', 'E': None, 'A': 'u,d,p', 'U': '2'}
for name, value in secure.items():
    plain = name in 'NICTMZ'  # the account is refused by the closed port, not before
    accepted['rpcping'][name] = (['-u', '10', '-a', 'pkt', *(['-I', 'u,d,p'] if name != 'I' else []),
                                  '-' + name, *([value] if value else []),
                                  *(['-H', '1'] if name == 'P' else []),
                                  *(['-U', '1'] if name == 'A' else []),
                                  *(['-E'] if name in 'bR' else [])], 1 if plain else 69)
for tool, table in accepted.items():
    known = re.findall(r'^  -(\w+)', Run('help', tool).out.split('\nSwitches')[-1], re.M)
    eq(sorted(known), sorted(table), tool + ': the tests know every switch')
    for name, (args, code) in table.items():
        if code is None or code == 64:
            continue
        rest = CLOSED if tool == 'portqry' and name not in ('o', 'r', 'i', 'local') else []
        rest = ['-s', '127.0.0.1', '-e', '1'] if tool == 'rpcping' else rest
        for style in '-/':
            words = [style + x[1:] if x[0] == '-' and len(x) > 1 else x for x in [*rest, *args]]
            run = Run(tool, *words)
            eq(run.code, code, '%s %s' % (tool, ' '.join(words)), run)
for args in (['portqry'], ['portqry', '-n'], ['portqry', '-n', ''], ['portqry', '-n', 'a b'],
             ['portqry', 'x'], ['portqry', '-z', '-n', 'x'], ['portqry', '--json', '-n', 'x'],
             ['portqry', '-n', 'x', '-e', '0'], ['portqry', '-n', 'x', '-e', '65536'],
             ['portqry', '-n', 'x', '-e', '1', '-o', '1'], ['portqry', '-n', 'x', '-o', '1,,2'],
             ['portqry', '-n', 'x', '-r', '9:1'], ['portqry', '-n', 'x', '-r', '9'],
             ['portqry', '-n', 'x', '-p', 'sctp'], ['portqry', '-n', 'x', '-cn', 'public'],
             ['portqry', '-n', 'x', '-q', '-p', 'both'], ['portqry', '-n', 'x', '-q', '-o', '1,2'],
             ['portqry', '-q', '-local'], ['portqry', '-local', '-wport', '1'],
             ['portqry', '-local', '-n', 'x'], ['portqry', '-wt', '5', '-n', 'x'],
             ['portqry', '-wport', '1', '-wt', '1201'], ['portqry', '-i', '-o', '1,2'],
             ['portqry', '-n', 'x', '-sp', '70000'],
             ['rpcping', '-Q'], ['rpcping', 'x'], ['rpcping', '-s'], ['rpcping', '-S', '-s', 'x'],
             ['rpcping', '-t', 'ncacn_frob'], ['rpcping', '-e', 'x'], ['rpcping', '-f', 'x'],
             ['rpcping', '-e', '1', '-f', '60a15ec5-4de8-11d7-a637-005056a20182'],
             ['rpcping', '-O', 'x'], ['rpcping', '-i', '0'], ['rpcping', '-v', '4'],
             ['rpcping', '-u', '10'], ['rpcping', '-a', 'pkt'], ['rpcping', '-u', 'x', '-a', 'pkt'],
             ['rpcping', '-u', '10', '-a', 'x'], ['rpcping', '-N', 'x'], ['rpcping', '-I', 'u,d,p'],
             ['rpcping', '-u', '10', '-a', 'pkt', '-I', 'Sesame1'], ['rpcping', '-P', 'u,d,p'],
             ['rpcping', '-u', '10', '-a', 'pkt', '-H', 'x'], ['rpcping', '-b'], ['rpcping', '-R', 'x'],
             ['rpcping', '-o', 'x'], ['rpcping', '-C', 'x'], ['rpcping', '--json']):
    run = Run(*args)
    ok(run.code == 64 and run.err.startswith(args[0] + ': ') and run.err.count('\n') == 1 and
       not run.out and 'Sesame1' not in run.err, 'wrong: ' + ' '.join(args), run)
for args in (['-t', 'ncacn_http'], ['-t', 'ncacn_np'], ['-o', 'RpcProxy=a,HttpProxy=b']):
    run = Run('rpcping', *args)
    ok(run.code == 69 and 'nothing was sent' in run.err and run.err.count('\n') == 1,
       'refused: ' + ' '.join(args), run)

# ---- exit codes and exceptions without a namespace
run = Run('portqry', *CLOSED)
ok(run.code == 1 and 'TCP port 1 (tcpmux service): NOT LISTENING' in run.out.replace(
    'unknown', 'tcpmux'), 'NOT LISTENING is 1', run)
run = Run('rpcping', '-s', '127.0.0.1', '-e', '1')
ok(run.code == 1 and run.out.startswith('Exception 1722 (0x000006BA)\n'), 'refused is 1722', run)
with socket.socket() as taken, socket.create_server(('127.0.0.1', 0)) as server:
    taken.bind(('', 0))
    taken.listen()
    port = server.getsockname()[1]
    run = Run('portqry', '-n', '127.0.0.1', '-nr', '-e', str(port), '-q')
    eq((run.code, run.out, run.err), (0, '', ''), 'LISTENING is 0, -q says nothing', run)
    run = Run('portqry', '-n', '127.0.0.1', '-nr', '-e', str(port), '-sp',
              str(taken.getsockname()[1]))
    ok(run.code == 99 and run.err == 'Cannot use specified source port.\nPort is already in use.\n'
       'Specify a port that is not in use and run the command again.\n', 'a taken source port', run)

    # ---- local mode
    run = Run('portqry', '-local')
    ok(run.code == 0 and '\nTCP/UDP Port to Process Mappings\n\n' in run.out and re.search(
        r'^%d:python3?\S* +TCP %d +127\.0\.0\.1 +LISTENING +0\.0\.0\.0:0$' % (os.getpid(), port),
        run.out, re.M), '-local: who listens', run)
    run = Run('portqry', '-local', '-v')
    ok(run.code == 0 and 'Process ID: %d (' % os.getpid() in run.out and
       'Loaded modules:\n' in run.out, '-local -v: modules', run)

    def watch(*args):
        child = subprocess.Popen([MSRPC, 'portqry', *args], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out = b''
        while out.count(b'Port Statistics') < 1:
            if not select.select([child.stdout], [], [], GUARD)[0]:
                break
            out += os.read(child.stdout.fileno(), 65536)
        with socket.create_connection(('127.0.0.1', port)):
            while b'ESTABLISHED' not in out:
                if not select.select([child.stdout], [], [], GUARD)[0]:
                    break
                out += os.read(child.stdout.fileno(), 65536)
        child.send_signal(signal.SIGINT)
        rest, err = child.communicate(timeout=GUARD)
        return child.returncode, (out + rest).decode(), err.decode()

    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, 'log')
        code, out, err = watch('-wport', str(port), '-wt', '1', '-l', log)
        ok(code == 130 and 'Watching port: %d\n\nChecking for changes every 1 seconds' % port in out
           and 'ESTABLISHED' in out, '-wport: a connection shows', code, out, err)
        with open(log) as file:
            text = file.read()
        ok(text.startswith('PortQry Version 2.0 Log File\n') and out in text and
           text.endswith('========= end of log file =========\n'), '-wport: the log is whole', text)
    code, out, err = watch('-wpid', str(os.getpid()), '-wt', '1')
    ok(code == 130 and 'Watching PID: %d\n' % os.getpid() in out and 'ESTABLISHED' in out,
       '-wpid: a connection shows', code, out, err)
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(MSRPC, [MSRPC, 'portqry', '-wport', str(port)])
    out = b''
    while b'Port Statistics' not in out and select.select([fd], [], [], GUARD)[0]:
        out += os.read(fd, 65536)
    os.write(fd, b'x\x1b')
    try:
        while select.select([fd], [], [], GUARD)[0]:
            out += os.read(fd, 65536)
    except OSError:
        pass
    status = os.waitpid(pid, 0)[1]
    ok(os.waitstatus_to_exitcode(status) == 0 and b'escape key pressed: stopped watching port %d' %
       port in out, '-wport: the escape key', status, out)
    os.close(fd)
eq(Run('portqry', '-wpid', '4194304').code, 99, '-wpid: no such process')

# ---- log files
with tempfile.TemporaryDirectory() as folder:
    log = os.path.join(folder, 'a log')
    run = Run('portqry', *CLOSED, '-l', log, '-cn', '!Sesame1!')
    with open(log) as file:
        text = file.read()
    ok(run.code == 1 and re.fullmatch(
        r'PortQry Version 2\.0 Log File\n\nSystem Date: \w{3} \w{3} \d\d [\d:]{8} \d{4}\n\n'
        r'Command run:\n portqry -n 127\.0\.0\.1 -e 1 -nr -l .* -cn \*{8}\n\n'
        r'Local computer name:\n\n .*\n\n(?s:.*)\n========= end of log file =========\n', text) and
       run.out in text, 'the log file', text, run)
    run = Run('portqry', *CLOSED, '-l', log)
    ok(run.code == 73 and run.err.count('\n') == 1 and '-y' in run.err and not run.out,
       'an existing log file without a terminal: refused', run)
    eq(open(log).read(), text, 'and kept')
    eq(Run('portqry', *CLOSED, '-l', log, '-y').code, 1, '-y overwrites')
    run = Run('portqry', *CLOSED, '-l', log, '-q')
    ok(run.code == 1 and not run.out and 'NOT LISTENING' in open(log).read(),
       '-q overwrites, and the log has what the screen has not', run)
    eq(Run('portqry', *CLOSED, '-l', '/dev/full', '-y').code, 73, 'a full disk: the log')
with open('/dev/full', 'w') as full:
    eq(Run('portqry', *CLOSED, stdout=full).code, 73, 'a full disk: the screen')

# ---- secrets
with socket.socket(type=socket.SOCK_DGRAM) as silent:
    silent.bind(('127.0.0.1', 0))
    child = subprocess.Popen([MSRPC, 'portqry', '-n', '127.0.0.1', '-nr', '-p', 'udp', '-e',
                              str(silent.getsockname()[1]), '-cn', '!Sesame1!'],
                             stdout=subprocess.DEVNULL)
    select.select([silent], [], [], GUARD)
    with open('/proc/%d/cmdline' % child.pid, 'rb') as file:
        line = file.read()
    ok(b'-cn' in line and b'Sesame1' not in line, 'a community is wiped from argv', line)
    child.send_signal(signal.SIGINT)
    eq(child.wait(timeout=GUARD), 130, 'interrupted: 130')

# ---- low ports
probe = ['unshare', '-n', 'true'] if os.geteuid() == 0 else ['unshare', '-rn', 'true']
if shutil.which('unshare') and subprocess.run(probe, stderr=subprocess.DEVNULL,
                                              check=False).returncode == 0:
    inner = subprocess.run([*probe[:2], 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh',
                            sys.executable, '-B', *sys.argv], stdout=subprocess.PIPE,
                           env={**os.environ, INSIDE: '1'}, timeout=4 * GUARD, check=False)
    count = 0
    for line in inner.stdout.decode().splitlines():
        test = re.match(r'(not )?ok \d+ - (.*)', line)
        if test:
            ok(not test[1], test[2])
            count += 1
        elif line[:1] == '#':
            print(line)
    ok(count > 10, 'the tests in a namespace came to their end', inner.returncode)
else:
    skip('low ports', 'no network namespace to be had')
done()
