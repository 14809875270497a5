#!/usr/bin/python3 -B
"""What record.sh's rpcclient calls, through impacket: calls.py PASSWORD."""
import sys

from impacket.dcerpc.v5 import epm, samr, transport
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_PKT_PRIVACY

where = epm.hept_map('dc1.lab.test', samr.MSRPC_UUID_SAMR, protocol='ncacn_ip_tcp')
link = transport.DCERPCTransportFactory(where)
link.set_credentials('alice', sys.argv[1], 'LAB')
dce = link.get_dce_rpc()
dce.set_auth_level(RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
dce.connect()
dce.bind(samr.MSRPC_UUID_SAMR)
server = samr.hSamrConnect(dce)['ServerHandle']
sid = samr.hSamrLookupDomainInSamServer(dce, server, 'LAB')['DomainId']
domain = samr.hSamrOpenDomain(dce, server, domainId=sid)['DomainHandle']
dce.set_max_fragment_size(1024)
names = ['Administrator', 'Guest', 'krbtgt', 'alice'] * 45
samr.hSamrLookupNamesInDomain(dce, domain, names)
samr.hSamrLookupIdsInDomain(dce, domain, [500, 501, 502] * 60)
try:
    samr.hSamrCreateUser2InDomain(dce, domain, 'nobody')
except samr.DCERPCSessionError as error:
    print(error)
