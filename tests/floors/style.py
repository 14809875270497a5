#!/usr/bin/python3
"""The style a machine can check, over the sources of the tree. Prints TAP.

    style.py SOURCE_DIR
"""
import os
import re
import sys

FOLDERS = ['src', 'idlc', 'tests', 'tools', 'bench', 'examples', 'doc', '.ci']
TEXT = ('.c', '.h', '.def', '.list', '.idl', '.in', '.py', '.sh', '.md', '.build', '.1', '.3', '.7')
CODE = ('.c', '.h')
LINES_MAX = 850
TEST_LINES_MAX = 1000
COLUMNS_MAX = 100
FUNCTION_MAX = 70
BANNED = re.compile(r'\b(strcpy|stpcpy|strcat|strncat|sprintf|vsprintf|gets|atoi|atol|atoll|alloca|'
                    r'strtok|system|popen|tmpnam|mktemp)\s*\(')
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX|HACK|NOTIMPL)\b')
MACHINE = re.compile(r'(?<![\w./])/(?:home|root|work|mnt|Users)/\w')
OUTWARD = re.compile(r'(?<![\w.])((?:\.\./)+)')
LINK = re.compile(r'\]\(([^)#:\s]+)(?:#[^)]*)?\)')
DATA = re.compile(r'_vectors\.h$')  # tables of octets, as long as they are


def files(source):
    for name in sorted(os.listdir(source)):
        if name.endswith(TEXT) or name == 'Makefile':
            yield name
    for top in FOLDERS:
        for folder, folders, names in os.walk(os.path.join(source, top)):
            folders[:] = sorted(d for d in folders if d not in ('__pycache__', 'corpus', 'state'))
            for name in sorted(names):
                if name.endswith(TEXT) or '.' not in name:
                    yield os.path.relpath(os.path.join(folder, name), source)


def blank(text):
    """C without what comments and strings say, line by line."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text,
                  flags=re.S)


def long_functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and re.match(r'(?:[A-Za-z_].*\(.*|\s.*)\)\s*\{$', line) and (
                not line[0].isspace() or opens_function(lines, number)):
            start = number
        elif start is not None and line.startswith('}'):
            if number - start > FUNCTION_MAX:
                yield start, number - start
            start = None


def opens_function(lines, number):
    """An indented ") {" ends a parameter list when the line it began on starts at the margin."""
    for line in reversed(lines[:number - 1]):
        if line and not line[0].isspace():
            return '(' in line and not line.endswith((';', '{', '}'))
    return False


def dead_links(source, name, text):
    folder = os.path.dirname(os.path.join(source, name))
    plain = re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)
    return [f'{name}: {link}' for link in LINK.findall(plain)
            if not os.path.exists(os.path.join(folder, link))]


def check(source, name, text, problems):
    lines = text.split('\n')
    depth = name.count(os.sep)
    own = name.endswith('style.py')  # names what it forbids
    for number, line in enumerate(lines, 1):
        where = f'{name}:{number}'
        if UNFINISHED.search(line) and not own:
            problems['unfinished'].append(f'{where}: {line.strip()}')
        if MACHINE.search(line) or any(len(m) // 3 > depth + 1 for m in OUTWARD.findall(line)):
            problems['outward'].append(f'{where}: {line.strip()}')
        if line != line.rstrip():
            problems['blanks'].append(where)
        if name.endswith(CODE) and '\t' in line:
            problems['blanks'].append(f'{where}: a tab')
        if name.endswith(CODE) and len(line) > COLUMNS_MAX:
            problems['columns'].append(f'{where}: {len(line)}')
    if name.endswith('.md'):
        problems['links'] += dead_links(source, name, text)
    if not name.endswith(CODE):
        return
    most = TEST_LINES_MAX if name.startswith('tests') else LINES_MAX
    if len(lines) > most and not DATA.search(name):
        problems['lines'].append(f'{name}: {len(lines)}')
    code = blank(text).split('\n')
    for number, line in enumerate(code, 1):
        banned = BANNED.search(line)
        if banned:
            problems['banned'].append(f'{name}:{number}: {banned.group(1)}')
    problems['functions'] += [f'{name}:{n}: {count} lines' for n, count in long_functions(code)]


def main():
    source = os.path.abspath(sys.argv[1])
    said = {
        'banned': 'no banned calls', 'unfinished': 'nothing is left undone',
        'outward': 'nothing points at a machine or out of the tree',
        'links': 'links in documents lead somewhere',
        'blanks': 'no tabs in C, no blanks at line ends', 'columns': f'lines up to {COLUMNS_MAX}',
        'lines': f'files up to {LINES_MAX} lines, tests up to {TEST_LINES_MAX}', 'functions': f'functions up to {FUNCTION_MAX}',
    }
    problems = {key: [] for key in said}
    count = 0
    for name in files(source):
        with open(os.path.join(source, name), encoding='utf-8', errors='replace') as f:
            check(source, name, f.read(), problems)
        count += 1
    print(f'1..{len(said) + 1}')
    for i, (key, name) in enumerate(said.items(), 1):
        print(f"{'not ok' if problems[key] else 'ok'} {i} - {name}")
        for problem in problems[key][:40]:
            print(f'# {problem}')
    print(f"{'ok' if count > 100 else 'not ok'} {len(said) + 1} - the sources were found")
    return 1 if any(problems.values()) or count <= 100 else 0


sys.exit(main())
