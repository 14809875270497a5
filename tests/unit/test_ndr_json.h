/* A small JSON reader (RFC 8259) for the NDR tests: text to tokens in an arena. It trusts its
 * input to be what the library's own writer gave, and answers NULL to anything else. */
#ifndef TEST_NDR_JSON_H
#define TEST_NDR_JSON_H

#include <stdio.h>
#include <stdlib.h>

#include <msrpc/base.h>

typedef struct json {
    const char *p;
    const char *end;
    mr_arena *arena;
} json;

static void json_space(json *j) {
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\n'))
        j->p++;
}

static unsigned json_hex4(json *j) {
    unsigned v = 0;
    if (j->end - j->p >= 4)
        sscanf(j->p, "%4x", &v);
    j->p += 4;
    return v;
}

static void json_escape(json *j, mr_buf *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = strchr(from, *j->p);
    if (*j->p != 'u' && at) {
        mr_buf_write_u8(out, (uint8_t)to[at - from]);
        j->p++;
        return;
    }
    j->p++;
    uint16_t units[2] = {(uint16_t)json_hex4(j), 0};
    size_t n = 1;
    if (units[0] >= 0xd800 && units[0] < 0xdc00 && j->end - j->p > 6 && j->p[0] == '\\') {
        j->p += 2;
        units[n++] = (uint16_t)json_hex4(j);
    }
    mr_utf16_decode(units, n, out);
}

static mr_slice json_string(json *j) {
    size_t room = (size_t)(j->end - j->p) + 4;
    mr_buf out;
    mr_buf_init(&out, mr_arena_get(j->arena, room, 1), room, room);
    j->p++;
    while (j->p < j->end && *j->p != '"') {
        if (*j->p == '\\') {
            j->p++;
            json_escape(j, &out);
        } else {
            mr_buf_write_u8(&out, (uint8_t)*j->p++);
        }
    }
    j->p++;
    return mr_buf_slice(&out);
}

static mr_token *json_value(json *j);

static void json_children(json *j, mr_token *t, char close) {
    mr_token **linkp = &t->child;
    j->p++;
    for (json_space(j); j->p < j->end && *j->p != close; json_space(j)) {
        mr_slice key = MR_SLICE_NULL;
        if (*j->p == ',') {
            j->p++;
            json_space(j);
        }
        if (close == '}') {
            key = json_string(j);
            json_space(j);
            j->p++; /* the colon */
        }
        mr_token *child = json_value(j);
        if (!child)
            return;
        child->key = key;
        *linkp = child;
        linkp = &child->next;
        t->count++;
    }
    j->p++;
}

static mr_token *json_value(json *j) {
    mr_token *t = MR_ARENA_NEW(j->arena, mr_token);
    json_space(j);
    if (!t || j->p >= j->end)
        return NULL;
    if (*j->p == '{' || *j->p == '[') {
        t->kind = *j->p == '{' ? MR_TOKEN_OBJECT : MR_TOKEN_ARRAY;
        json_children(j, t, *j->p == '{' ? '}' : ']');
    } else if (*j->p == '"') {
        t->kind = MR_TOKEN_STRING;
        t->string = json_string(j);
    } else if (*j->p == 't' || *j->p == 'f') {
        t->kind = MR_TOKEN_BOOL;
        t->boolean = *j->p == 't';
        j->p += t->boolean ? 4 : 5;
    } else if (*j->p == 'n') {
        j->p += 4;
    } else {
        char *end;
        t->real = strtod(j->p, &end);
        t->kind = MR_TOKEN_REAL;
        if (!memchr(j->p, '.', (size_t)(end - j->p)) && !memchr(j->p, 'e', (size_t)(end - j->p))) {
            t->kind = MR_TOKEN_INT;
            t->integer = strtoll(j->p, &end, 10);
        }
        if (end == j->p)
            return NULL;
        j->p = end;
    }
    return t;
}

/* @text ends in a NUL that it does not count. */
static mr_token *json_read(mr_slice text, mr_arena *arena) {
    json j = {.p = (const char *)text.data, .end = (const char *)text.data + text.len,
              .arena = arena};
    return json_value(&j);
}

#endif
