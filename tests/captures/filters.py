#!/usr/bin/python3 -B
"""The display filter of a finding shows in Wireshark what proves it: of each id, in the first
recorded scene that has it, tshark selects packets that the finding cites."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

msrpc, folder = sys.argv[1:3]


def trace(scene):
    """[(id, filter, packets of the client's capture)] of a scene; of two sides where one needs both."""
    names = [os.path.join(folder, '%s.%s.pcap.gz' % (scene, side)) for side in ('client', 'server')]
    files = ['--client', names[0], '--server', names[1]] if scene.startswith('pair-') else names[:1]
    run = subprocess.run([msrpc, 'trace', '--json', *files], capture_output=True, text=True)
    return [(f['id'], f['filter']['wireshark'],
             {p['number'] for p in f['packets'] if p['file'] == 1})
            for f in json.loads(run.stdout)['findings']]


def select(scene, words):
    run = subprocess.run(['tshark', '-n', '-r', os.path.join(folder, scene + '.client.pcap.gz'),
                          '-Y', words, '-T', 'fields', '-e', 'frame.number'],
                         capture_output=True, text=True)
    if run.returncode:
        return run.stderr.strip()
    return {int(line) for line in run.stdout.split()}


def check(job):
    scene, name, words, cited = job
    selected = select(scene, words)
    if isinstance(selected, str):
        return name, scene, words, selected
    return name, scene, words, '' if selected & cited else \
        'selects %s, cited are %s' % (sorted(selected)[:8] or 'nothing', sorted(cited))


if not shutil.which('tshark'):
    print('1..0 # SKIP tshark is not there to apply display filters with')
    sys.exit(0)
scenes = sorted(f[:-len('.client.pcap.gz')] for f in os.listdir(folder)
                if f.endswith('.client.pcap.gz'))
jobs = {}
failed = 0
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for scene, findings in zip(scenes, pool.map(trace, scenes)):
        for name, words, cited in findings:
            if cited:
                jobs.setdefault(name, (scene, name, words, cited))
    print('1..%d' % (len(jobs) + 1))
    for n, (name, scene, words, trouble) in enumerate(pool.map(check, jobs.values())):
        failed += bool(trouble)
        print('%sok %d - %s in %s: %s' % ('not ' if trouble else '', n + 1, name, scene,
                                          words))
        if trouble:
            print('#', trouble)
enough = len(jobs) >= 100
failed += not enough
print('%sok %d - at least 100 ids' % ('' if enough else 'not ', len(jobs) + 1))
sys.exit(1 if failed else 0)
