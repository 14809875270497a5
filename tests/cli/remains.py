"""What a program leaves in its memory. It is stopped by ptrace(2) where it exits, with everything it
ever wrote still in place, and all of that is searched."""
import ctypes
import os
import pty
import re
import struct
import threading

TRACEME, CONT, SETOPTIONS = 0, 7, 0x4200  # ptrace(2)
TRACEEXIT, EXITKILL, EVENT_EXIT = 0x40, 0x100000, 6
LARGEST = 1 << 32  # of a mapping that is read: AddressSanitizer's shadow is none
PRESENT = 3 << 62  # or swapped; Documentation/admin-guide/mm/pagemap.rst

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=0):
    if _libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), 'ptrace')


def pages(maps, pagemap, mem):
    """(mapping, octets) of what is in memory and may be written to."""
    size = os.sysconf('SC_PAGESIZE')
    maps.seek(0)
    for line in maps.read().splitlines():
        low, high, mode, name = re.match('([0-9a-f]+)-([0-9a-f]+) (.{4}) \\S+ \\S+ \\S+ *(.*)',
                                         line).groups()
        low, high = int(low, 16), int(high, 16)
        if mode[:2] != 'rw' or high - low > LARGEST:
            continue
        words = os.pread(pagemap, (high - low) // size * 8, low // size * 8)
        there = [bool(word & PRESENT) for word, in struct.iter_unpack('Q', words)]
        at = 0
        while at < len(there):
            end = at
            while end < len(there) and there[end]:
                end += 1
            if end > at:
                yield name, os.pread(mem, (end - at) * size, low + at * size)
            at = end + 1


def follow(pid, needles):
    """Runs the child, which waits for that, to its end: (exit code, what was found and where)."""
    _, status = os.waitpid(pid, 0)  # behind exec
    if not os.WIFSTOPPED(status):
        return os.waitstatus_to_exitcode(status), []
    ptrace(SETOPTIONS, pid, TRACEEXIT | EXITKILL)
    # now, since nobody may open them once the process is not dumpable
    folder = '/proc/%d/' % pid
    found = []
    with open(folder + 'maps') as maps, open(folder + 'pagemap', 'rb', buffering=0) as pagemap, \
            open(folder + 'mem', 'rb', buffering=0) as mem:
        number = 0
        while True:
            ptrace(CONT, pid, number)
            _, status = os.waitpid(pid, 0)
            if not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status), found
            event = status >> 16
            number = 0 if event else os.WSTOPSIG(status)  # a signal is passed on
            if event == EVENT_EXIT:
                for name, octets in pages(maps, pagemap.fileno(), mem.fileno()):
                    found += [(what, name or 'anonymous memory')
                              for what, needle in needles.items()
                              for _ in re.finditer(re.escape(needle), octets)]


def converse(terminal, typed, said):
    """Types @typed when a password is asked for, and reads on until the end."""
    while True:
        try:
            more = os.read(terminal, 1000)
        except OSError:  # the other end is closed
            return
        if not more:
            return
        said += more
        if typed and b'Password' in said:
            os.write(terminal, typed)
            typed = None


def _become(program, args, stdin, netns):
    if netns:
        with open(netns) as file:
            if _libc.setns(file.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), netns)
    ptrace(TRACEME, 0)
    if stdin is not None:
        read, write = os.pipe()
        os.write(write, stdin)
        os.close(write)
        os.dup2(read, 0)
        os.close(read)
    # the leak checker cannot work beside ptrace
    options = os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
    # what is freed stays as it was: else it is the allocator that wipes
    environ = {**os.environ, 'ASAN_OPTIONS': options, 'MALLOC_PERTURB_': '0'}
    os.execve(program, [program, *args], environ)


def find(program, args, needles, stdin=b'', typed=None, meanwhile=None, netns=None):
    """Runs @program on a terminal of its own, on which @typed is entered when a password is asked
    for, or with @stdin; beside it @meanwhile(pid); in the network namespace @netns. (exit code,
    [(needle's name, mapping)], what it said)"""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            _become(program, args, None if typed else stdin, netns)
        finally:
            os._exit(127)
    said = bytearray()
    threads = [threading.Thread(target=converse, args=(terminal, typed, said))]
    if meanwhile:
        threads.append(threading.Thread(target=meanwhile, args=(pid,)))
    for thread in threads:
        thread.start()
    code, found = follow(pid, needles)
    for thread in threads:
        thread.join()
    os.close(terminal)
    return code, found, said.decode()


def in_hexadecimal(keys):
    """Needles for keys: their digits and their octets."""
    needles = {}
    for key in keys:
        needles[key] = key.encode()
        needles['the octets of ' + key] = bytes.fromhex(key)
    return needles
