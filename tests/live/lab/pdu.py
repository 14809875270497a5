"""Just enough DCE/RPC for the lab's own tools: PDU headers, BIND, the mapper's two main answers.

Written from C706 chapters 12 and 14 and appendices I, L and O. `order` is '<' or '>' as in struct:
the integer byte order that the sender's data representation label announces. The bytes of a tower
and the ports in it have an order of their own, whatever the label says.
"""
import ipaddress
import struct
import uuid

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESP = 0, 2, 3, 11, 12, 13, 14, 15
FIRST, LAST = 1, 2
EPT_LOOKUP, EPT_MAP, EPT_HANDLE_FREE = 2, 3, 4
NOT_REGISTERED = 0x16C9A0D6

NDR20 = ('8a885d04-1ceb-11c9-9fe8-08002b104860', 2, 0)
EPM = ('e1af8308-5d1f-11c9-91a4-08002b14a0fa', 3, 0)
SAMR = ('12345778-1234-abcd-ef00-0123456789ac', 1, 0)
LSARPC = ('12345778-1234-abcd-ef00-0123456789ab', 0, 0)


class Closed(Exception):
    """The peer closed in the middle of, or before, a PDU."""


def uuid_bytes(text, order):
    value = uuid.UUID(text)
    return value.bytes_le if order == '<' else value.bytes


def syntax(ident, order='<'):
    name, major, minor = ident
    return uuid_bytes(name, order) + struct.pack(order + 'I', minor << 16 | major)


def header(ptype, body_size, call_id=1, order='<', flags=FIRST | LAST, frag_len=None, auth_len=0):
    label = b'\x10\0\0\0' if order == '<' else b'\0\0\0\0'
    frag_len = 16 + body_size if frag_len is None else frag_len
    return bytes([5, 0, ptype, flags]) + label + \
        struct.pack(order + 'HHI', frag_len, auth_len, call_id)


def pdu(ptype, body, **fields):
    return header(ptype, len(body), **fields) + body


def bind(abstract):
    return pdu(BIND, struct.pack('<HHIBxxxHBx', 4280, 4280, 0, 1, 0, 1) + syntax(abstract) +
               syntax(NDR20))


def request(opnum, stub, call_id=2):
    return pdu(REQUEST, struct.pack('<IHH', len(stub), 0, opnum) + stub, call_id=call_id)


def receive(sock, size):
    data = b''
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise Closed('closed by peer after %d of %d bytes' % (len(data), size))
        data += more
    return data


class Received:
    """One PDU off a socket."""

    def __init__(self, sock):
        head = receive(sock, 16)
        self.ptype, self.flags = head[2], head[3]
        self.order = '<' if head[4] & 0x10 else '>'
        size, self.auth_len, self.call_id = struct.unpack(self.order + 'HHI', head[8:])
        self.body = receive(sock, size - 16)


def floor(protocol, left, right):
    return struct.pack('<HB', 1 + len(left), protocol) + left + struct.pack('<H', len(right)) + right


def tower(abstract, port, address):
    """The tower of an interface over TCP: interface, NDR, connection-oriented, port, address."""
    uuids = [floor(0x0D, syntax(x)[:18], struct.pack('<H', x[2])) for x in (abstract, NDR20)]
    return struct.pack('<H', 5) + b''.join(uuids) + floor(0x0B, b'', b'\0\0') + \
        floor(0x07, b'', struct.pack('>H', port)) + \
        floor(0x09, b'', ipaddress.IPv4Address(address).packed)


def pad4(data):
    return data + b'\0' * (-len(data) % 4)


def twr(octets, order):
    return pad4(struct.pack(order + 'II', len(octets), len(octets)) + octets)


def map_request(abstract):
    """The stub of ept_map, asking for up to four towers over TCP."""
    return struct.pack('<I', 1) + bytes(16) + struct.pack('<I', 2) + \
        twr(tower(abstract, 135, '0.0.0.0'), '<') + bytes(20) + struct.pack('<I', 4)


def map_reply(towers, room, order='<'):
    """The stub of ept_map's answer; room is the request's max_towers, the array's size_is."""
    count = len(towers)
    stub = bytes(20) + struct.pack(order + 'IIII', count, room, 0, count)
    stub += b''.join(struct.pack(order + 'I', 3 + i) for i in range(count))
    return stub + b''.join(twr(x, order) for x in towers) + struct.pack(order + 'I', 0)


def lookup_reply(entries, room, handle, status, order='<', claimed=None):
    """The stub of ept_lookup's answer; entries are (annotation, tower), claimed is a false count."""
    count = len(entries) if claimed is None else claimed
    stub = handle + struct.pack(order + 'IIII', count, room, 0, count)
    for i, (annotation, _) in enumerate(entries):
        text = annotation.encode() + b'\0'
        stub += bytes(16) + struct.pack(order + 'III', 3 + i, 0, len(text)) + pad4(text)
    stub += b''.join(twr(x, order) for _, x in entries)
    return stub + struct.pack(order + 'I', status)
