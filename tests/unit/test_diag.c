/*
 * The diagnosis floor. Every rule has a scenario beside it (src/diag/rules/NAME.facts) and must
 * give exactly the findings written there; tests/golden/diag holds healthy hosts, where nothing may
 * fire, and scenarios with two causes. A scenario is
 *
 *   host NAME, from ADDRESS        what the set is about
 *   KIND field=value ...           one fact a line
 *   expect ID SEVERITY CONFIDENCE WIN32 [< CAUSE]    every finding, folded ones with their cause
 *   verdict PHASE ID  or  verdict none EXIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <msrpc/diag.h>
#include <msrpc/diag/rule.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES 64

typedef struct scenario {
    char path[512];
    char *text;
    char host[128], from[64];
    mr_slice facts[LINES];
    size_t fact_count;
    char expects[LINES][160];
    size_t expect_count;
    char verdict[128];
} scenario;

static const char *source_root(void) {
    const char *root = getenv("MSRPC_SOURCE");
    return root ? root : ".";
}

static char *read_all(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = calloc(1, 65536);
    assert_non_null(text);
    size_t n = fread(text, 1, 65535, f);
    fclose(f);
    text[n] = 0;
    return text;
}

static void take_line(scenario *s, char *line) {
    char word[128] = "";
    if (sscanf(line, "host %127s", s->host) == 1 || sscanf(line, "from %63s", s->from) == 1)
        return;
    if (sscanf(line, "%127s", word) != 1 || word[0] == '#')
        return;
    if (strcmp(word, "expect") == 0) {
        assert_true(s->expect_count < LINES);
        snprintf(s->expects[s->expect_count++], sizeof s->expects[0], "%s", line + 7);
    } else if (strcmp(word, "verdict") == 0) {
        snprintf(s->verdict, sizeof s->verdict, "%s", line + 8);
    } else {
        assert_true(s->fact_count < LINES);
        s->facts[s->fact_count++] = mr_slice_str(line);
    }
}

static bool load(scenario *s, const char *path) {
    memset(s, 0, sizeof *s);
    snprintf(s->path, sizeof s->path, "%s", path);
    s->text = read_all(path);
    if (!s->text)
        return false;
    for (char *line = s->text, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        take_line(s, line);
    }
    return true;
}

/* Fills a set from a scenario, facts in the order @order (NULL: as written). */
static int fill(mr_diag *diag, mr_arena *arena, const scenario *s, const size_t *order) {
    int rc = mr_diag_init(diag, arena, *s->host ? s->host : "host.example",
                          *s->from ? s->from : NULL);
    for (size_t i = 0; !rc && i < s->fact_count; i++) {
        mr_error err = MR_ERROR_INIT;
        rc = mr_diag_add_text(diag, s->facts[order ? order[i] : i], &err);
        if (rc && rc != MR_ERR_MEMORY)
            fail_msg("%s: fact %zu: %s (octet %zu)", s->path, i, err.text, err.offset);
    }
    return rc ? rc : mr_diag_run(diag);
}

static bool fits(const mr_finding *f, const char *expect) {
    char id[64], severity[16], confidence[16], cause[64] = "";
    unsigned win32 = 0;
    int n = sscanf(expect, "%63s %15s %15s %u < %63s", id, severity, confidence, &win32, cause);
    assert_true(n >= 4);
    if (strcmp(id, f->id) || strcmp(severity, mr_severity_name(f->severity)) ||
        strcmp(confidence, mr_confidence_name(f->confidence)) || win32 != f->win32)
        return false;
    if (!f->explained_by)
        return n == 4;
    return n == 5 && (!strcmp(cause, "*") || !strcmp(cause, f->explained_by->id));
}

static void check_findings(const scenario *s, const mr_diag *diag) {
    bool used[LINES] = {0};
    for (size_t i = 0; i < mr_diag_finding_count(diag); i++) {
        const mr_finding *f = mr_diag_get_finding(diag, i);
        size_t e = 0;
        while (e < s->expect_count && (used[e] || !fits(f, s->expects[e])))
            e++;
        if (e == s->expect_count)
            fail_msg("%s: unexpected %s %s %s %u < %s\n  %s", s->path, f->id,
                     mr_severity_name(f->severity), mr_confidence_name(f->confidence), f->win32,
                     f->explained_by ? f->explained_by->id : "-", f->cause);
        used[e] = true;
        if (f->cause && strchr(f->cause, '?'))
            fail_msg("%s: %s has an unknown value: %s", s->path, f->id, f->cause);
    }
    for (size_t e = 0; e < s->expect_count; e++) {
        if (!used[e])
            fail_msg("%s: missing %s", s->path, s->expects[e]);
    }
}

static void check_verdict(const scenario *s, const mr_diag *diag) {
    const mr_verdict *v = mr_diag_get_verdict(diag);
    char got[128];
    if (v->finding)
        snprintf(got, sizeof got, "%d %s", v->phase, v->finding->id);
    else
        snprintf(got, sizeof got, "none %d", v->exit);
    if (strcmp(got, s->verdict))
        fail_msg("%s: verdict %s, expected %s", s->path, got, s->verdict);
    if (v->finding)
        assert_int_equal(v->exit, 10 * (int)v->phase);
    assert_non_null(v->summary);
}

static char *json_of(const mr_diag *diag) {
    mr_buf out;
    mr_writer w;
    mr_buf_init(&out, NULL, 0, 1 << 20);
    mr_writer_init_json(&w, mr_sink_buf, &out, true);
    mr_writer_open(&w, NULL, MR_SHAPE_OBJECT);
    mr_diag_write_json(diag, &w);
    mr_writer_close(&w);
    assert_int_equal(mr_writer_flush(&w), 0);
    mr_writer_deinit(&w);
    char *text = calloc(1, out.len + 2);
    assert_non_null(text);
    memcpy(text, out.data, out.len);
    if (out.len && text[out.len - 1] != '\n')
        text[out.len] = '\n';
    mr_buf_deinit(&out);
    return text;
}

/* The same facts in other orders give the same text, to the last octet. */
static void check_order(const scenario *s) {
    size_t order[LINES];
    uint32_t seed = 12345;
    char *first = NULL;
    for (size_t i = 0; i < s->fact_count; i++)
        order[i] = i;
    for (int round = 0; round < 12; round++) {
        mr_arena arena;
        mr_diag diag;
        mr_arena_init(&arena, 4 << 20);
        assert_int_equal(fill(&diag, &arena, s, order), 0);
        char *json = json_of(&diag);
        mr_arena_deinit(&arena);
        if (first)
            assert_string_equal(first, json);
        else
            first = strdup(json);
        free(json);
        for (size_t i = s->fact_count; i > 1; i--) {
            seed = seed * 1664525u + 1013904223u;
            size_t j = (seed >> 8) % i, t = order[i - 1];
            order[i - 1] = order[j];
            order[j] = t;
        }
    }
    free(first);
}

static void run_scenario(const scenario *s) {
    mr_arena arena;
    mr_diag diag;
    mr_arena_init(&arena, 4 << 20);
    int rc = fill(&diag, &arena, s, NULL);
    if (rc)
        fail_msg("%s: %s", s->path, mr_result_symbol(rc));
    check_findings(s, &diag);
    check_verdict(s, &diag);
    mr_arena_deinit(&arena);
    check_order(s);
}

static void rule_path(char *path, size_t size, size_t i) {
    snprintf(path, size, "%s/src/diag/rules/%s.facts", source_root(),
             mr_text_get(mr_rule_get(i)->name));
}

/* In its own scenario a rule gives its finding, with every remedy and its next test expanded. */
static void check_own_finding(const scenario *s, const mr_rule *rule) {
    mr_arena arena;
    mr_diag diag;
    size_t remedies = 0;
    const mr_finding *own = NULL;
    mr_arena_init(&arena, 4 << 20);
    assert_int_equal(fill(&diag, &arena, s, NULL), 0);
    for (size_t i = 0; i < mr_diag_finding_count(&diag) && !own; i++) {
        if (mr_diag_get_finding(&diag, i)->rule == rule)
            own = mr_diag_get_finding(&diag, i);
    }
    if (!own)
        fail_msg("%s: the rule does not give %s", s->path, mr_text_get(rule->id));
    while (remedies < MR_RULE_REMEDIES && mr_text_get(rule->remedies[remedies].text))
        remedies++;
    if (own->remedy_count != remedies)
        fail_msg("%s: %zu of %zu remedies", s->path, own->remedy_count, remedies);
    for (size_t i = 0; i < remedies; i++) {
        assert_null(strchr(own->remedies[i].text, '?'));
        if (mr_text_get(rule->remedies[i].verify) && !own->remedies[i].verify)
            fail_msg("%s: remedy %zu has lost its verification", s->path, i);
    }
    assert_int_equal(mr_text_get(rule->next.command) != NULL, own->next.command != NULL);
    assert_true(own->evidence_count > 0);
    mr_arena_deinit(&arena);
}

static void test_every_rule(void **state) {
    (void)state;
    for (size_t i = 0; mr_rule_get(i); i++) {
        char path[512];
        scenario s;
        rule_path(path, sizeof path, i);
        if (!load(&s, path))
            fail_msg("rule %s has no scenario %s", mr_text_get(mr_rule_get(i)->name), path);
        if (!*s.verdict)
            fail_msg("%s has no verdict", path);
        run_scenario(&s);
        check_own_finding(&s, mr_rule_get(i));
        free(s.text);
    }
}

static void test_golden(void **state) {
    (void)state;
    char folder[512], path[1024];
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/tests/golden/diag", source_root());
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        scenario s;
        const char *end = strrchr(e->d_name, '.');
        if (!end || strcmp(end, ".facts") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        assert_true(load(&s, path));
        if (!*s.verdict)
            fail_msg("%s has no verdict", path);
        if (strncmp(e->d_name, "healthy", 7) == 0)
            assert_int_equal(s.expect_count, 0);
        run_scenario(&s);
        free(s.text);
        n++;
    }
    closedir(dir);
    assert_true(n >= 10);
}

/* A pattern names only fields that the kinds it looks for can have. */
static void check_pattern(const mr_rule *rule, const mr_pattern *p) {
    for (size_t k = 0; k < MR_COUNT(p->any) && p->any[k]; k++) {
        mr_fields fields = mr_fact_fields(p->any[k]);
        if ((p->same | p->differs) & ~fields)
            fail_msg("%s: %s cannot agree on these fields", mr_text_get(rule->id),
                     mr_fact_name(p->any[k]));
        for (size_t w = 0; w < MR_COUNT(p->where); w++) {
            if (p->where[w].op != MR_OP_NONE && !(fields >> p->where[w].field & 1))
                fail_msg("%s: %s has no such field", mr_text_get(rule->id),
                     mr_fact_name(p->any[k]));
        }
    }
}

static void check_texts(const mr_rule *rule) {
    assert_non_null(mr_text_get(rule->cause));
    assert_non_null(mr_text_get(rule->summary));
    assert_non_null(mr_text_get(rule->reference));
    if (rule->severity != MR_SEVERITY_INFO && !mr_text_get(rule->remedies[0].text))
        fail_msg("%s has no remedy", mr_text_get(rule->id));
    for (size_t i = 0; i < MR_RULE_REMEDIES && mr_text_get(rule->remedies[i].text); i++) {
        const mr_rule_remedy *r = &rule->remedies[i];
        const char *command = mr_text_get(r->command), *verify = mr_text_get(r->verify);
        if (mr_text_get(r->risk) && !mr_text_get(r->undo))
            fail_msg("%s: remedy %zu has a risk and no undo", mr_text_get(rule->id), i);
        if ((command != NULL) != (r->shell != MR_SHELL_NONE))
            fail_msg("%s: remedy %zu: command and shell do not fit", mr_text_get(rule->id), i);
        if (verify && strncmp(verify, "msrpc ", 6) != 0)
            fail_msg("%s: remedy %zu is verified by something else", mr_text_get(rule->id), i);
    }
    if (mr_text_get(rule->next.command) && !(mr_text_get(rule->next.branches[0].then) &&
                                             mr_text_get(rule->next.branches[1].then)))
        fail_msg("%s: a test that tells two causes apart has two results", mr_text_get(rule->id));
}

static size_t rules_named(const char *id) {
    size_t n = 0;
    for (size_t i = 0; mr_rule_get(i); i++)
        n += strcmp(id, mr_text_get(mr_rule_get(i)->id)) == 0;
    return n;
}

static bool says_it_explains(const mr_rule *a, const mr_rule *b) {
    for (size_t i = 0; i < MR_RULE_EXPLAINS && mr_text_get(a->explains[i]); i++) {
        if (!strcmp(mr_text_get(a->explains[i]), mr_text_get(b->id)))
            return true;
    }
    return false;
}

static bool circle(const mr_rule *start, const mr_rule *at, int depth) {
    if (depth > 6)
        return true;
    for (size_t i = 0; mr_rule_get(i); i++) {
        const mr_rule *next = mr_rule_get(i);
        if (says_it_explains(at, next) && (next == start || circle(start, next, depth + 1)))
            return true;
    }
    return false;
}

static bool begins_with_one(const char *id, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (strncmp(id, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}

/* The file name and the id of a rule say the same: tcp_host_silent, TCP.HOST_SILENT. */
static void check_id(size_t i) {
    static const char *const prefixes[] = {"", "NAME.", "TCP.", "EPM.", "RPC."};
    static const char *const later[] = {"KRB.", "NTLM.", "HTTP.", "TLS.", "AUTH.", "CLOCK.",
                                        "NETLOGON."};
    const mr_rule *rule = mr_rule_get(i);
    char id[64];
    snprintf(id, sizeof id, "%s", mr_text_get(mr_rule_get(i)->name));
    for (char *p = id; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    *strchr(id, '_') = '.';
    assert_string_equal(mr_text_get(rule->id), id);
    assert_int_equal(rules_named(mr_text_get(rule->id)), 1);
    if (strncmp(id, "LOCATOR.", 8) == 0 || strncmp(id, "DNS.", 4) == 0)
        assert_int_equal(rule->phase, MR_PHASE_NAMES);
    else if (strncmp(id, "RANGE.", 6) == 0 || strncmp(id, "UDP.", 4) == 0)
        assert_int_equal(rule->phase, MR_PHASE_TCP);
    else if (strncmp(id, "SMB.", 4) == 0)
        assert_int_equal(rule->phase, MR_PHASE_DISCOVERY);
    else if (begins_with_one(id, later, MR_COUNT(later)))
        assert_int_equal(rule->phase, MR_PHASE_COMMUNICATION);
    else if (strncmp(id, "LOCAL.", 6) != 0 && strncmp(id, "NETBIOS.", 8) != 0 &&
             strncmp(id, "AUDIT.", 6) != 0)
        assert_int_equal(strncmp(id, prefixes[rule->phase], strlen(prefixes[rule->phase])), 0);
}

static void test_rules_are_sound(void **state) {
    (void)state;
    size_t n = 0;
    for (; mr_rule_get(n); n++) {
        const mr_rule *rule = mr_rule_get(n);
        check_id(n);
        check_texts(rule);
        for (size_t i = 0; i < MR_RULE_REQUIRE; i++)
            check_pattern(rule, &rule->require[i]);
        for (size_t i = 0; i < MR_RULE_FORBID; i++)
            check_pattern(rule, &rule->forbid[i]);
        check_pattern(rule, &rule->sure);
        assert_int_equal(rule->require[0].same | rule->require[0].differs, 0);
        for (size_t i = 0; i < MR_RULE_EXPLAINS && mr_text_get(rule->explains[i]); i++) {
            if (!rules_named(mr_text_get(rule->explains[i])))
                fail_msg("%s explains %s, which no rule gives", mr_text_get(rule->id),
                         mr_text_get(rule->explains[i]));
        }
        if (mr_text_get(rule->explains[0])) {
            assert_true(rule->severity >= MR_SEVERITY_WARNING);
            assert_true(rule->confidence >= MR_CONFIDENCE_LIKELY);
        }
        if (circle(rule, rule, 0))
            fail_msg("%s explains itself in a circle", mr_text_get(rule->id));
    }
    assert_true(n >= 35);
}

/* With every amount of memory the run ends well or with the right error, and stays so. */
static void test_memory(void **state) {
    (void)state;
    static const char *const names[] = {"tcp_range_filtered", "epm_other_protseq",
                                        "name_hosts_stale", "rpc_too_busy"};
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        char path[512];
        scenario s;
        int rc = -1;
        snprintf(path, sizeof path, "%s/src/diag/rules/%s.facts", source_root(), names[i]);
        assert_true(load(&s, path));
        for (size_t cap = 0; rc; cap += 64) {
            mr_arena arena;
            mr_diag diag;
            mr_arena_init(&arena, cap);
            rc = fill(&diag, &arena, &s, NULL);
            assert_true(rc == 0 || rc == MR_ERR_MEMORY);
            if (rc) {
                assert_int_equal(mr_diag_run(&diag), MR_ERR_MEMORY);
                assert_int_equal(mr_diag_finding_count(&diag), 0);
                assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_TCP), MR_STATUS_UNKNOWN);
            }
            mr_arena_deinit(&arena);
            assert_true(cap < 1 << 20);
        }
        free(s.text);
    }
}

static void test_limits(void **state) {
    (void)state;
    mr_arena arena;
    mr_diag diag;
    int rc = 0;
    mr_arena_init(&arena, 64 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    for (size_t i = 0; i < MR_DIAG_FACTS_MAX; i++)
        rc |= mr_fact_add(&diag, MR_FACT_TCP_SILENT, "c", .address = "10.0.0.1",
                          .port = (uint32_t)i, .role = MR_ROLE_ENDPOINT, .tries = 1);
    assert_int_equal(rc, 0);
    assert_int_equal(mr_diag_run(&diag), 0);
    assert_int_equal(mr_diag_finding_count(&diag), 1);
    assert_int_equal(mr_fact_add(&diag, MR_FACT_NAME_NO_SERVER, NULL), MR_ERR_LIMIT);
    assert_int_equal(mr_diag_run(&diag), MR_ERR_LIMIT);
    mr_arena_reset(&arena);

    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    for (uint32_t i = 0; i <= MR_DIAG_FINDINGS_MAX; i++)
        mr_fact_add(&diag, MR_FACT_RPC_FAULT, NULL, .interface = "x", .address = "10.0.0.1",
                    .port = 1, .status = 20000 + i);
    assert_int_equal(mr_diag_run(&diag), MR_ERR_LIMIT);
    mr_arena_deinit(&arena);
}

/* A server is asked on the port that is written behind it, else on the usual one. */
static void test_server_ports(void **state) {
    (void)state;
    static const struct {
        const char *servers[3], *cause, *remedy, *next;
    } rows[] = {
        {{"10.0.0.1"}, "UDP port 53 is", "UDP and TCP port 53 to 10.0.0.1.",
         "msrpc port 10.0.0.1 --ports 53 --protocol tcp"},
        {{"10.0.0.1:5353"}, "DNS server 10.0.0.1:5353 did", "UDP and TCP port 5353 to 10.0.0.1.",
         "msrpc port 10.0.0.1 --ports 5353 --protocol tcp"},
        {{"[2001:db8::1]:5353"}, "UDP port 5353 is", "TCP port 5353 to 2001:db8::1.",
         "msrpc port 2001:db8::1 --ports 5353 --protocol tcp"},
        {{"2001:db8::1"}, "UDP port 53 is", "TCP port 53 to 2001:db8::1.",
         "msrpc port 2001:db8::1 --ports 53 --protocol tcp"},
        {{"10.0.0.1", "10.0.0.1:54", "10.0.0.2:54"}, "UDP port 53, 54 is",
         "TCP port 53, 54 to 10.0.0.1, 10.0.0.2.",
         "msrpc port 10.0.0.1 --ports 53 --protocol tcp"},
    };
    mr_arena arena;
    mr_diag diag;

    mr_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        assert_int_equal(mr_diag_init(&diag, &arena, "dc", NULL), 0);
        for (size_t k = 0; k < 3 && rows[i].servers[k]; k++)
            mr_fact_add(&diag, MR_FACT_NAME_TIMEOUT, "c", .server = rows[i].servers[k]);
        assert_int_equal(mr_diag_run(&diag), 0);
        const mr_finding *f = mr_diag_get_finding(&diag, 0);
        assert_non_null(f);
        assert_non_null(strstr(f->cause, rows[i].cause));
        assert_non_null(strstr(f->remedies[0].text, rows[i].remedy));
        assert_string_equal(f->next.command, rows[i].next);
    }
    mr_arena_deinit(&arena);
}

/* A remedy stands first, or is left out, by what else is known of the host. */
static void test_remedies_fit(void **state) {
    (void)state;
    static const struct {
        enum mr_fact_kind known;
        size_t count;
        const char *first;
    } rows[] = {{MR_FACT_NONE, 4, "On a Windows member"},
                {MR_FACT_AUDIT_SAMBA, 4, "On a Samba"},
                {MR_FACT_AUDIT_PREW2K_CLOSED, 3, "On a Windows member"},
                {MR_FACT_AUDIT_DC, 2, "On a domain controller"}};
    mr_arena arena;
    mr_diag diag;

    mr_arena_init(&arena, 4 << 20);
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        assert_int_equal(mr_diag_init(&diag, &arena, "dc01", NULL), 0);
        mr_fact_add(&diag, MR_FACT_AUDIT_USERS, "SAMR.USERS", .interface = "samr",
                    .address = "10.1.0.10", .port = 49669, .count = 3);
        if (rows[i].known)
            mr_diag_add_fact(&diag, &(mr_fact){.kind = rows[i].known, .address = "10.1.0.10"});
        assert_int_equal(mr_diag_run(&diag), 0);
        const mr_finding *f = mr_diag_get_finding(&diag, 0);
        assert_non_null(f);
        assert_string_equal(f->id, "AUDIT.USERS_LEAK");
        assert_int_equal(f->remedy_count, rows[i].count);
        assert_ptr_equal(strstr(f->remedies[0].text, rows[i].first), f->remedies[0].text);
    }
    mr_arena_deinit(&arena);
}

static void test_fields_are_checked(void **state) {
    (void)state;
    mr_arena arena;
    mr_diag diag;
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_fact_add(&diag, MR_FACT_TCP_SILENT, NULL, .port = 1), MR_ERR_ARGUMENT);
    assert_int_equal(mr_diag_run(&diag), MR_ERR_ARGUMENT); /* sticky */
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_fact_add(&diag, MR_FACT_TCP_OPEN, NULL, .address = "a", .rcode = 3),
                     MR_ERR_ARGUMENT);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_fact_add(&diag, MR_FACT_NONE, NULL), MR_ERR_ARGUMENT);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_fact_add(&diag, MR_FACT_TCP_OPEN, NULL, .address = "a",
                                 .role = (enum mr_fact_role)77),
                     MR_ERR_ARGUMENT);
    mr_arena_deinit(&arena);
}

static void test_text_form(void **state) {
    (void)state;
    static const struct {
        const char *line;
        size_t offset;
    } bad[] = {{"NO.SUCH port=1", 0},
               {"  TCP.SILENT port", 13},
               {"TCP.SILENT colour=red", 11},
               {"TCP.SILENT port=x", 11},
               {"TCP.SILENT port=4294967296", 11},
               {"TCP.SILENT role=king", 11},
               {"TCP.SILENT address=\"1.2.3.4", 11}};
    const char *good = "NAME.RCODE name=\"a \\\"b\\\\\" server=10.9.0.2 record=A rcode=3 "
                       "check=NAME.A at=77";
    mr_arena arena;
    mr_diag diag;
    mr_buf out;
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    for (size_t i = 0; i < MR_COUNT(bad); i++) {
        mr_error err = MR_ERROR_INIT;
        assert_int_equal(mr_diag_add_text(&diag, mr_slice_str(bad[i].line), &err), MR_ERR_SYNTAX);
        assert_int_equal(err.offset, bad[i].offset);
    }
    assert_int_equal(mr_diag_add_text(&diag, mr_slice_str(" # a remark"), NULL), 0);
    assert_int_equal(mr_diag_add_text(&diag, MR_SLICE_NULL, NULL), 0);
    assert_int_equal(diag.fact_count, 0);
    assert_int_equal(mr_diag_add_text(&diag, mr_slice_str(good), NULL), 0);
    assert_int_equal(diag.fact_count, 1);
    assert_int_equal(mr_diag_run(&diag), 0);
    mr_buf_init(&out, NULL, 0, 4096);
    mr_fact_write(diag.sorted[0], &out);
    assert_true(mr_slice_eq(mr_buf_slice(&out), mr_slice_str(good)));
    mr_buf_deinit(&out);
    mr_arena_deinit(&arena);
}

/* Values come from the network: what a shell could read otherwise never enters a command, and what
 * a terminal would obey never enters a text. */
static void test_hostile_values(void **state) {
    (void)state;
    static const char *const values[] = {"x;reboot", "$(id)", "-oProxy", "a b", "x&y", "`id`",
                                         "%PATH%", "a|b", "x\ny", "\"", "'", "a>b", ""};
    for (size_t i = 0; i < MR_COUNT(values); i++) {
        mr_arena arena;
        mr_diag diag;
        mr_arena_init(&arena, 1 << 20);
        assert_int_equal(mr_diag_init(&diag, &arena, values[i], values[i]), 0);
        mr_fact_add(&diag, MR_FACT_EPM_NOT_REGISTERED, "c", .interface = values[i],
                    .service = values[i]);
        mr_fact_add(&diag, MR_FACT_NAME_TIMEOUT, "c", .server = values[i]);
        assert_int_equal(mr_diag_run(&diag), 0);
        assert_true(mr_diag_finding_count(&diag) == 2);
        for (size_t f = 0; f < 2; f++) {
            const mr_finding *finding = mr_diag_get_finding(&diag, f);
            assert_null(finding->next.command);
            assert_null(strchr(finding->cause, '\n'));
            for (size_t r = 0; r < finding->remedy_count; r++) {
                const char *command = finding->remedies[r].command;
                assert_null(finding->remedies[r].verify);
                assert_true(!command || !strcmp(command, "sc.exe query DNS"));
            }
        }
        mr_arena_deinit(&arena);
    }
    mr_arena arena;
    mr_diag diag;
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h\x1b[2J\xc2\x9b" "2J", NULL), 0);
    assert_string_equal(diag.host, "h?[2J??2J");
    mr_arena_deinit(&arena);
}

static void add_check(mr_diag *diag, const char *id, enum mr_phase phase, enum mr_status status,
                      bool aside) {
    assert_int_equal(mr_diag_add_check(diag, &(mr_check){.id = id, .phase = phase,
                                                         .status = status, .aside = aside,
                                                         .ms = 1.25, .summary = "s"}),
                     0);
}

static void test_phases(void **state) {
    (void)state;
    mr_arena arena;
    mr_diag diag;
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_NAMES), MR_STATUS_UNKNOWN);
    add_check(&diag, "NAME.A", MR_PHASE_NAMES, MR_STATUS_PASS, false);
    add_check(&diag, "NAME.PTR", MR_PHASE_NAMES, MR_STATUS_UNKNOWN, true); /* aside */
    add_check(&diag, "TCP.135", MR_PHASE_TCP, MR_STATUS_PASS, false);
    add_check(&diag, "TCP.49664", MR_PHASE_TCP, MR_STATUS_UNKNOWN, false); /* never pass */
    add_check(&diag, "EPM.MAP", MR_PHASE_DISCOVERY, MR_STATUS_FAIL, false); /* unexplained */
    mr_diag_set_phase_skipped(&diag, MR_PHASE_COMMUNICATION);
    assert_int_equal(mr_diag_run(&diag), 0);
    assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_NAMES), MR_STATUS_PASS);
    assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_TCP), MR_STATUS_UNKNOWN);
    assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_DISCOVERY), MR_STATUS_WARN);
    assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_COMMUNICATION), MR_STATUS_SKIP);
    assert_int_equal(mr_diag_get_verdict(&diag)->exit, 1);
    assert_null(mr_diag_get_verdict(&diag)->finding);

    /* more facts, another run: now the failure has a cause */
    mr_fact_add(&diag, MR_FACT_EPM_NOT_REGISTERED, "EPM.MAP", .interface = "spoolss");
    assert_int_equal(mr_diag_run(&diag), 0);
    assert_int_equal(mr_diag_get_phase(&diag, MR_PHASE_DISCOVERY), MR_STATUS_FAIL);
    assert_int_equal(mr_diag_get_verdict(&diag)->exit, 30);
    assert_string_equal(mr_diag_get_check(&diag, 2)->id, "TCP.135");
    assert_null(mr_diag_get_check(&diag, 5));
    mr_arena_deinit(&arena);

    /* nothing known is never healthy */
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(mr_diag_init(&diag, &arena, "h", NULL), 0);
    assert_int_equal(mr_diag_run(&diag), 0);
    for (int p = MR_PHASE_NAMES; p <= MR_PHASE_COMMUNICATION; p++)
        assert_int_equal(mr_diag_get_phase(&diag, (enum mr_phase)p), MR_STATUS_UNKNOWN);
    assert_string_equal(mr_diag_get_verdict(&diag)->summary, "no fault in what was checked");
    mr_arena_deinit(&arena);
}

/* The JSON form, whole; MSRPC_UPDATE=1 writes the file anew. */
static void test_json(void **state) {
    (void)state;
    char path[512];
    scenario s;
    mr_arena arena;
    mr_diag diag;
    snprintf(path, sizeof path, "%s/src/diag/rules/tcp_dynamic_filtered.facts", source_root());
    assert_true(load(&s, path));
    mr_arena_init(&arena, 1 << 20);
    assert_int_equal(fill(&diag, &arena, &s, NULL), 0);
    mr_evidence evidence[] = {
        {"port", {.kind = MR_VALUE_UINT, .u.uinteger = 49668}},
        {"state", {.kind = MR_VALUE_STRING, .u.string = MR_SLICE_LIT("FILTERED")}}};
    assert_int_equal(mr_diag_add_check(&diag, &(mr_check){.id = "TCP.49668",
                                                          .phase = MR_PHASE_TCP,
                                                          .status = MR_STATUS_FAIL,
                                                          .ms = 3000.4,
                                                          .summary = "no answer in 3 tries",
                                                          .evidence = evidence,
                                                          .evidence_count = 2}),
                     0);
    mr_diag_set_phase_ms(&diag, MR_PHASE_TCP, 3001.25);
    assert_int_equal(mr_diag_run(&diag), 0);
    char *json = json_of(&diag);
    snprintf(path, sizeof path, "%s/tests/golden/diag/dynamic_filtered.json", source_root());
    if (getenv("MSRPC_UPDATE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fputs(json, f);
        fclose(f);
    }
    char *golden = read_all(path);
    assert_non_null(golden);
    assert_string_equal(golden, json);
    free(golden);
    free(json);
    free(s.text);
    mr_arena_deinit(&arena);
}

static void test_icmp(void **state) {
    (void)state;
    assert_int_equal(mr_icmp_class(4, 3, 0), MR_ICMP_NET);
    assert_int_equal(mr_icmp_class(4, 3, 1), MR_ICMP_HOST);
    assert_int_equal(mr_icmp_class(4, 3, 3), MR_ICMP_PORT);
    assert_int_equal(mr_icmp_class(4, 3, 4), MR_ICMP_FRAG);
    assert_int_equal(mr_icmp_class(4, 3, 9), MR_ICMP_ADMIN);
    assert_int_equal(mr_icmp_class(4, 3, 10), MR_ICMP_ADMIN);
    assert_int_equal(mr_icmp_class(4, 3, 13), MR_ICMP_ADMIN);
    assert_int_equal(mr_icmp_class(4, 3, 16), MR_ICMP_UNKNOWN);
    assert_int_equal(mr_icmp_class(4, 11, 0), MR_ICMP_UNKNOWN);
    assert_int_equal(mr_icmp_class(6, 1, 0), MR_ICMP_NET);
    assert_int_equal(mr_icmp_class(6, 1, 1), MR_ICMP_ADMIN);
    assert_int_equal(mr_icmp_class(6, 1, 3), MR_ICMP_HOST);
    assert_int_equal(mr_icmp_class(6, 1, 4), MR_ICMP_PORT);
    assert_int_equal(mr_icmp_class(6, 2, 0), MR_ICMP_FRAG);
    assert_int_equal(mr_icmp_class(6, 3, 0), MR_ICMP_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_sound), cmocka_unit_test(test_every_rule),
        cmocka_unit_test(test_remedies_fit),
        cmocka_unit_test(test_golden),          cmocka_unit_test(test_fields_are_checked),
        cmocka_unit_test(test_text_form),       cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_phases),          cmocka_unit_test(test_json),
        cmocka_unit_test(test_icmp),            cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory),          cmocka_unit_test(test_server_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
