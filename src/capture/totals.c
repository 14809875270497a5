/*
 * What is counted over a whole capture: codes, methods, and times in logarithmic classes. Methods
 * are found through a table of slots with open addressing; rows never move within it but by growth,
 * so they are named by their number.
 */
#include "totals.h"

#include <stdlib.h>

#define METHODS_MAX 16384
#define SLOTS_PER_ROW 2
#define STEPS 8 /* classes for each doubling */
#define STEP_BITS 3

/* ---- times ---- */

static uint32_t class_of(uint32_t us) {
    if (us < STEPS)
        return us;
    uint32_t top = 31 - (uint32_t)__builtin_clz(us);
    uint32_t class = (top - STEP_BITS + 1) * STEPS + ((us >> (top - STEP_BITS)) & (STEPS - 1));

    return class < MR_TIMES_CLASSES ? class : MR_TIMES_CLASSES - 1;
}

/* The middle of a class. */
static uint32_t time_of(uint32_t class) {
    if (class < STEPS)
        return class;
    uint32_t shift = class / STEPS - 1;
    uint64_t low = (uint64_t)(STEPS + class % STEPS) << shift;

    return (uint32_t)(low + ((uint64_t)1 << shift) / 2);
}

void mr_times_add(mr_times *times, uint32_t us) {
    if (times->count++ == 0 || us < times->min_us)
        times->min_us = us;
    if (us > times->max_us)
        times->max_us = us;
    times->class[class_of(us)]++;
}

void mr_times_merge(mr_times *into, const mr_times *from) {
    if (from->count == 0)
        return;
    if (into->count == 0 || from->min_us < into->min_us)
        into->min_us = from->min_us;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    into->count += from->count;
    for (int i = 0; i < MR_TIMES_CLASSES; i++)
        into->class[i] += from->class[i];
}

uint32_t mr_times_get(const mr_times *times, uint32_t permille) {
    uint64_t want = (times->count * permille + 999) / 1000, have = 0;

    if (times->count == 0)
        return 0;
    for (uint32_t i = 0; i < MR_TIMES_CLASSES; i++) {
        have += times->class[i];
        if (have < want || have == 0)
            continue;
        uint32_t us = time_of(i);
        us = us < times->min_us ? times->min_us : us;
        return us > times->max_us ? times->max_us : us;
    }
    return times->max_us;
}

/* ---- codes ---- */

static void add_codes(mr_codes *codes, uint32_t code, uint64_t count) {
    for (uint32_t i = 0; i < codes->count; i++) {
        if (codes->rows[i].code != code)
            continue;
        codes->rows[i].count += count;
        return;
    }
    if (codes->count == MR_CODES_MAX) {
        codes->others += count;
        return;
    }
    codes->rows[codes->count].code = code;
    codes->rows[codes->count++].count = count;
}

void mr_codes_add(mr_codes *codes, uint32_t code) {
    add_codes(codes, code, 1);
}

static void merge_codes(mr_codes *into, const mr_codes *from) {
    for (uint32_t i = 0; i < from->count; i++)
        add_codes(into, from->rows[i].code, from->rows[i].count);
    into->others += from->others;
}

static int by_code(const void *a, const void *b) {
    const mr_code_count *x = a, *y = b;
    return x->code < y->code ? -1 : x->code > y->code;
}

static void sort_codes(mr_codes *codes) {
    qsort(codes->rows, codes->count, sizeof codes->rows[0], by_code);
}

/* ---- methods ---- */

static uint32_t hash_of(const mr_uuid *interface, uint16_t version, uint16_t opnum) {
    uint64_t parts[2];

    _Static_assert(sizeof parts == sizeof *interface, "a UUID is 16 octets");
    memcpy(parts, interface, sizeof parts);
    uint64_t h = (parts[0] ^ parts[1] ^ ((uint64_t)version << 16 | opnum)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

static uint32_t *slot_of(const mr_totals *t, const mr_uuid *interface, uint16_t version,
                         uint16_t opnum) {
    uint32_t mask = (uint32_t)(t->method_room * SLOTS_PER_ROW) - 1;
    uint32_t i = hash_of(interface, version, opnum) & mask;

    for (;; i = (i + 1) & mask) {
        uint32_t row = t->method_slots[i];
        if (row == 0)
            break;
        const mr_method_calls *m = &t->methods[row - 1];
        if (m->opnum == opnum && m->version == version && mr_uuid_eq(&m->interface, interface))
            break;
    }
    return &t->method_slots[i];
}

static bool grow(mr_totals *t) {
    size_t room = t->method_room ? t->method_room * 2 : 16;
    mr_method_calls *rows = reallocarray(t->methods, room, sizeof *rows);

    if (!rows)
        return false;
    t->methods = rows;
    uint32_t *slots = calloc(room * SLOTS_PER_ROW, sizeof *slots);
    if (!slots)
        return false;
    free(t->method_slots);
    t->method_slots = slots;
    t->method_room = room;
    for (size_t i = 0; i < t->method_count; i++)
        *slot_of(t, &rows[i].interface, rows[i].version, rows[i].opnum) = (uint32_t)i + 1;
    return true;
}

int mr_totals_find_method(mr_totals *t, const mr_uuid *interface, uint16_t version,
                          uint16_t opnum, uint32_t *rowp) {
    if (t->method_count == t->method_room && !grow(t))
        return MR_ERR_MEMORY;
    uint32_t *slot = slot_of(t, interface, version, opnum);
    if (*slot == 0) {
        if (t->method_count == METHODS_MAX)
            return MR_ERR_LIMIT;
        t->methods[t->method_count] = (mr_method_calls){
            .interface = *interface, .version = version, .opnum = opnum};
        *slot = (uint32_t)++t->method_count;
    }
    *rowp = *slot - 1;
    return 0;
}

static int merge_method(mr_totals *into, const mr_method_calls *from) {
    uint32_t row;
    int r = mr_totals_find_method(into, &from->interface, from->version, from->opnum, &row);

    if (r < 0)
        return r == MR_ERR_LIMIT ? 0 : r;
    mr_method_calls *m = &into->methods[row];
    m->calls += from->calls;
    m->faults += from->faults;
    m->unanswered += from->unanswered;
    m->sent += from->sent;
    m->received += from->received;
    mr_times_merge(&m->times, &from->times);
    return 0;
}

static int by_method(const void *a, const void *b) {
    const mr_method_calls *x = a, *y = b;
    int diff = memcmp(&x->interface, &y->interface, sizeof x->interface);

    if (diff == 0)
        diff = (int)x->version - (int)y->version;
    return diff != 0 ? diff : (int)x->opnum - (int)y->opnum;
}

/* ---- all of it ---- */

int mr_totals_merge(mr_totals *into, const mr_totals *from) {
    into->flows += from->flows;
    into->datagrams += from->datagrams;
    into->gaps += from->gaps;
    into->missing += from->missing;
    for (int i = 0; i < MR_PTYPES; i++)
        into->pdus[i] += from->pdus[i];
    into->pdus_other += from->pdus_other;
    into->damaged += from->damaged;
    into->calls += from->calls;
    into->answered += from->answered;
    into->unanswered += from->unanswered;
    merge_codes(&into->faults, &from->faults);
    merge_codes(&into->naks, &from->naks);
    merge_codes(&into->rejections, &from->rejections);
    merge_codes(&into->smb1, &from->smb1);
    merge_codes(&into->smb2, &from->smb2);
    merge_codes(&into->nbss, &from->nbss);
    merge_codes(&into->kerberos, &from->kerberos);
    for (int i = 0; i < 4; i++)
        into->ntlm[i] += from->ntlm[i];
    into->tls_alerts += from->tls_alerts;
    into->smb_messages[0] += from->smb_messages[0];
    into->smb_messages[1] += from->smb_messages[1];
    for (size_t i = 0; i < from->method_count; i++) {
        int r = merge_method(into, &from->methods[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

void mr_totals_sort(mr_totals *t) {
    sort_codes(&t->faults);
    sort_codes(&t->naks);
    sort_codes(&t->rejections);
    sort_codes(&t->smb1);
    sort_codes(&t->smb2);
    sort_codes(&t->nbss);
    sort_codes(&t->kerberos);
    if (t->method_count > 1)
        qsort(t->methods, t->method_count, sizeof *t->methods, by_method);
    free(t->method_slots); /* they name places before the sorting */
    t->method_slots = NULL;
    t->method_room = t->method_count;
}

void mr_totals_deinit(mr_totals *t) {
    free(t->methods);
    free(t->method_slots);
    *t = (mr_totals){0};
}
