#!/usr/bin/python3 -B
"""What the management interface of endpoints says, a JSON object each, through others' clients.

    mgmt.py tcp HOST PORT...         through impacket
    mgmt.py local FOLDER NAME STOP   through Samba's, by the local socket FOLDER/NAME; STOP is 1 to
                                     stop the server at the end

Each operation of C706 appendix Q in turn: `ids` (UUIDs), `stats`, `listening`, `princ` and `stop`
(their status; null where it was not asked for).
"""
import json
import sys


def status(call):
    """The status a call answers with: its library raises one that is not 0."""
    try:
        call()
    except Exception as error:
        code = getattr(error, 'error_code', None)
        return error.args[0] & 0xffffffff if code is None else code
    return 0


def tcp(host, port):
    from impacket.dcerpc.v5 import mgmt, transport
    from impacket.uuid import bin_to_uuidtup
    dce = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[%s]' % (host, port)).get_dce_rpc()
    dce.connect()
    dce.bind(mgmt.MSRPC_UUID_MGMT)
    vector = mgmt.hinq_if_ids(dce)['if_id_vector']
    ids = [x['Data']['Uuid'] + bytes(4) for x in vector['if_id'][:vector['count']]]
    answer = {
        'ids': sorted(bin_to_uuidtup(x)[0].lower() for x in ids),
        'stats': list(mgmt.hinq_stats(dce)['statistics']),
        'listening': mgmt.his_server_listening(dce)['status'] == 0,
        'princ': mgmt.hinq_princ_name(dce)['status'],
        'stop': status(lambda: mgmt.hstop_server_listening(dce))}
    dce.disconnect()
    return answer


def local(folder, name, stop):
    from samba import credentials
    from samba.dcerpc import mgmt
    from samba.param import LoadParm
    settings, nobody = LoadParm(), credentials.Credentials()
    settings.set('ncalrpc dir', folder)
    nobody.set_anonymous()
    server = mgmt.mgmt('ncalrpc:[%s]' % name, settings, nobody)
    vector = server.inq_if_ids()
    return {
        'ids': sorted(str(x.id.uuid) for x in vector.if_id),
        'stats': list(server.inq_stats(4, 0).statistics),
        'listening': server.is_server_listening() == (0, 1),
        'princ': status(lambda: server.inq_princ_name(10, 100)),
        'stop': status(server.stop_server_listening) if stop == '1' else None}


if sys.argv[1] == 'tcp':
    for each in sys.argv[3:]:
        print(json.dumps(tcp(sys.argv[2], each)))
else:
    print(json.dumps(local(*sys.argv[2:])))
