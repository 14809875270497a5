#!/usr/bin/python3 -B
"""msrpc diagnose, phase 2: silence, refusal, reset and objection told apart, neighbours as evidence."""
import re

from diagnosis import *

DC, SRV, UNUSED = names['DC_IP'], names['SRV_IP'], names['UNUSED_IP']
CLIENT, ROUTER, NAME = names['CLIENT_IP'], names['MB_CLIENT_IP'], names['DC_NAME']


def port_of(interface):
    run = msrpc('map', '--json', '--interface', interface, '--protseq', 'ncacn_ip_tcp', DC)
    return run.json['endpoints'][0]['endpoint']


healthy('an address', DC)
healthy('over IPv6', '[%s]' % names['DC_IP6'])
with fault('block-445'):
    healthy('no SMB', NAME)
    run = msrpc('diagnose', NAME)
    ok(run.code == 0 and re.search(r'\[--\] +445 no answer', run.out), 'no SMB: it is said', run)
with fault('no-icmp'):
    healthy('no ICMP', NAME)
with fault('delay', '50'):
    healthy('a slow path', NAME)

with fault('block-135'):
    ill('block-135', [NAME], 'TCP.MAPPER_FILTERED', 2, 20, 'pfuu', says=[CLIENT, DC, '135'])
    run = msrpc('diagnose', '--json', '--deadline', '1', '--timeout', '30', DC)
    eq((run.code, run.json.get('partial')), (75, True), 'the deadline of the run', run)
with fault('block-135-reject-icmp-admin'):
    ill('an administrative ICMP', [NAME], 'TCP.ADMIN_PROHIBITED', 2, 20, 'pfuu', says=[ROUTER, '135'])
with fault('block-135-icmp-port'):
    ill('an ICMP port unreachable', [NAME], 'TCP.REJECTED', 2, 20, 'pfuu', says=[ROUTER, '135'])
with fault('rst-135'):
    ill('rst-135', [NAME], 'TCP.MAPPER_REFUSED', 2, 20, 'pfuu', says=[DC, '135'])
with fault('drop-dyn'):
    ill('drop-dyn', [NAME], 'TCP.RANGE_FILTERED', 2, 20, 'pfpu', says=[CLIENT, DC, '49152-49154'])
for fault_name in ('rst-dyn', 'rst-dyn-mb'):
    with fault(fault_name):
        ill(fault_name, [NAME], 'TCP.RANGE_REFUSED', 2, 20, 'pfpu', says=[DC, '49152-49154'])
port = port_of('netlogon')
with fault('drop-port', port):
    ill('drop-port', [NAME], 'TCP.DYNAMIC_FILTERED', 2, 20, 'pfpp', says=[CLIENT, DC, port, 'netlogon'])
    screen = msrpc('diagnose', NAME).out
    ok(re.search(r'^ VERDICT  phase 2: .* 1722$', screen, re.M) and
       re.search(r'^ REMEDY ', screen, re.M) and re.search(r'^ exit 20 ', screen, re.M),
       'the screen of a blocked dynamic port', screen)
    # an indented command stands alone on its line and is never wrapped
    wide = [x for x in screen.splitlines() if len(x) > 80 and not re.match(r'   \S', x)]
    ok(not wide, 'the screen has 80 columns', *wide)
    healthy('another interface than the blocked one', '--interface', 'samr', NAME)
    ill('the interface behind the blocked port', ['--interface', 'netlogon', NAME],
        'TCP.RANGE_FILTERED', 2, 20, 'pfpu', says=[port])
with fault('host-down', 'srv'):
    ill('host-down', ['srv.lab.test'], 'TCP.HOST_SILENT', 2, 20, 'pfuu', says=[SRV, CLIENT])
ill('an address that nobody has', ['ghost.lab.test'], 'TCP.HOST_SILENT', 2, 20, 'pfuu', says=[UNUSED])
with fault('drop-ipv6'):
    run = msrpc('diagnose', '--json', 'dual.lab.test')
    eq((run.code, accused(run.json)), (1, {'TCP.IPV6_BROKEN'}), 'IPv6 dead beside IPv4', run)
    ill('IPv6 dead alone', ['dc6.lab.test'], 'TCP.HOST_SILENT', 2, 20, 'pfuu', says=[names['DC_IP6']])
ill('a closed port instead of a mapper', [DC + ':1'], 'TCP.MAPPER_REFUSED', 2, 20, 'pfuu', says=['1'])
healthy('afterwards', NAME)
done()
