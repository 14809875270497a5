#!/usr/bin/python3 -B
"""The contract of the command line: words, exit codes, where output goes, what never shows."""
import os
import re
import select
import socket
import subprocess
import tempfile

from cli import *

# ---- the program itself
run = Run('--version')
ok(run.code == 0 and re.fullmatch(r'msrpc \d+\.\d+\.\d+\n', run.out), '--version', run)
run = Run()
ok(run.code == 0 and len(re.findall(r'^  msrpc ', run.out, re.M)) == 5,
   'no arguments: five everyday tasks', run)
run = Run('--help')
ok(run.code == 0 and all('  %s ' % name in run.out for name in commands()),
   '--help lists every command', run)
eq(Run('help').out, run.out, 'help is --help')
for args in (['frobnicate'], ['help', 'frobnicate'], ['help', '--man', 'frobnicate'],
             ['map', '--frobnicate', 'x'], ['map', '-Z', 'x'], ['map', '--timeout'],
             ['map', '--timeout', 'soon', 'x'], ['map', '--color', 'pink', 'x'],
             ['map', '--ipv4', '--ipv6', 'x'], ['map', '--json=yes', 'x'], ['map'],
             ['map', '--format', 'html', 'x'], ['map', '--source-port', '65536', 'x'],
             ['map', 'x:99999'], ['map', 'ncacn_np:x[\\pipe\\epmapper]'], ['map', '--object', '1', 'x'],
             ['ping', '--count', '0', 'x'], ['ping', '--interface', 'nosuch', 'x'],
             ['port', '--ports', '70000', 'x'], ['call', 'x'], ['call', 'x', 'nodot'],
             ['call', 'x', 'nosuch.method'], ['call', 'x', 'mgmt.nosuch'],
             ['call', 'x', 'drsuapi.IDL_DRSBind'], ['describe', 'nosuch'],
             ['describe', 'mgmt.nosuch'], ['describe', 'a', 'b'], ['explain'],
             ['explain', 'frobnicate'], ['serve', '--mapper', 'x:y:z']):
    run = Run(*args)
    ok(run.code == 64 and run.err.startswith('msrpc') and run.err.count('\n') == 1 and not run.out,
       'usage: ' + ' '.join(args), run)
for args, code in ((['map', '--targets', '/nonexistent'], 66),
                   (['map', '127.0.0.1:1'], 20), (['ping', '127.0.0.1:1'], 20),
                   (['port', '127.0.0.1', '--ports', '1'], 20),
                   (['call', '127.0.0.1:1', 'mgmt.inq_if_ids'], 20),
                   (['map', 'a.name.that.is.too' + '.x' * 130], 10)):
    run = Run(*args)
    ok(run.code == code and len(run.err) < 600, 'exit %d: %s' % (code, ' '.join(args)[:60]), run)

# ---- help
for name in commands():
    run = Run('help', name)
    examples = re.findall(r'^  (msrpc .*)\n      \S', run.out, re.M)
    ok(run.code == 0 and len(examples) >= 2, 'help %s: two examples' % name, run)
    ok(all(len(line) <= 100 for line in run.out.splitlines()), 'help %s: no long line' % name)
    eq(Run(name, '--help').out, run.out, '%s --help is help %s' % (name, name))
for name in ('diagnose', 'ping', 'map'):
    ok(" -u 'CORP\\alice'" in Run('help', name).out, 'help %s: an example has an account' % name)
text = Run('help', 'audit').out
eq(re.findall(r'--(?:user|password|hashes|kerberos|aes-key|keytab|realm|dc-ip)\b', text), [],
   'help audit names no switch for an account')
ok(all(s in text for s in ('--null', '--guest', '--auth ')), '... but those for a stranger', text)
eq(Run('audit', '127.0.0.1:1', '-u', 'a', '-p', 'b').code, 64, '... which is refused')
text = Run('help', 'ping').out
ok('(negotiate)' in text and '(privacy)' in text, 'help tells what logons default to', text)
ok('10 20 30 40' in Run('help', 'range').out, 'help range has code 40')
with open(os.path.join(SOURCE, 'src/apps/oldtools.list')) as file:
    tools = re.findall(r'^APP_OLD_TOOL\("([^"]+)", "(.+)"\)$', file.read(), re.M)
for tool, line in tools:
    run = Run('help', *([tool]))
    ok(run.code == 0 and line in run.out, 'help ' + tool, run)
    word = re.match(r'msrpc ([a-z]+)', line)
    ok(word and word.group(1) in commands(), '%s leads to a command there is' % tool, line)

# ---- a secret does not stay in the arguments
with socket.socket() as silent:
    silent.bind(('127.0.0.1', 0))
    silent.listen()
    where = '127.0.0.1:%d' % silent.getsockname()[1]
    child = subprocess.Popen([MSRPC, 'map', where, 'DOM/admin:Sesame.1@127.0.0.1', '--timeout',
                              str(GUARD)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    select.select([silent], [], [], GUARD)  # it reads its arguments before it connects
    with open('/proc/%d/cmdline' % child.pid, 'rb') as file:
        line = file.read()
    ok(b'admin' in line and b'Sesame' not in line, 'a password is wiped from argv', line)
    child.terminate()
    err = child.communicate(timeout=GUARD)[1]
    ok(b'Sesame' not in err, 'a password is in no message', err)
    eq(child.returncode, 130, 'interrupted: 130', err)

# ---- where output goes
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'out')
    run = Run('explain', '1722', '-o', path)
    with open(path) as file:
        text = file.read()
    ok(run.code == 0 and run.out == '' and text == Run('explain', '1722').out, '-o FILE', run)
    run = Run('explain', '1722', '-o', os.path.join(folder, 'no/such'))
    eq(run.code, 73, '-o where nothing can be written: 73', run)
for args in (['explain', '1722'], ['explain', '1722', '--json'], ['describe'], ['--version'],
             ['help'], ['help', 'map'], ['map', '127.0.0.1:1', '--json']):
    with open('/dev/full', 'wb') as full:
        run = Run(*args, stdout=full)
    eq(run.code, 73, 'full disk: 73: ' + ' '.join(args), run)
    run = Run(*args, close_stdout=True)
    eq(run.code, 73, 'closed output: 73: ' + ' '.join(args), run)
read, write = os.pipe()
os.close(read)
run = Run('describe', 'samr', '--json', stdout=write)
os.close(write)
eq(run.code, 73, 'a reader that went away: 73', run)


# ---- colour
def colour(*args, **env):
    """Whether the run writes colour to a terminal."""
    return '\033[' in terminal(*args, **env)[1]


ok(colour('describe', 'mgmt'), 'colour on a terminal')
ok(not colour('describe', 'mgmt', NO_COLOR='1'), 'NO_COLOR')
ok(not colour('describe', 'mgmt', TERM='dumb'), 'TERM=dumb')
ok(not colour('describe', 'mgmt', '--color', 'never'), '--color never')
ok(not colour('describe', 'mgmt', '--json'), 'no colour in JSON')
ok('\033[' not in Run('describe', 'mgmt').out, 'no colour in a pipe')
ok('\033[' in Run('describe', 'mgmt', '--color', 'always').out, '--color always')

done()
