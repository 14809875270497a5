#!/usr/bin/python3 -B
"""msrpc interfaces against real servers: what rpcmap of impacket finds, by mgmt and by brute force,
and against servers that answer in every wrong way. msrpc range against the ports of those servers."""
import os
import re
import subprocess

from tap import *

DC, SRV = names['DC_IP'], names['SRV_IP']
RPCMAP = '/usr/share/doc/python3-impacket/examples/rpcmap.py'
MGMT = ('afa8bd80-7d8a-11c9-bef4-08002b102989', '1.0')
HOSTILE, ADDRESS = names['LAB_DIR'] + '/hostile.py', '127.0.0.88'


def rpcmap(host, port, *switches):
    """The (uuid, version) it prints; None where it is not installed."""
    if not os.path.exists(RPCMAP):
        return None
    text = on('client', 'timeout', '60', '/usr/bin/python3', RPCMAP, '-auth-level', '1', *switches,
              'ncacn_ip_tcp:%s[%s]' % (host, port), check=False)
    return {(uuid.lower(), version) for uuid, version in
            re.findall(r'^UUID: (\S+) v(\S+)$', text, re.M)}


def guesses(path):
    """The interfaces that rpcmap tries, as a file."""
    text = subprocess.run(
        ['/usr/bin/python3', '-c', 'from impacket.examples import rpcdatabase\n'
         'for uuid, version in sorted(rpcdatabase.uuid_database): print(uuid + ":" + version)'],
        stdout=subprocess.PIPE, check=True).stdout.decode()
    with open(path, 'w') as file:
        file.write(text)
    return len(text.splitlines())


def there(end):
    return {(x['interface']['uuid'], x['interface']['version']) for x in end['interfaces']
            if x['mgmt'] or x['probe'] == 'present'}


def compare(host, tried):
    """Every endpoint of the host, by mgmt and by probing, beside rpcmap's two ways."""
    ports = sorted({x['endpoint'] for x in msrpc('map', '--json', '--protseq', 'ncacn_ip_tcp',
                                                 host).json['endpoints']})
    runs = {method: msrpc('interfaces', '--json', '--method', method, host)
            for method in ('mgmt', 'probe')}
    for method, run in runs.items():
        eq(run.code, 0, '%s by %s' % (host, method), run)
        eq(sorted(x['endpoint'] for x in run.json['endpoints']), ports,
           'every endpoint that the mapper names', run)
    for told, probed in zip(runs['mgmt'].json['endpoints'], runs['probe'].json['endpoints']):
        port = told['endpoint']
        name = '%s %s: ' % (host, port)
        eq(there(told), there(probed), name + 'mgmt and probing agree')
        eq((probed['unknown'], probed['connections'], probed['cut']), (0, 1, False),
           name + 'nothing unknown, one connection')
        ok(probed['pdus'] < 16, name + 'a few PDUs', probed['pdus'])
        if rpcmap(host, port) is None:
            skip(name + 'rpcmap', 'impacket is not installed')
            continue
        eq(there(told), rpcmap(host, port), name + 'mgmt tells rpcmap the same')
        run = msrpc('interfaces', '--json', '--method', 'probe', '--only-guesses', '--guess', tried,
                    '%s:%s' % (host, port))
        # mgmt is asked for always, and stands in its list too
        eq(there(run.json['endpoints'][0]), rpcmap(host, port, '-brute-uuids'),
           name + 'brute force over the same list finds the same', run)


def both_ways():
    run = msrpc('interfaces', '-v', '--json', SRV)
    odd = [x for end in run.json['endpoints'] for x in end['interfaces']
           if x['mgmt'] != (x['probe'] == 'present') and x['interface']['name'] != 'mgmt']
    eq((run.code, odd), (0, []), '-v: nothing that only one way finds', run)
    run = msrpc('interfaces', '-v', SRV)
    ok(run.code == 0 and 'mapper: samr' in run.out, '-v: the mapper\'s annotations', run)
    with fault('drop-port', '49153'):
        run = msrpc('interfaces', '--json', '--timeout', '1', '--retries', '1', DC)
        states = {x['endpoint']: x['state'] for x in run.json['endpoints']}
        eq((run.code, states['49153']), (20, 'filtered'), 'a filtered endpoint: 20', run)
        ok(all(x == 'answered' for port, x in states.items() if port != '49153'),
           'beside it all answer', run)


def own_server():
    host = names['MB_CLIENT_IP']
    command = 'exec 7>&1; exec "$MSRPC" serve --ready-fd 7 --interface rpcecho@49200'
    with background('mb', 'sh', '-c', command):
        for port, uuid, version in ((49200, '60a15ec5-4de8-11d7-a637-005056a20182', '1.0'),
                                    (135, 'e1af8308-5d1f-11c9-91a4-08002b14a0fa', '3.0')):
            wanted = {MGMT, (uuid, version)}
            for method in 'mgmt', 'probe':
                run = msrpc('interfaces', '--json', '--method', method, '%s:%d' % (host, port))
                eq(there(run.json['endpoints'][0]), wanted, 'serve, %d, by %s' % (port, method), run)
            if rpcmap(host, port) is not None:
                eq(rpcmap(host, port), wanted, 'serve, %d, as rpcmap sees it' % port)
                # rpcecho is not in its list
                eq(rpcmap(host, port, '-brute-uuids') & wanted, wanted - {
                    ('60a15ec5-4de8-11d7-a637-005056a20182', '1.0')},
                   'serve, %d, by its brute force' % port)


# mode; AUTO: exit code and what is said; probing: likewise
NOTHING = 'accepts an interface that does not exist'
MODES = (
    ('valid', 1, NOTHING, 1, NOTHING),          # takes whatever is asked for
    ('big-endian', 1, NOTHING, 1, NOTHING),
    ('garbage', 40, 'not DCE/RPC', 40, 'not DCE/RPC'),
    ('never-answer', 40, 'no answer to the bind', 40, 'no answer to the bind'),
    ('drip', 40, 'no answer to the bind', 40, 'no answer to the bind'),
    ('close-on-accept', 40, 'broke|closed', 40, 'broke|closed'),
    ('close-after-bind', 40, 'closed the connection', 40, 'closed the connection'),
    ('close-after-bind --reset', 40, 'broke|reset', 40, 'broke|reset'),
    ('close-after-bind-ack', 1, NOTHING, 1, NOTHING),
    ('bind-nak', 40, r'rejected the bind \(reason 4\)', 40, r'rejected the bind \(reason 4\)'),
    ('reject-context', 1, '0 interfaces', 1, '0 interfaces'),
    ('reject-context --value 0', 1, '1061 more could', 1, '1061 more could'),
    ('reject-context --value 3', 1, '1061 more could', 1, '1061 more could'),
    ('fault --value 5', 1, r'mgmt refuses \(\w+ 0x00000005\)', 1, NOTHING),
    ('lying-frag-len', 40, 'not DCE/RPC', 40, 'not DCE/RPC'),
    ('lying-auth-len', 40, 'auth_length', 40, 'auth_length'),
    ('endless-fragments', 1, 'mgmt fails', 1, NOTHING),
)


def hostile():
    for mode, code, sentence, probe_code, probe_sentence in MODES:
        with background('client', HOSTILE, *mode.split(), '--bind', ADDRESS, '--port', '135'):
            for method, want, say in (('auto', code, sentence), ('probe', probe_code, probe_sentence)):
                name = 'hostile %s by %s' % (mode, method)
                run = msrpc('interfaces', '--method', method, '--timeout', '1', ADDRESS + ':135')
                text = re.sub(r'\s+', ' ', run.out + run.err)
                say = re.sub('1061', r'\\d+', say)
                ok(run.code == want and re.search(say, text), name, run)
                ok(run.memory < MEMORY, name + ': memory is bounded', run.memory)
                run = msrpc('interfaces', '--method', method, '--timeout', '1', '--json',
                            ADDRESS + ':135')
                eq(run.code, want, name + ' --json', run)
    with background('client', HOSTILE, 'never-answer', '--bind', ADDRESS, '--port', '135'):
        run = msrpc('interfaces', '--json', '--timeout', '50', '--deadline', '1', ADDRESS + ':135')
        eq((run.code, run.json['partial']), (75, True), 'the deadline holds', run)
    with background('client', HOSTILE, 'endless-list', '--bind', ADDRESS, '--port', '135'):
        run = msrpc('interfaces', '--json', '--timeout', '2', ADDRESS)
        ok((run.code, run.json['partial']) == (75, True) and run.memory < MEMORY,
           'a mapper without an end: 75, partial', run)
        ok('did not come to an end' in msrpc('interfaces', '--timeout', '2', ADDRESS).out,
           'and the screen says that there may be more')
        run = msrpc('range', '--json', '--timeout', '2', '--of', ADDRESS)
        ok(run.code in (1, 75) and run.memory < MEMORY, 'range --of a mapper without an end', run)


def ranges():
    for host in DC, SRV:
        ports = {int(x['endpoint']) for x in msrpc('map', '--json', '--protseq', 'ncacn_ip_tcp',
                                                   host).json['endpoints']} - {135}
        run = msrpc('range', '--json', '--of', host)
        eq((run.code, {x['port'] for x in run.json['ports']}), (0, ports),
           'range --of %s: all inside the default' % host, run)
        ok(run.json['era'].startswith('49152-65535'), 'and they look like it', run)
        run = msrpc('range', '--json', '--of', host, '--ports', '49152-49153,50000-50400')
        eq((run.code, {x['port'] for x in run.json['ports'] if not x['inside']}),
           (1, ports - {49152, 49153}), 'range --of %s: which lie outside' % host, run)
    with fault('block-135'):
        run = msrpc('range', '--json', '--of', DC, '--timeout', '1', '--retries', '1')
        eq(run.code, 20, 'range --of a host whose mapper is filtered: 20', run)


tried = os.path.join(names['TEST_TMP'], 'guesses')
if os.path.exists(RPCMAP):
    ok(guesses(tried) > 300, 'the list that rpcmap tries')
for server in DC, SRV:
    compare(server, tried)
both_ways()
own_server()
hostile()
ranges()
done()
