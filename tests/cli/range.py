#!/usr/bin/python3 -B
"""msrpc range: what is printed for a wanted range, what is objected to, and a host's ports against
it. MSRPC_GOLDEN=write renews the golden screens."""
import os
import subprocess

from cli import *

KEY = 'HKLM\\SOFTWARE\\Microsoft\\Rpc\\Internet'

# ---- golden screens: name, arguments, exit code
for name, code, *args in (
        ('range_good', 0, '--ports', '50000-50999'),
        ('range_list', 0, '--ports', '50000-50999,52000'),
        ('range_small', 1, '--ports', '5000-5050'),
        ('range_bad', 1, '--ports', '50000-51000,5300-5250,70000'),
        ('range_netsh', 1, '--netsh', 'netsh int ipv4 set dynamicport tcp start=5200 num=10200'),
        ('range_refused', 1, '--start', '65000', '--num', '1000')):
    run = Run('range', *args)
    golden(name, run.out, 'range ' + ' '.join(args))
    eq((run.code, run.err), (code, ''), 'its exit code')
    report = valid(Run('range', *args, '--json'), 'range %s --json' % ' '.join(args))
    eq(report['exit'], code, 'the same exit code')


def findings(*args):
    return [x['id'] for x in valid(Run('range', *args, '--json'), ' '.join(args))['findings']]


# ---- commands: whole, and as Windows reads them
report = Run('range', '--ports', '50000-50999,52000', '--json').json()
commands = {}
for row in report['commands']:
    commands.setdefault(row['purpose'], []).append(row['command'])
eq(commands['rpc'],
   ['reg add %s /v Ports /t REG_MULTI_SZ /d 50000-50999\\052000 /f' % KEY,
    'reg add %s /v PortsInternetAvailable /t REG_SZ /d Y /f' % KEY,
    'reg add %s /v UseInternetPorts /t REG_SZ /d Y /f' % KEY], 'the registry, strings parted by \\0')
eq(commands['netsh'], ['netsh int %s set dynamicport %s start=50000 num=1000' % (family, protocol)
                       for family in ('ipv4', 'ipv6') for protocol in ('tcp', 'udp')],
   'netsh has the widest range, and a number of ports')
ok(all('135,50000-50999,52000' in x for x in commands['firewall']), 'the firewall: all, and 135',
   commands)
eq(len([x for x in commands['undo'] if 'start=49152 num=16384' in x]), 4, 'undo: the default again')
ok('reg delete %s /f' % KEY in commands['undo'], 'undo: the key goes', commands)
screen = Run('range', '--ports', '50000-50999,52000').out.splitlines()
ok(all('   ' + row['command'] in screen for row in report['commands']),
   'on the screen each command stands alone on a line', *screen)
eq([row['restart'] for row in report['commands'] if row['purpose'] == 'rpc'], [True] * 3,
   'the registry waits for a restart')

# ---- traps
eq(findings('--ports', '49152-65535'), [], 'the default is fine')
ok('RANGE.LOW' in findings('--ports', '3000-4000'), 'below 5000')
ok('RANGE.SMALL' in findings('--ports', '50000-50020'), 'fewer than 100')
ok('RANGE.KNOWN' in findings('--ports', '5700-6000'), 'known services inside')
run = Run('range', '--ports', '5700-6000')
ok('5722 DFS replication' in run.out and '5985 WinRM over HTTP' in run.out, 'which ones', run)
run = Run('range', '--ports', '50000-50999,9-1')
ok('entry 2 ' in run.out and '9-1' in run.out and 'reg add' not in run.out,
   'a bad entry is shown, and nothing that sets it', run)
run = Run('range', '--start', '5200', '--num', '10200')
ok('5200-15399' in run.out and 'num=5001' in run.out, 'num is a number of ports', run)
eq(Run('range', '--netsh', 'start=5200 num=10200', '--json').json()['wanted']['end'], 15399,
   'where it ends')
eq(findings('--netsh', 'start=5200 num=5001'), ['RANGE.KNOWN'], 'as it was meant')

# ---- usage
for args, word in ((['--ports', ''], ''), (['--ports', 'x'], 'x'), (['--netsh', 'start=1'], 'num'),
                   (['--start', '5000'], 'together'), (['--ports', '1-9', '--num', '3'], 'three ways'),
                   ([], '--ports'), (['50000-50999'], '--ports 50000-50999'),
                   (['--of', 'ncacn_np:x[\\pipe\\epmapper]'], 'ncacn_ip_tcp')):
    run = Run('range', *args)
    ok(run.code == 64 and word in run.err and run.err.count('\n') == 1 and not run.out,
       'usage: range ' + ' '.join(args), run)
run = Run('range', 'dc01')
ok(run.code == 69 and '--of dc01' in run.err, 'a host\'s own settings are for a later version', run)

# ---- a host
with Server('--interface', 'rpcecho', '--register', 'samr@50123', '--register', 'samr@50200') as server:
    at = server.address
    run = Run('map', at, '--json')
    echo = [int(x['endpoint']) for x in run.json()['endpoints']
            if x['interface']['name'] == 'rpcecho'][0]
    run = Run('range', '--of', at, '--json')
    report = valid(run, 'range --of')
    eq(run.code, 0, 'all inside the default: 0', run)
    eq({x['port']: x['interfaces'] for x in report['ports']},
       {echo: ['rpcecho'], 50123: ['samr'], 50200: ['samr']}, 'the ports of the mapper', run)
    ok(report['era'].startswith('49152-65535'), 'which default it looks like', run)
    run = Run('range', '--of', at, '--ports', '50000-50150', '--json')
    report = valid(run, 'range --of --ports')
    outside = [x for x in report['findings'] if x['id'] == 'RANGE.OUTSIDE']
    ok(run.code == 1 and len(outside) == 1 and '50200' in outside[0]['cause'] and
       '50123' not in outside[0]['cause'], 'one lies outside: 1', run)
    eq({x['port'] for x in report['ports'] if x['inside']},
       {x for x in (echo, 50123) if 50000 <= x <= 50150}, 'who is inside')
    run = Run('range', '--of', at, '--ports', '50123')
    ok(run.code == 1 and 'RANGE.CROWDED' in run.out and '[!]  50200 outside  samr' in run.out,
       'no room for what runs', run)
for args, code in ((['--of', '127.0.0.1:1'], 20), (['--of', 'a..b'], 10)):
    run = Run('range', *args, '--json')
    valid(run, 'range ' + ' '.join(args))
    eq(run.code, code, 'range %s: %d' % (' '.join(args), code), run)

# nothing to compare is not "nothing to object to"
hostile = subprocess.Popen([os.path.join(SOURCE, 'tests/live/lab/hostile.py'), 'empty-list', '--port',
                            '0', '--seconds', '60'], stdout=subprocess.PIPE, text=True)
at = '127.0.0.1:' + hostile.stdout.readline().split()[1]
run = Run('range', '--of', at)
ok(run.code == 1 and '[--] no port to compare with' in run.out and 'object' not in run.out,
   'a mapper that lists nothing', run)
eq(valid(Run('range', '--of', at, '--json'), 'nothing to compare')['checks'][0]['status'], 'unknown',
   'unknown is never pass')
hostile.terminate()
hostile.wait()
done()
