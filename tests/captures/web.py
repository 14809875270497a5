#!/usr/bin/python3 -B
"""A web server that fails in one way, and a client of RPC over HTTP (MS-RPCH) that asks it.

web.py serve MODE ADDRESS      answers until it is killed
web.py ask MODE NAME           opens an OUT and an IN channel, or a TLS session

MODE is a status, 503-denied, half (an OUT channel that is accepted and no more) or idle (one that is
closed after a silence), all on port 80; 593; or tls-*: there web.pem is the server's certificate with its key, and trusted.pem what the
client trusts. With *-left it looks at the certificate itself and goes away without an alert.
"""
import base64
import socket
import ssl
import struct
import sys
import threading
import time

from impacket import ntlm

ANSWERS = {
    "403": ("403 Forbidden", ""),
    "404": ("404 Not Found", ""),
    "405": ("405 Method Not Allowed", ""),
    "407": ("407 Proxy Authentication Required", "Proxy-Authenticate: NTLM\r\n"),
    "413": ("413 Request Entity Too Large", ""),
    "302": ("302 Found", "Location: https://srv.lab.test/owa/\r\n"),
    "503": ("503 RPC Error: 6ba", ""),
    "503-denied": ("503 RPC Error: 5", ""),
    "half": ("200 Success", ""),
    "idle": ("200 Success", ""),
}
PORTS = {"593": 593}
ALERTS = {"tls-name-unknown": b"\x70", "tls-alert": b"\x50"}  # unrecognized_name, internal_error
IDLE = 65  # seconds


def port(mode):
    return 443 if mode.startswith("tls") else PORTS.get(mode, 80)


def read_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = connection.recv(1)
        if not octet:
            return None
        head += octet
    return head.decode("latin-1")


def challenge():
    pairs = b""
    for kind, text in ((2, "LAB"), (1, "SRV"), (4, "lab.test"), (3, "srv.lab.test")):
        value = text.encode("utf-16-le")
        pairs += struct.pack("<HH", kind, len(value)) + value
    filetime = int((time.time() + 11644473600) * 10**7)
    pairs += struct.pack("<HHQHH", 7, 8, filetime, 0, 0)
    target = "LAB".encode("utf-16-le")
    head = struct.pack("<8sIHHII8s8sHHI8s", b"NTLMSSP", 2, len(target), len(target), 56,
                       0xE28A8215, b"12345678", b"", len(pairs), len(pairs), 56 + len(target),
                       b"\x0a\0\x61\x4a\0\0\0\x0f")
    return head + target + pairs


def answer(mode, head):
    """The status line and headers for a request."""
    if mode != "401":
        return ANSWERS[mode]
    token = None
    for line in head.split("\r\n"):
        if line.startswith("Authorization: NTLM "):
            token = base64.b64decode(line.split()[2])
    if token is not None and token[8] == 1:
        text = base64.b64encode(challenge()).decode()
        return ("401 Unauthorized", f"WWW-Authenticate: NTLM {text}\r\n")
    return ("401 Unauthorized", "WWW-Authenticate: NTLM\r\nWWW-Authenticate: Negotiate\r\n")


def serve_one(mode, connection):
    with connection:
        if mode == "593":  # something that is no RPC over HTTP
            connection.sendall(b"220 srv.lab.test ready\r\n")
            connection.recv(100)
            return
        if mode == "tls-closed":
            connection.recv(4096)
            return
        if mode in ALERTS:
            connection.recv(4096)
            connection.sendall(b"\x15\3\3\0\2\2" + ALERTS[mode])
            return
        if mode.startswith("tls"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain("web.pem")
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
            try:
                context.wrap_socket(connection, server_side=True).recv(100)
            except OSError as error:
                print(error)
            return
        while True:
            head = read_head(connection)
            if head is None:
                return
            if "Content-Length: 76" in head:
                connection.recv(76)
            status, headers = answer(mode, head)
            body = "<html>" + status + "</html>"
            if mode in ("half", "idle"):
                connection.sendall((f"HTTP/1.1 {status}\r\nContent-Type: application/rpc\r\n"
                                    "Content-Length: 1073741824\r\n\r\n").encode())
                if mode == "idle" and "RPC_OUT" in head:  # CONN/A3, CONN/C2, MS-RPCH 2.2.4.4, 2.2.4.9
                    connection.sendall(rts((2, 120000)) + rts((6, 1), (0, 65536), (2, 120000)))
                    time.sleep(IDLE)
                else:
                    connection.recv(1)
                return
            connection.sendall((f"HTTP/1.1 {status}\r\n{headers}Content-Type: text/html\r\n"
                                f"Content-Length: {len(body)}\r\n\r\n{body}").encode())


def serve(mode, address):
    listener = socket.create_server((address, port(mode)))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(mode, connection), daemon=True).start()


def request_head(verb, length, extra=""):
    return (f"{verb} /rpc/rpcproxy.dll?srv.lab.test:6001 HTTP/1.1\r\n"
            "Accept: application/rpc\r\nUser-Agent: MSRPC\r\nHost: srv.lab.test\r\n"
            f"{extra}Content-Length: {length}\r\n"
            "Connection: Keep-Alive\r\nCache-Control: no-cache\r\n\r\n")


def request(connection, verb, length, token=None, body=b""):
    extra = f"Authorization: NTLM {base64.b64encode(token).decode()}\r\n" if token else ""
    connection.sendall(request_head(verb, length, extra).encode() + body)
    head = read_head(connection) or ""
    for line in head.split("\r\n"):
        if line.startswith("Content-Length: ") and "1073741824" not in line:
            connection.recv(int(line.split()[1]), socket.MSG_WAITALL)
    print(verb, head.split("\r\n")[0])
    return head


def conn_a1():
    """The RTS PDU that opens an OUT channel, MS-RPCH 2.2.4.2."""
    commands = struct.pack("<II I16s I16s II", 6, 1, 3, b"virtual-cookie-1", 3,
                           b"channel-cookie-1", 0, 65536)
    return struct.pack("<BBBB4sHHIHH", 5, 0, 20, 3, b"\x10\0\0\0", 20 + len(commands), 0, 0, 0,
                       4) + commands


def rts(*commands):
    """An RTS PDU without flags, MS-RPCH 2.2.3.6."""
    body = b"".join(struct.pack("<II", *command) for command in commands)
    return struct.pack("<BBBB4sHHIHH", 5, 0, 20, 3, b"\x10\0\0\0", 20 + len(body), 0, 0, 0,
                       len(commands)) + body


def wait_for_end(connection):
    connection.settimeout(2 * IDLE)
    while connection.recv(100):
        pass


def channel(name, mode, verb, length, body):
    with socket.create_connection((name, 80)) as connection:
        if mode == "half":
            request(connection, verb, length, body=body)
            connection.settimeout(6)
            try:
                connection.recv(1)
            except TimeoutError:
                pass
            return
        if mode == "idle":  # both channels
            request(connection, verb, length, body=body)
            with socket.create_connection((name, 80)) as other:
                other.sendall(request_head("RPC_IN_DATA", 1 << 30).encode())
                wait_for_end(connection)
            return
        if mode != "401":
            request(connection, verb, length, body=body)
            return
        request(connection, verb, 0)
        for _ in range(2):
            first = ntlm.getNTLMSSPType1("CLIENT", "LAB", True)
            head = request(connection, verb, 0, first.getData())
            token = [line.split()[2] for line in head.split("\r\n")
                     if line.startswith("WWW-Authenticate: NTLM ")]
            last, _ = ntlm.getNTLMSSPType3(first, base64.b64decode(token[0]), "alice", "wrong",
                                           "LAB")
            request(connection, verb, length, last.getData(), body)


def ask_tls(mode, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations("trusted.pem")
    if mode == "tls-version":
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    if mode.endswith("-left"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((name, 443)) as connection:
        context.wrap_socket(connection, server_hostname=name)


def ask(mode, name):
    if mode.startswith("tls"):
        ask_tls(mode, name)
    elif mode == "593":
        with socket.create_connection((name, 593)) as connection:
            print(connection.recv(14))
    else:
        channel(name, mode, "RPC_OUT_DATA", 76, conn_a1())
        if mode in ("half", "idle"):
            return
        channel(name, mode, "RPC_IN_DATA", 1 << 30, b"")


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](sys.argv[2], sys.argv[3])
