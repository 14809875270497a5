#!/usr/bin/python3 -B
"""msrpc diagnose, phases 3 and 4: the mapper, and the endpoints it names."""
from diagnosis import *

DC, SRV, NAME = names['DC_IP'], names['SRV_IP'], names['DC_NAME']
DYNAMIC = '49152-65535'

healthy('the domain controller', NAME)
healthy('the server', 'srv.lab.test')
healthy('one interface', '--interface', 'samr', 'srv.lab.test')

for name, args, target, finding, win32, says in (
        ('rst-mid-bind', [], NAME, 'EPM.RESET_ON_BIND', 1727, [DC, '135']),
        ('rst-mid-request', [], NAME, 'EPM.LOST', 1726, [DC, '135']),
        ('stall-bind', [], NAME, 'EPM.SWALLOWED', 1722, [DC, 'never acknowledged']),
        ('stall-request', [], NAME, 'EPM.SWALLOWED', 1722, [DC, 'never acknowledged']),
        ('hang-rpc', [], NAME, 'EPM.HUNG', 1722, [DC, 'acknowledged every byte']),
        ('hang-epm', [], 'srv.lab.test', 'EPM.HUNG', 1722, [SRV, 'acknowledged every byte']),
        ('pmtu-hole', [], NAME, 'EPM.LARGE_LOST', 1726, [DC])):
    with fault(name, *args):
        ill(name, [target], finding, 3, 30, 'ppfu', win32, says)
ill('no such service', ['--interface', 'drsuapi', 'srv.lab.test'], 'EPM.NOT_REGISTERED', 3, 30,
    'ppfu', 1753, ['srv.lab.test', 'drsuapi'])

for name, finding, win32 in (('rst-mid-bind', 'RPC.RESET_ON_BIND', 1727),
                             ('rst-mid-request', 'RPC.RESET_IN_CALL', 1726),
                             ('stall-bind', 'RPC.SWALLOWED', 1726),
                             ('stall-request', 'RPC.SWALLOWED', 1726)):
    with fault(name, DYNAMIC):
        ill(name + ' behind the mapper', [NAME], finding, 4, 40, 'pppf', win32, [DC])
with fault('hang-lsa'):
    ill('hang-lsa', ['srv.lab.test'], 'RPC.HUNG', 4, 40, 'pppf', 1818, [SRV, 'samr', 'lsarpc'])
    healthy('a service beside the one that hangs', '--interface', 'winreg', 'srv.lab.test')
healthy('the server afterwards', 'srv.lab.test')
healthy('the domain controller afterwards', NAME)
done()
