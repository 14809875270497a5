#!/usr/bin/python3 -B
"""Every command, wherever it may find itself: a terminal of 80x24, a pipe, no colour wanted, no
network, no DNS, wrong arguments, interrupted, a full disk."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from cli import *

# What each command is given. {at}: our own server's mapper; {mute}: a port that takes connections
# and never answers; {mute_udp}: likewise a DNS server; {port}: the server's port alone.
#   good    a run that succeeds, with its exit code
#   waits   a run that would take long; None: the command never waits
#   remote  a run that wants another host; None: it wants none
#   named   a run that wants DNS; None: it wants none
#   wrong   two runs with wrong arguments
COMMANDS = {
    'map': dict(good=(['{at}'], 0), waits=['{mute}'], remote=['192.0.2.1'],
                named=['host.example'], wrong=(['--frob', 'x'], ['--protseq', 'x', '{at}'])),
    'ping': dict(good=(['{at}'], 0), waits=['{mute}'], remote=['192.0.2.1'],
                 named=['host.example'], wrong=(['--count', 'x', '{at}'], [])),
    'port': dict(good=(['127.0.0.1', '--ports', '{port}'], 0),
                 waits=['127.0.0.1', '--ports', '1-3000', '--rate', '20'],
                 remote=['192.0.2.1', '--ports', '135'], named=['host.example', '--ports', '135'],
                 wrong=(['127.0.0.1', '--ports', '9-1'], ['--protocol', 'sctp', 'x'])),
    'diagnose': dict(good=(['{at}'], 0), waits=['{mute}'], remote=['192.0.2.1'],
                     named=['host.example'], wrong=(['--phase', '5', 'x'], [])),
    'interfaces': dict(good=(['{at}'], 0), waits=['{mute}'], remote=['192.0.2.1'],
                       named=['host.example'], wrong=(['--frob', 'x'], [])),
    'audit': dict(good=(['{at}'], 0), waits=['{mute}'], remote=['192.0.2.1'],
                  named=['host.example'], wrong=(['--rids', '9-1', 'x'], [])),
    'name': dict(good=(['localhost', '--dns-server', '{mute_udp}', '--timeout', '0.1'], None),
                 waits=['host.example', '--dns-server', '{mute_udp}'], remote=None,
                 named=['host.example'],
                 wrong=(['--frob', 'x'], ['a' * 64 + '.example'], ['--dsgetdc', '--json'])),
    'call': dict(good=(['{at}', 'mgmt.inq_if_ids'], 0), waits=['{mute}', 'mgmt.inq_if_ids'],
                 remote=['192.0.2.1', 'mgmt.inq_if_ids'],
                 named=['host.example', 'mgmt.inq_if_ids'], wrong=(['{at}', 'mgmt'], ['{at}'])),
    'range': dict(good=(['--ports', '50000-51000'], 0), waits=['--of', '{mute}'],
                  remote=['--of', '192.0.2.1'], named=['--of', 'host.example'],
                  wrong=(['--ports', '70000'], [])),
    'describe': dict(good=(['samr'], 0), waits=None, remote=None, named=None,
                     wrong=(['nosuch'], ['--frob'])),
    'trace': dict(good=(['{captures}/tcp-refused.client.pcap.gz'], 20), waits=None, remote=None,
                  named=None, wrong=(['--frob', 'x'], [])),
    'explain': dict(good=(['1722'], 0), waits=None, remote=None, named=None,
                    wrong=(['--frob'], [])),
    'serve': dict(good=None, waits=None, remote=None, named=None,
                  wrong=(['--frob'], ['--mapper', 'x:y:z'])),
    # the grammar, words and codes of other tools: drop-ins have tests of their own
    'portqry': None,
    'rpcping': None,
}

ROOT = os.geteuid() == 0 and shutil.which('unshare')
NO_NETWORK = ['unshare', '-n']
NO_DNS = ['unshare', '-n', '-m', 'sh', '-c', 'mount --bind /dev/null /etc/resolv.conf && '
          'ip link set lo up && exec "$@"', 'sh']


def run_under(prefix, *args):
    """A run under another command: (code, out, err)."""
    done = subprocess.run([*prefix, MSRPC, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=GUARD, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def interrupted(*args):
    """A run that gets SIGINT once it has begun to wait: (code, out, err)."""
    child = subprocess.Popen([MSRPC, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    # it waits once its loop sleeps: in epoll, with its signals caught
    for _ in range(1000):
        with open('/proc/%d/status' % child.pid) as file:
            caught = int(re.search(r'^SigCgt:\s*([0-9a-f]+)', file.read(), re.M).group(1), 16)
        with open('/proc/%d/wchan' % child.pid) as file:
            if caught >> (signal.SIGINT - 1) & 1 and 'poll' in file.read():
                break
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=GUARD)
    return child.returncode, out.decode(), err.decode()


def too_long(text):
    """Lines beyond 80 columns that are no command to be copied."""
    command = r'(   | NEXT     |          verify: )\S'
    return [x for x in text.splitlines() if len(x) > 80 and not re.match(command, x)]


def one_line(err, name):
    return err.startswith('msrpc %s: ' % name) and err.count('\n') == 1


def check(name, spec, places):
    def fill(args):
        return [name, *(a.format(**places) for a in args)]

    for wrong in spec['wrong']:
        run = Run(*fill(wrong))
        ok(run.code == 64 and one_line(run.err, name) and not run.out,
           '%s: wrong arguments: %s' % (name, ' '.join(wrong)[:30]), run)

    if spec['good']:
        args, code = fill(spec['good'][0]), spec['good'][1]
        run = Run(*args)
        code = run.code if code is None else code
        ok(run.code == code and '\033' not in run.out + run.err, name + ': piped', run)
        ok(not too_long(run.out), name + ': 80 columns', *too_long(run.out))
        shown = terminal(*args)
        ok(shown[0] == code and not re.search(r'\033\[(?![0-9;]*m|K)', shown[1]),
           name + ': on a terminal, nothing but colour', shown)
        for env in {'NO_COLOR': '1'}, {'TERM': 'dumb'}:
            plain = terminal(*args, **env)
            ok(plain[0] == code and not re.search(r'\033\[[0-9;]*m', plain[1]),
               '%s: %s' % (name, '='.join(*env.items())), plain)
        run = Run(*args, '--json')
        valid(run, name + ' --json')
        eq(run.code, code, name + ' --json: the same exit code', run)
        for full in (['-o', '/dev/full'], ['--json', '-o', '/dev/full']):
            run = Run(*args, *full)
            ok(run.code == 73 and '/dev/full' in run.err, '%s: full disk: %s' % (name, full), run)
        with open('/dev/full', 'wb') as full:
            eq(Run(*args, stdout=full).code, 73, name + ': standard output on a full disk')

    if spec['waits']:
        args = [*fill(spec['waits']), '--timeout', '50']
        result = interrupted(*args, '--json')
        try:
            report = json.loads(result[1])
        except ValueError:
            report = None
        problems = schema_errors(report)
        ok(result[0] == 130 and not problems and report.get('exit') == 130,
           name + ': interrupted: 130, and valid JSON', *problems, result)
        result = interrupted(*args)
        ok(result[0] == 130 and result[2].count('\n') <= 2, name + ': interrupted: 130', result)
        run = Run(*args, '--deadline', '0.2', '--json')
        report = valid(run, name + ' past its deadline')
        eq((run.code, report.get('exit')), (75, 75), name + ': past its deadline: 75', run)

    for what, place, codes in (('remote', NO_NETWORK, (10, 20, 30, 40)), ('named', NO_DNS, (10,))):
        title = '%s: %s' % (name, 'no network' if what == 'remote' else 'no DNS')
        if not spec[what]:
            continue
        if not ROOT:
            skip(title, 'needs root and unshare')
            continue
        result = run_under(place, *fill(spec[what]))
        ok(result[0] in codes and result[1] + result[2], title, result)
        result = run_under(place, *fill(spec[what]), '--json')
        problems = schema_errors(json.loads(result[1] or 'null'))
        ok(result[0] in codes and not problems, title + ' --json', *problems, result)


unknown = [name for name in commands() if name not in COMMANDS]
ok(not unknown, 'every command is tried here', unknown)
with socket.socket() as mute, socket.socket(type=socket.SOCK_DGRAM) as mute_udp, \
        Server('--interface', 'rpcecho') as server:
    for each in mute, mute_udp:
        each.bind(('127.0.0.1', 0))
    mute.listen(64)
    for command in commands():
        if COMMANDS.get(command):
            check(command, COMMANDS[command], {
                'captures': os.path.join(SOURCE, 'tests/captures'), 'at': server.address, 'port': server.mapper,
                'mute': '127.0.0.1:%d' % mute.getsockname()[1],
                'mute_udp': '127.0.0.1:%d' % mute_udp.getsockname()[1]})
done()
