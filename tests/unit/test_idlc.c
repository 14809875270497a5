/*
 * The IDL compiler. Goldens: tests/golden/idl/NAME.idl gives exactly NAME.err (messages) or
 * NAME.dump (what was understood). kitchen.idl, which has every construct, is also compiled into
 * this program and its values make the whole trip through NDR.
 * With IDLC_UPDATE=1 in the environment the goldens are written instead of compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <msrpc/ndr.h>

#include "idl.h"
#include "kitchen.h"
#include "kitchen_client.h"
#include "kitchen_server.h"

#define CAP ((size_t)16 << 20)

static int read_file(const char *path, mr_arena *arena, mr_slice *textp) {
    FILE *f = fopen(path, "rb");

    if (!f)
        return MR_ERR_NOT_FOUND;
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *text = mr_arena_get(arena, size + 1, 1);
    size_t len = text ? fread(text, 1, size, f) : 0;
    fclose(f);
    *textp = mr_slice_of(text, len);
    return text ? 0 : MR_ERR_MEMORY;
}

static int load(void *user, const char *name, const char *from, mr_arena *arena,
                const char **pathp, mr_slice *textp) {
    static const char *const folders[] = {IDL_GOLDEN, IDL_FOLDER};
    int r = MR_ERR_NOT_FOUND;

    (void)user;
    (void)from;
    for (size_t i = 0; r == MR_ERR_NOT_FOUND && i < MR_COUNT(folders); i++) {
        char *path = mr_arena_add_fmt(arena, "%s/%s", folders[i], name);
        if (!path)
            return MR_ERR_MEMORY;
        r = read_file(path, arena, textp);
    }
    if (r == 0) {
        char *copy = mr_arena_add_str(arena, mr_slice_str(name));
        if (!copy)
            return MR_ERR_MEMORY;
        *pathp = copy;
    }
    return r;
}

static const mr_idl_loader loader = {NULL, load};

/* Compiles @text and appends the messages, and the dump when there is a unit, to @out. */
static int compile(mr_slice text, const char *path, size_t cap, mr_buf *out) {
    mr_idl_options options = {.loader = &loader};
    mr_idl_unit *unit;
    mr_arena arena;

    mr_arena_init(&arena, cap);
    int r = mr_idl_compile(path, text, &options, &arena, out, &unit);
    if (r == 0)
        r = mr_idl_emit(unit, MR_IDL_DUMP, out);
    mr_arena_deinit(&arena);
    return r;
}

/* --- goldens -------------------------------------------------------------------------------- */

static void check_golden(const char *name, mr_slice got) {
    char path[1024];
    mr_arena arena;
    mr_slice want = MR_SLICE_NULL;

    snprintf(path, sizeof path, "%s/%s", IDL_GOLDEN, name);
    if (getenv("IDLC_UPDATE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(got.data, 1, got.len, f), got.len);
        assert_int_equal(fclose(f), 0);
        return;
    }
    mr_arena_init(&arena, CAP);
    if (read_file(path, &arena, &want) != 0)
        fail_msg("no golden file %s", path);
    if (!mr_slice_eq(want, got))
        fail_msg("%s differs; this came out:\n%.*s", name, (int)got.len,
                 (const char *)got.data);
    mr_arena_deinit(&arena);
}

static bool ends_in(const char *name, const char *ending) {
    size_t n = strlen(name), e = strlen(ending);
    return n > e && strcmp(name + n - e, ending) == 0;
}

static void test_goldens(void **state) {
    DIR *dir = opendir(IDL_GOLDEN);
    struct dirent *entry;
    uint32_t count = 0;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char golden[300];
        mr_arena arena;
        mr_slice text = MR_SLICE_NULL;
        const char *path = NULL;
        mr_buf out;
        if (!ends_in(entry->d_name, ".idl"))
            continue;
        mr_arena_init(&arena, CAP);
        mr_buf_init(&out, NULL, 0, CAP);
        assert_int_equal(load(NULL, entry->d_name, "", &arena, &path, &text), 0);
        int r = compile(text, path, CAP, &out);
        assert_true(r == 0 || r == MR_ERR_SYNTAX || r == MR_ERR_LIMIT);
        snprintf(golden, sizeof golden, "%.*s.%s", (int)strlen(path) - 4, path,
                 r == 0 ? "dump" : "err");
        check_golden(golden, mr_buf_slice(&out));
        mr_buf_deinit(&out);
        mr_arena_deinit(&arena);
        count++;
    }
    closedir(dir);
    assert_true(count >= 5);
}

/* --- single rules --------------------------------------------------------------------------- */

/* Each text must lead to a message (or dump) that holds the words. */
static const struct {
    const char *idl, *words;
    int result;
} rules[] = {
    {"const long A = (1 + 2) * 3 - 4 / 2;", "const A = 7\n", 0},
    {"const long A = 1 << 4 | 0xf & ~3;", "const A = 28\n", 0},
    {"const long A = 010 + 'a';", "const A = 105\n", 0},
    {"const hyper A = -1; const long B = A < 0 ? 2 : 3;", "const B = 2\n", 0},
    {"const long A = 5 % 3 == 2 && !0 || 0;", "const A = 1\n", 0},
    {"const long A = 1 / 0;", "1:20: error: division by zero", MR_ERR_SYNTAX},
    {"const long A = 0x1ffffffffffffffff;", "1:16: error: this number does not fit 64 bits",
     MR_ERR_SYNTAX},
    {"const long A = 12x;", "1:16: error: this is no number", MR_ERR_SYNTAX},
    {"const char *A = \"x", "the closing \" is missing", MR_ERR_SYNTAX},
    {"/* no end", "1:1: error: this comment has no end", MR_ERR_SYNTAX},
    {"typedef unsigned unsigned X;", "1:9: error: these words make no integer type",
     MR_ERR_SYNTAX},
    {"typedef long hyper X;", "these words make no integer type", MR_ERR_SYNTAX},
    {"typedef struct { long a } S;", "1:25: error: expected `;`, found `}`", MR_ERR_SYNTAX},
    {"typedef struct { pipe byte a; } S;", "is a pipe", MR_ERR_SYNTAX},
    {"typedef struct { long a : 3; } S;", "bit fields", MR_ERR_SYNTAX},
    {"typedef struct { void *p; } S;", "points to void", MR_ERR_SYNTAX},
    {"typedef struct { struct T t; } S;", "never defined: `T`", MR_ERR_SYNTAX},
    {"typedef struct _S { struct _S s; } S;", "holds itself", MR_ERR_SYNTAX},
    {"typedef struct { long a[0]; } S;", "an array of 0 elements", MR_ERR_SYNTAX},
    {"typedef struct { long n; [size_is(n)] long a[]; long b; } S;", "must be the last member",
     MR_ERR_SYNTAX},
    {"typedef struct { long n; [size_is(n)] long a[]; } S;"
     "typedef struct { long n; [size_is(n)] S *s; } T;", "array of open-ended", MR_ERR_SYNTAX},
    {"typedef struct { long n; [size_is(n)] long a[][4]; } S;", "more than one dimension",
     MR_ERR_SYNTAX},
    {"typedef struct { [size_is(2, 3)] long *a; } S;", "has only 1 dimensions", MR_ERR_SYNTAX},
    {"typedef struct { [string] long *a; } S;", "string needs elements of char",
     MR_ERR_SYNTAX},
    {"typedef struct { [range(5, 2)] long a; } S;", "the range is empty", MR_ERR_SYNTAX},
    {"typedef struct { long a; long a; } S;", "`a` stands here twice", MR_ERR_SYNTAX},
    {"typedef struct { long *n; [size_is(n)] byte *a; } S;", "write `*n`", MR_ERR_SYNTAX},
    {"typedef struct { float f; [size_is(f)] byte *a; } S;", "`f` is no integer",
     MR_ERR_SYNTAX},
    {"typedef union { [case(1)] long a; [case(1)] short b; } U;"
     "typedef struct { long n; [switch_is(n)] U u; } S;", "case 1 selects more than one",
     MR_ERR_SYNTAX},
    {"typedef union { [case(1)] long a; } U; typedef struct { U u; } S;", "needs switch_is",
     MR_ERR_SYNTAX},
    {"typedef union { long a; } U;", "neither case nor default", MR_ERR_SYNTAX},
    {"typedef long A; typedef short A;", "`A` is defined already", MR_ERR_SYNTAX},
    {"typedef long A; typedef long A;", "", 0},
    {"typedef enum { X = 1 } E; const long X = 2;", "`X` is defined already", MR_ERR_SYNTAX},
    {"interface i { void f([in] long a); }", "needs a uuid", MR_ERR_SYNTAX},
    {"[uuid(12345)] interface i { }", "`12345` is no UUID", MR_ERR_SYNTAX},
    {"[version(1.x)] interface i { }", "`1.x` is no version", MR_ERR_SYNTAX},
    {"[local] interface i { void Opnum3NotUsedOnWire(); }", "is operation 0", MR_ERR_SYNTAX},
    {"[uuid(afa8bd80-7d8a-11c9-bef4-08002b102989)] interface i { void f([out] long a); }",
     "`a` is out, so it must be a pointer", MR_ERR_SYNTAX},
    {"[uuid(afa8bd80-7d8a-11c9-bef4-08002b102989)] interface i { void f([out, unique] long *a); }",
     "must be ref", MR_ERR_SYNTAX},
    {"[uuid(afa8bd80-7d8a-11c9-bef4-08002b102989)] interface i { void f([out] long *n, [in, "
     "size_is(*n)] byte *a); }", "only in the response", MR_ERR_SYNTAX},
    {"[uuid(afa8bd80-7d8a-11c9-bef4-08002b102989)] interface i { void f(); void f(); }",
     "method `f` stands here twice", MR_ERR_SYNTAX},
    {"typedef [context_handle] long *H;"
     "[uuid(afa8bd80-7d8a-11c9-bef4-08002b102989)] interface i { void f([in] H h); }",
     "declared as `void *`", MR_ERR_SYNTAX},
    {"typedef [context_handle] void *H; typedef struct { H h; } S;", "as a parameter only",
     MR_ERR_SYNTAX},
    {"[object, uuid(afa8bd80-7d8a-11c9-bef4-08002b102989)] interface i { void f(); }",
     "import \"ms-dcom.idl\"", MR_ERR_SYNTAX},
    {"import \"no-such-file.idl\";", "cannot read \"no-such-file.idl\"", MR_ERR_SYNTAX},
    {"[sise_is(3)] interface i { }", "is `size_is` meant?", 0},
    {"typedef lnog X;", "unknown type `lnog`", MR_ERR_SYNTAX},
    {"import \"ms-dtyp.idl\"; typedef DWROD X;", "is `DWORD` meant?", MR_ERR_SYNTAX},
};

static void test_rules(void **state) {
    (void)state;
    for (size_t i = 0; i < MR_COUNT(rules); i++) {
        mr_buf out;
        mr_buf_init(&out, NULL, 0, CAP);
        int r = compile(mr_slice_str(rules[i].idl), "t.idl", CAP, &out);
        mr_buf_write_u8(&out, 0);
        if (r != rules[i].result || !strstr((char *)out.data, rules[i].words))
            fail_msg("%s\n gave %d:\n%s", rules[i].idl, r, (char *)out.data);
        mr_buf_deinit(&out);
    }
}

/* --- limits --------------------------------------------------------------------------------- */

static void test_depth(void **state) {
    static const char *const units[] = {"(", "-", "typedef struct { struct { ", "[x(", "a ? ",
                                        "struct {", "union { [case(1)] struct {"};
    (void)state;
    for (size_t i = 0; i < MR_COUNT(units); i++) {
        mr_buf text, out;
        mr_buf_init(&text, NULL, 0, CAP);
        mr_buf_init(&out, NULL, 0, CAP);
        mr_buf_write_str(&text, "const long a = 1; const long A = ");
        for (int n = 0; n < 20000; n++)
            mr_buf_write_str(&text, units[i]);
        assert_int_not_equal(compile(mr_buf_slice(&text), "t.idl", CAP, &out), 0);
        mr_buf_deinit(&text);
        mr_buf_deinit(&out);
    }
}

/* Whatever the memory, the answer is a result, not a crash. */
static void test_memory(void **state) {
    mr_arena arena;
    mr_slice text;
    int r = MR_ERR_MEMORY;
    uint32_t failed = 0;

    (void)state;
    mr_arena_init(&arena, CAP);
    assert_int_equal(read_file(IDL_FOLDER "/epmapper.idl", &arena, &text), 0);
    for (size_t cap = 64; r != 0; cap += 2048) {
        mr_buf out;
        mr_buf_init(&out, NULL, 0, CAP);
        r = compile(text, "epmapper.idl", cap, &out);
        assert_true(r == 0 || r == MR_ERR_MEMORY || r == MR_ERR_SYNTAX);
        failed += r != 0;
        mr_buf_deinit(&out);
        assert_true(cap < CAP);
    }
    assert_true(failed > 10);
    mr_arena_deinit(&arena);
}

/* --- what comes out ------------------------------------------------------------------------- */

static void test_deterministic(void **state) {
    mr_arena arena;
    mr_slice text;

    (void)state;
    mr_arena_init(&arena, CAP);
    assert_int_equal(read_file(IDL_GOLDEN "/kitchen.idl", &arena, &text), 0);
    for (int output = MR_IDL_HEADER; output <= MR_IDL_DUMP; output++) {
        mr_buf out[2], messages;
        for (int i = 0; i < 2; i++) {
            mr_idl_options options = {.loader = &loader, .prefix = "p_"};
            mr_idl_unit *unit;
            mr_buf_init(&messages, NULL, 0, CAP);
            mr_buf_init(&out[i], NULL, 0, CAP);
            assert_int_equal(mr_idl_compile("kitchen.idl", text, &options, &arena, &messages,
                                            &unit), 0);
            assert_int_equal(mr_idl_emit(unit, (enum mr_idl_output)output, &out[i]), 0);
            mr_buf_deinit(&messages);
        }
        assert_true(out[0].len > 100);
        assert_true(mr_slice_eq(mr_buf_slice(&out[0]), mr_buf_slice(&out[1])));
        mr_buf_deinit(&out[0]);
        mr_buf_deinit(&out[1]);
    }
    mr_arena_deinit(&arena);
}

static bool trip(const mr_proc *proc, enum mr_ndr_side side, mr_ndr_format format,
                 uint64_t seed) {
    mr_random random = {seed};
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_buf out;
    size_t rest;

    mr_arena_init(&arena, CAP);
    mr_buf_init(&out, NULL, 0, CAP);
    void *args = mr_arena_get(&arena, 1, proc->args->csize);
    void *back = mr_arena_get(&arena, 1, proc->args->csize);
    int r = mr_ndr_generate(proc, side, &random, &arena, args, &err);
    if (r != 0 && r != MR_ERR_UNSUPPORTED)
        fail_msg("%s: %s", proc->name, err.text);
    bool made = r == 0;
    if (made) {
        mr_ndr_limits limits = {.no_request = true};
        if (mr_ndr_encode(proc, side, format, args, &out, &err) != 0 ||
            mr_ndr_decode(proc, side, format, mr_buf_slice(&out), &limits, &arena, back, &rest,
                          &err) != 0 || rest != 0 || !mr_ndr_eq(proc, side, args, back))
            fail_msg("%s seed %llu: %s (at %zu)", proc->name, (unsigned long long)seed, err.text,
                     err.offset);
    }
    mr_buf_deinit(&out);
    mr_arena_deinit(&arena);
    return made;
}

static void test_kitchen(void **state) {
    static const mr_ndr_format formats[] = {
        {MR_NDR20, false}, {MR_NDR20, true}, {MR_NDR64, false}, {MR_NDR64, true}};
    static const mr_iface *const ifaces[] = {&mr_kitchen_iface, &mr_kitchen_IThing_iface};

    (void)state;
    assert_int_equal(mr_kitchen_IThing_iface.proc_count, 5);
    assert_string_equal(mr_kitchen_IThing_iface.procs[4].name, "RemoteNext");
    assert_int_equal(mr_kitchen_iface.procs[8].opnum, 8);
    assert_int_equal(mr_kitchen_MANY, 16);
    assert_string_equal(mr_kitchen_SHORT_NAME, "say \"what\"?");
    for (size_t i = 0; i < MR_COUNT(ifaces); i++)
        for (uint32_t n = 0; n < ifaces[i]->proc_count; n++)
            for (int side = 0; ifaces[i]->procs[n].args && side < 2; side++) {
                uint32_t made = 0;
                for (uint64_t seed = 1; seed < 200 && made < 40; seed++)
                    made += trip(&ifaces[i]->procs[n], (enum mr_ndr_side)side,
                                 formats[seed % MR_COUNT(formats)], seed);
                if (made < 40)
                    fail_msg("%s: only %u values", ifaces[i]->procs[n].name, made);
            }
}

static int serve_nothing(mr_server_call *call, struct mr_kitchen_Nothing *args) {
    (void)call;
    (void)args;
    return 42;
}

/* The rows reach the bodies, and say so where there is none. The calls of the client compile. */
static void test_faces(void **state) {
    const struct mr_kitchen_iface_server server = {.Nothing = serve_nothing};
    struct mr_kitchen_Nothing args = {0};
    int (*call)(mr_client *, struct mr_kitchen_Params *, mr_error *) = mr_kitchen_Params;

    (void)state;
    (void)call;
    assert_int_equal(mr_kitchen_iface_rows[0].opnum, 0);
    assert_int_equal(mr_kitchen_iface_rows[0].serve(&server, NULL, &args), 42);
    assert_int_equal(mr_kitchen_iface_rows[1].serve(&server, NULL, &args), MR_ERR_NOT_FOUND);
    assert_int_equal(mr_kitchen_iface_rows[6].opnum, 8); /* 6 and 7 are names only */
    assert_int_equal(mr_kitchen_IThing_iface_rows[0].opnum, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_kitchen),
        cmocka_unit_test(test_faces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
