#!/usr/bin/python3 -B
"""serve --mock: a client tried without the real service; mistakes in a file are told at once."""
import json
import os
import tempfile

from cli import *

DC = {'DomainControllerName': '\\\\dc1.lab.test', 'DomainControllerAddress': '\\\\10.0.0.1',
      'DomainControllerAddressType': 1, 'DomainGuid': '6bffd098-a112-3610-9833-46c3f87e345a',
      'DomainName': 'lab.test', 'DnsForestName': 'lab.test', 'Flags': 0x3fd,
      'DcSiteName': 'Default', 'ClientSiteName': None}
GOOD = {'interface': 'netlogon', 'default': 'RPC_S_CALL_FAILED', 'replies': {
    'DsrGetDcName': {'DomainControllerInfo': DC, 'result': 0},
    'NetrServerReqChallenge': [{'ServerChallenge': {'data': '0102030405060708'}, 'result': 0}, 5]}}

with tempfile.TemporaryDirectory() as folder:
    def save(name, value):
        path = os.path.join(folder, name)
        with open(path, 'w') as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return path

    challenge = ['netlogon.NetrServerReqChallenge', json.dumps(
        {'PrimaryName': '\\\\x', 'ComputerName': 'me\u202e',
         'ClientChallenge': {'data': '1122334455667788'}})]
    with Server('--mock', save('good.json', GOOD), '-v', '--ports', '20300-20900') as server:
        target = '127.0.0.1'
        port = ['--mapper-port', str(server.mapper)]
        run = Run('map', server.address, '--json')
        eq([x['interface']['name'] for x in run.json()['endpoints']], ['netlogon'],
           'the mapper knows it, and nothing else', run)
        run = Run('call', target, *port, '--json', *challenge)
        eq(run.json()['calls'][0].get('reply'), {'ServerChallenge': {'data': '0102030405060708'},
                                                 'result': 0}, 'the first reply', run)
        for turn in 'second', 'third':
            run = Run('call', target, *port, '--json', *challenge)
            eq((run.code, run.json()['calls'][0].get('fault')), (40, '0x00000005'),
               'a fault for the %s' % turn, run)
        run = Run('call', target, *port, '--json', 'netlogon.DsrGetDcName',
                  '{"ComputerName":null,"DomainName":null,"DomainGuid":null,"SiteGuid":null,'
                  '"Flags":0}')
        eq(run.json()['calls'][0].get('reply'), {'DomainControllerInfo': DC, 'result': 0},
           'what call prints is what the file says', run)
        run = Run('call', target, *port, '--json', 'netlogon.DsrGetSiteName',
                  '{"ComputerName":null}')
        eq(run.json()['calls'][0].get('fault'), '0x000006be', 'the others have the default', run)
        server.child.terminate()
        told = server.child.communicate(timeout=30)[1].decode()
        eq(server.child.returncode, 0, 'SIGTERM ends it in order')
    lines = told.splitlines()
    eq(len(lines), 5, '-v tells every call', told)
    ok(lines and ' netlogon.NetrServerReqChallenge {"PrimaryName":"\\\\\\\\x",' in lines[0] and
       '"ClientChallenge":{"data":"1122334455667788"}}' in lines[0],
       '... with its parameters', told)
    ok(lines[1].endswith(' -> fault 0x00000005'), '... and its fault', told)
    with Server('--mock', save('bare.json', {'interface': 'samr'}) + '@20299') as server:
        run = Run('map', server.address, '--json')
        eq([(x['interface']['name'], x['endpoint']) for x in run.json()['endpoints']],
           [('samr', '20299')], 'a fixed port, and no method at all', run)
        run = Run('call', '127.0.0.1:20299', '--json', 'samr.SamrConnect5', '{"ServerName":null,'
                  '"DesiredAccess":1,"InVersion":1,"InRevisionInfo":{"case":1,"value":{'
                  '"Revision":3,"SupportedFeatures":0}}}')
        eq(run.json()['calls'][0].get('fault'), '0x1c010002', 'which is nca_s_op_rng_error', run)

    for name, value, code, says in (
            ('no such file', None, 66, 'No such file'),
            ('no JSON', '{"interface": netlogon}', 64, 'line 1'),
            ('no object', '[]', 64, 'an object is wanted, not an array'),
            ('a member nobody knows', {'interface': 'netlogon', 'reply': {}}, 64, 'reply'),
            ('no interface', {'replies': {}}, 64, 'the member interface'),
            ('an interface nobody knows', {'interface': 'frobnicate'}, 64, 'frobnicate'),
            ('an interface known by name', {'interface': 'srvsvc'}, 64, 'not compiled'),
            ('a method nobody knows', {'interface': 'netlogon', 'replies': {'NetrNo': {}}}, 64,
             'replies.NetrNo: netlogon has no compiled method'),
            ('a member left out', {'interface': 'netlogon', 'replies': {
                'NetrServerReqChallenge': {'result': 0}}}, 64,
             'replies.NetrServerReqChallenge: ServerChallenge'),
            ('a value out of place', {'interface': 'netlogon', 'replies': {
                'NetrServerReqChallenge': {'ServerChallenge': {'data': '01'}, 'result': 0}}}, 64,
             'replies.NetrServerReqChallenge: ServerChallenge.data'),
            ('a default that is no status', {'interface': 'netlogon', 'default': {}}, 64,
             'default: a fault status')):
        path = save('bad.json', value) if value is not None else os.path.join(folder, 'none.json')
        run = Run('serve', '--mapper', '127.0.0.1:1', '--bind', '127.0.0.1', '--mock', path)
        ok(run.code == code and says in run.err and path in run.err or says == 'frobnicate' and
           says in run.err, '%s: exit %d and the place' % (name, code), run)
done()
