/*
 * Facts: what was observed, without judgement. A live probe, a capture and an event log are equal
 * producers. A fact has a kind, the fields its kind declares in facts.list, a time and the id of
 * the check (or packet) that proves it. Texts are UTF-8.
 */
#ifndef MSRPC_DIAG_FACT_H
#define MSRPC_DIAG_FACT_H

#include <msrpc/base/buf.h>
#include <msrpc/base/result.h>
#include <msrpc/base/time.h>

enum mr_phase {
    MR_PHASE_NONE,
    MR_PHASE_NAMES,
    MR_PHASE_TCP,
    MR_PHASE_DISCOVERY,
    MR_PHASE_COMMUNICATION,
};
#define MR_PHASE_COUNT 4 /* phases are numbered from 1 */

#define MR_WORD(constant, word) MR_##constant,
enum mr_fact_role {
#define MR_WORDS_role
#include <msrpc/diag/words.list>
#undef MR_WORDS_role
};
enum mr_source {
#define MR_WORDS_source
#include <msrpc/diag/words.list>
#undef MR_WORDS_source
};
enum mr_whose {
#define MR_WORDS_whose
#include <msrpc/diag/words.list>
#undef MR_WORDS_whose
};
enum mr_fact_icmp {
#define MR_WORDS_icmp
#include <msrpc/diag/words.list>
#undef MR_WORDS_icmp
};
enum mr_when {
#define MR_WORDS_when
#include <msrpc/diag/words.list>
#undef MR_WORDS_when
};
enum mr_acked {
#define MR_WORDS_acked
#include <msrpc/diag/words.list>
#undef MR_WORDS_acked
};
enum mr_what {
#define MR_WORDS_what
#include <msrpc/diag/words.list>
#undef MR_WORDS_what
};
enum mr_clock {
#define MR_WORDS_clock
#include <msrpc/diag/words.list>
#undef MR_WORDS_clock
};
enum mr_smb_step {
#define MR_WORDS_step
#include <msrpc/diag/words.list>
#undef MR_WORDS_step
};
enum mr_exchange {
#define MR_WORDS_exchange
#include <msrpc/diag/words.list>
#undef MR_WORDS_exchange
};
enum mr_channel {
#define MR_WORDS_channel
#include <msrpc/diag/words.list>
#undef MR_WORDS_channel
};
enum mr_proof {
#define MR_WORDS_proof
#include <msrpc/diag/words.list>
#undef MR_WORDS_proof
};
#undef MR_WORD

#define MR_FIELD_TEXT(constant, member) MR_FIELD_##constant,
#define MR_FIELD_UINT(constant, member) MR_FIELD_##constant,
#define MR_FIELD_CODE(constant, member) MR_FIELD_##constant,
#define MR_FIELD_WORD(constant, member, words) MR_FIELD_##constant,
enum mr_field {
#include <msrpc/diag/fields.list>
    MR_FIELDS,
};
#undef MR_FIELD_TEXT
#undef MR_FIELD_UINT
#undef MR_FIELD_CODE
#undef MR_FIELD_WORD

/* A set of fields. */
typedef uint64_t mr_fields;
#define MR_F(constant) ((mr_fields)1 << MR_FIELD_##constant)
_Static_assert(MR_FIELDS <= 64, "a set of fields is one word");

enum mr_fact_kind {
    MR_FACT_NONE,
#define MR_FACT(constant, text, phase, required, optional) MR_FACT_##constant,
#include <msrpc/diag/facts.list>
#undef MR_FACT
    MR_FACT_KINDS,
};

/* One fact. A text that is not known is NULL, a number or word that is not known is 0. */
typedef struct mr_fact {
    enum mr_fact_kind kind;
    const char *check; /* id of the check or packet that is the evidence; may be NULL */
    mr_nsec at;
#define MR_FIELD_TEXT(constant, member) const char *member;
#define MR_FIELD_UINT(constant, member) uint32_t member;
#define MR_FIELD_CODE(constant, member) uint32_t member;
#define MR_FIELD_WORD(constant, member, words) enum words member;
#include <msrpc/diag/fields.list>
#undef MR_FIELD_TEXT
#undef MR_FIELD_UINT
#undef MR_FIELD_CODE
#undef MR_FIELD_WORD
} mr_fact;

/* What an ICMP destination unreachable means: @type and @code of ICMP (RFC 792, RFC 1122 3.2.2.1,
 * RFC 1812 5.2.7.1) or, with @family 6, of ICMPv6 (RFC 4443 3.1, 3.2). */
enum mr_fact_icmp mr_icmp_class(unsigned family, unsigned type, unsigned code);

/* "TCP.SILENT"; "" for a number that is no kind. */
const char *mr_fact_name(enum mr_fact_kind kind);
enum mr_phase mr_fact_phase(enum mr_fact_kind kind);
/* Fields that facts of that kind may have. */
mr_fields mr_fact_fields(enum mr_fact_kind kind);
/* "names", "tcp", "discovery", "communication"; "" for none. */
const char *mr_phase_name(enum mr_phase phase);

/* Writes one line, "TCP.SILENT address=10.1.0.10 port=135 role=mapper tries=3 check=TCP.135",
 * without a newline: the form that mr_diag_add_text reads. Values that need it are quoted. */
void mr_fact_write(const mr_fact *fact, mr_buf *out);

#endif
