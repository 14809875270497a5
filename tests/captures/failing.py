#!/usr/bin/python3 -B
"""A server that fails in one way which the lab's own peers cannot be brought to.

    failing.py ADDRESS smb STEP STATUS        refuses at negotiate, session, tree, open or read;
                                           STATUS `close` ends the connection, `hang` says nothing
    failing.py ADDRESS rpc PORT HOW [VALUE]   nak REASON, told STATUS (a nak with extended error),
                                           reject RESULT.REASON, fault STATUS, return STATUS,
                                           slow SECONDS, close-bind, close-call, oxid HOST[PORT],
                                           map HOST[PORT], map-status STATUS, lookup-status STATUS
                                           token (the client's SPNEGO token is rejected)
    failing.py ADDRESS kdc CODE [OCTETS]      answers every request with this KRB-ERROR, of OCTETS
                                           and more

Written from MS-SMB2 2.2, C706 12.6, MS-EERR 2.2, MS-DCOM 2.2.19 and RFC 4120 5.9.1; serves until it
is killed.
"""
import datetime
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live/lab"))
import pdu  # noqa: E402
from web import challenge  # noqa: E402

from impacket.krb5 import asn1, constants  # noqa: E402
from impacket.spnego import SPNEGO_NegTokenResp, TypesMech  # noqa: E402
from pyasn1.codec.der import decoder, encoder  # noqa: E402

PIPE_FID = b"\x01" + 15 * b"\0"


# ---- SMB 2.1 ----

def smb_reply(request, status, body, session=0x1122, tree=1):
    command, message = struct.unpack("<H", request[12:14])[0], request[24:32]
    head = struct.pack("<4sHHIHHII", b"\xfeSMB", 64, 1, status, command, 1, 1, 0)
    head += message + struct.pack("<IIQ16s", 0xFEFF, tree, session, b"")
    return struct.pack(">I", len(head) + len(body)) + head + body


def smb_negotiate():
    now = int((time.time() + 11644473600) * 10**7)
    return struct.pack("<HHHH16sIIIIQQHHI", 65, 1, 0x0210, 0, b"peer of the lab.", 7, 65536, 65536,
                       65536, now, 0, 128, 0, 0)


def smb_session(token, flags):
    return struct.pack("<HHHH", 9, flags, 72, len(token)) + (token or b"\0")


def spnego(token):
    answer = SPNEGO_NegTokenResp()
    answer["NegState"] = b"\1"
    answer["SupportedMech"] = TypesMech["NTLMSSP - Microsoft NTLM Security Support Provider"]
    answer["ResponseToken"] = token
    return answer.getData()


SMB_STEPS = {0: "negotiate", 1: "session", 3: "tree", 5: "open", 8: "read"}
SMB_BODIES = {
    2: struct.pack("<HH", 4, 0),
    3: struct.pack("<HBBIII", 16, 2, 0, 0, 0, 0x1F01FF),
    4: struct.pack("<HH", 4, 0),
    5: struct.pack("<HBBIQQQQQQII", 89, 0, 0, 1, 0, 0, 0, 0, 0, 0, 128, 0) + PIPE_FID +
       struct.pack("<II", 0, 0),
    6: struct.pack("<HHI", 60, 0, 0) + bytes(52),
    9: struct.pack("<HHIIHH", 17, 0, 116, 0, 0, 0),
}


def serve_smb(connection, step, status):
    asked = 0
    while True:
        size = struct.unpack(">I", pdu.receive(connection, 4))[0]
        request = pdu.receive(connection, size)
        command = struct.unpack("<H", request[12:14])[0]
        last = command != 1 or asked == 1
        asked += command == 1
        if SMB_STEPS.get(command) == step and last:
            if status == "close":
                return
            if status == "hang":
                continue
            connection.sendall(smb_reply(request, int(status, 0), struct.pack("<HHIB", 9, 0, 0, 0)))
        elif command == 0:
            connection.sendall(smb_reply(request, 0, smb_negotiate(), 0, 0))
        elif command == 1:
            body = smb_session(b"", 1) if last else smb_session(spnego(challenge()), 0)
            connection.sendall(smb_reply(request, 0 if last else 0xC0000016, body))
        else:
            connection.sendall(smb_reply(request, 0, SMB_BODIES[command]))


# ---- DCE/RPC ----

def rejected():
    answer = SPNEGO_NegTokenResp()
    answer["NegState"] = b"\2"
    return answer.getData()


def bind_ack(bind, result=0, reason=0, token=None):
    contexts = bind.body[8]
    secondary = b"\x04\x00135\0"
    body = struct.pack("<HHI", 4280, 4280, 0x5EAF) + secondary
    body += bytes(-len(body) % 4) + struct.pack("<Bxxx", contexts)
    for _ in range(contexts):
        body += struct.pack("<HH", result, reason)
        body += bytes(20) if result else pdu.syntax(pdu.NDR20)
    if not bind.auth_len:
        return pdu.pdu(pdu.BIND_ACK, body, call_id=bind.call_id)
    head = bind.body[-bind.auth_len - 8:-bind.auth_len]  # its sec_trailer, MS-RPCE 2.2.2.11
    token = token or challenge()
    body += bytes(-len(body) % 4)
    trailer = head[:2] + b"\0" + head[3:]
    whole = body + trailer + token
    return pdu.header(pdu.BIND_ACK, len(whole), call_id=bind.call_id, auth_len=len(token)) + whole


def extended_error(status):
    """One record of MS-EERR 2.2.1.8, found at location 1461, pickled (MS-RPCE 2.2.6)."""
    name = "SRV\0".encode("utf-16-le")
    body = struct.pack("<III", 0x20000, 0, 0)                   # to it; no parameters; no next
    body += struct.pack("<HHHxxI", 1, 1, 4, 0x20004)            # the computer's name is present
    body += struct.pack("<I4xQ", 4242, 133_000_000_000_000_000)  # process, time
    body += struct.pack("<IIHHHxx", 2, status, 1461, 0, 0)      # component, status, location
    body += struct.pack("<I", 4) + name
    body += bytes(-len(body) % 8)
    return b"\1\x10\x08\0\xcc\xcc\xcc\xcc" + struct.pack("<II", len(body), 0) + body


def bind_nak(bind, reason, blob=b""):
    body = struct.pack("<HBBBxxx", reason, 1, 5, 0)
    if blob:
        body += pdu.uuid_bytes("90740320-fad0-11d3-82d7-009027b130ab", "<") + blob
    return pdu.pdu(pdu.BIND_NAK, body, call_id=bind.call_id)


def string_bindings(text):
    """A DUALSTRINGARRAY of one binding over TCP, MS-DCOM 2.2.19.1."""
    words = struct.pack("<H", 7) + (text + "\0").encode("utf-16-le") + b"\0\0"
    security = struct.pack("<HHHH", 10, 0xFFFF, 0, 0)
    count, offset = (len(words) + len(security)) // 2, len(words) // 2
    return pdu.pad4(struct.pack("<IHH", count, count, offset) + words + security)


def resolved(text):
    """The stub of ResolveOxid2's answer, MS-DCOM 3.1.2.5.1.5."""
    return struct.pack("<I", 0x20000) + string_bindings(text) + \
        pdu.uuid_bytes("00000131-0000-0000-c000-000000000046", "<") + \
        struct.pack("<IHHI", 1, 5, 7, 0)


def mapped(text):
    host, port = text[:-1].split("[")
    return pdu.map_reply([pdu.tower(pdu.SAMR, int(port), host)], 4)


def answer_call(call, how, value):
    """The PDU that answers; None ends the connection."""
    opnum = struct.unpack("<H", call.body[6:8])[0]
    if how == "close-call":
        return None
    if how == "fault":
        return pdu.pdu(pdu.FAULT, struct.pack("<IHBxII", 32, 0, 0, int(value, 0), 0),
                       call_id=call.call_id)
    stub = bytes(24)
    if how == "return":
        stub = bytes(20) + struct.pack("<I", int(value, 0))
    elif how == "slow":
        time.sleep(float(value))
    elif how == "oxid":
        stub = resolved(value)
    elif how == "map" and opnum == pdu.EPT_MAP:
        stub = mapped(value)
    elif how == "map-status":
        stub = bytes(20) + struct.pack("<IIIII", 0, 4, 0, 0, int(value, 0))
    elif how == "lookup-status":
        stub = pdu.lookup_reply([], 20, bytes(20), int(value, 0))
    return pdu.pdu(pdu.RESPONSE, struct.pack("<IHH", len(stub), 0, 0) + stub, call_id=call.call_id)


def answer_bind(bind, how, value):
    if how == "close-bind":
        return None
    if how == "nak":
        return bind_nak(bind, int(value))
    if how == "told":
        return bind_nak(bind, 0, extended_error(int(value, 0)))
    if how == "reject":
        result, reason = value.split(".")
        return bind_ack(bind, int(result), int(reason))
    return bind_ack(bind, token=rejected() if how == "token" else None)


def serve_rpc(connection, how, value=""):
    while True:
        asked = pdu.Received(connection)
        if asked.ptype in (pdu.BIND, pdu.ALTER):
            answer = answer_bind(asked, how, value)
        elif asked.ptype == pdu.REQUEST:
            answer = answer_call(asked, how, value)
        else:
            continue
        if answer is None:
            return
        connection.sendall(answer)


# ---- Kerberos ----

def serve_kdc(connection, code, octets="0"):
    size = struct.unpack(">I", pdu.receive(connection, 4))[0]
    connection_answer = kdc_answer(pdu.receive(connection, size), code, octets)
    connection.sendall(struct.pack(">I", len(connection_answer)) + connection_answer)
    try:
        connection.recv(1)
    except OSError:
        pass


def kdc_answer(request, code, octets):
    body = decoder.decode(request, asn1Spec=asn1.AS_REQ())[0]["req-body"]
    now = datetime.datetime.utcnow()
    error = asn1.KRB_ERROR()
    error["pvno"] = 5
    error["msg-type"] = int(constants.ApplicationTagNumbers.KRB_ERROR.value)
    error["stime"] = now.strftime("%Y%m%d%H%M%SZ")
    error["susec"] = now.microsecond
    error["error-code"] = int(code)
    error["realm"] = str(body["realm"])
    error["sname"]["name-type"] = int(body["sname"]["name-type"])
    for i, part in enumerate(body["sname"]["name-string"]):
        error["sname"]["name-string"][i] = str(part)
    if int(octets):
        error["e-data"] = bytes(int(octets))
    return encoder.encode(error)


def serve_datagrams(address, code, octets="0"):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((address, 88))
    while True:
        request, client = link.recvfrom(65536)
        link.sendto(kdc_answer(request, code, octets), client)


# ---- ----

def serve_one(handler, connection, arguments):
    try:
        with connection:
            handler(connection, *arguments)
    except (pdu.Closed, OSError) as error:
        print(error)


def main():
    address, kind, *arguments = sys.argv[1:]
    port = {"smb": 445, "kdc": 88}.get(kind) or int(arguments.pop(0))
    handler = {"smb": serve_smb, "kdc": serve_kdc, "rpc": serve_rpc}[kind]
    listener = socket.create_server((address, port))
    if kind == "kdc":
        threading.Thread(target=serve_datagrams, args=(address, *arguments), daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(handler, connection, arguments),
                         daemon=True).start()


main()
