"""TAP for the tests of captures."""
import sys

_count = _failed = 0


def ok(good, name, *lines):
    global _count, _failed
    _count += 1
    _failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', _count, name))
    for line in () if good else lines:
        print('#', str(line)[:2000])


def done():
    print('1..%d' % _count)
    sys.exit(_failed > 0)
