#!/usr/bin/python3 -B
"""Several targets at once: order, worst code, --rate, interrupt, deadline, memory, blocks; two hosts
compared; one host watched."""
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

from cli import *


def lines_valid(run, name):
    """Every line of the run is a report or an event; returns them."""
    lines = [json.loads(line) for line in run.out.splitlines()]
    problems = [x for line in lines for x in schema_errors(line)]
    ok(lines and not problems, name + ': lines after the schema', *problems, run)
    return lines


class Cut(Run):
    """A run that is interrupted once @when(standard output so far) holds."""

    def __init__(self, *args, when, stop=signal.SIGINT):
        self.args = args
        child = subprocess.Popen([MSRPC, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL)
        self.child, self.out, self.err = child, '', ''
        errors = threading.Thread(target=self.read_err, daemon=True)
        errors.start()
        guard = threading.Timer(GUARD, child.kill)
        guard.start()
        stopped = when(self)
        if stopped:
            child.send_signal(stop)
        for line in child.stdout:
            self.out += line.decode()
            if not stopped and when(self):
                stopped = True
                child.send_signal(stop)
        self.code = child.wait()
        guard.cancel()
        errors.join()

    def read_err(self):
        self.err = self.child.stderr.read().decode()


def inputs(report):
    return [x['target']['input'] for x in report.get('results', [])]


folder = tempfile.TemporaryDirectory(prefix='msrpc-targets-')


def targets(*names):
    path = os.path.join(folder.name, 'targets')
    with open(path, 'w') as file:
        file.writelines(name + '\n' for name in names)
    return path


# ---- order, worst code, what is said of each target
with Server('--interface', 'rpcecho') as server:
    at = server.address
    mixed = [at if i % 3 else '127.0.0.1:%d' % (i + 1) for i in range(60)]
    for command, port in (('map', 20), ('ping', 20), ('diagnose', 20)):
        for jobs in ('1', '7', '100'):
            run = Run(command, '--targets', targets(*mixed), '--jobs', jobs, '--json')
            report = valid(run, '%s of 60, %s at once' % (command, jobs))
            eq(inputs(report), mixed, '%s, %s at once: in the order given' % (command, jobs), run.err)
            eq((run.code, report.get('exit'), report.get('partial')), (port, port, False),
               '%s, %s at once: the worst code' % (command, jobs), run.err)
    run = Run('map', '--targets', targets(*mixed), '--jobs', '5')
    eq([x.split()[2] for x in run.out.splitlines() if x.startswith('msrpc map ')],
       [x for x in mixed if x == at], 'screens in the order given', run)
    eq(re.findall(r'^msrpc map: 127\.0\.0\.1: TCP (\S+)', run.err, re.M),
       [x for x in mixed if x != at], 'what is told of the others, in the order given', run)
    eq(Run('map', '--targets', targets(*[at] * 30)).code, 0, 'all is well: 0')
    run = Run('port', at, at, '--json')
    eq(inputs(valid(run, 'port of two')), [at, at], 'port: in the order given')
    run = Run('map', '--targets', targets(*[at] * 9), '--format', 'csv')
    ok(run.code == 0 and '\n\n' not in run.out.replace('\r', ''), 'csv: no empty lines', run)

    # ---- interrupt and deadline: what is known is there, the rest is left out and said
    slow = ['ping', '--targets', targets(*[at] * 40), '--jobs', '2', '--count', '1']
    run = Cut(*slow, '--rate', '20', '--json', when=lambda run: run.out.count('"exit"') >= 3)
    report = valid(run, 'interrupted')
    eq((run.code, report.get('exit'), report.get('partial')), (130, 130, True), 'interrupted: 130')
    ok(3 <= len(report.get('results', [])) < 40, 'interrupted: some results', run)
    ok(re.fullmatch(r'msrpc ping: interrupted; \d+ of 40 targets are left out\n', run.err),
       'interrupted: said once', run)
    run = Run(*slow, '--rate', '10', '--deadline', '0.4', '--jsonl')
    lines = lines_valid(run, 'deadline')
    ok(run.code == 75 and 0 < len(lines) < 40, 'deadline: 75 and some results', run)
    ok('the deadline of the run has passed; ' in run.err, 'deadline: said', run)
    run = Cut('diagnose', '--targets', targets(*[at] * 40), '--rate', '30', '--jobs', '2', '--json',
              when=lambda run: run.out.count('"exit"') >= 2)
    report = valid(run, 'diagnose interrupted')
    eq((run.code, report.get('partial')), (130, True), 'diagnose interrupted: 130', run.err)

    # ---- --rate holds for all of them together: 21 connections at 50 a second take 0.4 s or more
    began = time.monotonic()
    run = Run('map', '--targets', targets(*[at] * 21), '--rate', '50', '--jobs', '20')
    took = time.monotonic() - began
    ok(run.code == 0 and took >= 0.4, '--rate holds for all targets together', took, run.err)
    began = time.monotonic()
    run = Run('port', *[at] * 3, '--ports', ','.join([str(server.mapper)] * 1), '--rate', '10')
    ok(run.code == 0 and time.monotonic() - began >= 0.2, 'port --rate, too', run)
    began = time.monotonic()
    run = Run('ping', *[at] * 3, '--matrix', '--rate', '10')
    ok(run.code == 0 and time.monotonic() - began >= 0.5, 'ping --matrix --rate, too', run)

    # ---- output that breaks off ends the run
    with open('/dev/full', 'w') as full:
        run = Run('map', '--targets', targets(*[at] * 50), '--jsonl', stdout=full)
    eq(run.code, 73, 'full disk: 73', run)
    pipe = subprocess.run([ '/bin/sh', '-c', '"$0" map --targets "$1" --jsonl | head -n 1',
                           MSRPC, targets(*[at] * 300)], capture_output=True, timeout=GUARD)
    ok(pipe.stdout.count(b'\n') == 1 and b'written' not in pipe.stderr,
       'a reader that has seen enough is no error', pipe.stderr.decode())

    # ---- memory does not grow with the targets
    def resident(count):
        # a sanitizer would keep what is freed
        keep_none = {**os.environ, 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')
                     + ':quarantine_size_mb=1:thread_local_quarantine_size_kb=16'}
        with open(os.devnull, 'w') as null:
            child = subprocess.Popen([MSRPC, 'map', '--targets', targets(*[at] * count), '--jsonl'],
                                     stdout=null, stdin=subprocess.DEVNULL, env=keep_none)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        return child.returncode, usage.ru_maxrss

    few, many = resident(40), resident(2000)
    ok(few[0] == many[0] == 0 and many[1] < few[1] * 1.25 + 4096,
       'fifty times the targets, the same memory', few, many)

# ---- progress: on a terminal, of what lasts
three = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3']
for command in ('map', 'diagnose'):
    code, text = terminal(command, *three, '--rate', '1', stdout=subprocess.DEVNULL)
    shown = re.findall(r'\r\033\[K(\d) of 3 targets done, \d+ s', text)
    ok(code == 20 and shown and shown == sorted(shown), command + ': how far it is', text)
    line, wiped = text.rfind(' targets done'), text.rfind('\r\033[K')
    ok(wiped > line, command + ': nothing stays of it', text)
code, text = terminal('map', *three, '--rate', '2', '--quiet', stdout=subprocess.DEVNULL)
ok('targets done' not in text, '--quiet: no progress', text)

# ---- blocks
run = Run('map', '127.0.77.0/28:1')
eq((run.code, run.out, run.err),
   (20, ' 14 addresses: 0 answered, 14 refused, 0 silent\n', ''), 'a block nobody lives in')
run = Run('map', '127.0.77.0/28:1', '--verbose')
eq(len(run.err.splitlines()), 14, '--verbose: a line for each', run)
run = Run('map', '127.0.77.0/28:1', '--json')
eq(len(valid(run, 'a block').get('results', [])), 14, 'a block: a result for each')
eq(Run('ping', '::1/128:1').code, 20, 'a block of IPv6')
for args in (['ping', '127.0.77.0/30:1'], ['diagnose', '127.0.77.0/30:1'],
             ['port', '127.0.77.0/30', '--ports', '1']):
    run = Run(*args)
    eq((run.code, run.out), (20, ' 2 addresses: 0 answered, 2 refused, 0 silent\n'),
       args[0] + ' of a block')
    run = Run(*args, '--verbose')
    ok('127.0.77.2' in run.out + run.err, args[0] + ' --verbose: nobody is shown too', run)
for block in ('10.0.0.0/8', 'fd00::/64'):
    eq(Run('map', block).code, 64, block + ' is too much')

# ---- two hosts compared
with Server('--interface', 'rpcecho', '--register', 'samr@38901') as one, \
        Server('--interface', 'rpcecho', '--register', 'samr@50001', '--register',
               'lsarpc@38902') as two:
    run = Run('map', one.address, two.address)
    ok(run.code == 1 and 'only on ' + two.address in run.out and 'lsarpc' in run.out
       and one.address + ': ncacn_ip_tcp 38901' in run.out
       and two.address + ': ncacn_ip_tcp dynamic port' in run.out, 'what two hosts register differently',
       run)
    ok(' 1 interface the same, 1 different, 1 only on ' + two.address in run.out, 'the sum', run)
    run = Run('map', one.address, two.address, '--json')
    report = valid(run, 'differences')
    found = {x['interface']['name']: (x['on'], len(x['first']), len(x['second']))
             for x in report['differences']['interfaces']}
    eq((run.code, report['exit'], [x['exit'] for x in report['results']]), (1, 1, [0, 0]),
       'they differ: 1')
    eq((found, report['differences']['same']),
       ({'lsarpc': ('second', 0, 3), 'samr': ('both', 1, 1)}, 1), 'the differences', run)
    run = Run('map', one.address, one.address)
    ok(run.code == 0 and run.out.endswith(' 2 interfaces the same (dynamic ports aside)\n'),
       'a host and itself', run)
    run = Run('map', one.address, two.address, '-i', 'lsarpc')
    ok(run.code == 1 and 'only on' in run.out and not run.err, 'one interface', run)
    run = Run('map', one.address, two.address, '-i', 'drsuapi')
    ok(run.code == 30 and 'on neither' in run.err, 'one that neither has', run)
    run = Run('map', one.address, '127.0.0.1:1')
    ok(run.code == 20 and 'nothing to compare' in run.out, 'one of them is silent: its code', run)
    for form in (['--lists'], ['--format', 'csv'], ['--probe'], ['--jsonl']):
        run = Run('map', one.address, two.address, *form)
        ok(run.code in (0, 20) and run.out.count('38901') and run.out.count('50001')
           and 'the same' not in run.out, 'both lists: map ' + ' '.join(form), run)

# ---- one host watched
with Server('--interface', 'rpcecho') as server:
    step = [0]
    late = []

    def act(run):
        """Stops the server once it was listed, starts another in its place, ends the watch."""
        if step[0] == 0 and 'listed' in run.out or 'endpoints registered' in run.out and not step[0]:
            step[0] = 1
            server.stop()
        elif step[0] == 1 and ('unreachable' in run.out or 'refused' in run.out):
            step[0] = 2
            late.append(subprocess.Popen(
                [MSRPC, 'serve', '--mapper', server.address, '--bind', '127.0.0.1', '--interface',
                 'rpcecho', '--register', 'samr@38901'], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        elif step[0] == 2 and 'samr' in run.out:
            return True
        return False

    run = Cut('map', server.address, '--watch', '--interval', '0.05', '--jsonl', when=act)
    for child in late:
        child.terminate()
        child.wait()
    events = lines_valid(run, 'map --watch')
    kinds = [x['event'] for x in events]
    eq(run.code, 130, 'map --watch: interrupted', run)
    ok(kinds[:3] == ['listed', 'unreachable', 'back'] and kinds.count('unreachable') == 1,
       'map --watch: the mapper goes and comes back, each said once', run)
    ok(any(x['event'] == 'added' and x['endpoint']['interface']['name'] == 'samr' for x in events),
       'map --watch: what registers', run)

with Server('--interface', 'rpcecho') as server:
    for extra, name in ((['--json'], 'json'), ([], 'screen')):
        watch = ['map', server.address, '--watch', '--interval', '0.05', *extra]
        # the one object of --json is seen only when it is closed
        run = Cut(*watch, when=lambda run, wait=bool(extra): time.sleep(1.5) or True if wait
                  else 'registered' in run.out)
        eq(run.code, 130, 'map --watch, %s: 130' % name, run)
        if extra:
            report = valid(run, 'map --watch --json')
            eq(([x['event'] for x in report['events']], report['partial'], report['exit']),
               (['listed'], True, 130), 'map --watch --json: one object')
        else:
            ok(re.search(r'^\d\d:\d\d:\d\d \d+ endpoints? registered$', run.out, re.M),
               'map --watch: the list', run)
    run = Run('map', server.address, '--watch', '--deadline', '0.3', '--jsonl')
    eq(run.code, 75, 'map --watch: a deadline that was given holds', run)
    for wrong in (['--probe'], ['--format', 'csv'], [server.address]):
        run = Run('map', server.address, '--watch', *wrong)
        ok(run.code == 64 and run.err.count('\n') == 1, 'map --watch ' + wrong[0], run)
    eq(Run('map', server.address, '--interval', '1').code, 64, '--interval without --watch')
folder.cleanup()
done()
