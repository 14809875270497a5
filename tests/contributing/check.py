#!/usr/bin/python3
"""Does what CONTRIBUTING.md says, in a scratch copy of the tree, and proves that the floors test
can fail. The text is the test: fenced blocks headed by a file name are written, `>>` blocks are
appended, console blocks are run and their output compared ("..." stands for any lines). Prints TAP.

    check.py SOURCE_DIR
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r'^```(\w+)(?: (>> )?(\S+))?\n(.*?)^```$', re.M | re.S)
TARGETS = ['src/apps/msrpc', 'tests/unit/test_ifaces', 'tests/unit/test_diag']

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


class Failure(Exception):
    pass


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
    done = subprocess.run(command, cwd=folder, env=env, shell=isinstance(command, str), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
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


def converse(scratch, command, expected):
    env = dict(os.environ, PATH=os.path.join(scratch, 'build/src/apps') + ':' + os.environ['PATH'],
               COLUMNS='80')
    _, output = run(command, scratch, env)
    if not output.endswith('\n'):
        output += '\n'
    # meson pads its counts, a test's own output does not: compare words
    squeezed = re.sub(r'[ \t]+', ' ', output)
    if not same(expected, output) and not same(re.sub(r'[ \t]+', ' ', expected), squeezed):
        raise Failure(f'$ {command}\n{output}--- expected\n{expected}')


def breach(scratch, lines, expected):
    """With @lines at the end of a file of base, the floors test fails and says why."""
    path = os.path.join(scratch, 'src/base/slice.c')
    with open(path, encoding='utf-8') as f:
        clean = f.read()
    try:
        with open(path, 'a', encoding='utf-8') as f:
            f.write('\n' + lines + '\n')
        build(scratch, ['src/base/libmrbase.a'])
        code, output = floors(scratch)
    finally:
        with open(path, 'w', encoding='utf-8') as f:
            f.write(clean)
    if code == 0 or not re.search(expected, output):
        raise Failure(f'exit {code}, expected /{expected}/\n{output}')


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
                        '-Db_ndebug=true'], scratch)
    if code:
        raise Failure(output)


def main():
    source = os.path.abspath(sys.argv[1])
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='msrpc-contributing-') as scratch:
        copy_tree(source, scratch)
        with open(os.path.join(scratch, 'CONTRIBUTING.md'), encoding='utf-8') as f:
            steps = read_steps(f.read())
        conversations = [s for s in steps if s[0] == 'console']
        changes = [s for s in steps if s[0] != 'console']
        print(f'1..{len(steps) + 3 + len(BREACHES)}')
        for step in changes:
            tap.case(f'{"add to" if step[0] == "append" else "write"} {step[1]}', apply, scratch,
                     step)
        tap.case('configure', setup, scratch)
        tap.case('build with the additions', build, scratch, TARGETS)
        for _, command, expected in conversations:
            tap.case(command.replace('#', ''), converse, scratch, command, expected)
        tap.case('the floors hold with the additions', hold_floors, scratch)
        for name, lines, expected in BREACHES:
            tap.case(f'{name} makes the floors test fail', breach, scratch, lines, expected)
    return 1 if tap.failed else 0


sys.exit(main())
