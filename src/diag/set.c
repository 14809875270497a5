/*
 * The sorted view of a set that rules are matched against, and the facts that follow from others:
 * HOST.UP for an address that gave any sign of life, HOST.DOWN for one that was tried and gave
 * none. Deriving them here keeps "does the host answer at all" out of every rule.
 */
#include "diag_private.h"

#include <stdlib.h>

static int cmp_canonical(const void *a, const void *b) {
    return mr_fact_cmp(*(const mr_fact *const *)a, *(const mr_fact *const *)b);
}

static int cmp_address(const void *a, const void *b) {
    const mr_fact *x = *(const mr_fact *const *)a, *y = *(const mr_fact *const *)b;
    int order = mr_fact_field_cmp(x, y, MR_FIELD_ADDRESS);
    return order ? order : mr_fact_cmp(x, y);
}

/* Proof that something at the address answers: 2 for a working conversation, 1 for a refusal or an
 * echo, 0 for no proof. */
static int life(const mr_fact *fact) {
    if (fact->kind == MR_FACT_TCP_OPEN || fact->kind == MR_FACT_TCP_RESET ||
        fact->kind == MR_FACT_TCP_CLOSED || fact->kind == MR_FACT_EPM_BOUND ||
        fact->kind == MR_FACT_RPC_BOUND)
        return 2;
    if (fact->kind == MR_FACT_HOST_ECHO)
        return 1;
    if (fact->kind == MR_FACT_TCP_REFUSED)
        return fact->whose == MR_WHOSE_HOST ||
               (fact->sender && strcmp(fact->sender, fact->address) == 0);
    return 0;
}

static bool death(const mr_fact *fact) {
    if (fact->kind == MR_FACT_TCP_UNREACHABLE)
        return fact->icmp != MR_ICMP_PORT && fact->icmp != MR_ICMP_FRAG;
    return fact->kind == MR_FACT_TCP_SILENT ||
           fact->kind == MR_FACT_LOCAL_NO_ROUTE || fact->kind == MR_FACT_LOCAL_NO_NEIGHBOUR ||
           fact->kind == MR_FACT_LOCAL_NO_SOURCE;
}

/* Looks at the @n facts of one address; fills @derived and returns true when something follows. */
static bool derive(const mr_fact *const *facts, size_t n, mr_fact *derived) {
    const mr_fact *alive = NULL, *dead = NULL;
    const char *name = NULL; /* that DNS leads here */
    uint32_t failures = 0;
    for (size_t i = 0; i < n; i++) {
        if (facts[i]->kind == MR_FACT_NAME_RESOLVED && facts[i]->source == MR_SOURCE_DNS)
            name = facts[i]->name;
        if (life(facts[i]) > (alive ? life(alive) : 0))
            alive = facts[i];
        if (death(facts[i])) {
            dead = dead ? dead : facts[i];
            failures++;
        }
    }
    const mr_fact *proof = alive ? alive : dead;
    if (!proof)
        return false;
    *derived = (mr_fact){.kind = alive ? MR_FACT_HOST_UP : MR_FACT_HOST_DOWN,
                         .check = proof->check,
                         .at = proof->at,
                         .address = proof->address,
                         .name = alive ? NULL : name,
                         .port = proof->port,
                         .family = strchr(proof->address, ':') ? 6 : 4,
                         .count = alive ? 0 : failures};
    return true;
}

static int derive_all(mr_diag *diag, const mr_fact **facts, size_t n, size_t *countp) {
    qsort(facts, n, sizeof *facts, cmp_address);
    for (size_t i = 0, end; i < n; i = end) {
        mr_fact derived;
        for (end = i + 1; end < n; end++) {
            if (mr_fact_field_cmp(facts[i], facts[end], MR_FIELD_ADDRESS) != 0)
                break;
        }
        if (!facts[i]->address || !derive(facts + i, end - i, &derived))
            continue;
        mr_fact *copy = MR_ARENA_NEW(diag->arena, mr_fact);
        if (!copy)
            return MR_ERR_MEMORY;
        *copy = derived;
        diag->sorted[(*countp)++] = copy;
    }
    return 0;
}

int mr_diag_sort_facts(mr_diag *diag) {
    size_t n = 0, count;
    /* at most one derived fact for each fact */
    diag->sorted = mr_arena_get(diag->arena, 2 * diag->fact_count, sizeof *diag->sorted);
    const mr_fact **by_address = mr_arena_get(diag->arena, diag->fact_count, sizeof *by_address);
    if (!diag->sorted || !by_address)
        return MR_ERR_MEMORY;
    for (const mr_diag_fact *node = diag->facts; node; node = node->older)
        diag->sorted[n++] = &node->fact;
    count = n;
    memcpy(by_address, diag->sorted, n * sizeof *by_address);
    int rc = derive_all(diag, by_address, n, &count);
    if (rc)
        return rc;
    qsort(diag->sorted, count, sizeof *diag->sorted, cmp_canonical);
    diag->sorted_count = count;
    for (size_t k = 0, i = 0; k <= MR_FACT_KINDS; k++) {
        while (i < count && diag->sorted[i]->kind < k)
            i++;
        diag->kind_start[k] = i;
    }
    return 0;
}
