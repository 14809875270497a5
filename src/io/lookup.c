/*
 * The ordinary lookup of a host's addresses: a literal is itself, the hosts file comes before DNS
 * (hosts(5)), and DNS is asked for A and AAAA at the same time for each candidate of the search
 * list. When one family has addresses the other gets a moment more, not its whole timeout
 * (RFC 8305 3).
 */
#include <msrpc/io/resolver.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OTHER_FAMILY_WAIT (50 * MR_MSEC)
#define LINE 4096

/* The next word of a hosts line, moving @line past it; empty at the end or at a comment. */
static mr_slice take_word(const char **line) {
    const char *start = *line + strspn(*line, " \t\r\n");
    size_t len = strcspn(start, " \t\r\n#");

    *line = start + len;
    return mr_slice_of(start, len);
}

static bool line_names(const char *line, const char *name) {
    mr_slice word;

    while ((word = take_word(&line)).len > 0)
        if (mr_slice_eq_nocase(word, mr_slice_str(name)))
            return true;
    return false;
}

static bool has_addr(const mr_addr *addrs, size_t count, const mr_addr *addr) {
    for (size_t i = 0; i < count; i++)
        if (mr_addr_same_host(&addrs[i], addr))
            return true;
    return false;
}

/* Reads on to the next line that gives @name an address of @family; false at the end. */
static bool next_line(FILE *file, const char *name, enum mr_family family, mr_hosts_entry *entry) {
    char line[LINE];

    while (fgets(line, sizeof line, file)) {
        const char *at = line;
        /* the rest of a line longer than the buffer is read as one of its own: no new number */
        entry->line += strchr(line, '\n') != NULL || feof(file);
        if (mr_addr_decode(take_word(&at), 0, &entry->addr) != 0)
            continue;
        if (family != MR_FAMILY_ANY && entry->addr.family != family)
            continue;
        if (line_names(at, name))
            return true;
    }
    return false;
}

int mr_hosts_find_lines(const char *path, const char *name, enum mr_family family,
                        mr_hosts_entry *entries, size_t max, size_t *countp) {
    mr_hosts_entry entry = {.line = 0};
    size_t count = 0;
    FILE *file = fopen(path, "re");

    if (!file)
        return MR_ERR_SYSTEM;
    while (count < max && next_line(file, name, family, &entry))
        entries[count++] = entry;
    bool broken = ferror(file);
    fclose(file);
    if (broken)
        return MR_ERR_SYSTEM;
    *countp = count;
    return 0;
}

int mr_hosts_find(const char *path, const char *name, enum mr_family family, mr_addr *addrs,
                  size_t max, size_t *countp) {
    mr_hosts_entry entry = {.line = 0};
    size_t count = 0;
    FILE *file = fopen(path, "re");

    if (!file)
        return MR_ERR_SYSTEM;
    while (count < max && next_line(file, name, family, &entry))
        if (!has_addr(addrs, count, &entry.addr))
            addrs[count++] = entry.addr;
    bool broken = ferror(file);
    fclose(file);
    if (broken)
        return MR_ERR_SYSTEM;
    *countp = count;
    return 0;
}

int mr_nsswitch_find(const char *path, const char *database, char *out, size_t size) {
    char line[LINE];
    size_t len = strlen(database);
    int r = MR_ERR_NOT_FOUND;
    FILE *file = fopen(path, "re");

    if (!file)
        return MR_ERR_SYSTEM;
    while (r != 0 && fgets(line, sizeof line, file)) {
        const char *at = line + strspn(line, " \t");
        if (strncmp(at, database, len) != 0 || at[len] != ':')
            continue;
        at += len + 1;
        size_t used = 0;
        mr_slice word;
        out[0] = '\0';
        while (used < size && (word = take_word(&at)).len > 0)
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? " " : "",
                                     (int)word.len, (const char *)word.data);
        r = 0;
    }
    fclose(file);
    return r;
}

/* The lookup */

static void lookup_finish(mr_lookup *lookup) {
    mr_dns_query_deinit(&lookup->a);
    mr_dns_query_deinit(&lookup->aaaa);
    mr_timer_deinit(&lookup->timer);
    lookup->open = 0;
    for (size_t i = 0; i < lookup->count6 && lookup->count < MR_LOOKUP_ADDRS; i++)
        lookup->addrs[lookup->count++] = lookup->found6[i];
    lookup->count6 = 0;
    for (size_t i = 0; i < lookup->count; i++)
        lookup->addrs[i].port = lookup->port;
    lookup->done(lookup->user, lookup->count > 0 ? 0 : lookup->error.code, &lookup->error);
}

static enum mr_dns_outcome lookup_outcome(const mr_lookup *lookup) {
    if (lookup->family == MR_FAMILY_IPV6)
        return lookup->outcome_aaaa;
    if (lookup->family == MR_FAMILY_IPV4 || lookup->outcome_a != MR_DNS_OUTCOME_NXDOMAIN)
        return lookup->outcome_a;
    return lookup->outcome_aaaa;
}

/* Why the present candidate failed. Of several candidates the first is told, which is the name as
 * written where it has dots; but one that exists without an address says more than one that does
 * not exist. */
static void lookup_note(mr_lookup *lookup, const mr_dns_answer *answer) {
    enum mr_dns_outcome outcome = lookup_outcome(lookup);
    char server[MR_ADDR_TEXT];
    uint32_t rcode = answer && answer->message ? answer->message->rcode : 0;

    if (lookup->error.code && (lookup->error.peer != MR_DNS_NXDOMAIN ||
                               outcome == MR_DNS_OUTCOME_NXDOMAIN))
        return;
    mr_addr_port_text(answer ? &answer->server : &lookup->server, server);
    mr_fail_peer(&lookup->error, MR_ERR_NAME, MR_FLOOR_IO, MR_PEER_DNS_RCODE, rcode,
                 "%.100s cannot be resolved: %s (DNS server %s)", lookup->name,
                 mr_dns_outcome_name(outcome), server);
}

static void lookup_next(mr_lookup *lookup, const mr_dns_answer *answer);

static void lookup_take(mr_lookup *lookup, const mr_dns_answer *answer, uint16_t type) {
    const mr_dns_message *m = answer->message;

    for (size_t i = 0; m && i < m->answer_count; i++) {
        mr_addr addr = {0};
        if (m->answers[i].type != type)
            continue;
        if (type == MR_DNS_A && m->answers[i].data.len == 4 &&
            lookup->count < MR_LOOKUP_ADDRS / 2) {
            addr.family = MR_FAMILY_IPV4;
            memcpy(addr.ip, m->answers[i].u.ipv4, 4);
            lookup->addrs[lookup->count++] = addr;
        } else if (type == MR_DNS_AAAA && m->answers[i].data.len == 16 &&
                   lookup->count6 < MR_COUNT(lookup->found6)) {
            addr.family = MR_FAMILY_IPV6;
            memcpy(addr.ip, m->answers[i].u.ipv6, 16);
            lookup->found6[lookup->count6++] = addr;
        }
    }
}

static void lookup_answered(mr_lookup *lookup, const mr_dns_answer *answer) {
    bool found = lookup->count + lookup->count6 > 0;

    lookup->open--;
    if (lookup->open > 0) {
        if (found)
            mr_timer_set(&lookup->timer, mr_clock_now() + OTHER_FAMILY_WAIT);
        return;
    }
    if (found)
        lookup_finish(lookup);
    else
        lookup_next(lookup, answer);
}

static void on_a(void *user, const mr_dns_answer *answer) {
    mr_lookup *lookup = user;

    lookup->outcome_a = answer->outcome;
    lookup_take(lookup, answer, MR_DNS_A);
    lookup_answered(lookup, answer);
}

static void on_aaaa(void *user, const mr_dns_answer *answer) {
    mr_lookup *lookup = user;

    lookup->outcome_aaaa = answer->outcome;
    lookup_take(lookup, answer, MR_DNS_AAAA);
    lookup_answered(lookup, answer);
}

/* Asks about the present candidate. */
static int lookup_ask(mr_lookup *lookup) {
    mr_dns_ask ask = {.name = lookup->name, .server = lookup->server, .timeout = lookup->timeout};
    int r = 0;

    lookup->source = MR_LOOKUP_DNS;
    if (lookup->family != MR_FAMILY_IPV6) {
        ask.type = MR_DNS_A;
        r = mr_dns_query_ask(&lookup->a, &ask, &lookup->error);
        lookup->open += r == 0;
    }
    if (r == 0 && lookup->family != MR_FAMILY_IPV4) {
        ask.type = MR_DNS_AAAA;
        r = mr_dns_query_ask(&lookup->aaaa, &ask, &lookup->error);
        lookup->open += r == 0;
    }
    return r;
}

/* Another candidate is worth asking only where the server did answer for this one. */
static bool server_answers(enum mr_dns_outcome outcome) {
    return outcome != MR_DNS_OUTCOME_TIMEOUT && outcome != MR_DNS_OUTCOME_UNREACHABLE &&
           outcome != MR_DNS_OUTCOME_NO_SERVER && outcome != MR_DNS_OUTCOME_FAILED;
}

/* Goes to candidate number lookup->candidate. 1 when there is none. */
static int lookup_candidate(mr_lookup *lookup) {
    const mr_dns_config *config;
    int r = mr_resolver_get_config(lookup->resolver, &config, &lookup->error);

    if (r != 0)
        return r;
    if (mr_dns_config_get_candidate(config, lookup->host, lookup->candidate, lookup->name) != 0)
        return 1;
    lookup->candidate++;
    return lookup_ask(lookup);
}

static void lookup_next(mr_lookup *lookup, const mr_dns_answer *answer) {
    int r = 1;

    if (lookup->candidate > 0)
        lookup_note(lookup, answer);
    if (server_answers(lookup_outcome(lookup)))
        r = lookup_candidate(lookup);
    if (r > 0 && lookup->error.code == 0)
        lookup_note(lookup, answer); /* there was no candidate at all */
    if (r != 0)
        lookup_finish(lookup); /* lookup->error says it */
}

static void on_timer(void *user) {
    mr_lookup *lookup = user;

    /* the beginning, unless addresses are there: then it is the end */
    if (lookup->count + lookup->count6 > 0)
        lookup_finish(lookup);
    else
        lookup_next(lookup, NULL);
}

void mr_lookup_init(mr_lookup *lookup, mr_resolver *resolver,
                    void (*done)(void *user, int result, const mr_error *err), void *user) {
    *lookup = (mr_lookup){.resolver = resolver, .done = done, .user = user,
                          .error = MR_ERROR_INIT};
    mr_dns_query_init(&lookup->a, resolver, on_a, lookup);
    mr_dns_query_init(&lookup->aaaa, resolver, on_aaaa, lookup);
    mr_timer_init(&lookup->timer, resolver->loop, on_timer, lookup);
}

void mr_lookup_deinit(mr_lookup *lookup) {
    mr_dns_query_deinit(&lookup->a);
    mr_dns_query_deinit(&lookup->aaaa);
    mr_timer_deinit(&lookup->timer);
    lookup->open = 0;
}

/* What needs no DNS. */
static void lookup_locally(mr_lookup *lookup) {
    mr_addr addr;

    if (mr_addr_decode(mr_slice_str(lookup->host), 0, &addr) == 0) {
        if (lookup->family == MR_FAMILY_ANY || lookup->family == addr.family)
            lookup->addrs[lookup->count++] = addr;
        lookup->source = MR_LOOKUP_LITERAL;
    } else if (mr_hosts_find(lookup->resolver->hosts_path, lookup->host, lookup->family,
                             lookup->addrs, MR_LOOKUP_ADDRS, &lookup->count) == 0 &&
               lookup->count > 0) {
        lookup->source = MR_LOOKUP_HOSTS;
    }
}

int mr_lookup_start(mr_lookup *lookup, const mr_lookup_options *options, mr_error *err) {
    size_t len = options->host ? strlen(options->host) : 0;

    if (lookup->open > 0 || lookup->timer.due != MR_NSEC_NEVER)
        return mr_fail(err, MR_ERR_STATE, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "a lookup is open already");
    if (len == 0 || len >= sizeof lookup->host)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "the name of the host is %s", len ? "too long" : "empty");
    memcpy(lookup->host, options->host, len + 1);
    memcpy(lookup->name, options->host, len + 1);
    lookup->family = options->family;
    lookup->port = options->port;
    lookup->server = options->server;
    lookup->timeout = options->timeout;
    lookup->source = MR_LOOKUP_NONE;
    lookup->count = lookup->count6 = lookup->candidate = 0;
    lookup->outcome_a = lookup->outcome_aaaa = MR_DNS_OUTCOME_NODATA;
    lookup->error = MR_ERROR_INIT;
    lookup_locally(lookup);
    if (lookup->source == MR_LOOKUP_LITERAL && lookup->count == 0)
        return mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_IO, MR_ERROR_NO_OFFSET,
                       "%s is an address of the other family", lookup->host);
    mr_timer_set(&lookup->timer, 0);
    return 0;
}
