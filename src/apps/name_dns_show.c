/*
 * The screen of msrpc name, DNS: for each name that was tried a table with a row per server, so
 * that answers stand side by side; what not every server says is marked with an asterisk. Where
 * the addresses are too long for 80 columns, or other types were asked for, a record a line.
 */
#include "name_dns.h"

#define LINES_MAX 16 /* records of one cell that are shown */
#define LEFT 6       /* columns before the server: the mark */
#define UNDER "        " /* before what stands under a row: LEFT and two more */
#define TIME_WIDTH 8

/* One cell: what one server answered about one type. */
struct cell {
    const char *lines[LINES_MAX];
    size_t count, more;
    bool agreed, answered;
};

struct screen {
    struct name_run *run;
    app *a;
    const mr_dns_survey *s;
    size_t server_width;
    int ttl_width;       /* of the table that is being shown */
    bool starred;
    bool gap;            /* an empty line went before what stands under the tables */
};

/* The word for an outcome in a table: "NXDOMAIN", "timeout". @out holds an unknown rcode's. */
static const char *outcome_word(const mr_dns_survey_query *q, char out[16]) {
    if (!q->answer)
        return "not yet";
    switch (q->answer->outcome) {
    case MR_DNS_OUTCOME_ANSWER: return "answer";
    case MR_DNS_OUTCOME_NODATA: return "NODATA";
    case MR_DNS_OUTCOME_NXDOMAIN: return "NXDOMAIN";
    case MR_DNS_OUTCOME_SERVFAIL: return "SERVFAIL";
    case MR_DNS_OUTCOME_REFUSED: return "REFUSED";
    case MR_DNS_OUTCOME_RCODE:
        return q->answer->message ? mr_dns_rcode_name(q->answer->message->rcode, out) : "error";
    case MR_DNS_OUTCOME_LAME: return "lame";
    case MR_DNS_OUTCOME_TIMEOUT: return "timeout";
    case MR_DNS_OUTCOME_UNREACHABLE: return "unreachable";
    case MR_DNS_OUTCOME_MALFORMED: return "malformed";
    case MR_DNS_OUTCOME_NAME: return "no name";
    case MR_DNS_OUTCOME_NO_SERVER: return "no server";
    case MR_DNS_OUTCOME_FAILED: return "not asked";
    }
    return "?";
}

/* ---- cells ---- */

/* The addresses that this server gave for a service's target: "dc1.lab.test -> 10.0.0.1". */
static const char *target_text(struct screen *v, const mr_dns_survey_query *q, const char *target) {
    const mr_dns_survey_query *other;
    const char *list = "";
    char text[MR_ADDR_TEXT];

    for (size_t i = 0; (other = mr_dns_survey_get_query(v->s, i)) != NULL; i++) {
        const mr_dns_message *m = other->answer ? other->answer->message : NULL;
        bool own = other->role == MR_DNS_SURVEY_FORWARD && mr_dns_same_name(other->name, target);
        if (!m || other->server != q->server || !(own || other == q))
            continue;
        const mr_dns_record *records = own ? m->answers : m->additional;
        size_t count = own ? m->answer_count : m->additional_count;
        for (size_t k = 0; k < count; k++) {
            mr_addr addr = {.family = records[k].type == MR_DNS_A ? MR_FAMILY_IPV4
                                                                  : MR_FAMILY_IPV6};
            if (records[k].type != MR_DNS_A && records[k].type != MR_DNS_AAAA)
                continue;
            if (!own && !mr_dns_same_name(records[k].name, target))
                continue;
            memcpy(addr.ip, records[k].type == MR_DNS_A ? records[k].u.ipv4 : records[k].u.ipv6,
                   records[k].type == MR_DNS_A ? 4 : 16);
            const char *next = mr_arena_add_fmt(&v->a->arena, "%s%s%s", list,
                                                *list ? ", " : " -> ",
                                                mr_addr_text(&addr, text));
            list = next ? next : list;
        }
    }
    return list;
}

static const char *line_text(struct screen *v, const mr_dns_survey_query *q,
                             const mr_dns_record *record, bool agreed) {
    const char *text = mr_dns_survey_record_text(record, &v->a->arena), *more = "";

    if (!text)
        return "";
    if (q->type == MR_DNS_SRV && record->type == MR_DNS_SRV)
        more = target_text(v, q, record->u.srv.target);
    if (q->type == MR_DNS_PTR && record->type == MR_DNS_PTR)
        more = target_text(v, q, record->u.target);
    v->starred |= !agreed;
    text = mr_arena_add_fmt(&v->a->arena, "%s%s%s", text, agreed ? "" : " *", more);
    return text ? app_safe(v->a, mr_slice_str(text)) : "";
}

static struct cell read_cell(struct screen *v, const mr_dns_survey_query *q) {
    struct cell cell = {.agreed = true};
    char word[16];

    if (!q) {
        cell.lines[cell.count++] = "-";
        return cell;
    }
    const mr_dns_message *m = q->answer ? q->answer->message : NULL;
    bool answer = m && q->answer->outcome == MR_DNS_OUTCOME_ANSWER;
    for (size_t i = 0; answer && i < m->answer_count; i++) {
        const mr_dns_record *record = &m->answers[i];
        if (record->type != q->type && q->type != MR_DNS_ANY)
            continue;
        bool agreed = mr_dns_survey_is_agreed(v->s, q, record);
        cell.agreed &= agreed;
        cell.answered = true;
        if (cell.count < LINES_MAX)
            cell.lines[cell.count++] = line_text(v, q, record, agreed);
        else
            cell.more++;
    }
    if (!cell.count) {
        const char *text = mr_arena_add_str(&v->a->arena,
                                            mr_slice_str(outcome_word(q, word)));
        cell.lines[cell.count++] = text ? text : "";
    }
    return cell;
}

static size_t cell_width(const struct cell *cell) {
    size_t width = 0;

    for (size_t i = 0; i < cell->count; i++)
        width = strlen(cell->lines[i]) > width ? strlen(cell->lines[i]) : width;
    return width;
}

/* ---- rows ---- */

/* Every answer of a server to one candidate. */
struct row {
    size_t server, candidate;
    struct cell cells[MR_DNS_SURVEY_TYPES];
    const char *alias;  /* "CNAME X -> Y", and so on to the end of the chain */
    const char *note;   /* what the network said */
    const char *ttl;    /* "900", "" */
    double ms;
    bool asked, agreed, answered, says_no, lame;
};

/* One alias more, in the order in which they lead on. */
static void add_alias(struct screen *v, struct row *row, const char *target, size_t n) {
    if (n > LINES_MAX)
        return;
    row->alias = mr_arena_add_fmt(&v->a->arena, "%s%s%s", n ? row->alias : "CNAME ",
                                  n ? " -> " : "",
                                  n == LINES_MAX ? "..."
                                                 : app_safe(v->a, mr_slice_str(target)));
}

static void read_message(struct screen *v, struct row *row, const mr_dns_survey_query *q,
                         uint32_t *ttlp, bool *has_ttlp) {
    const mr_dns_message *m = q->answer->message;
    char sender[MR_ADDR_TEXT];

    if ((double)q->answer->elapsed / MR_MSEC > row->ms)
        row->ms = (double)q->answer->elapsed / MR_MSEC;
    for (size_t i = 0, n = 0; m && i < m->answer_count; i++) {
        const mr_dns_record *record = &m->answers[i];
        *ttlp = !*has_ttlp || record->ttl < *ttlp ? record->ttl : *ttlp;
        *has_ttlp = true;
        if (record->type == MR_DNS_CNAME && q->type != MR_DNS_CNAME && (n == 0 || row->alias))
            add_alias(v, row, record->u.target, n++);
    }
    if (q->answer->icmp.present)
        row->note = mr_arena_add_fmt(&v->a->arena, "ICMP %s, sent by %s",
                                     mr_icmp_text(&q->answer->icmp),
                                     mr_addr_text(&q->answer->icmp.sender, sender));
    else if (q->answer->os_error)
        row->note = mr_arena_add_fmt(&v->a->arena, "this machine would not send: %s",
                                     strerror(q->answer->os_error));
    else if (m && v->a->set.verbose)
        row->note = mr_arena_add_fmt(&v->a->arena, "%s%s%s, %u tr%s",
                                     m->authoritative ? "authoritative, " : "",
                                     m->recursion_available ? "recursive, " : "no recursion, ",
                                     q->answer->tcp ? "TCP" : "UDP", q->answer->sent,
                                     q->answer->sent == 1 ? "y" : "ies");
}

static struct row read_row(struct screen *v, size_t server, size_t candidate) {
    struct row row = {.server = server, .candidate = candidate, .agreed = true, .says_no = true,
                      .ttl = "", .ms = -1};
    const mr_dns_survey_server *it = mr_dns_survey_get_server(v->s, server);
    uint32_t ttl = 0;
    bool has_ttl = false;
    size_t count;
    const uint16_t *types = mr_dns_survey_get_types(v->s, &count);

    for (size_t i = 0; i < count; i++) {
        const mr_dns_survey_query *q = mr_dns_survey_find_query(v->s, server, candidate, types[i]);
        row.cells[i] = read_cell(v, q);
        if (!q)
            continue;
        row.asked = true;
        row.agreed &= row.cells[i].agreed;
        row.answered |= row.cells[i].answered;
        row.says_no &= q->answer && (q->answer->outcome == MR_DNS_OUTCOME_NXDOMAIN ||
                                     q->answer->outcome == MR_DNS_OUTCOME_NODATA);
        if (q->answer)
            read_message(v, &row, q, &ttl, &has_ttl);
    }
    row.lame = it->lame;
    if (has_ttl) {
        const char *text = mr_arena_add_fmt(&v->a->arena, "%u", ttl);
        row.ttl = text ? text : "";
    }
    return row;
}

/* Whether any server found records, for that candidate or (MR_DNS_SURVEY_NONE) for one of them. */
static bool any_settled(const mr_dns_survey *s, size_t candidate) {
    const mr_dns_survey_server *it;

    for (size_t i = 0; (it = mr_dns_survey_get_server(s, i)) != NULL; i++)
        if (it->settled != MR_DNS_SURVEY_NONE &&
            (candidate == MR_DNS_SURVEY_NONE || it->settled == candidate))
            return true;
    return false;
}

static enum app_mark row_mark(struct screen *v, const struct row *row) {
    if (row->answered)
        return row->agreed && !row->lame ? APP_MARK_OK : APP_MARK_WARN;
    if (!row->says_no)
        return APP_MARK_FAIL;
    if (mr_dns_survey_get_literal(v->s))
        return APP_MARK_SKIP;
    if (any_settled(v->s, row->candidate))
        return APP_MARK_WARN;
    return any_settled(v->s, MR_DNS_SURVEY_NONE) ? APP_MARK_SKIP : APP_MARK_FAIL;
}

static const char *ms_text(double ms, char out[16]) {
    snprintf(out, 16, ms < 10 ? "%.1f ms" : ms < 10000 ? "%.0f ms" : "long", ms);
    return out;
}

static void show_under(struct screen *v, const struct row *row) {
    const mr_dns_survey_server *it = mr_dns_survey_get_server(v->s, row->server);

    if (row->alias)
        app_wrap(v->a->out, UNDER, LEFT + 8, row->alias);
    if (row->lame)
        fputs(UNDER "lame: does not hold the zone\n", v->a->out);
    if (it->host)
        app_wrap(v->a->out, UNDER "a name server of the zone: ", LEFT + 8,
                 app_safe(v->a, mr_slice_str(it->host)));
    if (row->note)
        app_wrap(v->a->out, UNDER, LEFT + 8, row->note);
}

/* ---- the table: a column for each type ---- */

static void show_table_row(struct screen *v, const struct row *row, size_t types,
                           const size_t *widths) {
    char ms[16];

    for (size_t line = 0; line < LINES_MAX; line++) {
        bool any = line == 0;
        for (size_t i = 0; i < types; i++)
            any |= line < row->cells[i].count;
        if (!any)
            break;
        if (line == 0)
            fprintf(v->a->out, " %s %-*s", app_mark(v->a, row_mark(v, row)),
                    (int)v->server_width, mr_dns_survey_get_server(v->s, row->server)->text);
        else
            fprintf(v->a->out, "%*s", (int)(LEFT + v->server_width), "");
        for (size_t i = 0; i < types; i++) {
            const char *text = line < row->cells[i].count ? row->cells[i].lines[line] : "";
            bool last = line > 0; /* nothing behind it on this line */
            for (size_t k = i + 1; k < types; k++)
                last &= line >= row->cells[k].count;
            if (!last || *text)
                fprintf(v->a->out, "  %-*s", last ? 0 : (int)widths[i], text);
        }
        if (line == 0)
            fprintf(v->a->out, "  %*s %*s", v->ttl_width, row->ttl, TIME_WIDTH,
                    row->ms < 0 ? "" : ms_text(row->ms, ms));
        fputc('\n', v->a->out);
    }
    show_under(v, row);
}

static void show_table(struct screen *v, const struct row *rows, size_t count,
                       const uint16_t *types, size_t type_count, const size_t *widths) {
    char type[16];

    fprintf(v->a->out, "%*s%-*s", LEFT, "", (int)v->server_width, "server");
    for (size_t i = 0; i < type_count; i++)
        fprintf(v->a->out, "  %-*s", (int)widths[i], mr_dns_type_name(types[i], type));
    fprintf(v->a->out, "  %*s %*s\n", v->ttl_width, "TTL", TIME_WIDTH, "time");
    for (size_t i = 0; i < count; i++)
        show_table_row(v, &rows[i], type_count, widths);
}

/* ---- the list: a record a line ---- */

static void show_record(struct screen *v, const char *type, const char *text) {
    char head[LEFT + 32];

    snprintf(head, sizeof head, "%*s%-5s ", LEFT + 2, "", type);
    app_wrap(v->a->out, head, LEFT + 8, text);
}

static void show_list_row(struct screen *v, const struct row *row, const uint16_t *types,
                          size_t type_count) {
    char type[16], ms[16];

    fprintf(v->a->out, " %s %-*s  %*s %*s\n", app_mark(v->a, row_mark(v, row)),
            (int)v->server_width, mr_dns_survey_get_server(v->s, row->server)->text, v->ttl_width,
            row->ttl, TIME_WIDTH, row->ms < 0 ? "" : ms_text(row->ms, ms));
    for (size_t i = 0; i < type_count; i++)
        for (size_t k = 0; k < row->cells[i].count; k++)
            show_record(v, k ? "" : mr_dns_type_name(types[i], type), row->cells[i].lines[k]);
    show_under(v, row);
}

static void show_list(struct screen *v, const struct row *rows, size_t count,
                      const uint16_t *types, size_t type_count) {
    fprintf(v->a->out, "%*s%-*s  %*s %*s\n", LEFT, "", (int)v->server_width, "server", v->ttl_width,
            "TTL", TIME_WIDTH, "time");
    for (size_t i = 0; i < count; i++)
        show_list_row(v, &rows[i], types, type_count);
}

/* ---- a candidate ---- */

static void show_more(struct screen *v, const struct row *rows, size_t count, size_t types) {
    size_t more = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < types; k++)
            more += rows[i].cells[k].more;
    if (more)
        fprintf(v->a->out, "%*sand %zu more records (--json has them)\n", LEFT + 2, "", more);
}

static void show_candidate(struct screen *v, size_t candidate) {
    const mr_dns_survey_candidate *c = mr_dns_survey_get_candidate(v->s, candidate);
    size_t count = 0, type_count, widths[MR_DNS_SURVEY_TYPES] = {0}, total;
    const uint16_t *types = mr_dns_survey_get_types(v->s, &type_count);
    struct row *rows = mr_arena_get(&v->run->arena, MR_DNS_SURVEY_SERVERS, sizeof *rows);
    bool columns = true;

    const char *name = mr_arena_add_fmt(&v->run->arena, "%s%s",
                                        app_safe(v->a, mr_slice_str(c->name)),
                                        c->searched ? "   (search list)" : "");
    fprintf(v->a->out, "\n%s", app_style(v->a, APP_BOLD));
    app_wrap(v->a->out, " ", 1, name ? name : c->name);
    fputs(app_style(v->a, APP_PLAIN), v->a->out);
    for (size_t i = 0; rows && mr_dns_survey_get_server(v->s, i); i++) {
        rows[count] = read_row(v, i, candidate);
        count += rows[count].asked;
    }
    v->ttl_width = 6;
    for (size_t k = 0; k < count; k++)
        if (strlen(rows[k].ttl) > (size_t)v->ttl_width)
            v->ttl_width = (int)strlen(rows[k].ttl);
    total = LEFT + v->server_width + 3 + (size_t)v->ttl_width + TIME_WIDTH;
    for (size_t i = 0; i < type_count; i++) {
        widths[i] = types[i] == MR_DNS_A ? 13 : 8;
        for (size_t k = 0; k < count; k++) {
            size_t width = cell_width(&rows[k].cells[i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
        total += widths[i] + 2;
        columns &= types[i] == MR_DNS_A || types[i] == MR_DNS_AAAA;
    }
    if (columns && total <= APP_COLUMNS)
        show_table(v, rows, count, types, type_count, widths);
    else
        show_list(v, rows, count, types, type_count);
    show_more(v, rows, count, type_count);
}

/* ---- beside the tables ---- */

static void open_gap(struct screen *v) {
    if (!v->gap)
        fputc('\n', v->a->out);
    v->gap = true;
}

static const char *first_target(const mr_dns_survey_query *q) {
    const mr_dns_message *m = q->answer ? q->answer->message : NULL;

    for (size_t i = 0; m && i < m->answer_count; i++)
        if (m->answers[i].type == MR_DNS_PTR)
            return m->answers[i].u.target;
    return NULL;
}

/* The names back, each address and answer once, with the servers that gave it when they differ. */
static void show_reverse(struct screen *v) {
    const mr_dns_survey_query *q, *other;
    char word[16], address[MR_ADDR_TEXT];
    bool head = false;

    for (size_t i = 0; (q = mr_dns_survey_get_query(v->s, i)) != NULL; i++) {
        if (q->role != MR_DNS_SURVEY_REVERSE)
            continue;
        const char *name = first_target(q), *answer = name ? name : outcome_word(q, word);
        const char *servers = "";
        bool told = false, alone = true;
        for (size_t k = 0; (other = mr_dns_survey_get_query(v->s, k)) != NULL; k++) {
            char word2[16];
            if (other->role != MR_DNS_SURVEY_REVERSE ||
                !mr_addr_same_host(&other->about, &q->about))
                continue;
            const char *name2 = first_target(other);
            const char *answer2 = name2 ? name2 : outcome_word(other, word2);
            if (!mr_dns_same_name(answer, answer2)) {
                alone = false;
                continue;
            }
            told |= k < i;
            const mr_dns_survey_server *it = mr_dns_survey_get_server(v->s, other->server);
            const char *next = mr_arena_add_fmt(&v->a->arena, "%s%s%s", servers,
                                                *servers ? ", " : "", it->text);
            servers = next ? next : servers;
        }
        if (told)
            continue;
        open_gap(v);
        const char *text = mr_arena_add_fmt(
            &v->a->arena, alone ? "%s -> %s" : "%s -> %s   (%s)", mr_addr_text(&q->about, address),
            app_safe(v->a, mr_slice_str(answer)), servers);
        app_wrap(v->a->out, head ? "          " : " reverse  ", 10, text ? text : answer);
        head = true;
    }
}

static void show_hosts(struct screen *v) {
    const mr_hosts_entry *entry;
    char text[MR_ADDR_TEXT];
    const char *sources = mr_dns_survey_get_sources(v->s);
    bool late = mr_dns_survey_hosts_late(v->s);

    for (size_t i = 0; (entry = mr_dns_survey_get_hosts(v->s, i)) != NULL; i++)
        fprintf(v->a->out, " hosts    %s   %s line %u\n", mr_addr_text(&entry->addr, text),
                v->run->s.resolver.hosts_path, entry->line);
    if (late)
        fprintf(v->a->out, " hosts    %s (nsswitch.conf: %s)\n",
                strstr(sources, "files") ? "read after DNS" : "not read",
                app_safe(v->a, mr_slice_str(sources)));
}

static void show_search(struct screen *v) {
    const mr_dns_config *config = mr_dns_survey_get_config(v->s);
    const mr_dns_survey_candidate *c;
    bool searched = false;

    for (size_t i = 0; (c = mr_dns_survey_get_candidate(v->s, i)) != NULL; i++)
        searched |= c->searched && c->asked;
    if (!searched && !v->a->set.verbose)
        return;
    fputs(" search  ", v->a->out);
    for (size_t i = 0; i < config->search_count; i++)
        fprintf(v->a->out, " %s", app_safe(v->a, mr_slice_str(config->search[i])));
    fprintf(v->a->out, "%s (ndots %u)\n", config->search_count ? "" : " none", config->ndots);
}

static void show_zone(struct screen *v) {
    const char *zone = mr_dns_survey_get_zone(v->s), *list = "";
    const mr_dns_survey_server *it;
    bool same = true;
    uint32_t serial = 0;

    for (size_t i = 0; (it = mr_dns_survey_get_server(v->s, i)) != NULL; i++) {
        if (!it->has_serial)
            continue;
        same &= !*list || it->serial == serial;
        serial = it->serial;
        const char *next = mr_arena_add_fmt(&v->a->arena, "%s%s%u at %s", list, *list ? ", " : "",
                                            it->serial, it->text);
        list = next ? next : list;
    }
    if (!zone || !*list)
        return;
    const char *text = same ? mr_arena_add_fmt(&v->a->arena, "%s, serial %u", zone, serial)
                            : mr_arena_add_fmt(&v->a->arena, "%s, serials %s", zone, list);
    open_gap(v);
    if (text)
        app_wrap(v->a->out, " zone     ", 10, app_safe(v->a, mr_slice_str(text)));
}

void name_dns_show(struct name_run *run) {
    struct name_dns *d = run->dns;
    struct screen v = {.run = run, .a = run->a, .server_width = 6};
    const mr_dns_survey_candidate *c;
    const mr_dns_survey_server *it;

    if (!d)
        return;
    v.s = d->survey;
    for (size_t i = 0; (it = mr_dns_survey_get_server(v.s, i)) != NULL; i++)
        v.server_width = strlen(it->text) > v.server_width ? strlen(it->text) : v.server_width;
    show_search(&v);
    show_hosts(&v);
    for (size_t i = 0; (c = mr_dns_survey_get_candidate(v.s, i)) != NULL; i++)
        if (c->asked)
            show_candidate(&v, i);
    if (v.starred)
        fputs("      * not what every server says\n", v.a->out);
    show_reverse(&v);
    show_zone(&v);
    if (mr_dns_survey_is_cut(v.s))
        fputs(" there were more servers, names or addresses than are asked about\n", v.a->out);
}
