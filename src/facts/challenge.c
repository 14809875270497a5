/*
 * What a host tells anybody who begins NTLM as facts: whether it is the host that was meant, and
 * how far its clock is from ours.
 */
#include <msrpc/facts.h>

#include <string.h>

#define NETBIOS_NAME 15 /* characters of a computer's name that count (MS-NBTE 2.2.1) */

static mr_slice first_label(mr_slice name) {
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] == '.')
            return mr_slice_of(name.data, i);
    return name;
}

static mr_slice without_dot(const char *name) {
    mr_slice s = mr_slice_str(name);

    if (s.len && s.data[s.len - 1] == '.')
        s.len--;
    return s;
}

bool mr_facts_is_other(const char *asked, const char *computer, const char *dns_computer) {
    mr_slice want = without_dot(asked), label = first_label(want), own = without_dot(dns_computer);
    mr_slice netbios = mr_slice_of(label.data, label.len < NETBIOS_NAME ? label.len : NETBIOS_NAME);

    if (mr_slice_eq_nocase(netbios, mr_slice_str(computer)))
        return false;
    if (own.len == 0)
        return *computer != '\0';
    /* a name without dots stands for any domain */
    bool whole = label.len < want.len && first_label(own).len < own.len;
    return !mr_slice_eq_nocase(whole ? own : first_label(own), whole ? want : label);
}

const char *mr_facts_best_name(const char *computer, const char *dns_computer) {
    return !*computer || strchr(dns_computer, '.') ? dns_computer : computer;
}

void mr_facts_set_clock(mr_fact *fact, int64_t ahead) {
    uint64_t apart = ahead < 0 ? 0 - (uint64_t)ahead : (uint64_t)ahead;

    fact->seconds = apart > UINT32_MAX ? UINT32_MAX : (uint32_t)apart;
    fact->clock = ahead > 0 ? MR_CLOCK_BEHIND : MR_CLOCK_AHEAD;
}

int mr_facts_add_clock(mr_diag *diag, const char *check, const char *address, int64_t ahead) {
    mr_fact fact = {.kind = MR_FACT_CLOCK_DIFFERS, .check = check, .address = address};

    if (ahead >= -MR_CLOCK_TOLERANCE && ahead <= MR_CLOCK_TOLERANCE)
        return 0;
    mr_facts_set_clock(&fact, ahead);
    return mr_diag_add_fact(diag, &fact);
}

int mr_facts_add_challenge(mr_diag *diag, const mr_challenge_seen *s) {
    int r = 0;

    if (s->asked && mr_facts_is_other(s->asked, s->computer, s->dns_computer))
        r = mr_fact_add(diag, MR_FACT_NAME_IDENTITY_DIFFERS, s->check, .at = s->at,
                        .address = s->address, .name = s->asked,
                        .other = mr_facts_best_name(s->computer, s->dns_computer));
    if (r == 0 && s->has_clock)
        r = mr_facts_add_clock(diag, s->check, s->address, s->ahead);
    return r;
}
