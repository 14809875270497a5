#!/usr/bin/python3 -B
"""msrpc trace -i: what it hears on the client while faults are switched on, and that it gives root
up."""
import json
import os
import re
import signal
import subprocess
import time

from tap import *

DC = names['DC_NAME']
MSRPC = os.environ['MSRPC']


class Listener:
    """msrpc trace on the client, from when it listens until the end of the block."""

    def __init__(self, *args):
        self.args = args

    def __enter__(self):
        self.child = subprocess.Popen([names['LAB'], 'exec', 'client', MSRPC, 'trace', '-i', 'any',
                                       *self.args], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(500):  # until there is a packet socket
            if len(on('client', 'cat', '/proc/net/packet').splitlines()) > 1:
                break
            time.sleep(0.02)
        self.users = on('client', 'sh', '-c', "grep -h ^Uid: /proc/%d/status" % self.child.pid)
        return self

    def __exit__(self, *_):
        time.sleep(0.5)  # what was sent last arrives
        self.child.send_signal(signal.SIGINT)
        out, err = self.child.communicate(timeout=30)
        self.code, self.out, self.err = self.child.returncode, out.decode(), err.decode()


def heard(title, code, finding, *command, faults=()):
    """What is told after @command ran, under faults or not."""
    with Listener('--json') as trace:
        if faults:
            with fault(*faults):
                msrpc(*command)
        else:
            msrpc(*command)
    try:
        report = json.loads(trace.out)
    except ValueError:
        report = {'findings': [], 'verdict': {}}
    found = [f['id'] for f in report['findings'] if not f['explained_by']]
    ok(trace.code in code and (not finding or any(re.match(finding, x) for x in found)), title,
       trace.code, found, report['verdict'], trace.err)
    return report, trace


report, trace = heard('nothing wrong', (0, 1), '', 'call', DC, 'mgmt.inq_if_ids')
ok(report.get('calls') and report.get('packets'), 'calls are heard', report.get('calls'))
if os.geteuid() == 0:
    uids = set(trace.users.split()[1:])
    ok(uids and '0' not in uids, 'root is given up', trace.users)
heard('a name that is not there', (10,), 'NAME.NXDOMAIN', 'map', DC,
      faults=('dns-nxdomain',))
heard('a mapper that is filtered', (20,), 'TCP.MAPPER_FILTERED', 'map', DC,
      faults=('drop-port', '135'))
heard('a mapper that refuses', (20,), 'TCP.MAPPER_REFUSED', 'map', names['CLIENT_GW'] if
      'CLIENT_GW' in names else '127.0.0.1')

with Listener('--jsonl') as trace:
    msrpc('map', DC)
lines = [json.loads(x) for x in trace.out.splitlines()]
ok(any('conversation' in x for x in lines) and 'verdict' in lines[-1], '--jsonl: lines as they come',
   trace.out[:500], trace.err)
with Listener('--deadline', '1') as trace:
    trace.child.wait(timeout=20)
ok(trace.child.returncode == 0 and 'VERDICT' in trace.out, '--deadline ends it in order', trace.out,
   trace.err)
done()
