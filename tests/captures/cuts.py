#!/usr/bin/python3 -B
"""No false accusation, wherever a capture begins, ends or is cut. Every recorded scene, seen from the
client: parts of it from either end, packets cut at 64 to 1024 octets, neighbours swapped, every packet twice
(as a mirror port gives them), and the same packets in another dress (VLAN, QinQ, without Ethernet,
big-endian). What is healthy stays without findings, also where the capture lost packets; a part of a
fault gives its finding, none, or what LESS lists: the same fault, as far as the part shows it. A dress
changes nothing."""
import concurrent.futures
import gzip
import itertools
import os
import struct
import subprocess
import sys
import tempfile

judge, folder = sys.argv[1:3]
STEP = 10
SNAPS = (96, 64, 128, 256, 512, 1024)
LOST, LOST_FORM = 7, 'without'
SOON = 10000  # microseconds between packets that can change places
LINK_ETHERNET, LINK_RAW = 1, 101
# what is said of a part of the evidence
LESS = {
    'EPM.FAULT': {'RPC.UNKNOWN_INTERFACE'},         # the host says so; of which one, the bind told
    'EPM.INCOMPATIBLE': {'RPC.BAD_STUB'},           # the host says so, of an interface unknown
    'EPM.NAK': {'RPC.PROTOCOL_ERROR'},              # the host says so of a version
    'EPM.NOT_MAPPER': {'RPC.UNKNOWN_INTERFACE'},
    'EPM.SWALLOWED': {'TCP.DATA_SWALLOWED'},        # which message it was lies behind the cut
    'EPM.TOO_BUSY': {'RPC.TOO_BUSY'},
    # who named the address is missing, or the router's word too
    'EPM.TOWER_UNREACHABLE': {'TCP.HOST_UNREACHABLE', 'TCP.HOST_SILENT'},
    'KRB.DISABLED': {'KRB.CLIENT_REVOKED'},         # the status beside the code is behind the cut
    'KRB.EXPIRED': {'KRB.CLIENT_REVOKED'},
    'KRB.MUST_CHANGE': {'KRB.KEY_EXPIRED'},
    'KRB.TCP_BLOCKED': {'TCP.ENDPOINT_FILTERED'},   # UDP's answer is missing
    'NTLM.FALLBACK_REFUSED': {'SMB.LOGON_FAILED'},  # the ticket is missing
    'RPC.DCOM_DENIED': {'RPC.ACCESS_DENIED'},       # the level is in the call, the interface is not
    'RPC.DCOM_UNREACHABLE': {'TCP.HOST_UNREACHABLE', 'TCP.HOST_SILENT'},
    'RPC.FIRST_CALL_DENIED': {'RPC.ACCESS_DENIED'},  # that it was the first is missing
    'RPC.NETLOGON_LEVEL': {'RPC.ACCESS_DENIED'},    # of whose authentication is missing
    'RPC.PRINT_LEVEL': {'RPC.ACCESS_DENIED'},
    'RPC.SWALLOWED': {'TCP.DATA_SWALLOWED'},
    'TCP.CLOSED_ON_ACCEPT': {'EPM.RESET_ON_BIND'},  # which was first, when they were swapped
    'TCP.DYNAMIC_REFUSED': {'TCP.ENDPOINT_REFUSED'},  # the mapper's answer is missing
    'TCP.FORGED_RESET': {'TCP.SUSPECT_RESET'},      # without Ethernet its address proves nothing
    'TCP.HOST_UNREACHABLE': {'TCP.HOST_SILENT'},    # three SYNs, and no word of the router yet
    'TCP.IPV6_BROKEN': {'TCP.HOST_SILENT'},         # that IPv4 works is missing
    'TCP.MAPPER_FILTERED': {'TCP.HOST_SILENT'},     # no word of the host
    'TCP.IPSEC_MISMATCH': {'TCP.MAPPER_FILTERED'},  # ESP and IKE are missing
    'TCP.NO_AFFINITY': {'RPC.UNKNOWN_INTERFACE'},   # who accepted the bind's connection is missing
    'TCP.RANGE_FILTERED': {'TCP.ENDPOINT_FILTERED'},  # the mapper's answer is missing
    'TLS.CERTIFICATE_EXPIRED': {'TLS.NOT_TRUSTED'},  # the client's alert alone
    'TLS.CERTIFICATE_NAME': {'TLS.NOT_TRUSTED'},
}
# what is so as long as nothing follows
BEFORE = {'NTLM.FALLBACK_REFUSED': {'KRB.SERVICE_UNKNOWN'}}
# a failure that was made good, where the packet that made it good is lost
MENDED = {'healthy-nmap-smb': {'SMB.LOGON_FAILED'}, 'name-late-once': {'NAME.LATE'}}
# of the capture, nobody is accused
NOTES = {'NAME.NOT_OBSERVED', 'TCP.ONE_WAY_CAPTURE'}


def load(path):
    """[(seconds, microseconds, octets, length on the wire)] of a little-endian Ethernet capture."""
    with gzip.open(path) as file:
        octets = file.read()
    magic, link = struct.unpack_from('<I16xI', octets)
    assert magic == 0xa1b2c3d4 and link == LINK_ETHERNET, path
    packets, at = [], 24
    while at + 16 <= len(octets):
        seconds, micros, kept, length = struct.unpack_from('<IIII', octets, at)
        packets.append((seconds, micros, octets[at + 16:at + 16 + kept], length))
        at += 16 + kept
    return packets


def save(path, packets, order='<', link=LINK_ETHERNET):
    with open(path, 'wb') as file:
        file.write(struct.pack(order + 'IHHIIII', 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, link))
        for seconds, micros, octets, length in packets:
            file.write(struct.pack(order + 'IIII', seconds, micros, len(octets), length))
            file.write(octets)


def tagged(packets, *tags):
    tags = b''.join(struct.pack('>HH', kind, number) for kind, number in tags)
    return [(s, u, o[:12] + tags + o[12:], n + len(tags)) for s, u, o, n in packets]


def parts(packets):
    for count in range(STEP, len(packets), STEP):
        yield 'first %d' % count, packets[:count]
        yield 'from %d' % count, packets[count:]


def cut(packets, snap):
    return [(s, u, o[:snap], n) for s, u, o, n in packets]


def swapped(packets, first):
    """Neighbours change places, as two queues of one card give them; the times stay in order."""
    order = list(range(len(packets)))
    times = [seconds * 1000000 + micros for seconds, micros, *_ in packets]
    for i in range(first, len(order) - 1, 2):
        if times[i + 1] - times[i] < SOON:
            order[i], order[i + 1] = order[i + 1], order[i]
    return [(*packets[i][:2], *packets[k][2:]) for i, k in enumerate(order)]


def variants(packets):
    """(name, same, packets, how to save them): @same has to give what the whole gives."""
    yield 'swapped', False, swapped(packets, 0), {}
    yield 'swapped from 1', False, swapped(packets, 1), {}
    yield 'twice', False, [p for p in packets for _ in range(2)], {}
    yield 'VLAN', True, tagged(packets, (0x8100, 5)), {}
    yield 'QinQ', True, tagged(packets, (0x88a8, 7), (0x8100, 5)), {}
    yield 'big-endian', True, packets, {'order': '>'}
    yield 'raw', False, [(s, u, o[14:], n - 14) for s, u, o, n in packets
                         if o[12:14] in (b'\x08\x00', b'\x86\xdd')], {'link': LINK_RAW}
    for name, part in [('whole', packets), *parts(packets)]:
        if part is not packets:
            yield name, False, part, {}
        for snap in SNAPS if part is packets else SNAPS[:1]:
            yield '%s, %d octets' % (name, snap), False, cut(part, snap), {}


def lossy(packets):
    """What a capture looks like that could not keep up, of a talk that lost nothing."""
    for first in range(LOST):
        yield ('%s %d and each %dth after it' % (LOST_FORM, first + 1, LOST), False,
               [p for number, p in enumerate(packets) if number % LOST != first], {})


def causes(path):
    run = subprocess.run([judge, path], capture_output=True, text=True, timeout=60)
    if run.returncode not in (0, 1, 10, 20, 30, 40):
        return ['exit %d' % run.returncode]
    return [line.split()[0] for line in run.stdout.splitlines()[1:] if not line.startswith('  ')]


def check(work, name, want):
    """What is wrong with the parts of one scene, and how many there are."""
    packets = load(os.path.join(folder, name + '.client.pcap.gz'))
    path = os.path.join(work, name)
    save(path, packets)
    whole, count, wrong = causes(path), 0, []
    forms = variants(packets)
    if want in ('healthy', 'TCP.MAPPER_FILTERED'):
        forms = itertools.chain(forms, lossy(packets))
    for label, same, part, how in forms:
        save(path, part, **how)
        found = causes(path)
        count += 1
        may = NOTES | set(whole) | ({want} | LESS.get(want, set()) if want != 'healthy' else set())
        if label.startswith('first'):
            may |= BEFORE.get(want, set())
        if label.startswith(LOST_FORM):
            may |= MENDED.get(name, set())
        if found != whole if same else set(found) - may:
            wrong.append('%s: %s' % (label, ' '.join(found) or 'nothing'))
    os.unlink(path)
    return count, wrong


def main():
    listed = subprocess.run(['bash', os.path.join(folder, 'record.sh'), '--list'],
                            capture_output=True, text=True, check=True).stdout
    scenes = [line.split() for line in listed.splitlines()]
    scenes = [s for s in scenes
              if os.path.exists(os.path.join(folder, s[0] + '.client.pcap.gz'))]
    total = failed = 0
    with tempfile.TemporaryDirectory() as work, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda scene: check(work, *scene), scenes)
        for number, ((name, want), (count, wrong)) in enumerate(zip(scenes, results), 1):
            total += count
            failed += bool(wrong)
            print('%sok %d - %s: %s, in %d forms' % ('not ' if wrong else '', number, name, want,
                                                      count))
            for line in wrong:
                print('#', line)
    print('# %d forms' % total)
    print('1..%d' % len(scenes))
    return failed != 0


sys.exit(main())
