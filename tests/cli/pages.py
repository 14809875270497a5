#!/usr/bin/python3 -B
"""Manual pages and completion: sound, complete, and every example in them is one that parses."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile

from cli import *

for name in [None, *commands()]:
    title = 'msrpc(1)' if name is None else 'msrpc-%s(1)' % name
    run = Run('help', '--man', *([name] if name else []))
    if not shutil.which('mandoc'):
        skip(title, 'mandoc is not installed')
    else:
        with tempfile.NamedTemporaryFile(suffix='.1') as file:
            file.write(run.out.encode())
            file.flush()
            lint = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', file.name],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        ok(run.code == 0 and lint.returncode == 0, title, lint.stdout.decode())
    if name:
        switches = set(re.findall(r'--([a-z0-9-]+)', Run('help', name).out.split('\nSwitches')[-1]))
        page = run.out.replace('\\-', '-')
        ok(all('--' + s in page for s in switches), title + ' has every switch')
        ok('.SH EXAMPLES' in page and '.SH EXIT STATUS' in page, title + ' has examples and codes')

# an example stands at a place where nothing listens; what matters is that it is understood
for name in commands():
    for line in re.findall(r'^  (msrpc .*)\n      \S', Run('help', name).out, re.M):
        words = shlex.split(line)[1:]
        if words[0] == 'serve':
            words.append('--no-such-switch')  # understood up to here, and not begun
        else:
            words = [re.sub(r'^dc0\d(\.corp\.example)?$', '127.0.0.1:1', w) for w in words]
        run = Run(*words)
        if words[0] == 'serve':
            ok(run.code == 64 and '--no-such-switch' in run.err, line, run)
        else:
            ok(run.code != 64, line, run)

run = Run('help', '--completion')
check = subprocess.run(['bash', '-n'], input=run.out.encode(), stderr=subprocess.PIPE, check=False)
ok(check.returncode == 0, 'completion: bash reads it', check.stderr.decode())


def complete(*words):
    script = run.out + '\nCOMP_WORDS=(%s); COMP_CWORD=%d; _msrpc; printf "%%s\\n" "${COMPREPLY[@]}"' % (
        ' '.join(shlex.quote(w) for w in words), len(words) - 1)
    return subprocess.run(['bash', '-c', script], stdout=subprocess.PIPE,
                          check=True).stdout.decode().split()


eq(sorted(complete('msrpc', '')), sorted(['help', *commands()]), 'completion: commands')
ok('--probe' in complete('msrpc', 'map', '--p') and '--json' in complete('msrpc', 'ping', '--j'),
   'completion: switches')
done()
