"""commands.list -> the C table of command rows."""
import sys

names = [line.strip() for line in open(sys.argv[1]) if line.strip()]
with open(sys.argv[2], 'w') as out:
    out.write('/* Made from commands.list. */\n#include "app.h"\n\n')
    for name in names:
        out.write(f'extern const app_command app_{name};\n')
    out.write('\nconst app_command *const app_commands[] = {\n')
    for name in names:
        out.write(f'    &app_{name},\n')
    out.write('};\nconst size_t app_command_count = MR_COUNT(app_commands);\n')
