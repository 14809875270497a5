"""What is installed, as a stranger uses it: the shared library exports exactly what the installed
headers declare, and programs link both ways. Each function takes the prefix and raises Failure.
"""
import os
import re
import shutil
import subprocess


class Failure(Exception):
    pass


def environment(prefix):
    lib = os.path.join(prefix, 'lib')
    return dict(os.environ, PATH=os.path.join(prefix, 'bin') + ':' + os.environ['PATH'],
                PKG_CONFIG_PATH=os.path.join(lib, 'pkgconfig'), LD_LIBRARY_PATH=lib)


def output(command, folder, prefix):
    done = subprocess.run(command, cwd=folder, env=environment(prefix), text=True, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Failure(f'$ {" ".join(command)}\n{done.stdout}')
    return done.stdout


def own_network(shell):
    """@shell, in a network of its own where that is possible: ports are free there."""
    own = ['unshare', '--map-root-user', '--net', 'bash', '-c', 'ip link set lo up && "$@"', '-']
    possible = shutil.which('unshare') and subprocess.run(
        [*own, 'true'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0
    return own + shell if possible else shell


def declared(prefix, folder):
    """What the C compiler finds declared: functions by its own list of prototypes, objects by the
    headers' extern lines."""
    include = os.path.join(prefix, 'include')
    names, lines = set(), []
    for where, _, files in os.walk(os.path.join(include, 'msrpc')):
        for name in sorted(n for n in files if n.endswith('.h')):
            path = os.path.join(where, name)
            lines.append(f'#include <{os.path.relpath(path, include)}>\n')
            with open(path, encoding='utf-8') as f:
                for objects in re.findall(r'^extern const ([^;()]*);', f.read(), re.M):
                    names.update(re.findall(r'\bmr_\w+(?=\s*(?:,|$|\[))', objects))
    with open(os.path.join(folder, 'all.c'), 'w', encoding='utf-8') as f:
        f.writelines(lines)
    output(['gcc', '-fsyntax-only', '-aux-info', 'all.txt', '-I' + include, 'all.c'], folder,
           prefix)
    with open(os.path.join(folder, 'all.txt'), encoding='utf-8') as f:
        names.update(re.findall(re.escape(include) + r'\S+ \*/ extern [^(]*?(\w+) \(', f.read()))
    return names


def exports(prefix, folder):
    """The versioned name, the symbol version, and the symbols, no more and no fewer; what only
    authentication needs is loaded by it, not with it."""
    library = os.path.join(prefix, 'lib/libmsrpc.so')
    dynamic = output(['readelf', '-d', library], folder, prefix)
    name = re.search(r'SONAME.*\[libmsrpc\.so\.(\d+)\]', dynamic)
    if not name or not os.path.exists(f'{library}.{name.group(1)}'):
        raise Failure('no versioned soname\n' + dynamic)
    if re.search(r'NEEDED.*(libcrypto|krb5)', dynamic):
        raise Failure('linked to what is to be loaded at first use\n' + dynamic)
    version = f'LIBMSRPC_{name.group(1)}'
    have = set()
    for line in output(['nm', '-D', '--defined-only', '--with-symbol-versions', library], folder,
                       prefix).splitlines():
        symbol = line.split()[-1]
        if symbol == version:
            continue
        symbol, _, of = symbol.partition('@@')
        if of != version:
            raise Failure(f'{symbol} is of version {of or "none"}')
        have.add(symbol)
    want = declared(prefix, folder)
    if have != want or 'mr_server_new' not in have or 'mr_rpcecho_iface' not in have:
        raise Failure('exported and not declared: ' + ' '.join(sorted(have - want)) +
                      '\ndeclared and not exported: ' + ' '.join(sorted(want - have)))


def names(prefix, folder):
    """Whoever links the archive meets no name of ours without the prefix."""
    archive = os.path.join(prefix, 'lib/libmsrpc.a')
    rows = [x.split() for x in output(['nm', '-g', '--defined-only', archive], folder,
                                      prefix).splitlines()]
    wild = sorted({x[2] for x in rows if len(x) == 3 and not x[2].startswith('mr_')})
    if wild or not any(x[2:] == ['mr_server_new'] for x in rows):
        raise Failure('without the prefix: ' + ' '.join(wild))


def linked(prefix, folder, static, library_only=False):
    """The calculator, linked statically, is found and answers. It logs on nowhere, but whoever does
    needs no other libraries."""
    flags = output(['pkg-config', '--cflags', '--libs', *static, 'msrpc'], folder, prefix).split()
    if library_only:
        flags = [w for f in flags for w in
                 (['-Wl,-Bstatic', f, '-Wl,-Bdynamic'] if f == '-lmsrpc' else [f])]
    else:
        flags.append('-static')
    output(['make', 'clean'], folder, prefix)
    output(['idlc', 'calc.idl'], folder, prefix)
    for program in ('server', 'client'):
        output(['cc', f'{program}.c', 'calc.c', '-o', program, '-Wl,-u,mr_logon_new', *flags], folder,
               prefix)
    # "all" is done: make would link them otherwise
    talked = output(own_network(['make', '-o', 'all', 'try']), folder, prefix)
    if '19 + 23 = 42' not in talked:
        raise Failure(talked)
    for program in ('server', 'client'):
        needed = output(['readelf', '-d', program], folder, prefix)
        if re.search('libmsrpc|libcrypto|krb5', needed) or (not library_only and 'NEEDED' in needed):
            raise Failure(f'{program} is not linked statically\n{needed}')


CASES = [
    ('the shared library exports what installed headers declare', exports, ()),
    ('every global name of the archive begins with mr_', names, ()),
    ('programs link with the archive', linked, (['--static'], True)),
    ('programs link with nothing but archives', linked, (['--static'], False)),
]
