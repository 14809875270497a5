/* JSON in: text to the tokens that the floors below read. */
#ifndef MSRPC_APP_TOKENS_H
#define MSRPC_APP_TOKENS_H

#include <msrpc/base.h>

/* Parses one JSON value from @text into a tree in @arena. Errors: MR_ERR_SYNTAX with the octet
 * offset and line and column in the text, MR_ERR_LIMIT, MR_ERR_MEMORY. */
int app_tokens_decode(mr_slice text, mr_arena *arena, const mr_token **tokenp, mr_error *err);

#endif
