#!/usr/bin/python3 -B
"""Samba's own conformance suite (raw_protocol) against msrpc serve with a mock of netlogon.

../conformance.list names the tests that need what is not there yet; every other one must pass, and
none of those may: the list only shrinks."""
import os
import re
import subprocess

from tap import *

SUITE = 'samba.tests.dcerpc.raw_protocol'
HOST = names['MB_CLIENT_IP']
MOCK = os.path.join(names['LIVE_DIR'], 'mocks', 'netlogon.json')
LIST = os.path.join(names['LIVE_DIR'], 'conformance.list')
PARTS = 4   # side by side, since most of a test is waiting for silence
GUARD = '150'
PASSWORD = names['PASSWORD']
ENVIRONMENT = {
    'SERVER': HOST, 'TARGET_HOSTNAME': names['MB_NAME'], 'USERNAME': 'Administrator', 'PASSWORD': PASSWORD,
    'DOMAIN': 'LAB', 'REALM': 'LAB.TEST', 'SMB_CONF_PATH': names['LAB_SMBCONF'],
    'MAX_NUM_AUTH': '4', 'IGNORE_RANDOM_PAD': '1', 'PYTHONDONTWRITEBYTECODE': '1'}


def excused():
    with open(LIST) as file:
        lines = [x.split(None, 1) for x in file if x.strip() and not x.startswith('#')]
    ok(all(len(x) == 2 for x in lines), 'every line of the list gives a reason')
    return {x[0] for x in lines}


def suite_names():
    text = on('client', 'python3', '-B', '-c', 'from %s import TestDCERPC_BIND as t\n'
              'print(*(x for x in dir(t) if x.startswith("test_")))' % SUITE)
    return text.split()


def run(part):
    words = ['%s.TestDCERPC_BIND.%s' % (SUITE, x) for x in part]
    return subprocess.Popen(
        [names['LAB'], 'exec', 'client', 'env', *('%s=%s' % x for x in ENVIRONMENT.items()),
         'timeout', GUARD, 'python3', '-m', 'unittest', '-b', '-v', *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors='replace')


def conform(wanted):
    runs = [run(wanted[i::PARTS]) for i in range(PARTS)]
    text = ''.join(x.communicate()[1] for x in runs)
    results = dict(re.findall(r'^(test_\w+) \(.*\) \.\.\. (\w+)', text, re.M))
    details = dict(re.findall(r'^(?:FAIL|ERROR): (test_\w+) .*\n-+\n((?:.+\n)+)', text, re.M))
    eq(sorted(results), sorted(wanted), 'every test of the suite told its result', text[-2000:])
    passed = {x for x, result in results.items() if result == 'ok'}
    for name in sorted(set(wanted) - passed - unable):
        ok(False, '%s passes' % name, details.get(name, results.get(name, 'no result')))
    for name in sorted(passed & unable):
        ok(False, '%s passes: it has no place in conformance.list any more' % name)
    ok(len(passed) + len(unable) == len(wanted),
       '%d of %d tests pass, %d are excused' % (len(passed), len(wanted), len(unable)))


USERS = os.path.join(names['TEST_TMP'], 'users')
COMMAND = ('exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --users %s --keytab "$MB_KEYTAB" --mock %s'
           % (USERS, MOCK))
with open(USERS, 'w') as file:
    file.write('LAB\\Administrator:%s\n' % PASSWORD)
unable, every = excused(), suite_names()
eq(sorted(unable - set(every)), [], 'the list names tests of the suite')
with background('mb', 'sh', '-c', COMMAND) as server:
    conform(every)
eq(server.returncode, 0, 'SIGTERM ends it in order')
done()
