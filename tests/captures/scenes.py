#!/usr/bin/python3 -B
"""Every recorded scene, seen from the client, gives the finding that scenes.sh lists, as the cause
that stands first, with packets as evidence; healthy ones give none, there and elsewhere. With MSRPC_PCAPS=DIR: no false
alarm on the captures of DIR/INDEX.tsv that have no failure tag; alarms.tsv names those whose fault
the index does not know, with the reason."""
import csv
import os
import subprocess
import sys

from tap import done, ok

judge, folder = sys.argv[1:3]


def run(path, *options):
    return subprocess.run([judge, *options, path], capture_output=True, text=True, timeout=120)


def causes(output):
    """[(id, severity, number of packets)] of the findings that stand for themselves."""
    found = []
    for line in output.split('\n')[1:]:
        if line and not line.startswith('  '):
            words = line.split()
            found.append((words[0], words[1], line.count('#')))
    return found


def elsewhere(name):
    """What is healthy is so at the router and at the server too."""
    for place in ('near', 'far', 'server'):
        path = os.path.join(folder, '%s.%s.pcap.gz' % (name, place))
        for workers in ('1', '2'):
            got = run(path, '-j', workers)
            found = [f for f in causes(got.stdout) if f[0] != 'TCP.ONE_WAY_CAPTURE']
            ok(got.returncode == 0 and not found,
               '%s: healthy at %s, %s workers' % (name, place, workers), got.stdout, got.stderr)


def scenes():
    listed = subprocess.run(['bash', os.path.join(folder, 'record.sh'), '--list'],
                            capture_output=True, text=True, check=True).stdout
    print('# %-28s %-24s %s' % ('scene', 'expected', 'got'))
    for name, want in (line.split() for line in listed.splitlines()):
        path = os.path.join(folder, name + '.client.pcap.gz')
        if not os.path.exists(path):
            continue
        got = run(path)
        found = causes(got.stdout)
        text = ' '.join(f[0] for f in found) or 'healthy'
        print('# %-28s %-24s %s' % (name, want, text))
        if want == 'healthy':
            good = got.returncode == 0 and not found
        else:
            good = bool(found) and found[0][0] == want and found[0][2] > 0 and \
                not any(f[1] == 'error' for f in found[1:])
        ok(good, '%s: %s' % (name, want), got.stdout, got.stderr)
        ok(run(path, '-j', '2').stdout == got.stdout, name + ': the same with two workers')
        if want == 'healthy':
            elsewhere(name)


def pcaps(where):
    with open(os.path.join(folder, 'alarms.tsv'), encoding='utf-8') as f:
        known = {row[0]: row[1] for row in csv.reader(f, delimiter='\t') if row}
    with open(os.path.join(where, 'INDEX.tsv'), encoding='utf-8') as f:
        rows = list(csv.DictReader(f, delimiter='\t'))
    silent = 0
    for row in rows:
        path = os.path.join(where, row['file'])
        if not os.path.exists(path):
            continue
        got = run(path)
        ok(got.returncode in (0, 1, 10, 20, 30, 40), row['file'] + ': judged', got.stderr)
        if row['failure_tags']:
            continue
        alarm = ' '.join(f[0] for f in causes(got.stdout))
        silent += not alarm
        ok(alarm == known.get(row['file'], ''), row['file'] + ': no false alarm', got.stdout)
    print('# %d captures without a failure tag are without a finding' % silent)


scenes()
if os.environ.get('MSRPC_PCAPS'):
    pcaps(os.environ['MSRPC_PCAPS'])
else:
    ok(True, 'captures of MSRPC_PCAPS # SKIP the variable is not set')
done()
