/* The mapper's inside, shared by mapper.c (questions), mapper_change.c (registering) and
 * mapper_memo.c (answers kept as octets). */
#ifndef MSRPC_MAPPER_PRIVATE_H
#define MSRPC_MAPPER_PRIVATE_H

#include <msrpc/ifaces/epmapper_server.h>
#include <msrpc/serve.h>

/* What a lookup handle stands for: a question and how far it was answered. */
extern const mr_server_handle_type mr_mapper_lookup_handle;

/* Keeps a copy of @query behind a new handle; the group's oldest unfinished lookup makes room. 0 or
 * a negative result. */
int mr_mapper_keep_query(mr_server_call *call, const mr_mapper_db_query *query,
                         mr_ndr_context *handlep);

/* mapper_change.c */
int mr_mapper_insert(mr_server_call *call, struct mr_epmapper_ept_insert *args);
int mr_mapper_delete(mr_server_call *call, struct mr_epmapper_ept_delete *args);
int mr_mapper_mgmt_delete(mr_server_call *call, struct mr_epmapper_ept_mgmt_delete *args);
/* The registry ends: what is still registered is run down without it. */
void mr_mapper_db_forget_registrations(mr_mapper_db *db);

/* mapper_memo.c */
struct mr_mapper_memo;

extern const mr_server_memo mr_mapper_memo;

/* The answer that the present body is about to give may be kept; @next is what its handle stands
 * for, if it gives one. Without memory nothing is kept. */
void mr_mapper_memo_want(mr_mapper_db *db, const mr_mapper_db_query *next);
void mr_mapper_memo_free(struct mr_mapper_memo *memo);

#endif
