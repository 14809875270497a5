"""Round trips: with 50 ms more each way, what a command takes divided by what one trip takes. The
trips it makes are counted in a capture on the client; how many lookups the server's paging forces
is asked of another client (impacket)."""
import contextlib
import os
import re
import statistics
import subprocess
import tempfile
import time

from common import HERE, Skip, output

DELAY = 50
ROUNDS = 5
REQUEST, BIND = 0, 11  # C706 12.6.4
EPT_LOOKUP = 2


class Capture:
    """A capture on the client while the block runs, as rows of fields afterwards."""

    FIELDS = ('frame.time_epoch', 'ip.src', 'tcp.stream', 'tcp.flags.syn', 'tcp.flags.ack',
              'tcp.payload')

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile(suffix='.pcap')
        os.chmod(self.file.name, 0o666)
        self.process = subprocess.Popen(
            self.lab.on('client', 'tcpdump', '-U', '--immediate-mode', '-s', '2048', '-Z', 'root', '-i', 'any', '-w',
                        self.file.name), stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if 'listening on' in line:
                break
        return self

    def __exit__(self, *_):
        time.sleep(0.5)
        self.process.terminate()
        self.process.communicate()
        line = ['tshark', '-r', self.file.name, '-T', 'fields']
        for field in self.FIELDS:
            line += ['-e', field]
        self.rows = [dict(zip(self.FIELDS, row.split('\t'))) for row in
                     output(line).rstrip('\n').split('\n')]
        self.file.close()

    def sent(self):
        """(type, opnum) of every PDU that the client sent; each leaves in a segment of its own."""
        for row in self.rows:
            pdu = bytes.fromhex(row['tcp.payload'])
            if pdu[:2] == b'\5\0' and row['ip.src'] == self.lab['CLIENT_IP']:
                yield pdu[2], int.from_bytes(pdu[22:24], 'little') if pdu[2] == REQUEST else None

    def trip(self):
        """What a round trip takes, ms: from SYN to SYN-ACK, the median of the connections."""
        begun, trips = {}, []
        for row in self.rows:
            if row['tcp.flags.syn'] in ('1', 'True'):
                at = float(row['frame.time_epoch'])
                if row['tcp.flags.ack'] in ('1', 'True'):
                    trips.append(at - begun[row['tcp.stream']])
                else:
                    begun[row['tcp.stream']] = at
        return statistics.median(trips) * 1e3

    def connections(self):
        return sum(row['tcp.flags.syn'] in ('1', 'True') and row['tcp.flags.ack'] in ('0', 'False')
                   for row in self.rows)


def measure(bench, command):
    with Capture(bench.lab) as capture:
        runs = bench.rounds(1, ROUNDS, [command], 'client')[0]
    return runs, capture


@contextlib.contextmanager
def slow_link(lab):
    lab.command('fault', 'delay', 'on', str(DELAY))
    try:
        yield
    finally:
        lab.command('fault', 'delay', 'off')


def forced_lookups(lab, address):
    """The lookups that the server's paging takes, by another client's account."""
    text = output(lab.on('client', os.path.join(HERE, 'impacket_lookup.py'), address))
    return int(re.search(r'(\d+) lookups', text).group(1))


def run_map(bench):
    lab = bench.lab
    lab.up()
    targets = [('the DC', lab['DC_IP'], lab['DC_IP'], 0),
               ('the DC by name', lab['DC_NAME'], lab['DC_IP'], 1),
               ('the standalone server', lab['SRV_IP'], lab['SRV_IP'], 0)]
    with slow_link(lab):
        for name, target, address, dns in targets:
            forced = forced_lookups(lab, address)
            runs, capture = measure(bench, [bench.msrpc, 'map', target])
            trip = capture.trip()
            sent = list(capture.sent())
            binds = sent.count((BIND, None)) / ROUNDS
            lookups = sent.count((REQUEST, EPT_LOOKUP)) / ROUNDS
            made = runs.median / trip
            wanted = dns + 1 + 1 + forced
            bench.row('map of %s, %d ms each way' % (name, DELAY), '%.2f trips' % made,
                      '%sconnect 1, bind 1, lookups %d' % ('DNS 1, ' if dns else '', forced), '',
                      '%d trips' % wanted,
                      made < wanted + 0.25 and binds == 1 and lookups == forced and
                      capture.connections() == ROUNDS)
            bench.raw['trips_' + target] = {
                'elapsed': runs.raw(), 'trip_ms': trip,
                'connections': capture.connections() / ROUNDS, 'binds': binds,
                'lookups': lookups, 'other_pdus': len(sent) / ROUNDS - binds - lookups,
                'forced': forced}


def run_diagnose(bench):
    """The longest chain of waits: the mapper (connect, bind, lookups), an endpoint (connect, bind),
    the same for an interface that the server rejects in company (Samba takes one in a bind), then
    mgmt on that connection and one call of it."""
    lab = bench.lab
    lab.up()
    if not bench.has('diagnose'):
        raise Skip('no diagnose')
    with slow_link(lab):
        forced = forced_lookups(lab, lab['DC_IP'])
        runs, capture = measure(bench, [bench.msrpc, 'diagnose', lab['DC_IP']])
    if runs.failed:
        raise RuntimeError('diagnose finds something wrong with the DC')
    trip = capture.trip()
    made, chain = runs.median / trip, 2 + forced + 2 + 2 + 2
    sent = list(capture.sent())
    bench.row('diagnose of the DC, %d ms each way' % DELAY, '%.2f trips' % made,
              'mapper %d, endpoint 2, one alone 2, mgmt 2' % (2 + forced), '', '%d trips' % chain,
              made < chain + 0.75)
    bench.raw['trips_diagnose'] = {
        'elapsed': runs.raw(), 'trip_ms': trip, 'connections': capture.connections() / ROUNDS,
        'pdus': {str(kind): sum(pdu[0] == kind for pdu in sent) / ROUNDS
                 for kind in sorted({pdu[0] for pdu in sent})}}
