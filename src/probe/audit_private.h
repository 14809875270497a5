/* The audit, inside: the table of questions, and what the files that ask them share. */
#ifndef MSRPC_PROBE_AUDIT_PRIVATE_H
#define MSRPC_PROBE_AUDIT_PRIVATE_H

#include <msrpc/ifaces/lsarpc.h>
#include <msrpc/ifaces/samr.h>
#include <msrpc/probe/audit.h>

/* A question was not answered; fact->outcome says how it ended. */
#define AUDIT_STOP 1

enum { AUDIT_MAXIMUM_ALLOWED = 0x02000000 };

struct audit_run {
    mr_audit *out;
    const mr_audit_options *options;
    mr_loop *loop;
    mr_arena *arena;
    mr_client *clients[MR_AUDIT_DOORS];
    bool opened[MR_AUDIT_DOORS];       /* it was tried */
    mr_audit_outcome *steps;           /* of each row of the table */
    mr_ndr_context policy, server, account, builtin;
    bool has_policy;
    mr_ms_dtyp_RPC_SID *account_sid;   /* NULL until an answer named it */
    mr_audit_outcome lookup;           /* of a domain whose SID was refused */
    mr_mapper mapper;                  /* of the door EPM, once it is open */
    bool has_mapper;
    bool listed_all;                   /* its list came to an end */
    bool no_memory;                    /* sticky: a text or an item did not fit */
};

/* A row: one step. Rows without an id only lead to others. */
struct audit_row {
    const char *id, *title;
    enum mr_audit_category category;
    enum mr_audit_door door;
    const char *call;        /* as the chain shows it */
    int after;               /* the row it needs, AUDIT_NO_ROW: none */
    int (*ask)(struct audit_run *run, mr_audit_fact *fact);
    enum mr_fact_kind leak;  /* the fact for the rules when it leaks */
};

/* The rows by name, in the order in which they are asked. */
enum audit_row_number {
    AUDIT_NO_ROW = -1,
#define AUDIT_ROW(name, ...) AUDIT_ROW_##name,
#include "audit_rows.list"
#undef AUDIT_ROW
    AUDIT_ROWS,
};

#define AUDIT_ROW(name, id, title, category, door, call, after, ask, leak)                         \
    int ask(struct audit_run *run, mr_audit_fact *fact);
#include "audit_rows.list"
#undef AUDIT_ROW
const struct audit_row *audit_row(size_t i);

/* ---- audit_ask.c: one call and what its answer means ---- */

/* Calls @opnum of the interface behind @door; @status is the member of @args that holds its
 * status. 0 when it was answered, AUDIT_STOP with fact->outcome set, or a fatal result. Earlier
 * replies at the same door are forgotten. */
int audit_call(struct audit_run *run, mr_audit_fact *fact, enum mr_audit_door door,
               uint32_t opnum, void *args, const uint32_t *status);
/* The call fact->outcome.call brought no reply: sets what the fault or the silence means, and
 * leaves a door that broke. AUDIT_STOP, or @r where it is fatal. */
int audit_failed(struct audit_run *run, mr_audit_fact *fact, enum mr_audit_door door, int r,
                 const mr_error *err);
/* Whether fact->outcome says that the server has no such call. */
bool audit_no_such_call(const mr_audit_fact *fact);
/* Whether the call was refused by its status, so that asking for less may succeed. */
bool audit_refused(const mr_audit_fact *fact);
/* Sets the outcome and returns AUDIT_STOP. */
int audit_stop(struct audit_run *run, mr_audit_fact *fact, enum mr_audit_state state,
               enum mr_audit_rung rung, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Connects and binds at @door once; 0, AUDIT_STOP (the gate's outcome says why), or fatal. */
int audit_open(struct audit_run *run, enum mr_audit_door door);

/* ---- audit_ask.c: answers ---- */

/* All text is UTF-8 *in run->arena*. Without memory it is NULL and run->no_memory is set, which
 * ends the audit after the question. */
const char *audit_text(struct audit_run *run, const mr_ms_dtyp_RPC_UNICODE_STRING *s);
const char *audit_wide(struct audit_run *run, const uint16_t *s);
const char *audit_sid_text(struct audit_run *run, const mr_ms_dtyp_RPC_SID *sid);
/* A copy of @sid, with @rid behind it when @has_rid; NULL as above, or when there is no room. */
mr_ms_dtyp_RPC_SID *audit_sid_copy(struct audit_run *run, const mr_ms_dtyp_RPC_SID *sid,
                                   bool has_rid, uint32_t rid);
/* A name every Windows knows by its SID, or NULL. */
const char *audit_sid_name(const char *sid);

/* Adds a copy of @item; NULL when there is no memory, or no room for more (fact->cut is set). */
mr_audit_item *audit_add_item(struct audit_run *run, mr_audit_fact *fact,
                              const mr_audit_item *item);
/* A text that is NULL or empty is left out. */
void audit_add_text(mr_audit_fact *fact, const char *key, const char *title, const char *text);
void audit_add_number(mr_audit_fact *fact, const char *key, const char *title,
                      enum mr_audit_value_kind kind, uint64_t number);
/* @ticks: a negative count of 100 ns, as MS-SAMR writes a time span. */
void audit_add_span(mr_audit_fact *fact, const char *key, const char *title, int64_t ticks);

/* Translates @count SIDs at the policy handle: names, domains and kinds into @items, which have
 * their SIDs as text. 0, AUDIT_STOP (fact->outcome), or fatal. */
int audit_translate(struct audit_run *run, mr_audit_fact *fact,
                    mr_lsarpc_LSAPR_SID_INFORMATION *sids, mr_audit_item *items, size_t count);

/* audit_judge.c */
void audit_judge(mr_audit *audit);

#endif
