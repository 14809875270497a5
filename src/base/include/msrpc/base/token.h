/*
 * Tokens: a parsed JSON value as a small tree in an arena. Floors that read JSON see this form
 * only; which parser made it is the application's business.
 */
#ifndef MSRPC_BASE_TOKEN_H
#define MSRPC_BASE_TOKEN_H

#include <msrpc/base/slice.h>

enum mr_token_kind {
    MR_TOKEN_NULL,
    MR_TOKEN_BOOL,
    MR_TOKEN_INT,    /* fits int64_t */
    MR_TOKEN_REAL,
    MR_TOKEN_STRING, /* well-formed UTF-8, may hold NULs */
    MR_TOKEN_ARRAY,
    MR_TOKEN_OBJECT,
};

typedef struct mr_token mr_token;
struct mr_token {
    enum mr_token_kind kind;
    mr_slice key;      /* name inside an object, else empty */
    bool boolean;
    int64_t integer;
    double real;
    mr_slice string;
    uint32_t count;    /* children */
    mr_token *child;   /* first child of an array or object, in order */
    mr_token *next;    /* sibling */
};

/* The member of an object with that name; NULL when there is none. */
const mr_token *mr_token_find(const mr_token *object, const char *key);
const char *mr_token_kind_name(enum mr_token_kind kind);

#endif
