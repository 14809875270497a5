#!/usr/bin/python3 -B
"""A mapper that misbehaves in every way it can: each command ends by itself, within its deadline, with
the right exit code and a sentence that says what is wrong, and in bounded memory."""
import os
import re
import signal
import subprocess
import time

from tap import *

HOSTILE = names['LAB_DIR'] + '/hostile.py'
ADDRESS = '127.0.0.88'
LIMITS = ('--json', '--timeout', '2', '--deadline', '60')

# mode and its arguments; map: exit code, sentence; ping of the mapper; diagnose: code and finding
MODES = (
    ('valid', 0, '', 0, 20, 'TCP.DYNAMIC_REFUSED'),     # port 9 is refused, as it should be
    ('big-endian', 0, '', 0, 20, 'TCP.DYNAMIC_REFUSED'),
    ('one-byte', 0, '', 0, 20, 'TCP.DYNAMIC_REFUSED'),
    ('garbage', 30, 'this is not DCE/RPC', 40, 30, 'EPM.OTHER_PROTOCOL'),
    ('never-answer', 30, 'no answer to the bind came in time', 40, 30, 'EPM.HUNG'),
    ('drip', 30, 'no answer to the bind came in time', 40, 30, 'EPM.HUNG'),
    ('close-on-accept', 30, 'broke|closed the connection', 40, 30,
     'EPM.RESET_ON_BIND|EPM.CLOSED_ON_BIND|TCP.CLOSED_ON_ACCEPT'),
    ('close-on-accept --reset', 30, 'broke|reset', 40, 30, 'EPM.RESET_ON_BIND|TCP.RESET_ON_ACCEPT|TCP.MAPPER_REFUSED'),
    ('close-after-bind', 30, 'closed the connection instead of answering the bind', 40, 30,
     'EPM.CLOSED_ON_BIND'),
    ('close-after-bind --reset', 30, 'reset', 40, 30, 'EPM.RESET_ON_BIND'),
    ('close-after-bind-ack', 30, 'closed the connection|reset', 40, 30, 'EPM.LOST'),
    ('close-mid-reply', 30, 'closed the connection before it replied', 40, 30, 'EPM.LOST'),
    ('close-mid-reply --reset', 30, 'reset|closed', 40, 30, 'EPM.LOST'),
    ('bind-nak', 30, r'rejected the bind \(reason 4\)', 40, 30, 'EPM.NAK'),
    ('bind-nak --value 1', 30, r'rejected the bind \(reason 1\)', 40, 30, 'EPM.NAK|EPM.TOO_BUSY'),
    ('reject-context', 30, 'rejected the interface', 40, 30, 'EPM.NOT_MAPPER'),
    ('fault', 30, 'fault 0x1c010003', 0, 30, 'EPM.FAULT'),      # a fault is an answer to a ping
    ('fault --value 5', 30, 'fault 0x00000005', 0, 30, 'EPM.ACCESS_DENIED'),
    ('lying-frag-len', 30, 'this is not DCE/RPC', 40, 30, 'EPM.OTHER_PROTOCOL'),
    ('lying-frag-len --value 0xffff', 30, 'not DCE/RPC|no answer|too large|frag', 40, 30, 'EPM.'),
    ('lying-auth-len', 30, 'auth_length of 65520 does not fit', 40, 30, 'EPM.OTHER_PROTOCOL'),
    ('wrong-call-id', 30, 'answers call .* which is not in flight', 40, 30, 'EPM.BAD_ANSWER'),
    ('endless-fragments', 30, 'reply of ept_lookup is longer than', 40, 30, 'EPM.BAD_ANSWER'),
    ('huge-count', 30, 'its size is 4294967295 on the wire', 0, 30, 'EPM.BAD_ANSWER'),
    ('endless-list', 75, 'list has no end', 0, 20, 'TCP.DYNAMIC_REFUSED'),
    ('empty-list', 0, '', 0, 30, 'EPM.EMPTY'),
)


def bounded(run, name):
    ok(run.memory < MEMORY, name + ': memory is bounded', '%d KiB' % (run.memory >> 10))


for mode, map_code, sentence, ping_code, code, finding in MODES:
    with background('client', HOSTILE, *mode.split(), '--bind', ADDRESS, '--port', '135'):
        run = msrpc('map', *LIMITS, ADDRESS)
        # a reset can come before or after the client sees that its connection stands
        accept_race = mode == 'close-on-accept --reset'
        ok(run.code == map_code or accept_race and run.code == 20, mode + ': map', run)
        ok(re.search(sentence, run.err) if sentence else not run.err, mode + ': map says why', run)
        bounded(run, mode + ': map')

        run = msrpc('ping', '--count', '2', *LIMITS, ADDRESS)
        ok(run.code == ping_code or accept_race and run.code == 20, mode + ': ping', run)
        bounded(run, mode + ': ping')

        run = msrpc('diagnose', *LIMITS, ADDRESS)
        ok(run.code == code or accept_race and run.code == 20, mode + ': diagnose', run)
        ok(re.match(finding, str(run.json.get('verdict', {}).get('finding'))),
           mode + ': diagnose finds ' + finding, run)
        bounded(run, mode + ': diagnose')

        run = msrpc('call', *LIMITS, ADDRESS + ':135', 'mgmt.inq_if_ids')
        # a count that no one reads is no harm: what follows a reply is ignored
        ok(run.code == (0 if mode == 'huge-count' else 40) or accept_race and run.code == 20,
           mode + ': call', run)
        bounded(run, mode + ': call')

# The deadline holds against a server that always has something more to say.
for mode, commands in (('never-answer', ('map', 'ping', 'diagnose')),
                       ('drip', ('map', 'ping', 'diagnose')),
                       ('endless-list --value 300', ('map', 'diagnose'))):
    with background('client', HOSTILE, *mode.split(), '--bind', ADDRESS, '--port', '135'):
        for command in commands:
            run = msrpc(command, '--json', '--timeout', '50', '--deadline', '1', ADDRESS)
            eq((run.code, run.json.get('exit')), (75, 75), '%s: %s stops at its deadline' % (mode, command),
               run)
            ok(run.json.get('partial') is True, '%s: %s says it is partial' % (mode, command), run)


def interrupted(command):
    """Sends SIGINT once the connection stands; the exit code and the report."""
    with open(os.path.join(names['TEST_TMP'], 'out'), 'w+') as out:
        child = subprocess.Popen(
            ['timeout', '--foreground', '-k', '5', '60', names['LAB'], 'exec', 'client', names['MSRPC'], command,
             '--json', '--timeout', '50', ADDRESS], stdout=out, stderr=subprocess.PIPE)
        for _ in range(300):
            if on('client', 'ss', '-Hnt', 'state', 'established', 'dst', ADDRESS):
                break
            time.sleep(0.1)
        time.sleep(0.2)         # so that the bind is on its way, not that a result depends on it
        child.send_signal(signal.SIGINT)
        child.communicate()
        out.seek(0)
        return child.returncode, out.read()


with background('client', HOSTILE, 'never-answer', '--bind', ADDRESS, '--port', '135'):
    for command in ('map', 'ping', 'diagnose'):
        code, text = interrupted(command)
        ok(code == 130 and '"exit": 130' in text and text.endswith('}\n'),
           command + ': an interrupt ends it with a whole report', code, text)
done()
