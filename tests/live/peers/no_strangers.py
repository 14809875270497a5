#!/usr/bin/python3 -B
"""Stands before an RPC server and refuses the binds of strangers: no_strangers.py PORT SERVER-PORT.

A bind without an authentication verifier is answered with a bind_nak without a reason, as by a
firewall that knows RPC, or a policy; everything else passes through. Says so when it listens."""
import socket
import struct
import sys
import threading

BIND, BIND_NAK = 11, 13


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, port):
    first = client.recv(65536)
    if len(first) >= 16 and first[2] == BIND and not struct.unpack_from('<H', first, 10)[0]:
        call = first[12:16]
        client.sendall(struct.pack('<BBBB4sHH', 5, 0, BIND_NAK, 3, b'\x10\0\0\0', 21, 0) + call +
                       struct.pack('<HBBB', 0, 1, 5, 0))
        client.close()
        return
    server = socket.create_connection(('127.0.0.1', port))
    server.sendall(first)
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
    pump(client, server)


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('', int(sys.argv[1])))
    listener.listen(16)
    print('ready', flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, int(sys.argv[2])), daemon=True).start()


main()
