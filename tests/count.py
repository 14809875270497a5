#!/usr/bin/python3
"""Counts the cases of a meson JUnit log: passed, failed, skipped; names what was skipped."""
import sys
import xml.etree.ElementTree as ET

passed = failed = skipped = 0
try:
    root = ET.parse(sys.argv[1]).getroot()
except (OSError, ET.ParseError) as problem:
    print(f'no test log: {problem}', file=sys.stderr)
    print(0, 1, 0)
    sys.exit(0)
for suite in root.iter('testsuite'):
    cases = list(suite.iter('testcase'))
    bad = [c for c in cases if c.find('failure') is not None or c.find('error') is not None]
    if not bad and (int(suite.get('failures', 0)) or int(suite.get('errors', 0))):
        failed += 1  # the program died outside its cases
    for case in cases:
        if case in bad:
            failed += 1
        elif case.find('skipped') is not None:
            skipped += 1
            print(f"skipped: {case.get('classname', suite.get('name'))} {case.get('name')}",
                  file=sys.stderr)
        else:
            passed += 1
print(passed, failed, skipped)
