#!/usr/bin/python3
"""Holds the built tree against the house: each floor includes and calls only what is below it.

What is compared is not the source text but what the compiler really read (ninja -t deps, system
headers included) and what each archive leaves undefined (nm). Prints TAP.

    check.py BUILD_DIR SOURCE_DIR
"""
import collections
import os
import re
import subprocess
import sys

# floor -> floors it may include directly; downward is transitive
MAY = {
    'base': [],
    'wire': ['base'], 'ndr': ['base'], 'diag': ['base'], 'evtx': ['base'], 'crypto': ['base'],
    'ifaces': ['ndr'],
    'engine': ['wire', 'crypto'],
    'auth': ['engine', 'crypto'],
    'io': ['engine'],
    'capture': ['engine', 'ifaces', 'ndr'],
    'facts': ['engine', 'capture', 'diag', 'ifaces'],
    'rpc': ['auth', 'io', 'ifaces', 'ndr'],
    'probe': ['rpc', 'facts'],
    'serve': ['rpc'],
    'apps': ['probe', 'serve', 'capture', 'evtx'],
    'idlc': ['ndr'],  # its header only: the numbers of the table format
}
# foreign libraries: header prefix -> floors that may see it (apps may see anything)
FOREIGN_HEADERS = {
    'uv.h': ['io'], 'uv/': ['io'], 'ares': ['io'], 'openssl/': ['crypto', 'io'],
    'krb5': ['auth'], 'gssapi': ['auth'], 'dlfcn.h': ['crypto', 'auth', 'capture', 'serve'],
    'pcap': ['capture'], 'zlib.h': ['capture'], 'zstd.h': ['capture'], 'jansson.h': [], 'sqlite3.h': [], 'libpq': [],
}
FOREIGN_SYMBOLS = {
    # what is loaded at first use nobody links
    'uv_': ['io'], 'ares_': ['io'], 'SSL_': ['io'], 'EVP_': [], 'krb5_': [], 'gss_': [],
    'pcap_': [], 'dlopen': ['crypto', 'auth', 'capture', 'serve'],
    'dlsym': ['crypto', 'auth', 'capture', 'serve'],
    'json_': [], 'jansson_': [], 'sqlite3_': [],
}
# these load what they need at first use, once whatever the threads: pthread_once
LOADERS = {'crypto', 'auth'}
# calls of the operating system live in these only
SYSTEM_FLOORS = {'io', 'capture', 'apps', 'idlc'}
SYSTEM_HEADERS = re.compile(r'^(sys/(socket|epoll|poll|un|ioctl|wait|mman)\.h|poll\.h|netdb\.h|'
                            r'net/|netinet/|fcntl\.h|unistd\.h|dirent\.h|pthread\.h|'
                            r'signal\.h|linux/(?!limits))')
SYSTEM_SYMBOLS = re.compile(r'^(socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|'
                            r'getsockopt|setsockopt|poll|epoll_\w+|open(at)?(64)?|fopen(64)?|read|'
                            r'write|close|clock_gettime|gettimeofday|time|getrandom|getentropy|'
                            r'rand|random|srand|fork|exec\w+|exit|_exit|abort|printf|puts|putchar|'
                            r'perror|getenv|pthread_create|sleep|usleep|nanosleep)$')
BANNED = re.compile(r'^(strcpy|stpcpy|strcat|strncat|sprintf|vsprintf|gets|atoi|atol|atoll|alloca|'
                    r'strtok|system|popen|tmpnam|mktemp)$')


def below(floor, seen=None):
    seen = set() if seen is None else seen
    for down in MAY[floor]:
        if down not in seen:
            seen.add(down)
            below(down, seen)
    return seen


def floor_of(path):
    m = re.match(r'src/([a-z]+)/', path)
    if m:
        return m.group(1)
    return 'idlc' if path.startswith('idlc/') else None


def read_deps(build, source):
    """object -> (floor, [paths relative to the source or absolute])"""
    text = subprocess.run(['ninja', '-C', build, '-t', 'deps'], capture_output=True, text=True,
                          check=True).stdout
    deps, current = collections.defaultdict(list), None
    for line in text.splitlines():
        if line.startswith('    '):
            path = os.path.normpath(os.path.join(build, line.strip()))
            if path.startswith(source + os.sep):
                path = os.path.relpath(path, source)
                rel = os.path.relpath(build, source)
                if path.startswith(rel + os.sep):  # generated: same folder names in the build tree
                    path = os.path.relpath(path, rel)
            deps[current].append(path)
        elif ': #deps' in line:
            current = line.split(':')[0]
    return deps


def system_name(path):
    m = re.search(r'/usr/(?:local/)?include/(?:x86_64-linux-gnu/|aarch64-linux-gnu/)?(.*)', path)
    return m.group(1) if m else None


def check_includes(build, source):
    problems = collections.defaultdict(set)
    floors = set()
    for obj, paths in read_deps(build, source).items():
        floor = floor_of(obj)
        if floor not in MAY:
            continue
        floors.add(floor)
        direct_system = direct_includes(source, paths)
        for path in paths:
            other = floor_of(path)
            if other and other != floor and other not in below(floor):
                problems[floor].add(f'{obj} includes {path}')
            name = system_name(path)
            if not name or floor == 'apps':
                continue
            for prefix, allowed in FOREIGN_HEADERS.items():
                if name.startswith(prefix) and floor not in allowed:
                    problems[floor].add(f'{obj} includes <{name}>')
        if floor not in SYSTEM_FLOORS:
            for name in direct_system:
                if SYSTEM_HEADERS.match(name) and not (name == 'pthread.h' and floor in LOADERS):
                    problems[floor].add(f'{obj} includes <{name}>')
    return floors, problems


def direct_includes(source, paths):
    """System headers that the project's own files among @paths name themselves."""
    names = set()
    for path in paths:
        full = os.path.join(source, path)
        if os.path.isabs(path) or not os.path.exists(full):
            continue
        with open(full, encoding='utf-8', errors='replace') as f:
            names.update(re.findall(r'^\s*#\s*include\s*<([^>]+)>', f.read(), re.M))
    return {n for n in names if not n.startswith('msrpc/')}


def symbols(archive, kind):
    out = subprocess.run(['nm', '-g', kind, archive], capture_output=True, text=True).stdout
    names = set()
    for line in out.splitlines():
        parts = line.split()
        if len(parts) >= 2 and not line.endswith(':'):
            names.add(parts[-1])
    return names


def check_symbols(build):
    problems = collections.defaultdict(set)
    archives, owner = {}, {}
    for floor in MAY:
        path = os.path.join(build, 'idlc' if floor == 'idlc' else f'src/{floor}')
        if not os.path.isdir(path):
            continue
        for name in sorted(os.listdir(path)):
            if name.endswith('.a'):
                archives.setdefault(floor, []).append(os.path.join(path, name))
    for floor, paths in archives.items():
        for path in paths:
            for symbol in symbols(path, '--defined-only'):
                owner.setdefault(symbol, floor)
    for floor, paths in archives.items():
        allowed = below(floor) | {floor}
        for path in paths:
            for symbol in symbols(path, '--undefined-only'):
                symbol = symbol.split('@')[0]
                if symbol in owner and owner[symbol] not in allowed:
                    problems[floor].add(f'{os.path.basename(path)} needs {symbol} of {owner[symbol]}')
                if BANNED.match(symbol):
                    problems[floor].add(f'{os.path.basename(path)} calls the banned {symbol}')
                if floor not in SYSTEM_FLOORS and SYSTEM_SYMBOLS.match(symbol):
                    problems[floor].add(f'{os.path.basename(path)} calls {symbol}')
                for prefix, floors in FOREIGN_SYMBOLS.items():
                    if symbol.startswith(prefix) and floor not in floors and floor != 'apps':
                        problems[floor].add(f'{os.path.basename(path)} needs {symbol}')
    return set(archives), problems


def main():
    build, source = (os.path.abspath(p) for p in sys.argv[1:3])
    floors, includes = check_includes(build, source)
    libraries, calls = check_symbols(build)
    unknown = {d for d in os.listdir(os.path.join(source, 'src'))
               if os.path.isdir(os.path.join(source, 'src', d))} - set(MAY)
    results = [(f'{f} includes only what is below', includes[f]) for f in sorted(floors)]
    results += [(f'{f} calls only what is below', calls[f]) for f in sorted(libraries)]
    results.append(('every folder of src is a floor', {f'src/{d}' for d in unknown}))
    results.append(('the build was seen', set() if len(floors) > 2 else {'no dependency output'}))
    print(f'1..{len(results)}')
    for i, (name, problems) in enumerate(results, 1):
        print(f"{'not ok' if problems else 'ok'} {i} - {name}")
        for problem in sorted(problems)[:20]:
            print(f'# {problem}')
    return 1 if any(p for _, p in results) else 0


sys.exit(main())
