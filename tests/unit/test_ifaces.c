/*
 * The compiled interfaces. Every method of every interface makes the whole trip: a random valid
 * value, encoded, decoded, compared; requests and responses, NDR20 and NDR64, both byte orders.
 * Then values and octets that Samba's own NDR code made of the same calls (ifaces_vectors.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <msrpc/ifaces.h>
#include <msrpc/ifaces/epmapper.h>

#include "ifaces_vectors.h"

#define ARENA_CAP ((size_t)64 << 20)
#define SEEDS 6

static const mr_ndr_format formats[] = {
    {MR_NDR20, false}, {MR_NDR20, true}, {MR_NDR64, false}, {MR_NDR64, true},
};

typedef struct trip {
    const mr_iface *iface;
    const mr_proc *proc;
    enum mr_ndr_side side;
    mr_ndr_format format;
    uint64_t seed;
} trip;

static void fail_trip(const trip *t, const char *step, const mr_error *err) {
    fail_msg("%s.%s %s %s%s seed %llu: %s: %s (at %zu)", t->iface->name, t->proc->name,
             t->side == MR_NDR_REQUEST ? "request" : "response",
             t->format.syntax == MR_NDR20 ? "NDR20" : "NDR64", t->format.big ? " big" : "",
             (unsigned long long)t->seed, step, err->text, err->offset);
}

/* A response is decoded over its request: copies the [in] parameters that do not come back. */
static void copy_request(const mr_proc *proc, void *to, const void *from) {
    for (unsigned i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        if ((m->flags & MR_MEMBER_IN) && !(m->flags & MR_MEMBER_OUT))
            memcpy((char *)to + m->offset, (const char *)from + m->offset, m->type->csize);
    }
}

/* A random request may ask for 4 G elements, or for an information class that no server knows;
 * small numbers make requests that have an answer. */
static void tame_request(const mr_proc *proc, void *args) {
    for (unsigned i = 0; i < proc->args->count; i++) {
        const mr_ndr_member *m = &proc->args->u.members[i];
        bool wide = m->type->kind == MR_NDR_U32;
        uint8_t v[4] = {0};
        if (!(m->flags & MR_MEMBER_IN) || (!wide && m->type->kind != MR_NDR_U16))
            continue;
        memcpy(v, (char *)args + m->offset, m->type->csize);
        uint32_t small = v[0] % 8;
        uint16_t small16 = (uint16_t)small;
        memcpy((char *)args + m->offset, wide ? (void *)&small : &small16, m->type->csize);
    }
}

/* Fills @args for one side; false when this seed gives none. */
static bool generate(const trip *t, mr_arena *arena, void *args) {
    mr_random random = {t->seed};
    mr_error err = MR_ERROR_INIT;
    int r = 0;

    if (t->side == MR_NDR_RESPONSE) {
        r = mr_ndr_generate(t->proc, MR_NDR_REQUEST, &random, arena, args, &err);
        if (r == 0)
            tame_request(t->proc, args);
    }
    if (r == 0)
        r = mr_ndr_generate(t->proc, t->side, &random, arena, args, &err);
    if (r != 0 && r != MR_ERR_UNSUPPORTED)
        fail_trip(t, "generate", &err);
    return r == 0;
}

static bool make_trip(const trip *t) {
    mr_error err = MR_ERROR_INIT;
    mr_arena arena;
    mr_buf out;
    size_t rest = 1;

    mr_arena_init(&arena, ARENA_CAP);
    mr_buf_init(&out, NULL, 0, ARENA_CAP);
    void *args = mr_arena_get(&arena, 1, t->proc->args->csize);
    void *back = mr_arena_get(&arena, 1, t->proc->args->csize);
    assert_non_null(args);
    assert_non_null(back);
    bool made = generate(t, &arena, args);
    if (made) {
        if (mr_ndr_encode(t->proc, t->side, t->format, args, &out, &err) != 0)
            fail_trip(t, "encode", &err);
        if (t->side == MR_NDR_RESPONSE)
            copy_request(t->proc, back, args);
        if (mr_ndr_decode(t->proc, t->side, t->format, mr_buf_slice(&out), NULL, &arena, back,
                          &rest, &err) != 0)
            fail_trip(t, "decode", &err);
        if (rest != 0)
            fail_trip(t, "decode left octets", &err);
        if (!mr_ndr_eq(t->proc, t->side, args, back))
            fail_trip(t, "another value came back", &err);
    }
    mr_buf_deinit(&out);
    mr_arena_deinit(&arena);
    return made;
}

/* SEEDS values of one method in all forms. */
static uint32_t make_trips(const mr_iface *iface, const mr_proc *proc, enum mr_ndr_side side) {
    uint32_t good = 0;

    for (uint64_t seed = 1; seed < 100 && good < SEEDS; seed++) {
        uint32_t made = 0;
        for (size_t f = 0; f < MR_COUNT(formats); f++) {
            trip t = {iface, proc, side, formats[f], seed * 1000003 + proc->opnum};
            made += make_trip(&t);
        }
        good += made == MR_COUNT(formats);
    }
    if (good < SEEDS)
        fail_msg("%s.%s: only %u values could be made", iface->name, proc->name, good);
    return good;
}

static void test_round_trips(void **state) {
    uint32_t methods = 0;

    (void)state;
    for (const mr_iface *const *i = mr_ifaces; *i; i++)
        for (uint32_t n = 0; n < (*i)->proc_count; n++)
            if ((*i)->procs[n].args) {
                make_trips(*i, &(*i)->procs[n], MR_NDR_REQUEST);
                make_trips(*i, &(*i)->procs[n], MR_NDR_RESPONSE);
                methods++;
            }
    assert_true(methods > 80);
}

/* Every named type alone, as describe and serialized types use it. */
static void test_types(void **state) {
    uint32_t trips = 0;

    (void)state;
    for (const mr_iface *const *i = mr_ifaces; *i; i++)
        for (uint32_t n = 0; n < (*i)->type_count; n++) {
            const mr_type *type = (*i)->types[n];
            mr_random random = {n + 7};
            mr_error err = MR_ERROR_INIT;
            mr_arena arena;
            if (type->kind != MR_NDR_STRUCT)
                continue;
            mr_arena_init(&arena, ARENA_CAP);
            void *value = mr_arena_get(&arena, 2, type->csize);
            void *back = (char *)value + type->csize;
            assert_int_equal(mr_ndr_generate_type(type, &random, &arena, value, &err), 0);
            for (size_t f = 0; f < MR_COUNT(formats); f++, trips++) {
                mr_buf out;
                size_t rest;
                mr_buf_init(&out, NULL, 0, ARENA_CAP);
                memset(back, 0, type->csize);
                if (mr_ndr_encode_type(type, formats[f], value, &out, &err) != 0 ||
                    mr_ndr_decode_type(type, formats[f], mr_buf_slice(&out), NULL, &arena, back,
                                       &rest, &err) != 0 ||
                    !mr_ndr_eq_type(type, value, back))
                    fail_msg("%s.%s: %s", (*i)->name, type->name, err.text);
                /* the least size the compiler computed is one */
                assert_true(out.len >= (formats[f].syntax == MR_NDR20 ? type->wire20
                                                                      : type->wire64));
                mr_buf_deinit(&out);
            }
            mr_arena_deinit(&arena);
        }
    assert_true(trips > 400);
}

static void test_tables(void **state) {
    (void)state;
    for (const mr_iface *const *i = mr_ifaces; *i; i++) {
        assert_int_equal((*i)->format, MR_NDR_FORMAT);
        assert_false(mr_uuid_is_nil(&(*i)->syntax.uuid));
        assert_non_null((*i)->source);
        assert_ptr_equal(mr_ifaces_find(&(*i)->syntax), *i);
        assert_ptr_equal(mr_ifaces_find_name(mr_slice_str((*i)->name)), *i);
        for (uint32_t n = 0; n < (*i)->proc_count; n++)
            assert_int_equal((*i)->procs[n].opnum, n);
    }
    assert_null(mr_ifaces_find_name(MR_SLICE_LIT("no such interface")));
    mr_syntax other = mr_epmapper_iface.syntax;
    other.major = 4;
    assert_null(mr_ifaces_find(&other));
}

static void test_opnums(void **state) {
    static const struct {
        const char *iface, *proc;
        uint16_t opnum;
        bool compiled;
    } known[] = {
        {"epmapper", "ept_map", 3, true},
        {"samr", "SamrConnect5", 64, true},
        {"samr", "SamrValidatePassword", 67, false},
        {"samr", "SamrQueryDisplayInformation3", 51, true},
        {"lsarpc", "LsarOpenPolicy2", 44, true},
        {"lsarpc", "LsarLookupNames4", 77, true},
        {"lsarpc", "LsarSetSecret", 29, false},
        {"netlogon", "DsrGetDcNameEx2", 34, true},
        {"netlogon", "DsrEnumerateDomainTrusts", 40, true},
        {"netlogon", "DsrUpdateReadOnlyServerDnsRecords", 48, false},
        {"dssetup", "DsRolerGetPrimaryDomainInformation", 0, true},
        {"mgmt", "inq_princ_name", 4, true},
        {"rpcecho", "echo_TestDoublePointer", 9, true},
    };
    (void)state;
    for (size_t k = 0; k < MR_COUNT(known); k++) {
        const mr_iface *iface = mr_ifaces_find_name(mr_slice_str(known[k].iface));
        assert_non_null(iface);
        const mr_proc *proc = mr_iface_find_proc(iface, known[k].proc);
        assert_non_null(proc);
        assert_int_equal(proc->opnum, known[k].opnum);
        assert_int_equal(proc->args != NULL, known[k].compiled);
    }
}

static size_t from_hex(const char *hex, uint8_t *out, size_t size) {
    size_t n = 0;

    for (; hex[0] && hex[1] && n < size; hex += 2) {
        char pair[3] = {hex[0], hex[1], 0};
        out[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return n;
}

/* The same octets, but for referent ids, whose values are the encoder's own: ours count from
 * 0x00020000, so where a word of ours says so Samba's may say otherwise. */
static void check_octets(const vector *v, const char *name, const uint8_t *want, mr_slice got) {
    for (size_t i = 0; i < got.len; i++) {
        mr_cursor c = mr_cursor_of(mr_slice_sub(got, i, 4));
        c.big = v->big;
        if (i % 4 == 0 && (mr_cursor_read_u32(&c) & 0xffffff03) == 0x00020000) {
            i += 3;
            continue;
        }
        if (want[i] != got.data[i])
            fail_msg("%s.%s %s%s%s: octet %zu is %02x, Samba has %02x", v->iface, name,
                     v->response ? "response" : "request", v->ndr64 ? " NDR64" : "",
                     v->big ? " big" : "", i, got.data[i], want[i]);
    }
}

/* What Samba packed is decoded and encoded again: the same octets come out. */
static void test_samba_vectors(void **state) {
    static uint8_t octets[65536];

    (void)state;
    for (size_t k = 0; k < MR_COUNT(vectors); k++) {
        const vector *v = &vectors[k];
        const mr_iface *iface = mr_ifaces_find_name(mr_slice_str(v->iface));
        assert_non_null(iface);
        const mr_proc *proc = mr_iface_get_proc(iface, v->opnum);
        assert_non_null(proc);
        assert_non_null(proc->args);
        size_t len = from_hex(v->hex, octets, sizeof octets);
        mr_ndr_format format = {v->ndr64 ? MR_NDR64 : MR_NDR20, v->big};
        mr_ndr_limits limits = {.no_request = true};
        mr_error err = MR_ERROR_INIT;
        mr_arena arena;
        mr_buf out;
        size_t rest;
        mr_arena_init(&arena, ARENA_CAP);
        mr_buf_init(&out, NULL, 0, ARENA_CAP);
        void *args = mr_arena_get(&arena, 1, proc->args->csize);
        enum mr_ndr_side side = v->response ? MR_NDR_RESPONSE : MR_NDR_REQUEST;
        if (mr_ndr_decode(proc, side, format, mr_slice_of(octets, len), &limits, &arena, args,
                          &rest, &err) != 0)
            fail_msg("vector %zu %s.%s: decode: %s (at %zu)", k, v->iface, proc->name, err.text,
                     err.offset);
        if (rest != 0)
            fail_msg("vector %zu %s.%s: %zu octets left", k, v->iface, proc->name, rest);
        if (mr_ndr_encode(proc, side, format, args, &out, &err) != 0)
            fail_msg("vector %zu %s.%s: encode: %s", k, v->iface, proc->name, err.text);
        if (out.len != len)
            fail_msg("vector %zu %s.%s: %zu octets became %zu", k, v->iface, proc->name, len,
                     out.len);
        check_octets(v, proc->name, octets, mr_buf_slice(&out));
        mr_buf_deinit(&out);
        mr_arena_deinit(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_opnums),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_samba_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
