/*
 * JSON in (RFC 8259), parsed by jansson. Its limits shape the mapping of doc/cli.md: integers
 * beyond 63 bits travel as strings, and ill-formed UTF-16 as {"utf16":"hex"}.
 */
#include "tokens.h"

#include <jansson.h>

#define DEPTH_MAX 512

static mr_token *add(const json_t *value, mr_arena *arena, unsigned depth);

static bool add_child(mr_token *parent, mr_token ***endp, const json_t *value, mr_slice key,
                      mr_arena *arena, unsigned depth) {
    mr_token *child = add(value, arena, depth + 1);
    if (!child)
        return false;
    if (key.data) {
        child->key = mr_slice_of(mr_arena_add_str(arena, key), key.len);
        if (!child->key.data)
            return false;
    }
    **endp = child;
    *endp = &child->next;
    parent->count++;
    return true;
}

static bool add_object(mr_token *t, const json_t *value, mr_arena *arena, unsigned depth) {
    mr_token **end = &t->child;
    json_t *object = (json_t *)value, *member;
    const char *key;

    json_object_foreach(object, key, member) {
        if (!add_child(t, &end, member, mr_slice_str(key), arena, depth))
            return false;
    }
    return true;
}

static bool add_array(mr_token *t, const json_t *value, mr_arena *arena, unsigned depth) {
    mr_token **end = &t->child;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!add_child(t, &end, json_array_get(value, i), MR_SLICE_NULL, arena, depth))
            return false;
    return true;
}

static mr_token *add(const json_t *value, mr_arena *arena, unsigned depth) {
    mr_token *t = depth > DEPTH_MAX ? NULL : MR_ARENA_NEW(arena, mr_token);
    if (!t)
        return NULL;
    switch (json_typeof(value)) {
    case JSON_NULL:
        t->kind = MR_TOKEN_NULL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        t->kind = MR_TOKEN_BOOL;
        t->boolean = json_is_true(value);
        break;
    case JSON_INTEGER:
        t->kind = MR_TOKEN_INT;
        t->integer = json_integer_value(value);
        break;
    case JSON_REAL:
        t->kind = MR_TOKEN_REAL;
        t->real = json_real_value(value);
        break;
    case JSON_STRING: {
        mr_slice s = mr_slice_of(json_string_value(value), json_string_length(value));
        t->kind = MR_TOKEN_STRING;
        t->string = mr_slice_of(mr_arena_add_str(arena, s), s.len);
        return t->string.data ? t : NULL;
    }
    case JSON_ARRAY:
        t->kind = MR_TOKEN_ARRAY;
        return add_array(t, value, arena, depth) ? t : NULL;
    case JSON_OBJECT:
        t->kind = MR_TOKEN_OBJECT;
        return add_object(t, value, arena, depth) ? t : NULL;
    }
    return t;
}

int app_tokens_decode(mr_slice text, mr_arena *arena, const mr_token **tokenp, mr_error *err) {
    json_error_t problem;
    json_t *root = json_loadb((const char *)text.data, text.len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    if (!root)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_APP,
                       problem.position > 0 ? (size_t)problem.position : 0,
                       "JSON line %d, column %d: %s", problem.line, problem.column, problem.text);
    const mr_token *token = add(root, arena, 0);
    json_decref(root);
    if (!token)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_APP, MR_ERROR_NO_OFFSET,
                       "the JSON is nested deeper than %d levels or too large", DEPTH_MAX);
    *tokenp = token;
    return 0;
}
