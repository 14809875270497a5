#!/usr/bin/python3 -B
"""Manual pages and completion: sound, complete, and every example in them is one that parses."""
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import tempfile

from cli import *

ENDS = [64, 66, 69, 70, 73, 75, 130]
EXITS = {
    'audit': [0, 1, 2, 10, 20, 30, 40, *ENDS], 'port': [0, 10, 20, *ENDS],
    'range': [0, 1, 10, 20, 30, 40, *ENDS], 'call': [0, 10, 20, 30, 40, *ENDS],
    'name': [0, 1, 10, 64, 66, 69, 70, 73, 75, 130], 'describe': [0, 64, 70, 73],
    'explain': [0, 1, 10, 20, 30, 40, 64, 66, 70, 73, 130], 'serve': [0, 64, 66, 69, 70, 73],
    'trace': [0, 1, 10, 20, 30, 40, 64, 66, 69, 70, 73, 75, 130],
    'portqry': [0, 1, 2, 64, 69, 70, 73, 99, 130], 'rpcping': [0, 1, 64, 69, 70, 73, 130],
}

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
    if name is None:
        also = run.out.split('.SH SEE ALSO')[-1].replace('\\-', '-')
        ok(all('.BR msrpc-%s (1),' % c in also for c in commands()) and 'idlc (1)' in also and
           'libmsrpc (3)' in also and run.out.count('.B msrpc ') >= 5, title + ' leads on', also)
    if name:
        switches = set(re.findall(r'--([a-z0-9-]+)', Run('help', name).out.split('\nSwitches')[-1]))
        page = run.out.replace('\\-', '-')
        ok(all('--' + s in page for s in switches), title + ' has every switch')
        codes = run.out.split('.SH EXIT STATUS\n')[1].split('.SH')[0]
        codes = [int(n) for line in re.findall(r'^\.B ([0-9 ]+)$', codes, re.M)
                 for n in line.split()]
        eq(codes, EXITS.get(name, [0, 1, 10, 20, 30, 40, *ENDS]), title + ' has its exit codes')
        shown = Run('help', name).out.split('\nExit codes\n')[1]
        shown = re.findall(r'^  ([0-9][0-9 ]*?)  ', shown, re.M)
        eq([int(n) for line in shown for n in line.split()], codes, 'help %s has them too' % name)
        ok('.SH EXAMPLES' in page and '.SH EXIT STATUS' in page, title + ' has examples and codes')

for name in commands():
    out = Run('help', name).out
    eq([x for x in out.splitlines() if len(x) > 80], [], 'help %s: 80 columns' % name)

# an example stands at a place where nothing listens; what matters is that it is understood
for name in commands():
    for line in re.findall(r'^  (msrpc .*)\n      \S', Run('help', name).out, re.M):
        words = shlex.split(line)[1:]
        if words[0] == 'name':  # asks who is named, and nobody else
            words = [re.sub(r'^10\.[0-9.]+$', '127.0.0.1:1', w) for w in words]
            words += ['--no-system', '--dns-server', '127.0.0.1:1']
        elif words[0] == 'serve':
            words.append('--no-such-switch')  # understood up to here, and not begun
        else:
            words = [re.sub(r'^dc0\d(\.corp\.example)?$', '127.0.0.1:1', w) for w in words]
        text = None
        if '<' in words:  # a redirection: what the shell would open
            words, text = words[:words.index('<')], b'DC1 failed test Connectivity\n'
        run = Run(*words, stdin=text)
        if words[0] == 'serve':
            ok(run.code == 64 and '--no-such-switch' in run.err, line, run)
        else:
            ok(run.code != 64, line, run)

run = Run('help', '--completion')
check = subprocess.run(['bash', '-n'], input=run.out.encode(), stderr=subprocess.PIPE, check=False)
ok(check.returncode == 0, 'completion: bash reads it', check.stderr.decode())
eq(Run('help', '--completion', 'bash').out, run.out, 'completion: bash is the default')
eq(Run('help', '--completion', 'tcsh').code, 64, 'completion: another shell is refused')
bash_script = run.out


def bash(line):
    words = line.split(' ')
    script = bash_script + ('\nCOMP_WORDS=(%s); COMP_CWORD=%d; compopt() { echo FILES; }; _msrpc\n'
                            'printf "%%s\\n" "${COMPREPLY[@]}"' % (
                                ' '.join(shlex.quote(w) for w in words), len(words) - 1))
    return subprocess.run(['bash', '-c', script], stdout=subprocess.PIPE,
                          check=True).stdout.decode().split()


def fish(line):
    with tempfile.TemporaryDirectory() as home, tempfile.NamedTemporaryFile(suffix='.fish') as file:
        file.write(Run('help', '--completion', 'fish').out.encode())
        file.flush()
        out = subprocess.run(['fish', '--no-config', '-c',
                              'source %s; complete -C %s' % (file.name, shlex.quote(line))],
                             stdout=subprocess.PIPE, check=True,
                             env={**os.environ, 'HOME': home}).stdout.decode()
    return [row.split('\t')[0] for row in out.splitlines()]


class Zsh:
    """An interactive zsh on a terminal of its own: what it makes of a line and a tab."""

    def __init__(self, folder):
        name = os.path.join(folder, '_msrpc')
        with open(name, 'w') as file:
            file.write(Run('help', '--completion', 'zsh').out)
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execvpe('zsh', ['zsh', '-f', '-i'], {**os.environ, 'TERM': 'dumb', 'HOME': folder,
                                                    'COLUMNS': '80'})
        self.pid = pid
        os.write(self.fd, b'PS1=; RPS1=; autoload -U compinit; compinit -u -D; source %s; '
                 b'echo rea""dy\n' % name.encode())
        self.read(b'ready\r\n')

    def read(self, until):
        out = b''
        while until not in out:
            if not select.select([self.fd], [], [], 20)[0]:
                break
            out += os.read(self.fd, 65536)
        return out

    def complete(self, line, word):
        """What the terminal shows after a tab, once @word is there, or when nothing more comes."""
        os.write(self.fd, b'\x15' + line.encode() + b'\t')
        return self.read(word.encode()).decode(errors='replace')

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


eq(sorted(bash('msrpc ')), sorted(['help', *commands(), '--help', '--version']),
   'completion: bash, commands')
wanted = {
    'msrpc map --for': '--format', 'msrpc map --format rpc': 'rpcdump',
    'msrpc ping --js': '--json', 'msrpc diagnose --interface drsu': 'drsuapi',
    'msrpc describe epma': 'epmapper', 'msrpc help diag': 'diagnose',
    'msrpc port --protocol b': 'both',
    'msrpc name --dsgetdc corp --flags gtim': 'gtimeserv', 'msrpc name x --type CNA': 'CNAME',
    'msrpc name x --suffix msbr': 'msbrowse', 'msrpc diagnose --skip TCP.NEI': 'TCP.NEIGHBOURS',
    'msrpc diagnose --only EPM.LOO': 'EPM.LOOKUP', 'msrpc explain TCP.DYNAMIC_F':
    'TCP.DYNAMIC_FILTERED', 'msrpc explain EPM.LOO': 'EPM.LOOKUP', 'msrpc explain drsu': 'drsuapi',
    'msrpc portqry -loc': '-local', 'portqry -loc': '-local', 'portqry -n x -p ud': 'udp',
    'portqry -q -e 135 -nr -s': '-sl',
}
for line, word in wanted.items():
    ok(word in bash(line), 'completion: bash, ' + line, bash(line))
eq([w for w in bash('rpcping -') if w in ('-i', '-I', '-e', '-E')], ['-e', '-i', '-I', '-E'],
   'completion: bash, rpcping by its own name, in both cases')
ok('diagnose' not in bash('portqry '), 'completion: bash, portqry has no commands')
eq(bash('msrpc map --targets '), ['FILES'], 'completion: bash, files where a file is wanted')
if shutil.which('fish'):
    ok(set(commands()) < set(fish('msrpc ')), 'completion: fish, commands', fish('msrpc '))
    for line, word in wanted.items():
        ok(word in fish(line), 'completion: fish, ' + line, fish(line))
else:
    skip('completion: fish', 'fish is not installed')
if shutil.which('zsh'):
    with tempfile.TemporaryDirectory() as folder:
        zsh = Zsh(folder)
        for line, word in wanted.items():
            shown = zsh.complete(line, word)
            ok(word in shown, 'completion: zsh, ' + line, shown)
        zsh.close()
else:
    skip('completion: zsh', 'zsh is not installed')
done()
