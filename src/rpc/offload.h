/*
 * A security provider whose steps are taken by workers, since they may wait for a file, a service
 * or much arithmetic. Towards the association it is a provider that says MR_SECURITY_PENDING; once
 * the step is over @resumed is called in the loop's thread, for mr_assoc_resume.
 */
#ifndef MSRPC_RPC_OFFLOAD_H
#define MSRPC_RPC_OFFLOAD_H

#include <msrpc/engine/security.h>
#include <msrpc/io.h>

struct mr_offload;

/* What frees the provider once nothing uses it any more, in whatever thread; may be NULL. */
typedef void mr_offload_give(void *user, mr_security *inner);

/* Stands for @inner, *borrowed* until it is given back. @workers (*borrowed*) must outlive it. */
int mr_offload_new(mr_loop *loop, mr_workers *workers, mr_security *inner,
                   void (*resumed)(void *user), void *user, struct mr_offload **offloadp,
                   mr_error *err);
mr_security *mr_offload_get_security(struct mr_offload *offload);
/* Whether a step is under way, or waits for its worker. */
bool mr_offload_is_busy(struct mr_offload *offload);
/* Ends it and gives the provider to @give with @user: now, or after the step under way. */
void mr_offload_free(struct mr_offload *offload, mr_offload_give *give, void *user);

#endif
