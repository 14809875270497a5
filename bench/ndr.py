"""One ept_lookup reply of 500 entries, decoded and encoded here and by Samba's own NDR library."""
import os

from common import Skip, output


def run_reply(bench):
    if not os.path.exists(bench.tool('ndr')):
        raise Skip('no samba-dev')
    figures = {}
    for line in output([bench.tool('ndr')]).split('\n'):
        if line:
            name, least, median = line.split()
            figures[name] = (float(median) / 1e3, float(least) / 1e3)
    what = 'ept_lookup reply of 500 entries, NDR20: '
    bench.faster(what + 'decode', figures['ours_decode20'], figures['samba_decode20'], 'Samba', 3,
                 'us')
    bench.faster(what + 'decode, towers too', figures['ours_decode20_towers'],
                 figures['samba_decode20'], 'Samba', 3, 'us')
    bench.faster(what + 'encode', figures['ours_encode20'], figures['samba_encode20'], 'Samba', 3,
                 'us')
    for name in ('decode', 'encode'):
        bench.row('the same, NDR64: ' + name, '%.1f us' % figures['ours_%s64' % name][0])
    bench.raw['ndr_us'] = {name: {'median': median, 'min': least}
                           for name, (median, least) in figures.items()}
