/*
 * The fact vocabulary as tables: fields, words and kinds from their lists, and what every other
 * file does with facts generically: naming, comparing, writing as text. The order of facts
 * (mr_fact_cmp) is total, so the order in which producers added them never shows.
 */
#include "diag_private.h"

#include <string.h>

#define MR_WORD(constant, word) word,
static const char *const words_role[] = {
#define MR_WORDS_role
#include <msrpc/diag/words.list>
#undef MR_WORDS_role
};
static const char *const words_source[] = {
#define MR_WORDS_source
#include <msrpc/diag/words.list>
#undef MR_WORDS_source
};
static const char *const words_whose[] = {
#define MR_WORDS_whose
#include <msrpc/diag/words.list>
#undef MR_WORDS_whose
};
static const char *const words_icmp[] = {
#define MR_WORDS_icmp
#include <msrpc/diag/words.list>
#undef MR_WORDS_icmp
};
static const char *const words_when[] = {
#define MR_WORDS_when
#include <msrpc/diag/words.list>
#undef MR_WORDS_when
};
static const char *const words_acked[] = {
#define MR_WORDS_acked
#include <msrpc/diag/words.list>
#undef MR_WORDS_acked
};
static const char *const words_what[] = {
#define MR_WORDS_what
#include <msrpc/diag/words.list>
#undef MR_WORDS_what
};
static const char *const words_clock[] = {
#define MR_WORDS_clock
#include <msrpc/diag/words.list>
#undef MR_WORDS_clock
};
static const char *const words_step[] = {
#define MR_WORDS_step
#include <msrpc/diag/words.list>
#undef MR_WORDS_step
};
static const char *const words_exchange[] = {
#define MR_WORDS_exchange
#include <msrpc/diag/words.list>
#undef MR_WORDS_exchange
};
static const char *const words_channel[] = {
#define MR_WORDS_channel
#include <msrpc/diag/words.list>
#undef MR_WORDS_channel
};
static const char *const words_proof[] = {
#define MR_WORDS_proof
#include <msrpc/diag/words.list>
#undef MR_WORDS_proof
};
#undef MR_WORD

#define WORDS_mr_fact_role words_role, MR_COUNT(words_role)
#define WORDS_mr_source words_source, MR_COUNT(words_source)
#define WORDS_mr_whose words_whose, MR_COUNT(words_whose)
#define WORDS_mr_fact_icmp words_icmp, MR_COUNT(words_icmp)
#define WORDS_mr_when words_when, MR_COUNT(words_when)
#define WORDS_mr_acked words_acked, MR_COUNT(words_acked)
#define WORDS_mr_what words_what, MR_COUNT(words_what)
#define WORDS_mr_clock words_clock, MR_COUNT(words_clock)
#define WORDS_mr_smb_step words_step, MR_COUNT(words_step)
#define WORDS_mr_exchange words_exchange, MR_COUNT(words_exchange)
#define WORDS_mr_channel words_channel, MR_COUNT(words_channel)
#define WORDS_mr_proof words_proof, MR_COUNT(words_proof)
/* one more expansion, so that WORDS_... becomes its two initialisers */
#define FIELD_WORD(member, words) {#member, MR_FIELD_IS_WORD, offsetof(mr_fact, member), words},

#define MR_FIELD_TEXT(constant, member) \
    {#member, MR_FIELD_IS_TEXT, offsetof(mr_fact, member), NULL, 0},
#define MR_FIELD_UINT(constant, member) \
    {#member, MR_FIELD_IS_UINT, offsetof(mr_fact, member), NULL, 0},
#define MR_FIELD_CODE(constant, member) \
    {#member, MR_FIELD_IS_CODE, offsetof(mr_fact, member), NULL, 0},
#define MR_FIELD_WORD(constant, member, words) FIELD_WORD(member, WORDS_##words)
const mr_field_info mr_field_infos[MR_FIELDS] = {
#include <msrpc/diag/fields.list>
};
#undef MR_FIELD_TEXT
#undef MR_FIELD_UINT
#undef MR_FIELD_CODE
#undef MR_FIELD_WORD

_Static_assert(sizeof(enum mr_fact_role) == sizeof(uint32_t), "words are read as numbers");

#define F_(constant) MR_F(constant)
#define NONE 0
static const struct {
    const char *name;
    enum mr_phase phase;
    mr_fields required, optional;
} kinds[MR_FACT_KINDS] = {
    {"", MR_PHASE_NONE, 0, 0},
#define MR_FACT(constant, text, ph, required_fields, optional_fields) \
    {text, MR_PHASE_##ph, required_fields, optional_fields},
#include <msrpc/diag/facts.list>
#undef MR_FACT
};
#undef F_
#undef NONE

static bool kind_ok(enum mr_fact_kind kind) {
    return (unsigned)kind < MR_FACT_KINDS;
}

const char *mr_fact_name(enum mr_fact_kind kind) {
    return kind_ok(kind) ? kinds[kind].name : "";
}

enum mr_phase mr_fact_phase(enum mr_fact_kind kind) {
    return kind_ok(kind) ? kinds[kind].phase : MR_PHASE_NONE;
}

mr_fields mr_fact_fields(enum mr_fact_kind kind) {
    return kind_ok(kind) ? kinds[kind].required | kinds[kind].optional : 0;
}

mr_fields mr_fact_required(enum mr_fact_kind kind) {
    return kind_ok(kind) ? kinds[kind].required : 0;
}

enum mr_fact_kind mr_fact_kind_find(mr_slice name) {
    for (unsigned k = MR_FACT_NONE + 1; k < MR_FACT_KINDS; k++) {
        if (mr_slice_eq(name, mr_slice_str(kinds[k].name)))
            return (enum mr_fact_kind)k;
    }
    return MR_FACT_NONE;
}

int mr_field_find(mr_slice name) {
    for (int f = 0; f < MR_FIELDS; f++) {
        if (mr_slice_eq(name, mr_slice_str(mr_field_infos[f].name)))
            return f;
    }
    return -1;
}

const char *mr_phase_name(enum mr_phase phase) {
    static const char *const names[] = {"", "names", "tcp", "discovery", "communication"};
    return (unsigned)phase < MR_COUNT(names) ? names[phase] : "";
}

enum mr_fact_icmp mr_icmp_class(unsigned family, unsigned type, unsigned code) {
    static const uint8_t v4[] = {MR_ICMP_NET,   MR_ICMP_HOST,  MR_ICMP_HOST,  MR_ICMP_PORT,
                                 MR_ICMP_FRAG,  MR_ICMP_HOST,  MR_ICMP_NET,   MR_ICMP_HOST,
                                 MR_ICMP_HOST,  MR_ICMP_ADMIN, MR_ICMP_ADMIN, MR_ICMP_NET,
                                 MR_ICMP_HOST,  MR_ICMP_ADMIN, MR_ICMP_ADMIN, MR_ICMP_ADMIN};
    static const uint8_t v6[] = {MR_ICMP_NET,  MR_ICMP_ADMIN, MR_ICMP_NET, MR_ICMP_HOST,
                                 MR_ICMP_PORT, MR_ICMP_ADMIN, MR_ICMP_NET};
    if (family == 6) {
        if (type == 2)
            return MR_ICMP_FRAG;
        return type == 1 && code < MR_COUNT(v6) ? (enum mr_fact_icmp)v6[code] : MR_ICMP_UNKNOWN;
    }
    return type == 3 && code < MR_COUNT(v4) ? (enum mr_fact_icmp)v4[code] : MR_ICMP_UNKNOWN;
}

const char *mr_fact_text(const mr_fact *fact, enum mr_field field) {
    const char *text;
    if (mr_field_infos[field].is != MR_FIELD_IS_TEXT)
        return NULL;
    memcpy(&text, (const char *)fact + mr_field_infos[field].offset, sizeof text);
    return text;
}

uint32_t mr_fact_number(const mr_fact *fact, enum mr_field field) {
    uint32_t number;
    if (mr_field_infos[field].is == MR_FIELD_IS_TEXT)
        return 0;
    memcpy(&number, (const char *)fact + mr_field_infos[field].offset, sizeof number);
    return number;
}

void mr_fact_set_text(mr_fact *fact, enum mr_field field, const char *text) {
    memcpy((char *)fact + mr_field_infos[field].offset, &text, sizeof text);
}

void mr_fact_set_number(mr_fact *fact, enum mr_field field, uint32_t number) {
    memcpy((char *)fact + mr_field_infos[field].offset, &number, sizeof number);
}

bool mr_fact_is_set(const mr_fact *fact, enum mr_field field) {
    if (mr_field_infos[field].is == MR_FIELD_IS_TEXT)
        return mr_fact_text(fact, field) != NULL;
    return mr_fact_number(fact, field) != 0;
}

bool mr_fact_knows(const mr_fact *fact, enum mr_field field) {
    mr_fields bit = (mr_fields)1 << field;
    if (mr_field_infos[field].is == MR_FIELD_IS_WORD)
        return mr_fact_number(fact, field) != 0;
    return (mr_fact_required(fact->kind) & bit) != 0 || mr_fact_is_set(fact, field);
}

static int text_cmp(const char *a, const char *b) {
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

int mr_fact_field_cmp(const mr_fact *a, const mr_fact *b, enum mr_field field) {
    if (mr_field_infos[field].is == MR_FIELD_IS_TEXT)
        return text_cmp(mr_fact_text(a, field), mr_fact_text(b, field));
    uint32_t x = mr_fact_number(a, field), y = mr_fact_number(b, field);
    return (x > y) - (x < y);
}

int mr_fact_cmp(const mr_fact *a, const mr_fact *b) {
    int order = (a->kind > b->kind) - (a->kind < b->kind);
    for (unsigned f = 0; !order && f < MR_FIELDS; f++)
        order = mr_fact_field_cmp(a, b, (enum mr_field)f);
    if (!order)
        order = text_cmp(a->check, b->check);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static void write_text(mr_buf *out, const char *text) {
    if (*text && !text[strcspn(text, " \t\"\\=#")]) {
        mr_buf_write_str(out, text);
        return;
    }
    mr_buf_write_u8(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            mr_buf_write_u8(out, '\\');
        mr_buf_write_u8(out, (uint8_t)*text);
    }
    mr_buf_write_u8(out, '"');
}

void mr_fact_write_field(const mr_fact *fact, enum mr_field field, mr_buf *out) {
    const mr_field_info *info = &mr_field_infos[field];
    uint32_t number = mr_fact_number(fact, field);
    switch (info->is) {
    case MR_FIELD_IS_TEXT:
        if (mr_fact_text(fact, field))
            mr_buf_write_str(out, mr_fact_text(fact, field));
        return;
    case MR_FIELD_IS_UINT:
        mr_buf_write_fmt(out, "%u", (unsigned)number);
        return;
    case MR_FIELD_IS_CODE:
        mr_buf_write_fmt(out, number < 0x10000 ? "%u" : "0x%08X", (unsigned)number);
        return;
    case MR_FIELD_IS_WORD:
        mr_buf_write_str(out, number < info->word_count ? info->words[number] : "unknown");
        return;
    }
}

void mr_fact_write(const mr_fact *fact, mr_buf *out) {
    mr_buf_write_str(out, mr_fact_name(fact->kind));
    for (unsigned f = 0; f < MR_FIELDS; f++) {
        enum mr_field field = (enum mr_field)f;
        if (!(mr_fact_required(fact->kind) >> f & 1) && !mr_fact_is_set(fact, field))
            continue;
        mr_buf_write_fmt(out, " %s=", mr_field_infos[f].name);
        if (mr_field_infos[f].is == MR_FIELD_IS_TEXT)
            write_text(out, mr_fact_text(fact, field) ? mr_fact_text(fact, field) : "");
        else
            mr_fact_write_field(fact, field, out);
    }
    if (fact->check) {
        mr_buf_write_str(out, " check=");
        write_text(out, fact->check);
    }
    if (fact->at)
        mr_buf_write_fmt(out, " at=%llu", (unsigned long long)fact->at);
}
