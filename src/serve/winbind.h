/* NTLM's answers judged by this machine's winbindd. Every function but _new may be called in any
 * thread and waits for the answer. */
#ifndef MSRPC_SERVE_WINBIND_H
#define MSRPC_SERVE_WINBIND_H

#include <msrpc/serve.h>

struct mr_winbind;

/* Who it is, as the domain knows him. Strings and SIDs are in the arena given. */
typedef struct mr_winbind_user {
    const char *name, *domain;
    const mr_sid *sids;        /* the account's, the primary group's, other groups' */
    size_t sid_count;
    uint8_t key[MR_NTLM_KEY];  /* session base key: the caller wipes it */
} mr_winbind_user;

/* 0, MR_ERR_MEMORY, MR_ERR_UNSUPPORTED (no library) or MR_ERR_NOT_FOUND (winbindd does not
 * answer). */
int mr_winbind_new(struct mr_winbind **winbindp, mr_error *err);
/* NULL is allowed. */
void mr_winbind_free(struct mr_winbind *winbind);
/* What this machine is called in its domain. */
const mr_ntlm_names *mr_winbind_get_names(const struct mr_winbind *winbind);
/* 0; MR_ERR_AUTH: refused, with the domain's own word for it; MR_ERR_MEMORY. */
int mr_winbind_judge(const struct mr_winbind *winbind, const mr_ntlm_attempt *attempt,
                     mr_arena *arena, mr_winbind_user *userp, mr_error *err);

#endif
