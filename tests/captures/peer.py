#!/usr/bin/python3 -B
"""Clients of the endpoint mapper that use their connections in unusual, healthy ways, and services
that are no RPC with their clients.

peer.py idle|abort|reuse|fragments|pipelined|concurrent|unused ADDRESS
peer.py serve names|http|https|ssh|datagrams ADDRESS    until it is killed
peer.py ask llmnr|mdns|http|https|ssh|datagrams NAME
"""
import socket
import ssl
import struct
import sys
import threading
import time

from impacket.dcerpc.v5 import epm, transport

# ---- the mapper's clients ----


def mapper(address):
    """A bound connection to the endpoint mapper."""
    link = transport.DCERPCTransportFactory('ncacn_ip_tcp:%s[135]' % address)
    rpc = link.get_dce_rpc()
    rpc.connect()
    rpc.bind(epm.MSRPC_UUID_PORTMAP)
    return link.get_socket(), rpc


def lookup(count=3):
    request = epm.ept_lookup()
    request['inquiry_type'] = epm.RPC_C_EP_ALL_ELTS
    request['object'] = epm.NULL
    request['Ifid'] = epm.NULL
    request['vers_option'] = epm.RPC_C_VERS_ALL
    request['max_ents'] = count
    return request


def idle(address):
    """Kept open by keep-alives between two calls."""
    sock, rpc = mapper(address)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    rpc.request(lookup())
    time.sleep(6)
    rpc.request(lookup())
    rpc.disconnect()


def abort(address):
    """Closed with a reset, as some clients always do, after the answer."""
    for _ in range(3):
        sock, rpc = mapper(address)
        rpc.request(lookup())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        sock.close()


def reuse(address):
    """The same two ports again, soon after the first connection was reset."""
    for _ in range(3):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        sock.bind(('', 40404))
        sock.connect((address, 135))
        sock.sendall(BIND)
        sock.recv(4096)
        sock.close()
        time.sleep(0.2)


def fragments(address):
    """Requests in PDUs of a few octets each."""
    _, rpc = mapper(address)
    rpc.set_max_fragment_size(16)
    for _ in range(3):
        rpc.request(lookup(20))
    rpc.disconnect()


# version 5.0 bind, first and last fragment, little-endian (C706 12.6.4.3): epmapper 3.0 over NDR
BIND = struct.pack('<4B4sHHIHHIB3xHBx', 5, 0, 11, 3, b'\x10\0\0\0', 72, 0, 1, 4280, 4280, 0, 1, 0,
                   1)
BIND += bytes.fromhex('0883afe11f5dc91191a408002b14a0fa') + struct.pack('<HH', 3, 0)
BIND += bytes.fromhex('045d888aeb1cc9119fe808002b104860') + struct.pack('<I', 2)


def call(number, stub):
    return struct.pack('<4B4sHHIIHH', 5, 0, 0, 3, b'\x10\0\0\0', 24 + len(stub), 0, number,
                       len(stub), 0, 2) + stub


def pipelined(address):
    """Three requests before the first answer is read."""
    stub = lookup().getData()
    with socket.create_connection((address, 135)) as sock:
        sock.sendall(BIND)
        sock.recv(4096)
        sock.sendall(b''.join(call(2 + i, stub) for i in range(3)))
        answers = 0
        while answers < 3:
            head = sock.recv(16, socket.MSG_WAITALL)
            sock.recv(struct.unpack_from('<H', head, 8)[0] - 16, socket.MSG_WAITALL)
            answers += 1


def concurrent(address):
    """Eight connections at once, some of them with several calls."""
    def one(count):
        _, rpc = mapper(address)
        for _ in range(count):
            rpc.request(lookup())
        rpc.disconnect()
    threads = [threading.Thread(target=one, args=(1 + i % 3,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def unused(address):
    """Opened for a call that nobody made: bound, or not even that."""
    socket.create_connection((address, 135)).close()
    _, rpc = mapper(address)
    time.sleep(1)
    rpc.disconnect()


# ---- services that are no RPC ----

def dns_name(name):
    return b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\0'


def serve_names(address):
    """Answers LLMNR (RFC 4795) for near and mDNS (RFC 6762) for near.local."""
    def one(port, group):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(('', port))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(group) + socket.inet_aton(address))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        while True:
            query, client = sock.recvfrom(1500)
            question = query[12:]
            if question[-4:-2] != b'\0\1':
                continue
            record = b'\xc0\x0c\0\1\0\1' + struct.pack('>IH', 120, 4) + socket.inet_aton(address)
            flags = b'\x84\0' if port == 5353 else b'\x80\0'
            sock.sendto(query[:2] + flags + b'\0\1\0\1\0\0\0\0' + question + record, client)
    threading.Thread(target=one, args=(5353, '224.0.0.251'), daemon=True).start()
    one(5355, '224.0.0.252')


def ask_name(name, port, group):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(3)
    for number, kind in ((0x1234, 1), (0x1235, 28)):
        sock.sendto(struct.pack('>6H', number, 0, 1, 0, 0, 0) + dns_name(name) +
                    struct.pack('>HH', kind, 1), (group, port))
        if kind == 1:
            print(sock.recvfrom(1500))


def text_server(address, port, talk, wrap=None):
    listener = socket.create_server((address, port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(wrap(connection) if wrap else connection,),
                         daemon=True).start()


def web_talk(connection):
    with connection:
        while True:
            head = connection.recv(4096)
            if not head:
                return
            status = '404 Not Found' if b'/missing' in head else '200 OK'
            body = 'a page ' * 100
            connection.sendall(('HTTP/1.1 %s\r\nServer: test\r\nContent-Length: %d\r\n\r\n%s'
                                % (status, len(body), body)).encode())


def web_ask(connection):
    for target in ('/', '/missing', '/other'):
        connection.sendall(('GET %s HTTP/1.1\r\nHost: srv.lab.test\r\n\r\n' % target).encode())
        print(connection.recv(100))
        time.sleep(0.1)
        connection.recv(4096)


def chat_talk(connection):
    with connection:
        connection.sendall(b'SSH-2.0-test\r\n')
        for _ in range(5):
            connection.recv(4096)
            connection.sendall(bytes(range(200)))


def chat_ask(connection):
    connection.recv(100)
    for i in range(5):
        connection.sendall(b'SSH-2.0-client\r\n' if i == 0 else bytes(range(100)))
        connection.recv(4096)


def serve_datagrams(address):
    """NTP answers; syslog hears."""
    syslog = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    syslog.bind((address, 514))
    ntp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ntp.bind((address, 123))
    while True:
        query, client = ntp.recvfrom(100)
        now = struct.pack('>II', int(time.time()) + 2208988800, 0)
        ntp.sendto(b'\x24\2\6\xec' + bytes(8) + b'LAB\0' + now + query[40:48] + now + now, client)


def ask_datagrams(name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(3)
    for _ in range(3):
        sock.sendto(b'<14>client test: a line of a log', (name, 514))
        sock.sendto(b'\x23' + bytes(47), (name, 123))
        print(sock.recv(100))


def serve(what, address):
    if what == 'names':
        serve_names(address)
    elif what == 'datagrams':
        serve_datagrams(address)
    elif what == 'https':
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain('web.pem')
        text_server(address, 443, web_talk, lambda c: context.wrap_socket(c, server_side=True))
    else:
        text_server(address, {'http': 80, 'ssh': 22}[what],
                    {'http': web_talk, 'ssh': chat_talk}[what])


def ask(what, name):
    if what == 'llmnr':
        ask_name(name, 5355, '224.0.0.252')
    elif what == 'mdns':
        ask_name(name, 5353, '224.0.0.251')
    elif what == 'datagrams':
        ask_datagrams(name)
    else:
        port = {'http': 80, 'https': 443, 'ssh': 22}[what]
        with socket.create_connection((name, port)) as connection:
            if what == 'https':
                context = ssl.create_default_context(cafile='web.pem')
                with context.wrap_socket(connection, server_hostname=name) as tls:
                    web_ask(tls)
            else:
                (web_ask if what == 'http' else chat_ask)(connection)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
