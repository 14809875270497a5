#!/usr/bin/python3 -B
"""The units of systemd/ under systemd itself: sockets that start the service, its user and its
sandbox, reload, the journal, an end that lets calls finish."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import time

from tap import *

HERE = names['LIVE_DIR']
SOURCE = os.path.join(HERE, '../..')
BUILT = os.path.join(os.path.dirname(os.path.realpath(names['MSRPC'])), '../..')
FOLDER = os.path.join(names['TEST_TMP'], 'systemd')
ROOT, LOG = os.path.join(FOLDER, 'root'), os.path.join(FOLDER, 'log')
SERVICE, SOCKET = 'msrpc-mapper.service', 'msrpc-mapper.socket'
PROGRAM = '/usr/local/bin/msrpc'  # as it is installed there
OURS = '3d1f7e52-6c0a-4c54-9d0e-5a2b6f0c9a77'
PATIENCE = 30


def wait_for(what, good):
    end = time.monotonic() + PATIENCE
    while not good(value := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def enter(*command):
    """The command as it is run beside the service."""
    return ['nsenter', '-t', str(pid), '-m', '-u', '-i', '-n', '-p', '-C', '-r', '-w', *command]


def inside(*command):
    """Status and output."""
    done = subprocess.run(enter(*command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=60)
    return done.returncode, done.stdout.decode(errors='replace')


def show(name, unit=SERVICE):
    return inside('systemctl', 'show', '-P', name, unit)[1].strip()


def is_(state, unit=SERVICE):
    return wait_for(lambda: show('ActiveState', unit), lambda x: x == state) == state


def endpoints(host='127.0.0.1'):
    code, text = inside(PROGRAM, 'map', host, '--json')
    report = json.loads(text) if text.startswith('{') else {}
    return code, sorted((x['interface'].get('name') or x['interface']['uuid'], x['endpoint'])
                        for x in report.get('endpoints', ()))


def journal(*words):
    return inside('journalctl', '-u', SERVICE, '-o', 'cat', '--no-pager', *words)[1]


def configure(text):
    path = os.path.join('/proc/%d/root' % pid, 'usr/local/etc/msrpc/mapper.conf')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as file:
        file.write(text)


def boot():
    """The process of a systemd that is up, or why there is none."""
    for need in '/lib/systemd/systemd', '/bin/systemctl', '/usr/bin/nsenter', '/usr/bin/setpriv':
        if not os.path.exists(need):
            return None, 'no ' + need
    if os.getuid() != 0:
        return None, 'needs root'
    os.mkdir(FOLDER)
    log = open(LOG, 'w')
    child = subprocess.Popen(['unshare', '--mount', 'sh', HERE + '/systemd.sh', FOLDER],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    global pid
    up = 'systemctl', 'is-active', 'multi-user.target'
    wait_for(child.poll, lambda x: x is not None or os.path.exists(FOLDER + '/pid'))
    if os.path.exists(FOLDER + '/pid'):
        with open(FOLDER + '/pid') as file:
            pid = int(file.read())
        if wait_for(lambda: child.poll() is not None or inside(*up)[1].strip(),
                    lambda x: x in (True, 'active')) == 'active':
            return child, ''
    with open(LOG) as file:
        why = file.read().strip().splitlines()[-1:]
    child.kill()
    child.wait()
    return None, 'systemd does not boot here: %s' % (why[0] if why else 'it says nothing')


def install():
    """What make install does, under /usr/local."""
    root = '/proc/%d/root/usr/local' % pid
    units = root + '/lib/systemd/system'
    os.makedirs(units)
    os.makedirs(root + '/bin', exist_ok=True)
    for program in 'src/apps/msrpc', 'tests/live/registered':
        shutil.copy(os.path.join(BUILT, program), root + '/bin')
    with open(os.path.join(SOURCE, 'systemd/msrpc-mapper.service.in')) as file:
        text = file.read().replace('@bindir@', '/usr/local/bin')
    with open(os.path.join(units, SERVICE), 'w') as file:
        file.write(text.replace('@sysconfdir@', '/usr/local/etc'))
    shutil.copy(os.path.join(SOURCE, 'systemd', SOCKET), units)
    shutil.copy(os.path.join(SOURCE, 'systemd/msrpc.sysusers'), root + '/msrpc.conf')
    with open(os.path.join(SOURCE, 'systemd/mapper.conf')) as file:
        configure(file.read())
    # a sanitizer's look for leaks at the end is what the sandbox forbids (ptrace)
    os.makedirs(units + '/%s.d' % SERVICE)
    with open(units + '/%s.d/test.conf' % SERVICE, 'w') as file:
        file.write('[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n')
    code, text = inside('systemd-sysusers', '/usr/local/msrpc.conf')
    eq(code, 0, 'systemd-sysusers makes the user', text)
    inside('systemctl', 'daemon-reload')


def activation():
    code, text = inside('systemctl', 'start', SOCKET)
    eq(code, 0, 'the sockets are opened', text)
    eq((show('ActiveState'), show('ActiveState', SOCKET)), ('inactive', 'active'),
       '... and no service yet')
    eq(endpoints(), (0, []), 'a client that comes is answered by the service that starts for it',
       journal())
    eq((show('ActiveState'), show('SubState')), ('active', 'running'), 'it says that it is ready')
    eq(endpoints('[::1]')[0], 0, 'over IPv6 too')
    code, text = inside('systemctl', 'stop', SERVICE)
    eq((code, is_('inactive'), show('Result')), (0, True, 'success'), 'stop', text)
    with registered() as (server, kill):
        eq(server.stdout.readline(), b'ready\n', 'a server of root registers over the local socket, '
           'which starts the service again', journal())
        eq([x for x, _ in endpoints()[1]], [OURS, OURS], 'the mapper knows it')
        main = show('MainPID')
        kill()
    eq(wait_for(lambda: endpoints()[1], lambda x: not x), [], '... until it is killed')
    eq(show('MainPID'), main, '... and the service stays')
    with registered('setpriv', '--reuid', '65534', '--clear-groups') as (server, _):
        ok(b'0x00000005' in server.stderr.readline(), 'a server of nobody may not')
    eq(endpoints(), (0, []), '... and is not there')


@contextlib.contextmanager
def registered(*how):
    child = subprocess.Popen(enter(*how, '/usr/local/bin/registered', '-', '127.0.0.1'),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)

    def kill():
        """nsenter waits for the program, which is the one to be killed."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open('/proc/%d/task/%d/children' % (child.pid, child.pid)) as file:
                for one in file.read().split():
                    os.kill(int(one), 9)
        child.wait(PATIENCE)
    try:
        yield child, kill
    finally:
        kill()
        child.stdout.close()
        child.stderr.close()


def sandbox():
    main = show('MainPID')
    with open('/proc/%d/root/proc/%s/status' % (pid, main)) as file:
        status = dict(x.rstrip('\n').split(':\t', 1) for x in file if ':\t' in x)
    user = inside('id', '-u', 'msrpc')[1].strip()
    eq(set(status['Uid'].split()), {user}, 'it runs as its own user')
    eq(user == '0', False, '... which is not root')
    eq([int(status[x], 16) for x in ('CapPrm', 'CapEff', 'CapBnd', 'CapAmb')], [0] * 4,
       'no capabilities, and none to be had')
    eq((status['NoNewPrivs'], status['Seccomp']), ('1', '2'), 'no new privileges, a filter of calls')
    view = '/proc/%d/root/proc/%s/root' % (pid, main)
    flags = {x.split()[4]: x.split()[5].split(',') for x in
             open('/proc/%d/root/proc/%s/mountinfo' % (pid, main))}
    ok('ro' in flags['/'], 'it can write no file', flags['/'])
    eq(os.listdir(view + '/home'), [], 'it sees no home')
    with open('/proc/%d/root/proc/%s/limits' % (pid, main)) as file:
        files = re.search(r'^Max open files +(\d+)', file.read(), re.M)[1]
    eq((int(files) >= 16384 + 256, 'open files are allowed' in journal()), (True, False),
       'descriptors for all the connections of the settings')
    code, text = inside('systemd-analyze', 'verify', '--man=no', SERVICE, SOCKET)
    eq((code, [x for x in text.splitlines() if 'msrpc' in x]), (0, []), 'systemd-analyze verify')
    code, text = inside('systemd-analyze', 'security', '--offline=true', '--threshold=20',
                        '--no-pager', '/usr/local/lib/systemd/system/' + SERVICE)
    eq(code, 0, 'systemd-analyze security: 2.0 of 10 at the most', text)
    print('#', re.search(r'Overall exposure level.*?([\d.]+ \w+)', text)[1], 'of exposure')


def reload():
    main = show('MainPID')
    configure('[interface rpcecho]\nport = 49200\n')
    code, text = inside('systemctl', 'reload', SERVICE)
    eq((code, wait_for(endpoints, lambda x: x[1])[1], show('MainPID')),
       (0, [('rpcecho', '49200')], main), 'systemctl reload: the new settings, the same process', text)
    configure('[interface rpcecho]\nport = 49201\n[interface nosuch]\n')
    inside('systemctl', 'reload', SERVICE)
    wanted = 'not reloaded: /usr/local/etc/msrpc/mapper.conf:3:12: nosuch is not built in'
    told = wait_for(lambda: journal('-p', 'err'), lambda x: 'not reloaded' in x)
    ok(told.startswith(wanted), 'a mistake is an error in the journal, with its place', told)
    eq((endpoints()[1], show('ActiveState')), ([('rpcecho', '49200')], 'active'),
       '... and changes nothing')
    ok('reloaded: ' in journal('-p', 'notice') and 'reloaded: ' not in told.replace(wanted, ''),
       'the journal has priorities', journal())


def end():
    call = subprocess.Popen(enter(PROGRAM, 'call', '127.0.0.1:49200', 'rpcecho.echo_TestSleep',
                                  '{"seconds":2}', '--json'), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE)
    ok(wait_for(lambda: inside('ss', '-Htn', 'state', 'established', 'sport', '= :49200')[1],
                lambda x: x), 'a call is in progress')
    time.sleep(0.3)
    code, text = inside('systemctl', 'stop', SERVICE)
    reply = json.loads(call.communicate(timeout=60)[0])['calls'][0].get('reply')
    eq((code, reply), (0, {'result': 2}), 'stop lets it finish', text)
    eq((show('Result'), show('ExecMainStatus'), show('ActiveState', SOCKET)),
       ('success', '0', 'active'), '... all is well, and the sockets wait for the next', journal())
    configure('[interface rpcecho]\nport = 49202\n')
    eq(endpoints(), (0, [('rpcecho', '49202')]), '... who starts it again')
    main = show('MainPID')
    inside('kill', '-KILL', main)
    ok(wait_for(lambda: show('MainPID'), lambda x: x not in ('0', main)), 'kill -9')
    eq((endpoints(), is_('active')), ((0, [('rpcecho', '49202')]), True), '... and it is back')
    inside('systemctl', 'stop', SOCKET, SERVICE)
    eq((is_('inactive'), 'Sanitizer' in journal()), (True, False), 'the end', journal())


child, why = boot()
if not child:
    skip('the units under systemd', why)
    done()
try:
    install()
    activation()
    sandbox()
    reload()
    end()
finally:
    os.kill(pid, 9)
    child.wait(60)
done()
