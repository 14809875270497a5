#!/usr/bin/python3 -B
"""What a domain controller returned under a seal: a denied status inside a sealed reply is a finding of
trace for who has the key, and nothing is made up for who has not."""
import os
import time

from diagnosis import *

NAME, DC, PASSWORD, TMP = names['DC_NAME'], names['DC_IP'], names['ALICE_PASSWORD'], names['TEST_TMP']
CONF = os.path.join(names['LAB_STATE'], 'dc1', 'etc', 'smb.conf')
PCAP, KEYTAB = os.path.join(TMP, 'sealed.pcap'), os.path.join(TMP, 'dc1.keytab')
ALICE = ['-u', 'LAB\\alice', '-p', PASSWORD]
# of a domain's secure channels, which an administrator may ask about
CALL = ['netlogon.NetrLogonControl2Ex',
        '{"ServerName":"dc1","FunctionCode":5,"QueryLevel":2,"Data":{"case":5,"value":"LAB"}}']
WAYS = {'ntlm': ['--auth', 'ntlm'], 'krb5': ['-k'], 'spnego': []}

on('dc1', '/usr/bin/python3', '/usr/bin/samba-tool', 'domain', 'exportkeytab', KEYTAB,
   '--principal=host/%s@LAB.TEST' % NAME, '-s', CONF)
with background('client', 'sh', '-c', 'exec tcpdump -Z root -U --immediate-mode -n -s 0 -i eth0 -w "$0" '
                'host %s 2>&1' % DC, PCAP):
    for way, how in WAYS.items():
        run = msrpc('call', NAME, *CALL, '--json', *ALICE, *how)
        eq([x['reply']['result'] for x in run.json.get('calls', [])], [5], 'alice is denied, ' + way, run)
    time.sleep(0.3)


def judged(*keys):
    """The outcome, and the mechanisms of the conversations that the finding is about."""
    run = msrpc('trace', '--json', PCAP, *keys)
    report = run.json
    found = [x for x in report.get('findings', []) if x['id'] == 'RPC.STATUS_RETURNED']
    cited = {n for x in found for n in x['conversations']}
    types = sorted(x['auth']['type'] for x in report.get('conversations', []) if x['id'] in cited)
    eq(accused(report), {x['id'] for x in found}, 'nothing else is accused', run)
    for finding in found:
        ok('returns 5' in finding['cause'] and 'netlogon' in finding['cause'], 'the status is named', run)
    return run.code, types, run


for name, keys, want in (
        ('no key', [], (0, [])),
        ('the password of somebody else', ['-u', 'LAB\\alice', '-p', 'Wrong.Pw1'], (0, [])),
        ("the user's password", ALICE, (1, ['ntlm'])),
        ("the service's keys", ['--keytab', KEYTAB], (1, ['kerberos', 'spnego'])),
        ('both', [*ALICE, '--keytab', KEYTAB], (1, ['kerberos', 'ntlm', 'spnego']))):
    code, types, run = judged(*keys)
    eq((code, types), want, name + ': what it shows', run)
done()
