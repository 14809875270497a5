#!/usr/bin/python3 -B
"""Keys for msrpc trace: the whole matrix of authentication against the domain controller (every
mechanism, level, header signing, verification trailers, small fragments), heard by tcpdump and opened
with the server's keytab and a password; and keys that only root may read, while it listens as
nobody."""
import json
import os
import signal
import subprocess
import time

from matrix import LEVELS, MECHS, logon
from tap import *

DC, CONF = names['DC_IP'], os.path.join(names['LAB_STATE'], 'dc1/etc/smb.conf')
KEYTAB = os.path.join(names['TEST_TMP'], 'dc1.keytab')
KINDS = ('plain', 'unverified', 'small')
MSRPC = os.environ['MSRPC']


def recorded(path, mech):
    """What the mechanism's part of the matrix says, and what tcpdump heard, in @path."""
    with open(path + '.log', 'w') as log:
        child = subprocess.Popen([names['LAB'], 'exec', 'client', 'tcpdump', '-Z', 'root', '-q', '-U',
                                  '--immediate-mode', '-n', '-s', '0', '-B', '16384', '-i', 'eth0',
                                  '-w', path, 'host ' + DC], stdin=subprocess.DEVNULL, stderr=log)
    for _ in range(200):
        with open(path + '.log') as log:
            if 'listening on' in log.read():
                break
        time.sleep(0.02)
    got = logon('-k', ','.join(KINDS), DC, names['DC_NAME'], r'LAB\alice', names['ALICE_PASSWORD'], DC,
                parts=(mech,))
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    child.wait(timeout=20)
    return [cell for cell, said in got.items() if said == 'good']


def opened(mech):
    path = os.path.join(names['TEST_TMP'], mech + '.pcap')
    good = recorded(path, mech)
    run = subprocess.run([MSRPC, 'trace', path, '--stubs', '--jsonl', '-u', r'LAB\alice', '-p',
                          names['ALICE_PASSWORD'], '--keytab', KEYTAB],
                         capture_output=True, text=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    # a connection of the test before, whose bind was not heard, may still end
    calls = [line['stub'] for line in lines if 'stub' in line and line['stub']['interface']]
    keys = lines[-1]['keys'] if lines else []
    ok(len(good) > 40, mech + ': the matrix was run', len(good))
    closed = [(c['method'], c.get('request_why'), c.get('response_why')) for c in calls
              if c['request'] is None or (c['response'] is None and 'fault' not in c)]
    ok(len(calls) > 400 and not closed, '%s: %d calls are shown' % (mech, len(calls)), len(closed),
       closed[:5])
    ok({k['state'] for k in keys} == {'opened'} and
       {k['auth']['level'] for k in keys} == {'packet', 'integrity', 'privacy'},
       mech + ': every logon was opened, every signature right', keys)
    names_of = [c for c in calls if c['method'] == 'SamrLookupNamesInDomain' and c['response']]
    ok(names_of and all(c['request']['Count'] == c['response']['RelativeIds']['Count']
                        for c in names_of), mech + ': as many numbers come as names went',
       len(names_of))


eq(subprocess.run([names['LAB'], 'exec', 'dc1', '/usr/bin/python3', '-B', '/usr/bin/samba-tool',
                   'domain', 'exportkeytab', KEYTAB, '--principal=DC1$', '-s', CONF],
                  capture_output=True).returncode, 0, "the server's keys")
for mech in MECHS:
    opened(mech)

os.chmod(KEYTAB, 0o600)
child = subprocess.Popen([names['LAB'], 'exec', 'client', MSRPC, 'trace', '-i', 'any', '--json',
                          '--keytab', KEYTAB], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
for _ in range(500):
    if len(on('client', 'cat', '/proc/net/packet').splitlines()) > 1:
        break
    time.sleep(0.02)
logon('-k', 'plain', DC, names['DC_NAME'], r'LAB\alice', names['ALICE_PASSWORD'], DC, parts=('krb5',))
time.sleep(0.5)
child.send_signal(signal.SIGINT)
out, err = child.communicate(timeout=30)
keys = json.loads(out).get('keys')
ok(keys and {k['state'] for k in keys} == {'opened'}, 'listening: keys are read before root is given '
   'up', keys, err)
done()
