/*
 * Who answers at an endpoint: NTLM is begun in a bind and left when the challenge has come, in
 * which the host's names and clock stand (MS-NLMP 2.2.1.2, 2.2.2.1). Nobody logs on: the message
 * with which somebody would is never sent. The outcome comes from the loop.
 */
#ifndef MSRPC_PROBE_CHALLENGE_H
#define MSRPC_PROBE_CHALLENGE_H

#include <msrpc/rpc.h>

typedef struct mr_challenge_ask mr_challenge_ask;
struct mr_challenge_ask {
    mr_security security;      /* private; first: the association knows it as this */
    /* the caller's, *borrowed* until mr_challenge_deinit */
    mr_loop *loop;
    mr_client_options connect; /* with the endpoint; its security is the challenge's own */
    mr_syntax interface;       /* to bind to */
    mr_arena *arena;           /* takes the names */
    /* @result is of the bind, which does not come to an end: what counts is @got. */
    void (*done)(void *user, mr_challenge_ask *ask, int result, const mr_error *err);
    void *user;
    /* the outcome */
    bool got;
    const char *computer, *domain, *dns_computer, *dns_domain, *dns_forest; /* "": not told */
    mr_ntlm_version version;
    bool has_clock;
    int64_t ahead;             /* seconds by which its clock is ahead of ours */
    mr_client *client;         /* private */
};

/* Begins: 0, or a negative result with nothing begun. */
int mr_challenge_start(mr_challenge_ask *ask, mr_error *err);
/* No callback comes any more. A zeroed one may be deinitialised. */
void mr_challenge_deinit(mr_challenge_ask *ask);

#endif
