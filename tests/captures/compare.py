#!/usr/bin/python3 -B
"""What msrpc counts in captures is what tshark counts: PDUs by type, faults, rejections, errors of
SMB and Kerberos, NTLM messages. Every recorded scene (the client's side) and, with MSRPC_PCAPS=DIR,
every file that DIR/INDEX.tsv names; its columns are compared too. Where the two differ,
differences.tsv says so and why: a difference that is not there fails, and so does one there that no
longer is."""
import collections
import csv
import json
import os
import shutil
import subprocess
import sys

from tap import done, ok

totals, folder = sys.argv[1:3]
PTYPES = {0: 'request', 2: 'response', 3: 'fault', 11: 'bind', 12: 'bind_ack', 13: 'bind_nak',
          14: 'alter_context', 15: 'alter_resp', 16: 'auth3', 17: 'shutdown', 18: 'co_cancel',
          19: 'orphaned', 20: 'rts'}
# no failures: parts of an answer, ends of lists and files, steps of an authentication
BENIGN = {0, 0x103, 0x10b, 0x10c, 0x80000005, 0x80000006, 0x8000001a, 0xc0000011, 0xc0000016}
FIELDS = {'pdu': 'dcerpc.pkt_type', 'faults': 'dcerpc.cn_status', 'naks': 'dcerpc.cn_reject_reason',
          'smb2': 'smb2.nt_status', 'smb1': 'smb.nt_status', 'dos': 'smb.error_class',
          'dos_code': 'smb.error_code', 'kerberos': 'kerberos.error_code',
          'nbss': 'nbss.error_code', 'ntlm': 'ntlmssp.messagetype',
          'results': 'dcerpc.cn_ack_result', 'level': 'tls.alert_message.desc'}


def theirs(path):
    """{field: count} as tshark has it."""
    args = ['tshark', '-n', '-r', path, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=,']
    for field in FIELDS.values():
        args += ['-e', field]
    run = subprocess.run(args, capture_output=True, text=True)
    found = collections.Counter()
    for line in run.stdout.splitlines():
        values = dict(zip(FIELDS, ([int(v, 0) for v in column.split(',')] if column else []
                                   for column in line.split('\t'))))
        for name in ('faults', 'naks', 'kerberos', 'nbss'):
            found.update('%s.%#x' % (name, v) for v in values[name])
        for name in ('smb1', 'smb2'):
            found.update('%s.%#x' % (name, v) for v in values[name] if v not in BENIGN)
        found.update('smb1.%#x' % (code << 16 | kind)
                     for kind, code in zip(values['dos'], values['dos_code'])
                     if code << 16 | kind not in (0, 0x120001))
        found.update('pdu.' + PTYPES.get(v, 'other') for v in values['pdu'])
        found.update('ntlm.%d' % v for v in values['ntlm'] if 1 <= v <= 3)
        found.update('rejections.%d' % v for v in values['results'] if v not in (0, 3))
        found['tls_alerts'] += len(values['level'])
    return +found


def ours(path):
    run = subprocess.run([totals, '-j', '1', path], capture_output=True, text=True)
    result = json.loads(run.stdout)
    found = collections.Counter({'pdu.' + k: v for k, v in result['pdus'].items()})
    for name in ('faults', 'naks', 'kerberos', 'nbss', 'smb1', 'smb2'):
        found.update({'%s.%#x' % (name, int(k)): v for k, v in result[name].items()})
    for code, n in result['rejections'].items():
        found['rejections.%d' % (int(code) >> 16)] += n
    found.update({'ntlm.%d' % (i + 1): n for i, n in enumerate(result['ntlm'])})
    found['tls_alerts'] = result['tls_alerts']
    return +found


def compare(name, path, known, index=None):
    try:
        mine, other = ours(path), theirs(path)
    except (ValueError, KeyError) as error:
        ok(False, name, 'cannot be read: %s' % error)
        return
    different = {(field, mine[field], other[field]) for field in mine | other
                 if mine[field] != other[field]}
    explained = {(field, int(a), int(b)) for field, a, b, _ in known.get(name, [])}
    lines = ['%s: %d, tshark %d, and differences.tsv does not say why' % d
             for d in sorted(different - explained)]
    lines += ['%s: differences.tsv says %d and %d, which is not so' % d
              for d in sorted(explained - different)]
    if index:
        for field in list(PTYPES.values()):
            value = index.get('pdu_' + field)
            if value and int(value) != mine['pdu.' + field] and \
                    'pdu.' + field not in {d[0] for d in explained}:
                lines.append('pdu_%s: %d, INDEX.tsv %s' % (field, mine['pdu.' + field], value))
    ok(not lines, name, *lines)


if not shutil.which('tshark'):
    print('1..0 # SKIP tshark is not there to compare with')
    sys.exit(0)
known = collections.defaultdict(list)
with open(os.path.join(folder, 'differences.tsv')) as file:
    for row in csv.reader((line for line in file if line[0] != '#'), delimiter='\t'):
        ok(len(row) == 5 and row[4], 'differences.tsv: %s %s says why' % tuple(row[:2]))
        known[row[0]].append(row[1:])
scenes = sorted(f for f in os.listdir(folder) if f.endswith('.client.pcap.gz'))
ok(len(scenes) >= 60, 'at least 60 scenes')
for scene in scenes:
    compare(scene, os.path.join(folder, scene), known)
more = os.environ.get('MSRPC_PCAPS')
if more:
    with open(os.path.join(more, 'INDEX.tsv')) as file:
        for row in csv.DictReader(file, delimiter='\t'):
            compare(row['file'], os.path.join(more, row['file']), known, row)
else:
    ok(True, 'other captures # SKIP MSRPC_PCAPS names no folder of them')
done()
