"""Calls that the program ndr64 made, read from standard input, as Samba's NDR code sees them: what it
unpacks from our NDR20 it packs as NDR64, and that must be our octets; what it unpacks from our NDR64
it packs again. A line per call and side, "INTERFACE METHOD in|out: good" or what differs."""
import importlib
import os
import sys

MODULES = {'epmapper': 'epmapper', 'lsarpc': 'lsa', 'mgmt': 'mgmt', 'netlogon': 'netlogon',
           'rpcecho': 'echo', 'samr': 'samr', 'dssetup': 'dssetup'}


def methods():
    table = {}
    for iface, name in MODULES.items():
        try:
            module = importlib.import_module('samba.dcerpc.' + name)
        except ImportError:
            continue
        for value in vars(module).values():
            if hasattr(value, 'opnum') and hasattr(value, '__ndr_pack_in__'):
                table[iface, value.opnum()] = value
    return table


def judge(method, before, ndr20, ndr64, side):
    """@before: what has to be unpacked first, for a response is read with its request."""
    def unpacked(octets, wide, request):
        obj = method()
        if request is not None:
            obj.__ndr_unpack_in__(request, ndr64=wide)
        getattr(obj, '__ndr_unpack_%s__' % side)(octets, ndr64=wide)
        return obj

    def pack(obj, wide):
        return getattr(obj, '__ndr_pack_%s__' % side)(ndr64=wide)

    try:
        obj = unpacked(ndr20, False, before[0])
        if pack(obj, False) != ndr20:
            return 'another NDR20'
    except Exception as error:
        return 'no NDR20: %s' % error
    if pack(obj, True) != ndr64:
        return 'another NDR64: %s for %s' % (pack(obj, True).hex(), ndr64.hex())
    try:
        again = pack(unpacked(ndr64, True, before[1]), True)
    except Exception as error:
        return 'no NDR64: %s' % error
    return 'good' if again == ndr64 else 'another NDR64 again'


def run(lines, table, out):
    for at, line in enumerate(lines):
        iface, name, opnum, *stubs = line.split()
        stubs = [b'' if x == '-' else bytes.fromhex(x) for x in stubs]
        method = table.get((iface, int(opnum)))
        for side in 'in', 'out':
            print(at, file=out, flush=True)
            said = 'not known' if not method else judge(
                method, (None, None) if side == 'in' else stubs[:2],
                *(stubs[:2] if side == 'in' else stubs[2:]), side)
            print('%s %s %s: %s' % (iface, name, side, said), file=out, flush=True)


# Some of the bindings crash: a child works until it does.
lines = sys.stdin.read().splitlines()
table = methods()
while lines:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        run(lines, table, os.fdopen(writer, 'w'))
        os._exit(0)
    os.close(writer)
    at = 0
    with os.fdopen(reader) as out:
        for text in out:
            if text.strip().isdigit():
                at = int(text)
            else:
                print(text, end='')
    status = os.waitpid(child, 0)[1]
    if status == 0:
        break
    print(*lines[at].split()[:2], 'crash: %d' % status)
    lines = lines[at + 1:]
