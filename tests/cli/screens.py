#!/usr/bin/python3 -B
"""Golden screens: what is shown of things that do not change. MSRPC_GOLDEN=write renews them."""

from cli import *

SCREENS = {
    'help': ['help'],
    'help_map': ['help', 'map'],
    'help_dcdiag': ['help', 'dcdiag'],
    'explain_1722': ['explain', '1722'],
    'explain_1219': ['explain', '1219'],
    'explain_hresult': ['explain', '-2147023174'],
    'explain_uuid': ['explain', '12345778-1234-abcd-ef00-0123456789ac'],
    'explain_tcp_135': ['explain', 'tcp/135'],
    'explain_json': ['explain', '5', '--json'],
    'describe_mgmt': ['describe', 'mgmt'],
    'describe_method': ['describe', 'samr.SamrQueryInformationDomain'],
    'describe_lookup': ['describe', 'epmapper.ept_lookup'],
    'describe_known': ['describe', 'winreg.BaseRegQueryValue'],
    'describe_json': ['describe', 'epmapper.ept_map', '--json'],
}

for name, args in SCREENS.items():
    run = Run(*args)
    golden(name, run.out, ' '.join(args))
    eq(run.code, 0, 'its exit code')
    if args[0] in ('help', 'explain') and '--json' not in args:
        ok(all(len(line) <= 80 for line in run.out.splitlines()), ' '.join(args) + ': 80 columns')

for sign in ('-2147023174', '0x800706ba', '2147944122'):
    eq(Run('explain', sign).out, Run('explain', '-2147023174').out, 'explain %s is the same' % sign)
for text in ('RPC_S_SERVER_UNAVAILABLE', 'win32:1722'):
    eq(Run('explain', text).out, Run('explain', '1722').out, 'explain %s is 1722' % text)
eq(Run('describe', '12345778-1234-abcd-ef00-0123456789ac').out, Run('describe', 'samr').out,
   'describe UUID is describe NAME')
eq(Run('describe', 'SAMR.samrconnect5').out, Run('describe', 'samr.64').out,
   'a method by name in any case, or by opnum')
done()
