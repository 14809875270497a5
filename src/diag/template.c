/*
 * Templates: text with values in braces (the forms are listed in msrpc/diag/rule.h). Values come
 * from the network, so a command takes only those that every shell reads as one plain word.
 */
#include "diag_private.h"

#include <stdlib.h>

#include <msrpc/base/codes.h>

#define TEXT_CAP 16384
#define LIST_MOST 12 /* values named in a sentence before "and N more" */

/* What of a text value is wanted: an address may be written with a port behind it, an account with
 * its domain on either side. */
enum part { PART_WHOLE, PART_HOST, PART_PORT, PART_NAME };

typedef struct expansion {
    const mr_diag *diag;
    const mr_match *match;
    bool plain;
    enum part part;   /* of the value that is being written */
    mr_slice no_port; /* PART_PORT: the word for a value that has none */
    bool unknown;
    mr_buf out;
} expansion;

typedef struct values {
    enum mr_field field;
    const mr_fact *facts[MR_MATCH_FACTS]; /* one for each distinct value, ascending */
    size_t count;
} values;

static void add_values(values *v, const mr_match *match, size_t slot) {
    for (size_t i = 0; i < match->count[slot]; i++) {
        const mr_fact *fact = match->facts[slot][i];
        size_t at = 0;
        if (!mr_fact_knows(fact, v->field))
            continue;
        while (at < v->count && mr_fact_field_cmp(v->facts[at], fact, v->field) < 0)
            at++;
        if (at < v->count && mr_fact_field_cmp(v->facts[at], fact, v->field) == 0)
            continue;
        if (v->count == MR_MATCH_FACTS)
            return;
        memmove(&v->facts[at + 1], &v->facts[at], (v->count - at) * sizeof v->facts[0]);
        v->facts[at] = fact;
        v->count++;
    }
}

/* A word that cmd, PowerShell and sh take literally and no command takes for a switch; @more are
 * octets that are at home in it, after its first one. */
static bool plain_word(mr_slice s, const char *more) {
    if (!s.len || s.data[0] == '-' || s.data[0] == '/')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (c && memchr(".:,_-", c, 5)) || (i && c && strchr(more, c));
        if (!ok)
            return false;
    }
    return true;
}

/* "alice" of "LAB\\alice" and of "alice@LAB.TEST" */
static mr_slice account_of(const char *text) {
    const char *domain = strrchr(text, '\\');
    const char *name = domain ? domain + 1 : text;

    return mr_slice_of((const uint8_t *)name, strcspn(name, "@"));
}

/* "10.0.0.1:53" and "[::1]:53" have a port, "10.0.0.1", "::1" and a name have none. */
static mr_slice part_of(const expansion *e, const char *text) {
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[' && colon > text && colon[-1] == ']';
    bool has_port = colon && (bracket || strchr(text, ':') == colon);

    if (e->part == PART_NAME)
        return account_of(text);
    if (e->part == PART_WHOLE || (e->part == PART_HOST && !has_port))
        return mr_slice_str(text);
    if (e->part == PART_PORT)
        return has_port ? mr_slice_str(colon + 1) : e->no_port;
    return mr_slice_of((const uint8_t *)text + bracket, (size_t)(colon - text) - 2 * bracket);
}

static void write_text(expansion *e, const char *text, const char *more) {
    mr_slice s = part_of(e, text);

    if (e->plain && !plain_word(s, more))
        e->unknown = true;
    else
        mr_buf_write(&e->out, s);
}

/* Whether that part of a value is that of an earlier one too. */
static bool is_repeated(const expansion *e, const values *v, size_t i) {
    if (e->part == PART_WHOLE)
        return false;
    mr_slice s = part_of(e, mr_fact_text(v->facts[i], v->field));
    for (size_t k = 0; k < i; k++)
        if (mr_slice_eq(s, part_of(e, mr_fact_text(v->facts[k], v->field))))
            return true;
    return false;
}

/* The name of a code, and whether the number stands behind it. */
static const mr_code_info *code_of(const mr_fact *fact, enum mr_field field, bool *numberp) {
    *numberp = field != MR_FIELD_RCODE;
    if (field == MR_FIELD_RCODE)
        return mr_code_find(MR_SPACE_DNS_RCODE, fact->rcode);
    if (field == MR_FIELD_NTSTATUS)
        return mr_code_find(MR_SPACE_NTSTATUS, fact->ntstatus);
    if (field == MR_FIELD_KRB)
        return mr_code_find(MR_SPACE_KRB, fact->krb);
    if (field == MR_FIELD_ALERT)
        return mr_code_find(MR_SPACE_TLS_ALERT, fact->alert);
    return field == MR_FIELD_WIN32 ? mr_code_find(MR_SPACE_WIN32, fact->win32) : NULL;
}

/* "90 s", "1200 s (20 minutes)", "90000 s (25 hours)"; a command takes the number. The largest
 * stands for all that are larger. */
static void write_seconds(expansion *e, uint32_t seconds) {
    static const struct {
        uint32_t from, unit;
        const char *name;
    } units[] = {{172800, 86400, "days"}, {7200, 3600, "hours"}, {600, 60, "minutes"}};

    if (!e->plain && seconds == UINT32_MAX)
        mr_buf_write_str(&e->out, "at least ");
    mr_buf_write_fmt(&e->out, e->plain ? "%u" : "%u s", seconds);
    for (size_t i = 0; !e->plain && i < MR_COUNT(units); i++) {
        if (seconds < units[i].from)
            continue;
        mr_buf_write_fmt(&e->out, " (%u %s)",
                         (uint32_t)(((uint64_t)seconds + units[i].unit / 2) / units[i].unit),
                         units[i].name);
        return;
    }
}

static void write_value(expansion *e, const values *v, size_t i) {
    bool number = false;
    const mr_code_info *code = e->plain ? NULL : code_of(v->facts[i], v->field, &number);

    if (code)
        mr_buf_write_str(&e->out, mr_code_symbol(code));
    if (code && !number)
        return;
    mr_buf_write_str(&e->out, code ? " (" : "");
    if (mr_field_infos[v->field].is == MR_FIELD_IS_TEXT)
        write_text(e, mr_fact_text(v->facts[i], v->field),
                   v->field == MR_FIELD_SPN ? "/" : v->field == MR_FIELD_USER ? "\\@" : "");
    else if (v->field == MR_FIELD_SECONDS)
        write_seconds(e, v->facts[i]->seconds);
    else
        mr_fact_write_field(v->facts[i], v->field, &e->out);
    mr_buf_write_str(&e->out, code ? ")" : "");
}

/* The index after the run of consecutive ports that starts at @i; only runs of three are one. */
static size_t run_end(const values *v, size_t i) {
    size_t end = i + 1;
    if (v->field != MR_FIELD_PORT)
        return end;
    while (end < v->count && v->facts[end]->port == v->facts[end - 1]->port + 1)
        end++;
    return end - i >= 3 ? end : i + 1;
}

static void write_list(expansion *e, const values *v) {
    size_t most = v->count, named = 0;
    if (e->plain && v->field != MR_FIELD_PORT)
        most = 1; /* a command takes one host, interface or service */
    for (size_t i = 0, end; i < most; i = end, named++) {
        end = run_end(v, i);
        if (is_repeated(e, v, i))
            continue;
        if (!e->plain && named == LIST_MOST) {
            if (v->count == MR_MATCH_FACTS) /* more than that is not kept */
                mr_buf_write_str(&e->out, " and many more");
            else
                mr_buf_write_fmt(&e->out, " and %zu more", v->count - i);
            return;
        }
        if (i)
            mr_buf_write_str(&e->out, e->plain ? "," : ", ");
        write_value(e, v, i);
        if (end > i + 1) {
            mr_buf_write_str(&e->out, "-");
            write_value(e, v, end - 1);
        }
    }
}

static void write_slice(expansion *e, mr_slice s) {
    mr_buf_write(&e->out, s);
}

/* Splits @s at the first @c; the rest is empty and false returned when there is none. */
static bool split(mr_slice s, char c, mr_slice *headp, mr_slice *restp) {
    const uint8_t *p = s.len ? memchr(s.data, c, s.len) : NULL;
    *headp = p ? mr_slice_of(s.data, (size_t)(p - s.data)) : s;
    *restp = p ? mr_slice_sub(s, headp->len + 1, s.len) : MR_SLICE_NULL;
    return p != NULL;
}

static void unknown(expansion *e, bool has_word, mr_slice word) {
    if (has_word) {
        write_slice(e, word);
        return;
    }
    e->unknown = true;
    mr_buf_write_str(&e->out, "?");
}

/* Takes ".host", ".port" or ".name" off the end of @namep. */
static enum part read_part(mr_slice *namep) {
    static const char *const ends[] = {[PART_HOST] = ".host", [PART_PORT] = ".port",
                                      [PART_NAME] = ".name"};

    for (int part = PART_HOST; part <= PART_NAME; part++) {
        size_t at = namep->len > 5 ? namep->len - 5 : 0;
        if (at && mr_slice_eq(mr_slice_sub(*namep, at, 5), mr_slice_str(ends[part]))) {
            *namep = mr_slice_sub(*namep, 0, at);
            return (enum part)part;
        }
    }
    return PART_WHOLE;
}

/* Where a packet between the client and the anchor's address can be lost. */
static void expand_way(expansion *e) {
    values v = {.field = MR_FIELD_ADDRESS};
    const char *from = e->diag->from;

    add_values(&v, e->match, 0);
    if (v.count == 1 && from && strcmp(from, v.facts[0]->address) == 0) {
        mr_buf_write_str(&e->out, "on ");
        write_text(e, from, "");
        mr_buf_write_str(&e->out, " itself");
        return;
    }
    mr_buf_write_str(&e->out, "between ");
    write_text(e, from ? from : "this machine", "");
    mr_buf_write_str(&e->out, " and ");
    write_list(e, &v);
}

/* The inside of one pair of braces. */
static int expand_one(expansion *e, mr_slice body) {
    bool count = body.len && body.data[0] == '#';
    size_t slot = 0, last = MR_RULE_REQUIRE - 1;
    values v = {0};
    mr_slice name, word, one, more;
    bool has_word = split(mr_slice_sub(body, count, body.len), count ? ':' : '|', &name, &word);
    if (mr_slice_eq(name, MR_SLICE_LIT("host")) || mr_slice_eq(name, MR_SLICE_LIT("from"))) {
        const char *text = name.data[0] == 'h' ? e->diag->host : e->diag->from;
        if (text && *text)
            write_text(e, text, "");
        else
            unknown(e, has_word, word);
        return 0;
    }
    if (mr_slice_eq(name, MR_SLICE_LIT("way"))) {
        expand_way(e);
        return 0;
    }
    if (name.len > 2 && name.data[1] == '.') {
        slot = last = (size_t)name.data[0] - '0';
        name = mr_slice_sub(name, 2, name.len);
    }
    e->part = read_part(&name);
    e->no_port = word;
    int field = mr_field_find(name);
    if (field < 0 || slot >= MR_RULE_REQUIRE ||
        (e->part != PART_WHOLE && mr_field_infos[field].is != MR_FIELD_IS_TEXT) ||
        (e->part == PART_PORT && (count || !has_word)))
        return MR_ERR_ARGUMENT;
    v.field = (enum mr_field)field;
    for (; slot <= last && !v.count; slot++)
        add_values(&v, e->match, slot);
    if (count) {
        if (!split(word, '|', &one, &more))
            return MR_ERR_ARGUMENT;
        write_slice(e, v.count == 1 ? one : more);
    } else if (v.count) {
        write_list(e, &v);
    } else {
        unknown(e, has_word, word);
    }
    e->part = PART_WHOLE;
    return 0;
}

static int expand_all(expansion *e, mr_slice s) {
    size_t i = 0;
    while (i < s.len) {
        const uint8_t *open = memchr(s.data + i, '{', s.len - i);
        size_t at = open ? (size_t)(open - s.data) : s.len;
        write_slice(e, mr_slice_sub(s, i, at - i));
        if (!open)
            return 0;
        if (at + 1 < s.len && s.data[at + 1] == '{') {
            mr_buf_write_u8(&e->out, '{');
            i = at + 2;
            continue;
        }
        const uint8_t *close = memchr(open, '}', s.len - at);
        if (!close)
            return MR_ERR_ARGUMENT;
        int rc = expand_one(e, mr_slice_of(open + 1, (size_t)(close - open) - 1));
        if (rc)
            return rc;
        i = (size_t)(close - s.data) + 1;
    }
    return 0;
}

int mr_template_expand(const mr_diag *diag, const mr_match *match, const char *text, bool plain,
                       const char **textp) {
    uint8_t space[2048];
    expansion e = {.diag = diag, .match = match, .plain = plain};
    if (!text) {
        *textp = NULL;
        return 0;
    }
    mr_buf_init(&e.out, space, sizeof space, TEXT_CAP);
    int rc = expand_all(&e, mr_slice_str(text));
    if (!rc)
        rc = mr_buf_error(&e.out);
    char *copy = rc ? NULL : mr_arena_add_str(diag->arena, mr_buf_slice(&e.out));
    mr_buf_deinit(&e.out);
    if (rc)
        return rc;
    if (!copy)
        return MR_ERR_MEMORY;
    if (plain && e.unknown) {
        *textp = NULL;
        return 1;
    }
    *textp = copy;
    return e.unknown;
}
