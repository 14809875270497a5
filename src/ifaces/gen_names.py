#!/usr/bin/env python3
"""Turns names.list and ops.list into names_data.c: sorted tables of fixed width and two string
pools, offsets instead of pointers, so that the names cost nothing at start-up.

usage: gen_names.py names.list ops.list names_data.c"""

import re
import sys

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FLAGS = {"c": "MR_IFACE_COM", "t": "MR_IFACE_TRANSFER", "d": "MR_IFACE_TYPES",
         "o": "MR_IFACE_OBJECT"}


class Pool:
    """NUL-separated strings, each stored once; offset 0 is the empty string."""

    def __init__(self, name, limit):
        self.name, self.limit = name, limit
        self.offsets, self.texts, self.size = {}, [], 0
        self.add("")

    def add(self, text):
        if text not in self.offsets:
            self.offsets[text] = self.size
            self.texts.append(text)
            self.size += len(text) + 1
            if self.size > self.limit:
                sys.exit(f"gen_names: pool {self.name} is full")
        return self.offsets[text]

    def emit(self, out):
        out.write(f"const char {self.name}[{self.size}] =\n")
        for text in self.texts:
            out.write('    "%s\\0"\n' % text.replace("\\", "\\\\").replace('"', '\\"'))
        out.write("    ;\n\n")


def lines(path):
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                yield f"{path}:{number}", line


def read_names(path):
    names, aliases = {}, []
    for where, line in lines(path):
        fields = line.split("\t")
        if fields[0] == "alias":
            aliases.append((fields[1], fields[2]))
            continue
        if len(fields) != 9 or not UUID.fullmatch(fields[0]):
            sys.exit(f"{where}: expected nine fields that begin with a UUID")
        if fields[0] in names:
            sys.exit(f"{where}: {fields[0]} stands here twice")
        names[fields[0]] = ["" if f == "-" else f for f in fields[1:]]
    return names, aliases


def read_ops(path):
    ops, current, number = {}, None, 0
    for where, line in lines(path):
        words = line.split()
        if UUID.fullmatch(words[0]):
            if words[0] in ops:
                sys.exit(f"{where}: {words[0]} stands here twice")
            current, number = ops.setdefault(words[0], []), 0
            continue
        for word in words:
            jump, _, name = word.rpartition("=")
            number = int(jump) if jump else number
            if current is None or (current and number <= current[-1][0]) or number > 0xfff:
                sys.exit(f"{where}: {word} is out of order")
            current.append((number, name))
            number += 1
    return ops


def main(names_path, ops_path, out_path):
    names, aliases = read_names(names_path)
    ops = read_ops(ops_path)
    texts, op_texts = Pool("mr_names_text", 0x10000), Pool("mr_names_op_text", 0x100000)
    rows, op_rows, index = [], [], {}
    for uuid in sorted(names):
        version, name, doc, service, pipes, flags, module, exposure = names[uuid]
        mine = ops.pop(uuid, [])
        first = len(op_rows)
        op_rows += [number << 20 | op_texts.add(op) for number, op in mine]
        bits = [FLAGS[flag] for flag in flags]
        if mine and mine[-1][0] - mine[0][0] + 1 != len(mine):
            bits.append("MR_IFACE_GAPS")
        if name:
            if name.lower() in index:
                sys.exit(f"gen_names: two interfaces are called {name}")
            index[name.lower()] = len(rows)
        low, mid, high, seq, node = uuid.split("-")
        clock = ", ".join("0x" + (seq + node)[i:i + 2] for i in range(0, 16, 2))
        columns = ", ".join(str(texts.add(t)) for t in (name, doc, service, pipes, module,
                                                        exposure))
        rows.append("{{0x%s, 0x%s, 0x%s, {%s}}, %s,\n     %s, %d, %d, %s}" % (
            low, mid, high, clock, version.replace(".", ", "), columns, first, len(mine),
            " | ".join(bits) or "0"))
    for uuid in ops:
        sys.exit(f"{ops_path}: {uuid} has operations but no name")
    for alias, name in aliases:
        if alias.lower() in index:
            sys.exit(f"{names_path}: alias {alias} is the name of an interface")
        if name.lower() not in index:
            sys.exit(f"{names_path}: alias {alias} leads to {name}, which does not exist")
    with open(out_path, "w", encoding="ascii") as out:
        out.write("/* Made from names.list and ops.list by gen_names.py. */\n"
                  '#include "names_private.h"\n\n')
        out.write(f"const size_t mr_names_count = {len(rows)};\n")
        out.write(f"const size_t mr_names_alias_count = {len(aliases)};\n\n")
        out.write("const mr_iface_name mr_names_row[] = {\n    ")
        out.write(",\n    ".join(rows))
        out.write("\n};\n\nconst uint32_t mr_names_op[] = {\n    ")
        out.write(",\n    ".join(str(row) for row in op_rows))
        out.write("\n};\n\nconst struct mr_names_alias mr_names_alias[] = {\n    ")
        out.write(",\n    ".join("{%d, %d}" % (texts.add(alias), index[name.lower()])
                                 for alias, name in aliases))
        out.write("\n};\n\n")
        texts.emit(out)
        op_texts.emit(out)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
