/*
 * idlc: the IDL compiler's command. Reads a file and what it imports, writes STEM.h, STEM.c,
 * STEM_client.h and STEM_server.h; nothing is written when something is wrong.
 * Exit: 0 done, 1 the IDL is wrong, 2 wrong usage, 3 a file could not be read or written.
 */
#include "lib/idl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_FOLDERS 64
#define ARENA_CAP ((size_t)1 << 30)
#define FILE_CAP ((size_t)64 << 20)

typedef struct options {
    const char *folders[MAX_FOLDERS];
    int folder_count;
    const char *prefix, *out, *depfile, *input;
    bool check, dump;
} options;

static const char usage[] =
    "usage: idlc [-I DIR]... [--prefix TEXT] [-o DIR] [--depfile FILE] [--check | --dump] FILE\n"
    "\n"
    "Compiles an interface definition to C: STEM.h (structures), STEM.c (NDR tables),\n"
    "STEM_client.h (a call per method) and STEM_server.h (a handler per method).\n"
    "\n"
    "  -I DIR          look for imported files there too\n"
    "  --prefix TEXT   of every C name; STEM in it is the file's stem (\"STEM_\")\n"
    "  -o DIR          where to write (.)\n"
    "  --depfile FILE  also write what was read, for make and ninja\n"
    "  --check         check only, write nothing\n"
    "  --dump          print what was understood, write nothing\n";

static int read_file(const char *path, mr_arena *arena, mr_slice *textp) {
    FILE *f = fopen(path, "rb");
    int r = 0;

    if (!f)
        return MR_ERR_NOT_FOUND;
    mr_buf buf;
    mr_buf_init(&buf, NULL, 0, FILE_CAP);
    for (;;) {
        uint8_t block[16384];
        size_t n = fread(block, 1, sizeof block, f);
        mr_buf_write(&buf, mr_slice_of(block, n));
        if (n < sizeof block || mr_buf_error(&buf))
            break;
    }
    if (ferror(f))
        r = MR_ERR_SYSTEM;
    fclose(f);
    if (r == 0)
        r = mr_buf_error(&buf);
    char *text = r == 0 ? mr_arena_add_str(arena, mr_buf_slice(&buf)) : NULL;
    if (r == 0 && !text)
        r = MR_ERR_MEMORY;
    if (r == 0)
        *textp = mr_slice_of(text, buf.len);
    mr_buf_deinit(&buf);
    return r;
}

/* Beside the file that imports first, then in the folders given. */
static int load(void *user, const char *name, const char *from, mr_arena *arena,
                const char **pathp, mr_slice *textp) {
    const options *o = user;
    const char *slash = strrchr(from, '/');
    int r = MR_ERR_NOT_FOUND;

    for (int i = -1; r == MR_ERR_NOT_FOUND && i < o->folder_count; i++) {
        char *path;
        if (i >= 0)
            path = mr_arena_add_fmt(arena, "%s/%s", o->folders[i], name);
        else
            path = mr_arena_add_fmt(arena, "%.*s%s", slash ? (int)(slash + 1 - from) : 0, from,
                                    name);
        if (!path)
            return MR_ERR_MEMORY;
        r = read_file(path, arena, textp);
        if (r == 0)
            *pathp = path;
    }
    return r;
}

static int read_options(int argc, char **argv, options *o) {
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        const char **value = NULL;
        if (strcmp(arg, "-I") == 0 && o->folder_count < MAX_FOLDERS)
            value = &o->folders[o->folder_count++];
        else if (strcmp(arg, "--prefix") == 0)
            value = &o->prefix;
        else if (strcmp(arg, "-o") == 0)
            value = &o->out;
        else if (strcmp(arg, "--depfile") == 0)
            value = &o->depfile;
        else if (strcmp(arg, "--check") == 0)
            o->check = true;
        else if (strcmp(arg, "--dump") == 0)
            o->dump = true;
        else if (arg[0] == '-' || o->input)
            return -1;
        else
            o->input = arg;
        if (value) {
            if (++i == argc)
                return -1;
            *value = argv[i];
        }
    }
    return o->input ? 0 : -1;
}

static int write_file(const char *path, mr_slice s) {
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(s.data, 1, s.len, f) == s.len;

    if (f && fclose(f) != 0)
        ok = false;
    if (!ok)
        fprintf(stderr, "idlc: %s: %s\n", path, strerror(errno));
    return ok ? 0 : 3;
}

static int write_output(mr_idl_unit *unit, const options *o, mr_arena *arena,
                        enum mr_idl_output output, const char *suffix) {
    mr_buf out;
    int r;

    mr_buf_init(&out, NULL, 0, FILE_CAP);
    char *path = mr_arena_add_fmt(arena, "%s/%s%s", o->out ? o->out : ".",
                                  mr_idl_unit_stem(unit), suffix);
    r = path ? mr_idl_emit(unit, output, &out) : MR_ERR_MEMORY;
    if (r != 0) {
        fprintf(stderr, "idlc: %s\n", mr_result_text(r));
        r = 3;
    } else if (output == MR_IDL_DUMP) {
        fwrite(out.data, 1, out.len, stdout);
    } else {
        r = write_file(path, mr_buf_slice(&out));
    }
    mr_buf_deinit(&out);
    return r;
}

static int write_depfile(mr_idl_unit *unit, const options *o) {
    mr_buf out;
    const char *file;

    mr_buf_init(&out, NULL, 0, FILE_CAP);
    mr_buf_write_fmt(&out, "%s/%s.h:", o->out ? o->out : ".", mr_idl_unit_stem(unit));
    for (size_t i = 0; (file = mr_idl_unit_file(unit, i)) != NULL; i++) {
        mr_buf_write_u8(&out, ' ');
        for (; *file; file++)
            mr_buf_write_fmt(&out, *file == ' ' ? "\\%c" : "%c", *file);
    }
    mr_buf_write_u8(&out, '\n');
    int r = mr_buf_error(&out) ? 3 : write_file(o->depfile, mr_buf_slice(&out));
    mr_buf_deinit(&out);
    return r;
}

static int emit(mr_idl_unit *unit, const options *o, mr_arena *arena) {
    static const struct {
        enum mr_idl_output output;
        const char *suffix;
    } files[] = {{MR_IDL_HEADER, ".h"}, {MR_IDL_TABLES, ".c"}, {MR_IDL_CLIENT, "_client.h"},
                 {MR_IDL_SERVER, "_server.h"}};
    int r = 0;

    if (o->check)
        return 0;
    if (o->dump)
        return write_output(unit, o, arena, MR_IDL_DUMP, "");
    for (size_t i = 0; r == 0 && i < MR_COUNT(files); i++)
        r = write_output(unit, o, arena, files[i].output, files[i].suffix);
    if (r == 0 && o->depfile)
        r = write_depfile(unit, o);
    return r;
}

int main(int argc, char **argv) {
    options o = {0};
    mr_arena arena;
    mr_buf messages;
    mr_slice text;
    mr_idl_unit *unit;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (read_options(argc, argv, &o) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    mr_arena_init(&arena, ARENA_CAP);
    mr_buf_init(&messages, NULL, 0, FILE_CAP);
    int r = read_file(o.input, &arena, &text);
    if (r != 0) {
        fprintf(stderr, "idlc: %s: %s\n", o.input,
                r == MR_ERR_NOT_FOUND ? strerror(errno) : mr_result_text(r));
        mr_arena_deinit(&arena);
        return 3;
    }
    mr_idl_loader loader = {&o, load};
    mr_idl_options compile = {.prefix = o.prefix, .loader = &loader};
    r = mr_idl_compile(o.input, text, &compile, &arena, &messages, &unit);
    if (messages.len)
        fwrite(messages.data, 1, messages.len, stderr);
    if (r == 0)
        r = emit(unit, &o, &arena);
    else if (r != MR_ERR_SYNTAX && messages.len == 0)
        fprintf(stderr, "idlc: %s: %s\n", o.input, mr_result_text(r));
    mr_buf_deinit(&messages);
    mr_arena_deinit(&arena);
    return r < 0 ? 1 : r;
}
