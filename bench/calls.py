"""Calls per second on one connection: the library against Samba's client library, impacket and
sockets with octets written down beforehand; then our server against Samba's, asked by the same
client."""
import os
import statistics

from common import HERE, Skip, output, serve

PORT = '20136'
CALLS, TURNS = 2000, 5
SLOW = 100  # calls of what is much slower


def rates(bench, commands):
    """Calls per second of each command, (median, best) of its turns; the commands take turns."""
    figures = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            calls, _, median = map(int, output(bench.lab.on('client', *command)).split())
            figures[name].append(1e9 / median)
    return {name: (statistics.median(all_), max(all_)) for name, all_ in figures.items()}


def compare(bench, what, figures, ours, others):
    for peer in others:
        ratio = figures[ours][0] / figures[peer][0]
        bench.row(what, '%.0f/s' % figures[ours][0], '%s %.0f/s' % (peer, figures[peer][0]),
                  '%.2fx (best %.2fx)' % (ratio, figures[ours][1] / figures[peer][1]))


def run(bench):
    lab = bench.lab
    lab.up()
    for tool in ('calls', 'samba_calls'):
        if not os.path.exists(bench.tool(tool)):
            raise Skip('no samba-dev')
    host = lab['DC_IP']
    map_ = rates(bench, {
        'ours': [bench.tool('calls'), host, '135', 'map', str(CALLS)],
        'libdcerpc': [bench.tool('samba_calls'), host, '135', str(CALLS)],
        'impacket': [os.path.join(HERE, 'impacket_calls.py'), host, '135', str(SLOW)],
        'raw C': [bench.tool('raw'), host, '135', 'map', str(CALLS)]})
    compare(bench, "ept_map, Samba's DC", map_, 'ours', ('libdcerpc', 'impacket', 'raw C'))
    list_ = rates(bench, {
        'ours': [bench.tool('calls'), host, '135', 'lookup', str(CALLS // 4)],
        'raw C': [bench.tool('raw'), host, '135', 'lookup', str(CALLS // 4)]})
    compare(bench, "whole listing, Samba's DC", list_, 'ours', ('raw C',))
    bench.raw['calls'] = {'map_dc': map_, 'listing_dc': list_}
    run_server(bench, map_)


def run_server(bench, samba):
    """The same raw client asks both servers; the network is the same."""
    host = bench.lab['DC_IP']
    options = ['--register', 'lsarpc@50300']
    for port in range(50310, 50361):
        options += ['--interface', 'rpcecho@%d' % port]
    with serve(bench, 'dc1', host, PORT, options):
        figures = rates(bench, {
            'ours': [bench.tool('calls'), host, PORT, 'map', str(CALLS)],
            'libdcerpc': [bench.tool('samba_calls'), host, PORT, str(CALLS)],
            'map': [bench.tool('raw'), host, PORT, 'map', str(CALLS)],
            'Samba map': [bench.tool('raw'), host, '135', 'map', str(CALLS)],
            'listing': [bench.tool('raw'), host, PORT, 'lookup', str(CALLS // 4)],
            'Samba listing': [bench.tool('raw'), host, '135', 'lookup', str(CALLS // 4)]})
    compare(bench, 'ept_map, our server', figures, 'ours', ('libdcerpc',))
    compare(bench, 'ept_map, raw client, our server', figures, 'map', ('Samba map',))
    compare(bench, 'whole listing, raw client, our server', figures, 'listing',
            ('Samba listing',))
    bench.raw['calls']['server'] = figures
