/*
 * Wanted ranges of dynamic ports as facts: the traps of Rpc\Internet\Ports (KB154596) and of netsh
 * dynamicport (KB929851).
 */
#include <msrpc/facts.h>

#include <stdio.h>

#include <msrpc/base/codes.h>

#define RANGE_TEXT 32 /* octets of "65535-65535", and of two numbers of 32 bits */

static void range_text(char out[RANGE_TEXT], uint32_t first, uint64_t last) {
    snprintf(out, RANGE_TEXT, "%u-%llu", first, (unsigned long long)last);
}

/* Services with one port of their own; a range in the table is where RPC servers are anyway. */
static int add_known(mr_diag *diag, const mr_ranges *ranges, unsigned protocols,
                     const char *check) {
    size_t count;
    const mr_port_info *all = mr_port_all(&count);
    int r = 0;

    for (size_t i = 0; !r && i < count; i++) {
        char text[128];
        if (all[i].first != all[i].last || !(all[i].protocols & protocols) ||
            !mr_ranges_find(ranges, all[i].first))
            continue;
        snprintf(text, sizeof text, "%u %s", all[i].first, mr_port_name(&all[i]));
        r = mr_fact_add(diag, MR_FACT_RANGE_KNOWN, check, .port = all[i].first, .other = text);
    }
    return r;
}

int mr_facts_add_ranges(mr_diag *diag, const mr_ranges *ranges, unsigned protocols,
                        const char *check) {
    mr_port_range widest = mr_ranges_get_widest(ranges);
    uint32_t lowest = UINT16_MAX, count = mr_range_count(widest);
    char text[RANGE_TEXT];

    if (ranges->count == 0)
        return 0;
    for (size_t i = 0; i < ranges->count; i++)
        if (ranges->items[i].first < lowest)
            lowest = ranges->items[i].first;
    int r = mr_fact_add(diag, MR_FACT_RANGE_SET, check, .port = lowest,
                        .count = mr_ranges_count(ranges));
    if (!r)
        r = add_known(diag, ranges, protocols, check);
    if (!r && ranges->count > 1) {
        range_text(text, widest.first, widest.last);
        r = mr_fact_add(diag, MR_FACT_RANGE_SPLIT, check, .count = (uint32_t)ranges->count,
                        .other = text);
    }
    if (!r && count < MR_NETSH_NUM_MIN) {
        uint32_t start, num;
        mr_netsh_encode(widest, &start, &num);
        range_text(text, start, (uint64_t)start + num - 1);
        r = mr_fact_add(diag, MR_FACT_RANGE_NETSH_MINIMUM, check, .port = widest.first,
                        .count = count, .other = text);
    }
    return r;
}

int mr_facts_add_bad_range(mr_diag *diag, const mr_range_bad *bad, const char *check) {
    char text[128];

    snprintf(text, sizeof text, "entry %zu \"%.*s\" (%s)", bad->number,
             (int)(bad->entry.len < 40 ? bad->entry.len : 40),
             bad->entry.len ? (const char *)bad->entry.data : "", mr_range_fault_text(bad->fault));
    return mr_fact_add(diag, MR_FACT_RANGE_BAD_ENTRY, check, .count = (uint32_t)bad->number,
                       .other = text);
}

/* Whether num was likely meant as the last port: it could be one and looks like one, and what it
 * really makes does not end where a number of ports would have been counted to. */
static bool is_end(uint32_t start, uint32_t num, uint64_t end) {
    bool looks = num == UINT16_MAX || num % 100 == 0 || num % 100 == 99;
    return num > start && num <= UINT16_MAX && end != UINT16_MAX && looks;
}

int mr_facts_add_netsh(mr_diag *diag, uint32_t start, uint32_t num, const char *check) {
    uint64_t end = (uint64_t)start + num - 1;
    char text[RANGE_TEXT + 32] = "";
    int r = 0;

    if (start < MR_NETSH_START_MIN)
        snprintf(text, sizeof text, "it begins below %d", MR_NETSH_START_MIN);
    else if (num < MR_NETSH_NUM_MIN)
        snprintf(text, sizeof text, "it has fewer than %d ports", MR_NETSH_NUM_MIN);
    else if (end > UINT16_MAX)
        snprintf(text, sizeof text, "it would end at %llu", (unsigned long long)end);
    bool refused = *text != '\0';
    if (refused)
        r = mr_fact_add(diag, MR_FACT_RANGE_NETSH_REFUSED, check, .port = start, .count = num,
                        .other = text);
    if (r || !is_end(start, num, end))
        return r ? r : refused;
    range_text(text, start, end);
    r = mr_fact_add(diag, MR_FACT_RANGE_NUM_AS_END, check, .port = start, .count = num,
                    .other = text, .wanted = num - start + 1);
    return r ? r : refused;
}
