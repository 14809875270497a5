/* Tokens: looking into a parsed JSON value. */
#include <msrpc/base/token.h>

const mr_token *mr_token_find(const mr_token *object, const char *key) {
    mr_slice name = mr_slice_str(key);

    if (!object || object->kind != MR_TOKEN_OBJECT)
        return NULL;
    for (const mr_token *t = object->child; t; t = t->next)
        if (mr_slice_eq(t->key, name))
            return t;
    return NULL;
}

const char *mr_token_kind_name(enum mr_token_kind kind) {
    switch (kind) {
    case MR_TOKEN_NULL: return "null";
    case MR_TOKEN_BOOL: return "true or false";
    case MR_TOKEN_INT: return "a number";
    case MR_TOKEN_REAL: return "a fractional number";
    case MR_TOKEN_STRING: return "a string";
    case MR_TOKEN_ARRAY: return "an array";
    case MR_TOKEN_OBJECT: return "an object";
    }
    return "?";
}
