"""A text file -> a C string: gen_text.py FILE OUT NAME."""
import sys

with open(sys.argv[1]) as source, open(sys.argv[2], 'w') as out:
    out.write('/* Made from %s. */\n\n' % sys.argv[1].rsplit('/', 1)[-1])
    out.write('extern const char %s[];\nconst char %s[] =\n' % (sys.argv[3], sys.argv[3]))
    for line in source:
        text = line.rstrip('\n').replace('\\', '\\\\').replace('"', '\\"')
        out.write('    "%s\\n"\n' % text)
    out.write('    ;\n')
