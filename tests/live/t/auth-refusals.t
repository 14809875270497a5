#!/usr/bin/python3 -B
"""Whatever a KDC refuses with, the logon has failed: every error that there may be, in answer to the
password and in answer to a ticket, is an error of diagnose with a finding, and never "RPC works"."""
import os

from diagnosis import *

NAME, PASSWORD, TMP = names['DC_NAME'], names['ALICE_PASSWORD'], names['TEST_TMP']
FIRST, LAST = 10000, 96
TOO_BIG = 52                 # no refusal: the same is to be asked over TCP
ALICE = ['-u', 'alice@LAB.TEST', '-p', PASSWORD, '--auth', 'kerberos']
CACHE = 'FILE:' + os.path.join(TMP, 'ccache')


def kdc(code):
    return ['--dc-ip', '127.0.0.1:%d' % (FIRST + code)]


def healed(report):
    """Why the report is not that of a failed logon."""
    stands = [x for x in report['findings'] if x['severity'] == 'error' and not x['explained_by']]
    logon = [x['status'] for x in report['checks'] if x['id'] == 'AUTH.LOGON']
    good = (report['exit'], report['phases'][3]['status'], logon) == (40, 'fail', ['fail']) and \
        report['verdict']['finding'] in [x['id'] for x in stands] and \
        all(not complete(x, report) for x in stands)
    return [] if good else [report['exit'], report['verdict']['finding'], logon,
                            [x['id'] for x in report['findings']]]


def judge(name, *args):
    found, bad = {}, []
    for code in range(1, LAST + 1):
        if code == TOO_BIG:
            continue
        report = msrpc('diagnose', '--json', NAME, *args, *kdc(code)).json
        why = healed(report)
        bad += [(code, why)] if why else []
        found[code] = report['verdict']['finding']
    eq(bad, [], '%s: each of %d errors is a logon that failed' % (name, len(found)))
    return found


on('client', 'sh', '-c', 'echo "$0" | kinit -c "$1" alice@LAB.TEST', PASSWORD, CACHE)
with background('client', names['LAB_DIR'] + '/falsekdc.py', str(FIRST), str(LAST), 'LAB.TEST'):
    found = judge('a password', *ALICE)
    eq([found[x] for x in (6, 18, 24, 37, 68)],
       ['KRB.CLIENT_UNKNOWN', 'KRB.CLIENT_REVOKED', 'KRB.PREAUTH_FAILED', 'KRB.SKEW', 'KRB.WRONG_REALM'],
       'those with a meaning of their own keep it')
    eq({found[x] for x in (3, 9, 13, 25, 27, 61, 69, 91, 93, 96)}, {'AUTH.FAILED'}, 'the others have one name')
    found = judge('a ticket', '-k', '--ccache', CACHE)
    eq([found[x] for x in (7, 32)], ['KRB.SERVICE_UNKNOWN', 'KRB.TICKET_EXPIRED'], "a ticket's errors")
    for command in 'ping', 'map':
        run = msrpc(command, '--json', NAME, *ALICE, *kdc(13))
        eq((run.code, accused(run.json)), (40, {'AUTH.FAILED'}), command + ' says the same', run)
    run = msrpc('diagnose', NAME, *ALICE, *kdc(9))
    ok('VERDICT  phase 4: the logon fails' in run.out and 'msrpc explain krb:9' in run.out and
       'KDC_ERR_NULL_KEY' in run.out, 'the screen says with what number', run)
done()
