#!/usr/bin/python3 -B
"""Recorded calls that are encrypted (sealed/record.sh): with their keys msrpc trace shows each call as
what was called, in every mechanism; with other keys, or none, it shows nothing of them and says which
key it takes; in parts of a capture it shows a call as it was or not at all. What tshark can open with
the same keys is compared."""
import gzip
import html
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

from tap import done, ok

msrpc, folder = sys.argv[1:3]
folder = os.path.join(folder, 'sealed')
KEYS = ['--users', os.path.join(folder, 'accounts'), '--keytab', os.path.join(folder, 'dc1.keytab')]
WHO = {'ntlm': r'LAB\alice by NTLM',
       'kerberos': 'alice@LAB.TEST by Kerberos, for host/dc1.lab.test@LAB.TEST'}
ALICE_NT = '2eda325cb2db9c0da925efa2e426385d'
NAMES = ['Administrator', 'Guest', 'krbtgt', 'alice'] * 45
NAMED = dict(zip(NAMES, (500, 501, 502, 1103)))
RIDS = [500, 501, 502] * 60
PRIVACY = ('ntlm', 'negotiate-ntlm', 'kerberos-aes256', 'kerberos-aes128', 'kerberos-rc4',
           'negotiate-kerberos', 'bare-ntlm', 'pipe')
INTEGRITY = ('ntlm', 'negotiate-ntlm', 'kerberos-aes256', 'negotiate-kerberos')


def path_of(name):
    return os.path.join(folder, name + '.pcap.gz')


def trace(path, *options):
    """(exit code, calls, what came of the keys, findings)"""
    run = subprocess.run([msrpc, 'trace', path, '--stubs', '--jsonl', *options],
                         capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return (run.returncode, [line['stub'] for line in lines if 'stub' in line],
            lines[-1].get('keys') if lines else run.stderr,
            [line['finding']['id'] for line in lines if 'finding' in line])


def same(value, handles):
    """A call's parameters with handles by order of appearance: the server draws them."""
    if isinstance(value, dict):
        if set(value) == {'handle'}:
            return 'handle %d' % handles.setdefault(value['handle'], len(handles))
        return {k: same(v, handles) for k, v in value.items()}
    return [same(v, handles) for v in value] if isinstance(value, list) else value


def samr(calls):
    handles = {}
    return [(c['method'], same(c['request'], handles), same(c['response'], handles))
            for c in calls if (c['interface'] or {}).get('name') == 'samr']


def shown(calls):
    return {(c['request_packet'], c['response_packet'], side): c[side]
            for c in calls for side in ('request', 'response') if c[side] is not None}


# ---- the keys ----

def what_was_called(name, calls):
    """The values that record.sh and calls.py have, and the server's own."""
    found = {c['method']: c for c in calls}
    names, rids = found.get('SamrLookupNamesInDomain'), found.get('SamrLookupIdsInDomain')
    if not names or not rids or not names['request'] or not rids['response']:
        return ok(False, name + ': both look-ups are shown', found)
    ok([n['Buffer'] for n in names['request']['Names']] == NAMES, name + ': the names it asks for')
    ok(names['response']['RelativeIds']['Element'] == [NAMED[n] for n in NAMES],
       name + ': the numbers it gets')
    ok(rids['request']['RelativeIds'] == RIDS, name + ': the numbers it asks for')
    ok([n['Buffer'] for n in rids['response']['Names']['Element']] == NAMES[:3] * 60,
       name + ': the names it gets')


def opened():
    clear = {}
    for name in INTEGRITY:  # what is signed can be read without a key
        clear[name] = samr(trace(path_of(name + '-integrity'))[1])
        code, calls, keys, _ = trace(path_of(name + '-integrity'), *KEYS)
        ok(samr(calls) == clear[name], name + ': keys change nothing of what is signed')
        ok({k['state'] for k in keys} == {'opened'}, name + ': every signature is right', keys)
    for name in PRIVACY:
        code, calls, keys, findings = trace(path_of(name + '-privacy'), *KEYS)
        who = WHO['kerberos' if 'kerberos' in name else 'ntlm']
        ok([(k['state'], k['text'], k['auth']['level']) for k in keys] ==
           [('opened', who, 'privacy')], name + ': opened, and who it was', keys)
        sides = [(c['method'], c.get('request_why'), c.get('response_why')) for c in calls
                 if c['request'] is None or c['response'] is None]
        ok(not [s for s in sides if s[0] is not None and 'encrypted' in str(s)],
           name + ': no call stays closed', sides)
        what_was_called(name, calls)
        if name in clear:
            ok(samr(calls) == clear[name], name + ': as the same calls in clear')


def annotated():
    path = os.path.join(work, 'annotated.pcapng')
    run = subprocess.run([msrpc, 'trace', path_of('kerberos-aes256-privacy'), *KEYS, '--annotate',
                          path], capture_output=True, text=True)
    with open(path, 'rb') as file:
        octets = file.read()
    ok(run.returncode == 0 and octets.count(b'msrpc opened samr.') == 30 and
       b'msrpc opened samr.SamrLookupNamesInDomain: {"request":{"DomainHandle"' in octets,
       '--annotate: the calls that keys opened', run.stderr, octets.count(b'msrpc opened'))


# ---- other keys, and none ----

def closed():
    for name in PRIVACY:
        kerberos = 'kerberos' in name
        code, calls, keys, _ = trace(path_of(name + '-privacy'))
        ok(keys is None, name + ': without keys nothing is said of keys')
        ok(not samr_shown(calls), name + ': without keys nothing is shown')
        wrong = ['-H', 'LAB\\alice:' + '5' * 32, '--keytab', changed_keytab()]
        code, calls, keys, _ = trace(path_of(name + '-privacy'), *wrong)
        want = 'a keytab with the key of host/dc1.lab.test@LAB.TEST: number 1, aes256' if kerberos \
            else r'another NT hash or password of LAB\alice'
        ok(len(keys) == 1 and keys[0]['state'] == 'closed' and keys[0]['text'].startswith(want),
           name + ': with wrong keys it says which it takes', keys)
        ok(not samr_shown(calls), name + ': with wrong keys nothing is shown')
        other = KEYS[:2] if kerberos else KEYS[2:]
        code, calls, keys, findings = trace(path_of(name + '-privacy'), *other)
        want = 'a keytab with the key of host/' if kerberos else r'the NT hash or password of LAB\alice'
        ok(len(keys) == 1 and keys[0]['text'].startswith(want) and not samr_shown(calls),
           name + ': keys of the other kind', keys)
        ok(findings == [] and code == 0, name + ': and nobody is accused', findings)
    code, calls, keys, _ = trace(path_of('ntlm-privacy'), '-u', 'alice', '-p', 'Alice.Pw1')
    ok(samr_shown(calls), 'a password opens')
    for text in ('zz', 'alice:12', ':', 'LAB\\alice:' + '5' * 31 + 'g'):
        run = subprocess.run([msrpc, 'trace', path_of('ntlm-privacy'), '-H', text],
                             capture_output=True, text=True)
        ok(run.returncode == 64 and (len(text) < 3 or text not in run.stderr),
           'no hash: 64, and it is not repeated', run.stderr)
    for path in ('/nonexistent', path_of('ntlm-privacy'), '/dev/null'):
        run = subprocess.run([msrpc, 'trace', path_of('ntlm-privacy'), '--keytab', path],
                             capture_output=True, text=True)
        ok(run.returncode == 66 and path in run.stderr, 'no keytab: 66', run.stderr)
    code, calls, keys, _ = trace(path_of('pipe-encrypted'), *KEYS)
    ok([(k['state'], k['auth']) for k in keys] == [('closed', None)] and 'SMB 3' in keys[0]['text'],
       'what SMB encrypts stays closed, and it says so', keys)


def samr_shown(calls):
    return [c for c in calls if (c['interface'] or {}).get('name') == 'samr' and
            (c['request'] is not None or c['response'] is not None)]


def changed_keytab():
    path = os.path.join(work, 'changed.keytab')
    with open(os.path.join(folder, 'dc1.keytab'), 'rb') as file:
        octets = bytearray(file.read())
    at = 2
    while at + 4 < len(octets):
        size, parts = struct.unpack_from('>iH', octets, at)
        place = at + 6
        for _ in range(parts + 1):  # the realm, and the parts of the name
            place += 2 + struct.unpack_from('>H', octets, place)[0]
        octets[place + 4 + 4 + 1 + 2 + 2] ^= 1  # kind, time, number, type, length: the key
        at += 4 + size
    with open(path, 'wb') as file:
        file.write(octets)
    return path


def channel():
    """A machine's secure channel, whose key the capture shows being made."""
    code, calls, keys, _ = trace(path_of('netlogon-privacy'), *KEYS)
    found = {c['method']: c for c in calls}
    ok([(k['state'], k['text']) for k in keys] == [('opened', r'LAB\MB by Netlogon')],
       'netlogon: opened', keys)
    ok(found['NetrGetDCName']['request'] == {'ServerName': 'dc1.lab.test', 'DomainName': 'LAB'} and
       found['NetrGetDCName']['response'] == {'Buffer': '\\\\DC1', 'result': 0},
       'netlogon: what was called', found.get('NetrGetDCName'))
    wrong = r'LAB\mb$:' + '5' * 32
    for options in (KEYS[2:], ['-H', wrong]):
        code, calls, keys, _ = trace(path_of('netlogon-privacy'), *options)
        found = {c['method']: c for c in calls}
        ok(keys[0]['state'] == 'closed' and keys[0]['text'].startswith(r'the NT hash of LAB\MB$') and
           found['NetrGetDCName']['request'] is None, 'netlogon: without its hash', keys)
    head, packets = load(path_of('netlogon-privacy'))
    whole = values(trace(path_of('netlogon-privacy'), *KEYS)[1])
    odd, states = [], set()
    for i in range(len(packets)):
        code, calls, keys, _ = trace(save(head, packets[:i] + packets[i + 1:]), *KEYS)
        odd += [(i + 1, key) for key, value in values(calls).items() if whole.get(key) != value]
        states |= {k['state'] for k in keys}
    ok(not odd and 'wrong' not in states, 'netlogon: any packet missing', odd, states)


# ---- parts ----

def load(path):
    with gzip.open(path) as file:
        octets = file.read()
    packets, at = [], 24
    while at + 16 <= len(octets):
        size = struct.unpack_from('<I', octets, at + 8)[0]
        packets.append(octets[at:at + 16 + size])
        at += 16 + size
    return octets[:24], packets


def save(head, packets):
    path = os.path.join(work, 'part.pcap')
    with open(path, 'wb') as file:
        file.write(head + b''.join(packets))
    return path


def cut(packet, size):
    return packet[:8] + struct.pack('<I', min(size, len(packet) - 16)) + packet[12:16 + size]


def values(calls):
    """What is shown, by client port, call and side: packets have other numbers in a part."""
    return {(c['client_port'], c['call_id'], c['method'], side): c[side]
            for c in calls for side in ('request', 'response') if c[side] is not None}


def parts():
    for name in ('ntlm', 'negotiate-ntlm', 'kerberos-aes256', 'negotiate-kerberos', 'bare-ntlm'):
        head, packets = load(path_of(name + '-privacy'))
        whole = values(trace(path_of(name + '-privacy'), *KEYS)[1])
        odd, states, most = [], set(), 0
        full = [i for i, p in enumerate(packets) if len(p) > 16 + 70]
        tries = [('without packet %d' % (i + 1), packets[:i] + packets[i + 1:]) for i in full]
        tries += [('from packet %d' % (i + 1), packets[i:]) for i in full[::4]]
        tries += [('cut at %d' % n, [cut(p, n) for p in packets]) for n in (96, 200, 400, 1000)]
        for what, kept in tries:
            code, calls, keys, _ = trace(save(head, kept), *KEYS)
            found = values(calls)
            odd += [(what, key) for key, value in found.items() if whole.get(key) != value]
            states |= {k['state'] for k in keys}
            most = max(most, len(found))
        ok(not odd, '%s: %d parts show calls as they were, or not at all' % (name, len(tries)), odd)
        ok('wrong' not in states and 'unseen' in states, name + ': no part accuses', states)
        ok(('lost' in states) == ('ntlm' in name), name + ': what counts octets is lost behind a gap',
           states)
        ok(most >= len(whole) - 2, name + ': what comes behind a gap in the clear is shown', most)


def changed():
    """A fragment that was changed on its way is not shown, and said to be wrong."""
    for name in ('ntlm', 'kerberos-aes256', 'kerberos-rc4', 'negotiate-kerberos'):
        head, packets = load(path_of(name + '-privacy'))
        whole = values(trace(path_of(name + '-privacy'), *KEYS)[1])
        at = max(range(len(packets)), key=lambda i: len(packets[i]))
        packets[at] = packets[at][:-100] + bytes([packets[at][-100] ^ 1]) + packets[at][-99:]
        code, calls, keys, _ = trace(save(head, packets), *KEYS)
        found = values(calls)
        ok(all(whole.get(key) == value for key, value in found.items()) and
           len(whole) - 2 <= len(found) < len(whole), name + ': a changed fragment, and no other, is not shown',
           len(whole), len(found))
        ok([k['state'] for k in keys] == ['opened', 'wrong'], name + ': and it is told', keys)


# ---- many ----

def copies(count, user):
    """The sealed connection by NTLM so many times, each from a port of its own, of @user, which may
    have a number."""
    head, packets = load(path_of('ntlm-privacy'))
    calls = trace(path_of('ntlm-privacy'), *KEYS)[1]
    port = struct.pack('>H', samr_shown(calls)[0]['client_port'])
    octets = b''
    for i in range(count):
        name = (user % i if '%' in user else user).encode('utf-16-le')
        own = struct.pack('>H', 20000 + i)
        octets += b''.join(p.replace('alice'.encode('utf-16-le'), name).replace(port, own, 1)
                           for p in packets if port in p[16 + 34:16 + 38])
    return save(head, [octets])


def many_opened():
    """The page has the first 500 halves of calls that keys opened, and counts the rest."""
    path = os.path.join(work, 'page.html')
    subprocess.run([msrpc, 'trace', copies(1, 'alice'), *KEYS, '--html', path], capture_output=True)
    with open(path) as file:
        each = file.read().count('class="opened"')
    count = 500 // each + 1
    subprocess.run([msrpc, 'trace', copies(count, 'alice'), *KEYS, '--html', path],
                   capture_output=True)
    with open(path) as file:
        text = file.read()
    ok(text.count('class="opened"') == 500 and 'and %d more</p>' % (each * count - 500) in text,
       '%d halves of calls on the page' % (each * count), each, text.count('class="opened"'),
       [x for x in text.splitlines() if 'more</p>' in x])


def many():
    """Logons of many accounts, each closed for its own key: the first 64 stories are told, the rest
    are counted, on the screen, in JSON and on the page."""
    for count in 63, 64, 65, 70:
        path = copies(count, 'al%03d')
        options = ['-H', 'LAB\\alice:' + '5' * 32]
        run = subprocess.run([msrpc, 'trace', path, '--json', *options], capture_output=True, text=True)
        report = json.loads(run.stdout)
        ok(len({k['text'] for k in report['keys']}) == min(count, 64) and
           report.get('keys_left_out', 0) == max(0, count - 64), '%d accounts: JSON' % count,
           len(report['keys']), report.get('keys_left_out'))
        page = os.path.join(work, 'page.html')
        run = subprocess.run([msrpc, 'trace', path, '--html', page, *options], capture_output=True,
                             text=True)
        with open(page) as file:
            both = run.stdout, file.read()
        want = 'and %d more, each another story' % (count - 64)
        ok(all((want in text) == (count > 64) for text in both), '%d accounts: screen and page' % count,
           run.stdout[-500:])


def most_hashes():
    """64 hashes may be given, and a password beside them."""
    for most in 63, 64, 65:
        options = [word for i in range(most) for word in
                   ('-H', r'LAB\%s:%s' % ('alice' if i == most - 1 else 'u%d' % i,
                                          ALICE_NT if i == most - 1 else '%032x' % i))]
        run = subprocess.run([msrpc, 'trace', path_of('ntlm-privacy'), *options, '-u', r'LAB\bob',
                              '-p', 'x'], capture_output=True, text=True)
        ok((run.returncode, 'opened' in run.stdout) == ((0, True) if most <= 64 else (64, False)),
           '%d hashes and a password' % most, run.returncode, run.stderr)


def page():
    """The page has what keys opened, and who it was; without keys nothing of them."""
    path = os.path.join(work, 'page.html')
    for name in 'ntlm', 'kerberos-aes256', 'netlogon':
        capture = path_of(name + '-privacy')
        subprocess.run([msrpc, 'trace', capture, *KEYS, '--html', path], capture_output=True)
        with open(path) as file:
            text = html.unescape(file.read())
        who = WHO[name.split('-')[0]] if name != 'netlogon' else r'LAB\MB by Netlogon'
        ok('opened: ' + who in text, name + ': who it was, on the page', text[-3000:])
        calls = trace(capture, *KEYS)[1]
        sealed = [c for c in calls if c['method'] in ('SamrLookupNamesInDomain', 'NetrGetDCName')]
        for call in sealed:
            for side in 'request', 'response':
                row = '>%d</td><td class="opened">%s.%s: {"%s":{' % (
                    call[side + '_packet'], call['interface']['name'], call['method'], side)
                ok(row in text, name + ': the %s of a call it opened, on the page' % side, row)
        ok(sealed, name + ': there is one', calls)
    subprocess.run([msrpc, 'trace', capture, '--html', path], capture_output=True)
    with open(path) as file:
        text = file.read()
    ok('id="h-keys"' not in text and 'class="opened"' not in text, 'without keys: nothing of them')
    head, packets = load(path_of('ntlm-privacy'))
    subprocess.run([msrpc, 'trace', save(head, packets[:3]), *KEYS, '--html', path], capture_output=True)
    with open(path) as file:
        ok('nothing here is protected' in file.read(), 'with keys for nothing: it says so')


# ---- tshark ----

def compare():
    if not shutil.which('tshark'):
        return ok(True, 'what tshark opens # SKIP no tshark')
    keytab = KEYS[3]
    for name in PRIVACY:
        if name == 'negotiate-ntlm':  # tshark does not begin the key stream anew behind mechListMIC
            continue
        fields = ['frame.number', 'samr.opnum', 'samr.status', 'samr.samr_LookupNames.num_names']
        run = subprocess.run(['tshark', '-n', '-r', path_of(name + '-privacy'), '-K', keytab,
                              '-o', 'kerberos.decrypt:TRUE', '-o', 'kerberos.file:' + keytab,
                              '-o', 'ntlmssp.nt_password:Alice.Pw1', '-Y', 'samr', '-T', 'fields']
                             + [word for field in fields for word in ('-e', field)],
                             capture_output=True, text=True)
        rows = [line.split('\t') for line in run.stdout.splitlines()]
        theirs = {int(r[0]): int(r[2], 0) for r in rows if len(r) == 4 and r[2]}
        ours = {c['response_packet']: c['response'].get('result') for c in
                trace(path_of(name + '-privacy'), *KEYS)[1] if c['response'] is not None}
        both = [(packet, status, ours.get(packet)) for packet, status in theirs.items()
                if packet in ours]
        ok(len(both) > 4 and all(x == y for _, x, y in both),
           '%s: %d statuses as tshark opens them' % (name, len(both)), both)


with tempfile.TemporaryDirectory() as work:
    opened()
    annotated()
    closed()
    channel()
    parts()
    changed()
    many()
    many_opened()
    most_hashes()
    page()
    compare()
done()
