"""What the tests of serve share: files with mistakes, and what a server says while it runs."""
import re
import socket
import time
import urllib.error
import urllib.request

from cli import Run

__all__ = ['ECHO', 'MISTAKES', 'UNREADABLE', 'endpoints', 'free_ports', 'get', 'metric', 'wait_for']

ECHO = ['rpcecho.echo_AddOne', '{"in_data":41}']
MISTAKES = (
    ('listen = 1\n', '1:1: listen: a key stands in a section'),
    ('[mapper]\nlisten = 135\n[mapping]\n', '3:2: mapping: no such section'),
    ('[mapper]\n  port = 135\n', '2:3: port: no such key in this section'),
    ('[log]\nrate = 1\nRATE = 2\n', '3:1: RATE: said twice'),
    ('[ports]\nPorts = 50000-50100, 70000 # all of it\n',
     '2:22: 70000: above 65535; one bad entry voids them all (87)'),
    ('[ports]\nUseInternetPorts = yes\n', '2:20: yes: Y or N is wanted'),
    ('[limits]\nmemory = 1T\n', '2:10: 1T: a number from'),
    ('[interface rpcecho]\nmin_auth_level = high\n', '2:18: high: one of these is wanted: none|'),
    ('[interface rpcecho]\n[interface RPCECHO]\n', '2:12: RPCECHO: this interface has a section'),
    ('[mapper]\nlisten = localhost:x\n', '2:10: localhost:x: [ADDR:]PORT is wanted'),
    ('[metrics]\nlisten = 70000\n', '2:10: 70000: [ADDR:]PORT is wanted'),
    ('[listen]\nbind = ::1, 1.2.3.4.5\n', '2:13: 1.2.3.4.5: this is no address'),
    ('[access\n', '1:1: [access: a section ends with ]'),
    ('[log]\nlevel\n', '2:1: level: neither [section] nor key = value'),
    ('[log]\nlevel =\n', '2:1: level: a value is wanted'),
    ('[metrics]\n\tlisten = 127.0.0.1\n', '2:11: 127.0.0.1: [ADDR:]PORT is wanted'),
    ('[mapper]\nregister = samr@1, samr@0\n', '2:25: 0 is no port'),
    ('[mapper]\nregister = samr@1\nregister = samr\n', '3:12: samr names no port (NAME@PORT)'),
    ('[mapper]\nregister = samr@1,\tnosuch@2', "2:20: nosuch: neither an interface's name nor"),
    ('# one\n\n[interface nosuch]\n', '3:12: nosuch is not built in'),
    ('[interface mgmt]\nport = 1\n', '1:12: mgmt answers on every port and has none of its own'),
    ('[ports]\nera = 2003\nPorts = 1-2\n', '3:9: Ports, PortsInternetAvailable and'),
    ('[ports]\nPorts=1024-65535\nPortsInternetAvailable=N\nUseInternetPorts=N\n'
     '[interface rpcecho]\nports = internet\n', '5:12: rpcecho: '))
# Only once the whole is read.
UNREADABLE = (('[mock]\nfile = %s/none.json\n', 66, '2:8: %s/none.json: No such file'),
              ('[mock]\nfile=%s/bad.json@99\n', 64, '2:6: %s/bad.json: replies.NetrNo: netlogon has '
               'no compiled method'))


_next = 21000


def wait_for(what, good):
    """What @what gives once @good is content with it, or at the end of patience."""
    end = time.monotonic() + 30
    while not good(value := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def endpoints(server):
    run = Run('map', server.address, '--json')
    return sorted(int(x['endpoint']) for x in (run.json() or {}).get('endpoints', ()))


def get(port, path='/metrics', method='GET'):
    request = urllib.request.Request('http://127.0.0.1:%d%s' % (port, path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ''


def free_ports(count):
    """Ports side by side that are free now, never the same twice."""
    global _next
    for first in range(_next, 30000, 16):
        _next = first + 16
        taken = []
        try:
            for port in range(first, first + count):
                taken.append(socket.create_server(('127.0.0.1', port)))
            return first
        except OSError:
            pass
        finally:
            for one in taken:
                one.close()
    raise SystemExit('Bail out! no free ports')


def metric(port, name):
    return int(re.search('^msrpc_%s (\\d+)$' % name, get(port)[1], re.M)[1])
