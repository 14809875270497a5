#!/usr/bin/python3
"""Does what CONTRIBUTING.md and README.md say, in a scratch copy of the tree, and proves that the
tests of floors and style can fail. The text is the test: fenced blocks headed by a file name are written, `>>`
blocks are appended, console blocks are run and their output compared ("..." stands for any lines).
Prints TAP.

    check.py SOURCE_DIR
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import installed
from installed import Failure

FENCE = re.compile(r'^```(\w+)(?: (>> )?(\S+))?\n(.*?)^```$', re.M | re.S)
TARGETS = ['tests/unit/test_ifaces', 'tests/unit/test_diag']

# What breaks the house: a name, lines for the end of src/base/slice.c, and what check.py must say.
BREACHES = [
    ('an upward include', '#include "../io/include/msrpc/io/addr.h"',
     r'not ok .* base includes only what is below\n(# .*\n)*# .*includes src/io/include'),
    ('an upward call', 'extern void mr_client_free(void *);\n'
     'void mr_base_breach(void);\nvoid mr_base_breach(void) { mr_client_free((void *)0); }',
     r'needs mr_client_free of rpc'),
    ('a banned call', '#include <stdlib.h>\nint mr_base_breach(const char *);\n'
     'int mr_base_breach(const char *s) { return atoi(s); }',
     r'calls the banned (atoi|strtol)'),
    ('a call of the operating system', '#include <stdlib.h>\nchar *mr_base_breach(void);\n'
     'char *mr_base_breach(void) { return getenv("HOME"); }',
     r'calls getenv'),
]

# What breaks the style, and the test of style.py that must say so.
BLEMISHES = [
    ('a banned call', 'strcpy(a, b);', 'no banned calls'),
    ('an unfinished thing', '/* TO' + 'DO: later */', 'nothing is left undone'),
    ('a path of this machine', '/* see /ho' + 'me/me/notes */', 'nothing points at a machine'),
    ('a path out of the tree', '/* see ../../' + '../../notes */', 'nothing points at a machine'),
    ('a tab', '\tint a;', 'no tabs in C'),
    ('a blank at the end', 'int a; ', 'no tabs in C'),
    ('a long line', 'int ' + 'a' * 100 + ';', 'lines up to'),
    ('a long file', 'int a;\n' * 900, 'files up to'),
    ('a long function', 'void f(void) {\n' + '    g();\n' * 80 + '}', 'functions up to'),
]


def copy_tree(source, scratch):
    """The files that belong to the tree: what git knows and would add, else all but builds."""
    listed = subprocess.run(['git', '-C', source, 'ls-files', '-z', '--cached', '--others',
                             '--exclude-standard'], capture_output=True)
    if listed.returncode == 0 and listed.stdout:
        names = sorted(set(listed.stdout.decode().split('\0')) - {''})
    else:
        names = []
        for folder, folders, files in os.walk(source):
            folders[:] = [d for d in folders if not d.startswith(('build', '.git'))]
            names += [os.path.relpath(os.path.join(folder, f), source) for f in files]
    for name in names:
        origin, target = os.path.join(source, name), os.path.join(scratch, name)
        if os.path.isfile(origin):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(origin, target)


def read_steps(text):
    """[(what, name, body)] in the order of the text; what is file, append or console."""
    steps = []
    for language, append, name, body in FENCE.findall(text):
        if name:
            steps.append(('append' if append else 'file', name, body))
        elif language == 'console':
            for command, output in re.findall(r'^\$ (.*)\n((?:(?!\$ ).*\n)*)', body, re.M):
                steps.append(('console', command, output))
    return steps


def run(command, folder, env=None):
    done = subprocess.run(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout


def build(scratch, targets):
    code, output = run(['ninja', '-C', 'build', '--quiet', *targets], scratch)
    if code:
        raise Failure(output)


def apply(scratch, step):
    what, name, body = step
    path = os.path.join(scratch, name)
    if what == 'file' and os.path.exists(path):
        raise Failure(f'{name} is there already')
    if what == 'append' and not os.path.exists(path):
        raise Failure(f'{name} is not there')
    with open(path, 'a', encoding='utf-8') as f:
        f.write(body)


def same(expected, output):
    """Whether @output is @expected, where a line "..." stands for any number of lines."""
    pattern = ''
    for line in expected.splitlines():
        pattern += '(?:.*\n)*?' if line == '...' else r'[ \t]*' + re.escape(line.strip()) + '[^\\S\n]*\n'
    return re.fullmatch(pattern, output) is not None


def quote(folder, step):
    """What README shows is what stands there."""
    with open(os.path.join(folder, step[1]), encoding='utf-8') as f:
        if f.read() != step[2]:
            raise Failure(f'{step[1]} in the text is not the file')


def converse(scratch, folder, command, expected):
    shell = ['bash', '-c', 'set -m; ' + command]
    if command.startswith('make'):  # it starts servers
        shell = installed.own_network(shell)
    env = installed.environment(os.path.join(scratch, 'installed'))
    _, output = run(shell, folder, env)
    if output and not output.endswith('\n'):
        output += '\n'
    # meson pads its counts, a test's own output does not: compare words
    squeezed = re.sub(r'[ \t]+', ' ', output)
    if not same(expected, output) and not same(re.sub(r'[ \t]+', ' ', expected), squeezed):
        raise Failure(f'$ {command}\n{output}--- expected\n{expected}')


def breach(scratch, lines, examine, expected):
    """With @lines at the end of a file of base, @examine fails and says why."""
    path = os.path.join(scratch, 'src/base/slice.c')
    with open(path, encoding='utf-8') as f:
        clean = f.read()
    try:
        with open(path, 'a', encoding='utf-8') as f:
            f.write('\n' + lines + '\n')
        code, output = examine(scratch)
    finally:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(clean)
    if code == 0 or not re.search(expected, output):
        raise Failure(f'exit {code}, expected /{expected}/\n{output}')


def rebuilt_floors(scratch):
    build(scratch, ['src/base/libmrbase.a'])
    return floors(scratch)


def style(scratch):
    return run([sys.executable, 'tests/floors/style.py', '.'], scratch)


def floors(scratch):
    return run([sys.executable, 'tests/floors/check.py', 'build', '.'], scratch)


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def case(self, name, function, *args):
        self.count += 1
        try:
            function(*args)
            print(f'ok {self.count} - {name}', flush=True)
            return
        except Failure as problem:
            text = str(problem)
        self.failed += 1
        print(f'not ok {self.count} - {name}')
        for line in text.splitlines()[-60:]:
            print(f'# {line}', flush=True)


def hold_floors(scratch):
    code, output = floors(scratch)
    if code:
        raise Failure(output)


def setup(scratch):
    code, output = run(['meson', 'setup', 'build', '-Doptimization=0', '-Ddebug=false',
                        '-Db_ndebug=true', '-Dlibdir=lib',
                        '-Dprefix=' + os.path.join(scratch, 'installed')], scratch)
    if code:
        raise Failure(output)


def install(scratch):
    """Builds what is installed, and the tests that are asked for, and nothing else."""
    _, output = run(['meson', 'introspect', 'build', '--installed'], scratch)
    inside = os.path.join(scratch, 'build') + os.sep
    made = [name[len(inside):] for name in json.loads(output)
            if name.startswith(inside) and not os.path.exists(name)]  # else meson wrote it already
    build(scratch, made + TARGETS)
    code, output = run(['meson', 'install', '-C', 'build', '--no-rebuild', '--quiet'], scratch)
    if code:
        raise Failure(output)


def read_document(scratch, name):
    with open(os.path.join(scratch, name), encoding='utf-8') as f:
        return read_steps(f.read())


def follow(tap, steps, scratch, folder):
    """Writes the files first, so that what is built once holds them all."""
    for step in steps:
        if step[0] != 'console':
            what = 'add to' if step[0] == 'append' else 'write'
            if os.path.exists(os.path.join(folder, step[1])) and what == 'write':
                tap.case(f'quote {step[1]}', quote, folder, step)
            else:
                tap.case(f'{what} {step[1]}', apply, folder, step)
    yield
    for what, command, expected in steps:
        if what == 'console':
            tap.case(command.replace('#', ''), converse, scratch, folder, command, expected)


def main():
    source = os.path.abspath(sys.argv[1])
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='msrpc-contributing-') as scratch:
        copy_tree(source, scratch)
        reader = os.path.join(scratch, 'examples/calculator')
        changes, library = (read_document(scratch, n) for n in ('CONTRIBUTING.md', 'README.md'))
        count = len(changes) + len(library) + 3
        print(f'1..{count + len(installed.CASES) + len(BREACHES) + len(BLEMISHES)}')
        walks = [follow(tap, changes, scratch, scratch), follow(tap, library, scratch, reader)]
        for walk in walks:
            next(walk)
        tap.case('configure', setup, scratch)
        tap.case('build and install with the additions', install, scratch)
        for walk in walks:
            next(walk, None)
        for name, function, args in installed.CASES:
            tap.case(name, function, os.path.join(scratch, 'installed'), reader, *args)
        tap.case('the floors hold with the additions', hold_floors, scratch)
        for name, lines, expected in BREACHES:
            tap.case(f'{name} makes the floors test fail', breach, scratch, lines, rebuilt_floors,
                     expected)
        for name, lines, expected in BLEMISHES:
            tap.case(f'{name} makes the style test fail', breach, scratch, lines, style,
                     'not ok .* ' + expected + r'.*\n(# .*\n)*# src/base/slice\.c')
    return 1 if tap.failed else 0


sys.exit(main())
