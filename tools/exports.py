#!/usr/bin/python3
"""Writes the linker's version script of the shared library: it exports what the installed headers
declare, and nothing else.

    exports.py OUT DEPFILE NODE INCLUDE_DIR...
"""
import os
import re
import sys

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)
DIRECTIVE = re.compile(r'^[ \t]*#(?:\\\n|[^\n])*', re.M)
BRACES = re.compile(r'\{[^{}]*\}')
FUNCTION = re.compile(r'^[^()=]*?\b(mr_\w+)\s*\(')
DATA = re.compile(r'\b(mr_\w+)\s*(?:\[[^\]]*\]\s*)*(?=,|$)')


def declared(text):
    """The functions and objects with external linkage that a header declares."""
    text = DIRECTIVE.sub('', COMMENT.sub(' ', text))
    while BRACES.search(text):  # bodies of structures and of inline functions
        text = BRACES.sub(' ;', text)
    for line in text.split(';'):
        line = ' '.join(line.split())
        if line.startswith('extern const '):
            yield from DATA.findall(line)
        elif line and not line.startswith(('typedef ', 'static ', '_Static_assert', 'enum {')):
            function = FUNCTION.match(line)
            if function:
                yield function.group(1)


def headers_below(folder):
    for where, _, names in os.walk(folder):
        yield from (os.path.join(where, name) for name in names if name.endswith('.h'))


def main():
    out, depfile, node, *roots = sys.argv[1:]
    headers = sorted({h for root in roots for h in headers_below(root)})
    names = set()
    for header in headers:
        with open(header, encoding='utf-8') as f:
            names.update(declared(f.read()))
    with open(out, 'w', encoding='utf-8') as f:
        f.write(node + ' {\n  global:\n')
        f.writelines(f'    {name};\n' for name in sorted(names))
        f.write('  local:\n    *;\n};\n')
    # the folders too: a header that is added changes its folder
    folders = sorted({os.path.dirname(h) for h in headers})
    with open(depfile, 'w', encoding='utf-8') as f:
        f.write(out + ': ' + ' '.join(headers + folders) + '\n')


if __name__ == '__main__':
    main()
