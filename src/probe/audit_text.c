/*
 * What the answers of the audit are made of: strings, SIDs (MS-DTYP 2.4.2), time spans, items and
 * values, all *in @arena*.
 */
#include <stdio.h>

#include "audit_private.h"

#define ITEMS_FIRST 64

static const char *keep(struct audit_run *run, const uint16_t *units, size_t count) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, 256 << 10);
    mr_utf16_decode(units, count, &buf);
    const char *text = mr_buf_error(&buf) ? NULL : mr_arena_add_str(run->arena, mr_buf_slice(&buf));
    mr_buf_deinit(&buf);
    run->no_memory |= !text;
    return text;
}

const char *audit_text(struct audit_run *run, const mr_ms_dtyp_RPC_UNICODE_STRING *s) {
    return s && s->Buffer && s->Length >= 2 ? keep(run, s->Buffer, s->Length / 2) : NULL;
}

const char *audit_wide(struct audit_run *run, const uint16_t *s) {
    size_t count = 0;

    while (s && s[count])
        count++;
    return count ? keep(run, s, count) : NULL;
}

const char *audit_sid_text(struct audit_run *run, const mr_ms_dtyp_RPC_SID *sid) {
    char text[192];
    uint64_t authority = 0;

    if (!sid)
        return NULL;
    for (size_t i = 0; i < 6; i++)
        authority = authority << 8 | sid->IdentifierAuthority.Value[i];
    int at = snprintf(text, sizeof text, "S-%u-%llu", sid->Revision,
                      (unsigned long long)authority);
    for (unsigned i = 0; i < sid->SubAuthorityCount && i < 15; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "-%u", sid->SubAuthority[i]);
    const char *kept = mr_arena_add_str(run->arena, mr_slice_str(text));
    run->no_memory |= !kept;
    return kept;
}

mr_ms_dtyp_RPC_SID *audit_sid_copy(struct audit_run *run, const mr_ms_dtyp_RPC_SID *sid,
                                   bool has_rid, uint32_t rid) {
    unsigned count = sid->SubAuthorityCount;
    mr_ms_dtyp_RPC_SID *copy = MR_ARENA_NEW(run->arena, mr_ms_dtyp_RPC_SID);

    if (count > 14)
        return NULL;
    if (copy)
        copy->SubAuthority = mr_arena_get(run->arena, count + 1, sizeof *copy->SubAuthority);
    if (!copy || !copy->SubAuthority) {
        run->no_memory = true;
        return NULL;
    }
    copy->Revision = sid->Revision;
    copy->IdentifierAuthority = sid->IdentifierAuthority;
    memcpy(copy->SubAuthority, sid->SubAuthority, count * sizeof *copy->SubAuthority);
    copy->SubAuthority[count] = rid;
    copy->SubAuthorityCount = (uint8_t)(count + has_rid);
    return copy;
}

const char *audit_sid_name(const char *sid) {
    /* MS-DTYP 2.4.2.4: those whose membership opens a group to everybody, or nearly so */
    static const struct { const char *sid, *name; } known[] = {
        {"S-1-1-0", "Everyone"},
        {"S-1-5-7", "ANONYMOUS LOGON"},
        {"S-1-5-9", "ENTERPRISE DOMAIN CONTROLLERS"},
        {"S-1-5-11", "Authenticated Users"},
        {"S-1-5-4", "INTERACTIVE"},
        {"S-1-5-2", "NETWORK"},
        {"S-1-5-17", "IUSR"},
        {"S-1-5-18", "SYSTEM"},
        {"S-1-5-19", "LOCAL SERVICE"},
        {"S-1-5-20", "NETWORK SERVICE"},
        {"S-1-5-32-544", "Administrators"},
        {"S-1-5-32-545", "Users"},
        {"S-1-5-32-546", "Guests"},
    };

    for (size_t i = 0; sid && i < MR_COUNT(known); i++)
        if (strcmp(known[i].sid, sid) == 0)
            return known[i].name;
    return NULL;
}

/* Items lie in one array that doubles: its capacity follows from its count. */
mr_audit_item *audit_add_item(struct audit_run *run, mr_audit_fact *fact,
                              const mr_audit_item *item) {
    size_t n = fact->item_count;

    if (n >= MR_AUDIT_ITEMS_MAX) {
        fact->cut = true;
        return NULL;
    }
    if (n == 0 || (n >= ITEMS_FIRST && (n & (n - 1)) == 0)) {
        mr_audit_item *more = mr_arena_get(run->arena, n ? n * 2 : ITEMS_FIRST, sizeof *more);
        if (!more) {
            run->no_memory = true;
            return NULL;
        }
        if (n)
            memcpy(more, fact->items, n * sizeof *more);
        fact->items = more;
    }
    fact->items[n] = *item;
    fact->item_count++;
    return &fact->items[n];
}

static mr_audit_value *new_value(mr_audit_fact *fact, const char *key, const char *title,
                                 enum mr_audit_value_kind kind) {
    mr_audit_value *value = &fact->values[fact->value_count];

    if (fact->value_count == MR_AUDIT_VALUES)
        return NULL;
    fact->value_count++;
    *value = (mr_audit_value){.key = key, .title = title, .kind = kind};
    return value;
}

void audit_add_text(mr_audit_fact *fact, const char *key, const char *title, const char *text) {
    mr_audit_value *value = text && *text ? new_value(fact, key, title, MR_AUDIT_TEXT) : NULL;

    if (value)
        value->text = text;
}

void audit_add_number(mr_audit_fact *fact, const char *key, const char *title,
                      enum mr_audit_value_kind kind, uint64_t number) {
    mr_audit_value *value = new_value(fact, key, title, kind);

    if (value)
        value->number = number;
}

/* "Never" is the smallest number of ticks (MS-SAMR 3.1.1.6) or the largest; Samba counts the
 * seconds of its own "never", 2^32-1, in ticks. */
void audit_add_span(mr_audit_fact *fact, const char *key, const char *title, int64_t ticks) {
    mr_audit_value *value = new_value(fact, key, title, MR_AUDIT_SECONDS);

    if (!value)
        return;
    uint64_t positive = ticks < 0 ? 0 - (uint64_t)ticks : (uint64_t)ticks;
    bool never = positive >= INT64_MAX || positive / 10000000 == UINT32_MAX;
    value->number = never ? MR_AUDIT_NEVER : positive / 10000000;
}
