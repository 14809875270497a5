/* The walkers' common ground: the item stack, paths for messages, the hash map, array extents. */
#include "walk.h"

#include <stdarg.h>
#include <stdio.h>

const uint64_t mr_ndr_nothing[2] = {0, 0};

int mr_ndr_stack_grow(mr_ndr_stack *s) {
    if (s->count < s->size)
        return 0;
    mr_ndr_item *items = mr_arena_get_raw(s->arena, s->size, 2 * sizeof *items);
    if (!items)
        return MR_ERR_MEMORY;
    memcpy(items, s->items, s->count * sizeof *items);
    s->items = items;
    s->size *= 2;
    return 0;
}

int mr_ndr_place_keep(const mr_ndr_place *at, mr_arena *arena, const mr_ndr_place **keptp) {
    const mr_ndr_place *kept = NULL, **linkp = &kept;
    for (; at; at = at->up) {
        if (at->kept) {
            *linkp = at;
            break;
        }
        if (!at->name && at->index == MR_NDR_NO_INDEX)
            continue;
        mr_ndr_place *p = MR_ARENA_NEW(arena, mr_ndr_place);
        if (!p)
            return MR_ERR_MEMORY;
        p->name = at->name;
        p->index = at->index;
        p->kept = true;
        *linkp = p;
        linkp = &p->up;
    }
    *keptp = kept;
    return 0;
}

/* Steps shown at the inner and the outer end of a long path. */
#define INNER 8
#define OUTER 3

static char *write_path(const mr_ndr_place *at, char out[MR_NDR_PATH]) {
    const mr_ndr_place *shown[INNER + OUTER];
    size_t count = 0, shown_count = 0, i = 0, n = 0;

    for (const mr_ndr_place *p = at; p; p = p->up)
        count += p->name || p->index != MR_NDR_NO_INDEX;
    for (const mr_ndr_place *p = at; p; p = p->up) {
        if (!p->name && p->index == MR_NDR_NO_INDEX)
            continue;
        if (i < INNER || i + OUTER >= count)
            shown[shown_count++] = p;
        i++;
    }
    snprintf(out, MR_NDR_PATH, "value");
    while (shown_count > 0 && n < MR_NDR_PATH) {
        const mr_ndr_place *p = shown[--shown_count];
        const bool gap = count > INNER + OUTER && shown_count == INNER - 1;
        const char *dot = gap ? "..." : n && p->name ? "." : "";
        int got = p->name ? snprintf(out + n, MR_NDR_PATH - n, "%s%s", dot, p->name)
                          : snprintf(out + n, MR_NDR_PATH - n, "%s[%llu]", dot,
                                     (unsigned long long)p->index);
        n += got > 0 ? (size_t)got : 0;
    }
    return out;
}

int mr_ndr_fail(mr_error *err, int code, size_t offset, const mr_ndr_place *at, const char *fmt,
                ...) {
    char path[MR_NDR_PATH], text[160];
    va_list ap;

    if (!err)
        return code;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return mr_fail(err, code, MR_FLOOR_NDR, offset, "%s: %s", write_path(at, path), text);
}

static size_t hash(uint64_t key, const void *type) {
    uint64_t h = (key ^ (uint64_t)(uintptr_t)type * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return (size_t)(h ^ h >> 32);
}

/* The key's entry, or the free one where it would stand. */
static mr_ndr_entry *probe(const mr_ndr_map *map, uint64_t key, const void *type) {
    size_t i = hash(key, type) & (map->size - 1);
    while (map->entries[i].value &&
           (map->entries[i].key != key || map->entries[i].type != type))
        i = (i + 1) & (map->size - 1);
    return &map->entries[i];
}

mr_ndr_entry *mr_ndr_map_find(const mr_ndr_map *map, uint64_t key, const void *type) {
    mr_ndr_entry *e = map->size ? probe(map, key, type) : NULL;
    return e && e->value ? e : NULL;
}

mr_ndr_entry *mr_ndr_map_add(mr_ndr_map *map, mr_arena *arena, uint64_t key, const void *type) {
    if (map->count * 2 >= map->size) {
        mr_ndr_map grown = {.size = map->size ? map->size * 4 : 16, .count = map->count};
        grown.entries = mr_arena_get(arena, grown.size, sizeof *grown.entries);
        if (!grown.entries)
            return NULL;
        for (size_t i = 0; i < map->size; i++) {
            if (map->entries[i].value)
                *probe(&grown, map->entries[i].key, map->entries[i].type) = map->entries[i];
        }
        *map = grown;
    }
    mr_ndr_entry *e = probe(map, key, type);
    if (!e->value) {
        e->key = key;
        e->type = type;
        map->count++;
    }
    return e;
}

/* Elements up to and with the terminator; @most + 1 when there is none among @most. */
static uint64_t string_length(const uint8_t *data, uint32_t width, uint64_t most) {
    uint64_t i = 0;
    if (width == 1 && most < PTRDIFF_MAX) {
        const uint8_t *zero = memchr(data, 0, (size_t)most);
        return zero ? (uint64_t)(zero - data) + 1 : most + 1;
    }
    for (; i < most; i++) {
        uint32_t v = 0;
        memcpy(&v, data + i * width, width <= sizeof v ? width : sizeof v);
        if (v == 0)
            return i + 1;
    }
    return most + 1;
}

static int eval_count(const mr_expr *e, const mr_ndr_place *at, const void *args,
                      const char *what, uint64_t *countp, mr_error *err) {
    int64_t v;
    if (!mr_ndr_eval(e, at, args, &v))
        return mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                           "%s cannot be worked out", what);
    if (v < 0)
        return mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at, "%s is negative", what);
    *countp = (uint64_t)v;
    return 0;
}

/* A string's length from its terminator; its size too, where nothing else gives one. */
static int get_string_extent(const mr_type *array, bool bound, const mr_ndr_place *at,
                             mr_ndr_extent *x, mr_error *err) {
    uint64_t most = bound ? x->size : SIZE_MAX / 8;
    x->length = x->data && most ? string_length(x->data, array->element->csize, most) : 0;
    if (x->length > most)
        return mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                           "the string does not end within its %llu elements",
                           (unsigned long long)most);
    if (bound && !x->data && x->size)
        return mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at, "the string is missing");
    if (!bound)
        x->size = x->length;
    return 0;
}

int mr_ndr_get_extent(const mr_type *array, const void *c, const mr_ndr_place *at,
                      const void *args, mr_ndr_extent *extentp, mr_error *err) {
    const mr_ndr_array *a = array->u.array;
    mr_ndr_extent x = {.size = a->count, .length = a->count, .data = c};
    const bool bound = a->count != 0 || a->size_is;
    int r = 0;

    if (mr_ndr_array_is_inline(array)) {
        *extentp = x;
        return 0;
    }
    memcpy(&x.data, c, sizeof x.data);
    if (a->size_is)
        r = eval_count(a->size_is, at, args, "its size", &x.size, err);
    if (r == 0 && a->first_is)
        r = eval_count(a->first_is, at, args, "its first index", &x.first, err);
    if (r == 0 && (a->flags & MR_ARRAY_STRING)) {
        r = get_string_extent(array, bound, at, &x, err);
    } else if (r == 0 && a->length_is) {
        r = eval_count(a->length_is, at, args, "its length", &x.length, err);
        if (!bound)
            x.size = x.first + x.length;
    } else if (r == 0) {
        if (!bound)
            r = mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                            "nothing says how many elements the array has");
        x.length = x.size >= x.first ? x.size - x.first : 0;
    }
    if (r != 0)
        return r;
    if (x.first > x.size || x.length > x.size - x.first)
        return mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                           "%llu elements from %llu on do not fit its size %llu",
                           (unsigned long long)x.length, (unsigned long long)x.first,
                           (unsigned long long)x.size);
    if (x.length && !x.data)
        return mr_ndr_fail(err, MR_ERR_ARGUMENT, MR_ERROR_NO_OFFSET, at,
                           "%llu elements are missing", (unsigned long long)x.length);
    *extentp = x;
    return 0;
}

enum mr_ndr_text mr_ndr_get_text(const mr_type *array) {
    const mr_type *e = array->element;
    const bool string = (array->u.array->flags & MR_ARRAY_STRING) != 0;

    if (e->kind == MR_NDR_WCHAR || (string && e->kind == MR_NDR_U16))
        return MR_NDR_TEXT_WIDE;
    if (e->kind == MR_NDR_CHAR || (string && e->csize == 1))
        return MR_NDR_TEXT_CHARS;
    return e->kind == MR_NDR_U8 ? MR_NDR_TEXT_OCTETS : MR_NDR_TEXT_NONE;
}

const mr_ndr_arm *mr_ndr_find_arm(const mr_type *u, int64_t value) {
    for (unsigned i = 0; i < u->count; i++) {
        const mr_ndr_arm *arm = &u->u.arms[i];
        if (arm->is_default || mr_ndr_wrap(u->element->kind, arm->value) == value)
            return arm;
    }
    return NULL;
}
