#!/usr/bin/python3 -B
"""explain: sentences, findings and checks as arguments, pasted text on standard input, searches."""
import glob
import os
import re
import shlex
import signal
import subprocess
import time

from cli import *

PASTE = os.path.join(SOURCE, 'tests/golden/paste')


def paste(octets, *args):
    return Run('explain', '-', *args, stdin=octets)


# ---- arguments
for words in (['The RPC server is unavailable.'], ['The', 'RPC', 'server', 'is', 'unavailable']):
    run = Run('explain', *words)
    ok(run.code == 0 and 'RPC_S_SERVER_UNAVAILABLE' in run.out and 'TCP.MAPPER_FILTERED' in run.out,
       'a sentence of %d arguments' % len(words), run)
run = Run('explain', 'access', 'is', 'denied')
ok(run.code == 0 and 'ERROR_ACCESS_DENIED' in run.out, 'the words of a code', run)
run = Run('explain', 'Unable to open service control manager database on \\\\SRV5.')
ok(run.code == 0 and '--interface svcctl' in run.out and 'SRV5' in run.out, 'whom it is about', run)
run = Run('explain', 'TCP.DYNAMIC_FILTERED', 'EPM.LOOKUP')
ok(run.code == 0 and 'reg add' in run.out and 'check of diagnose' in run.out, 'finding and check',
   run)
eq(Run('explain', 'tcp.dynamic_filtered').out, Run('explain', 'TCP.DYNAMIC_FILTERED').out,
   'a finding in small letters')
for words in (['Kerberos', '10'], ['Kerberos 10'], ['kerberos:10']):
    run = Run('explain', *words)
    ok(run.code == 0 and 'Windows event  Kerberos' in run.out and 'RPC.AUTH_FAILED' in run.out,
       'an event by its source: %s' % words, run)
run = Run('explain', '1722', 'frobnicate')
ok(run.code == 64 and 'frobnicate' in run.err and run.out, 'what is known, and what is not', run)
run = Run('explain', 'frob', 'the', 'nicate')
ok(run.code == 64 and run.out == '' and '--search' in run.err, 'an unknown sentence', run)
for args in (['TCP.DYNAMIC_FILTERED', 'EPM.LOOKUP'], ['The RPC server is unavailable'],
             ['no', 'authority', 'could', 'be', 'contacted'], ['Event ID: 5719'],
             ['--search', 'port blocked'], ['--search', 'qqqqqq'], ['frobnicate']):
    valid(Run('explain', '--json', *args), ' '.join(args))

# ---- pasted text
names = sorted(os.path.basename(x)[:-4] for x in glob.glob(PASTE + '/*.txt'))
bad = []
for name in names:
    with open('%s/%s.txt' % (PASTE, name), 'rb') as file:
        text = file.read()
    with open('%s/%s.want' % (PASTE, name)) as file:
        want = file.read().splitlines()
    run = paste(text, '--json')
    report = run.json()
    first = next((x.split()[1] for x in want if x.startswith('finding ')), None)
    code = 64 if 'nothing known' in want else int(want[0].split()[1])
    bad += ['%s: %s' % (name, x) for x in schema_errors(report)]
    if run.code != code or report['verdict']['finding'] != first or report['exit'] != code:
        bad.append('%s: %d %s, wanted %d %s' % (name, run.code, report['verdict'], code, first))
    run = paste(text)
    if run.code != code or any(len(x) > 80 and not re.match(r'   \S', x) and ' NEXT ' not in x
                               for x in run.out.splitlines()):
        bad.append(run)
ok(not bad, '%d samples: JSON, exit codes, 80 columns' % len(names), *bad[:8])
with open(PASTE + '/event_5719.txt', 'rb') as file:
    text = file.read()
run = paste(text)
ok(run.out.startswith('msrpc explain -') and ' VERDICT ' in run.out and
   ' NEXT     msrpc diagnose CORP --interface netlogon' in run.out and run.out.endswith('exit 20\n'),
   'the screen', run)
ok('\033' not in paste(b'Error 5: \x1b[31mAccess is denied').out, 'no escape sequence gets through')
wide = text.decode().encode('utf-16')
eq(paste(wide, '--json').json()['findings'], paste(text, '--json').json()['findings'], 'UTF-16')
run = Run('explain', '-')
ok(run.code == 66 and 'empty' in run.err, 'nothing on standard input', run)
run = paste(text, '1722')
ok(run.code == 64 and 'alone' in run.err, '- and a code', run)
run = paste(b'Over the hill the river runs.\n')
ok(run.code == 64 and 'nothing is known' in run.err, 'a text that says nothing', run)
run = paste(b'x' * 79 + b'\n', '-q')
ok(run.code == 64, 'the same, quietly', run)
run = paste(text, '-q')
ok(run.code == 20 and len(run.out.splitlines()) == 1, 'one line with -q', run)
large = subprocess.run('head -c 68157440 /dev/zero | "%s" explain -' % MSRPC, shell=True,
                       capture_output=True, timeout=GUARD, check=False)
ok(large.returncode == 66 and b'64 MiB' in large.stderr, 'more than the limit', large)

with subprocess.Popen([MSRPC, 'explain', '-', '--json'], stdin=subprocess.PIPE,
                      stdout=subprocess.PIPE) as child:
    child.stdin.write(text)
    child.stdin.flush()
    with open('/proc/%d/io' % child.pid) as file:  # until it has read it all
        for _ in range(600):
            file.seek(0)
            if 'rchar' in (io := file.read()) and int(io.split()[1]) > len(text) + 2000:
                break
            time.sleep(0.01)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    out = child.stdout.read()
    code = child.wait()
report = json.loads(out)
ok(code == 130 and report['exit'] == 130 and report['partial'] and not schema_errors(report),
   'interrupted: 130 and valid JSON', out.decode())

# ---- every command that a table names can be given
help_of = {x: Run('help', x).out for x in commands()}
named, bad = set(), []
with open(os.path.join(SOURCE, 'src/diag/phrases.def')) as file:
    named |= set(re.findall(r'"(msrpc [^"]+)"', file.read()))
for path in glob.glob(os.path.join(SOURCE, 'src/diag/rules/*.c')):
    with open(path) as file:
        named |= set(re.findall(r'"(msrpc [^"]+)"', file.read()))
for command in sorted(named):
    words = shlex.split(command)
    if words[1] not in help_of:
        bad.append(command)
        continue
    for word in words[2:]:
        if word.startswith('-') and not re.search(r'(^|[\s,])%s\b' % re.escape(word),
                                                  help_of[words[1]], re.M):
            bad.append('%s: %s' % (command, word))
ok(len(named) > 12 and not bad, '%d commands that exist' % len(named), *bad)

# ---- searches
with open(os.path.join(SOURCE, 'tests/golden/search.txt')) as file:
    queries = [x.rstrip('\n').split(' | ') for x in file if x.strip() and not x.startswith('#')]
bad = []
for query, *want in queries:
    hits = Run('explain', '--json', '--search', query).json()['hits']
    first = '%s %s' % (hits[0]['kind'], hits[0]['id']) if hits else None
    if first not in want or len(hits) > 10:
        bad.append('%s: %s, wanted %s' % (query, first, ' or '.join(want)))
ok(len(queries) >= 25 and not bad, '%d searches' % len(queries), *bad)
eq(Run('explain', '--search', 'port blocked').out, Run('explain', '--search', 'port', 'blocked').out,
   'words with and without quotes')
ok(len(Run('explain', '--search', 'server', '-v', '--json').json()['hits']) > 10, '-v lists more')
run = Run('explain', '--search', '...')
ok(run.code == 64 and 'no word' in run.err, 'a search for no word', run)
run = Run('explain', '--search', 'qqqqqq')
ok(run.code == 64 and 'nothing is known' in run.err, 'a search in vain', run)
done()
