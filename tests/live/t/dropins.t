#!/usr/bin/python3 -B
"""msrpc portqry and rpcping against real hosts: the words, the layout, the exit codes."""
import re

from tap import *

DC, UNUSED = names['DC_IP'], names['UNUSED_IP']
DRS = 'e3514235-4b06-11d1-ab04-00c04fc2dcd2'


def has(run, *parts):
    """What of the parts is not in the output, in this order."""
    at, missing = 0, []
    for part in parts:
        found = run.out.find(part, at)
        if found < 0:
            missing.append('missing: ' + part)
        else:
            at = found + len(part)
    return missing


def check(run, code, name, *parts):
    missing = has(run, *parts)
    ok(run.code == code and not missing, name, *missing, run)
    return run


HEAD = ('\nQuerying target system called:\n\n dc1.lab.test\n\n'
        'Attempting to resolve name to IP address...\n\n\nName resolved to %s\n\nquerying...\n\n' % DC)

# ---- portqry
run = check(msrpc('portqry', '-n', 'dc1.lab.test', '-e', '135'), 0, 'portqry -e 135', HEAD,
            'TCP port 135 (epmap service): LISTENING\n\nUsing ephemeral source port\n'
            'Querying Endpoint Mapper Database...\nServer\'s response:\n\nUUID: ',
            'UUID: %s drsuapi\nncacn_ip_tcp:' % DRS, 'Total endpoints found: ',
            '==== End of RPC Endpoint Mapper query response ====\n')
total = len(msrpc('map', '--json', 'dc1.lab.test').json['endpoints'])
ok('Total endpoints found: %d\n' % total in run.out and run.out.count('UUID: ') == total,
   'portqry -e 135: as many as map finds', total, run)
check(msrpc('portqry', '/N', 'dc1.lab.test', '/P', 'UDP', '/E', '389'), 0, 'portqry -p udp -e 389',
      'UDP port 389 (unknown service): LISTENING or FILTERED\n\nUsing ephemeral source port\n'
      'Sending LDAP query to UDP port 389...\n\nLDAP query response:\n\n\ncurrentdate: ',
      '(unadjusted GMT)\n', 'defaultNamingContext: DC=lab,DC=test\n', 'dnsHostName: dc1.lab.test\n',
      '======== End of LDAP query response ========\n\nUDP port 389 is LISTENING\n')
check(msrpc('portqry', '-n', 'dc1.lab.test', '-p', 'both', '-e', '389'), 0, 'portqry -p both',
      'TCP port 389 (ldap service): LISTENING', 'End of LDAP query response',
      'UDP port 389 (unknown service)', 'UDP port 389 is LISTENING')
check(msrpc('portqry', '-n', DC, '-nr', '-o', '445,53,3268,1'), 1, 'portqry -o: in the order given',
      'TCP port 445 (microsoft-ds service): LISTENING\n\n',
      'TCP port 53 (domain service): LISTENING\n\n', 'TCP port 3268 (msft-gc service): LISTENING',
      'Sending LDAP query to TCP port 3268...', 'TCP port 1 (', 'NOT LISTENING\n')
run = check(msrpc('portqry', '-n', DC, '-nr', '-r', '134;139'), 1, 'portqry -r',
            'TCP port 134 (', 'TCP port 135 (epmap service): LISTENING', 'TCP port 136 (',
            'TCP port 139 (netbios-ssn service): LISTENING')
ok('UUID' not in run.out, 'portqry -r: the mapper is not asked', run)
check(msrpc('portqry', '-n', DC, '-nr', '-p', 'udp', '-o', '53,137,161'), 1, 'portqry: UDP',
      'UDP port 53 (domain service): LISTENING or FILTERED\n\nSending DNS query to UDP port 53...'
      '\n\nUDP port 53 (domain service): LISTENING\n',
      'Attempting NETBIOS adapter status query to UDP port 137...', 'UDP port: LISTENING\n',
      'UDP port 161 (snmp service): NOT LISTENING\n')
check(msrpc('portqry', '-n', DC, '-e', '53'), 0, 'portqry: an address is looked up',
      'Attempting to resolve IP address to a name...\n\n\nFailed to resolve IP address to name\n\n')
check(msrpc('portqry', '-n', 'nosuch.lab.test'), 99, 'portqry: no such name',
      'Attempting to resolve name to IP address...\n\n\nFailed to resolve name to IP address\n')
for port, code in ((445, 0), (1, 1)):
    run = msrpc('portqry', '-n', DC, '-e', str(port), '-q')
    ok((run.code, run.out, run.err) == (code, '', ''), 'portqry -q: %d is %d' % (port, code), run)
with fault('drop-port', '445'):
    run = msrpc('portqry', '-n', DC, '-e', '445', '-q')
    ok((run.code, run.out, run.err) == (2, '', ''), 'portqry -q: FILTERED is 2', run)
    check(msrpc('portqry', '-n', DC, '-nr', '-e', '445'), 2, 'portqry: FILTERED',
          'TCP port 445 (microsoft-ds service): FILTERED\n')
check(msrpc('portqry', '-n', UNUSED, '-nr', '-p', 'udp', '-e', '389'), 2, 'portqry: a silent host',
      'LISTENING or FILTERED\n', 'Server did not respond to LDAP query\n\n'
      'UDP port 389 is FILTERED\n')

# ---- rpcping
DONE = re.compile(r'Completed (\d+) calls in (\d+) ms\n(\d+) T/S or +([0-9.]+) ms/T\n')
for args, calls in ((('-s', 'dc1.lab.test'), '1'),
                    (('-s', 'dc1', '-t', 'ncacn_ip_tcp', '-f', DRS + ',4.0', '-i', '20'), '20'),
                    (('/s', '\\\\dc1.lab.test', '/e', '49152', '/v', '1'), '1'),
                    (('-s', names['DC_IP6'], '-f', DRS + ',4', '-O', DRS), '1')):
    run = msrpc('rpcping', *args)
    found = DONE.fullmatch(run.out)
    ok(run.code == 0 and found and found[1] == calls, 'rpcping ' + ' '.join(args), run)
run = msrpc('rpcping', '-s', 'dc1', '-v', '3', '-i', '3')
ok(run.code == 0 and run.out.startswith('RPCPing (msrpc ') and
   run.out.count('Response from server received') == 3, 'rpcping -v 3', run)
for args, number in ((('-s', 'nosuch.lab.test'), 1722), (('-s', UNUSED), 1722),
                     (('-s', 'dc1', '-f', DRS), 1753), (('-s', 'dc1', '-e', '1'), 1722),
                     (('-s', 'dc1', '-f', DRS.replace('e', 'f')), 1753)):
    run = msrpc('rpcping', *args)
    ok(run.code == 1 and run.out.startswith('Exception %d (0x%08X)\n' % (number, number)) and
       not run.err, 'rpcping %s: %d' % (' '.join(args), number), run)
with fault('drop-dyn'):
    run = msrpc('rpcping', '-s', 'dc1.lab.test', '-f', DRS + ',4')
    ok(run.code == 1 and run.out.startswith('Exception 1722 (0x000006BA)\n'),
       'rpcping: a filtered port is 1722', run)
with fault('rst-mid-request'):
    run = msrpc('rpcping', '-s', 'dc1.lab.test')
    ok(run.code == 1 and run.out.startswith('Exception 1726 (0x000006BE)\n'),
       'rpcping: a connection reset in a call is 1726', run)
done()
