/* The forms of msrpc interfaces: an endpoint a block on the screen, and the members of JSON. */
#include "interfaces.h"

#include <stdlib.h>

#include <msrpc/ifaces/names.h>

#include "report.h"

#define NAME_WIDTH 40 /* columns before the UUID */

/* "listening", "filtered", ... */
static const char *state_name(enum ifs_state state) {
    switch (state) {
    case IFS_WAITING: return "unknown";
    case IFS_ANSWERED: return "answered";
    case IFS_REFUSED: return "not listening";
    case IFS_FILTERED: return "filtered";
    case IFS_UNREACHABLE: return "unreachable";
    case IFS_SILENT: return "no answer to the bind";
    case IFS_FAILED: return "failed";
    }
    return "";
}

static const char *mgmt_name(enum mr_survey_mgmt mgmt) {
    switch (mgmt) {
    case MR_SURVEY_MGMT_NOT_ASKED: return NULL;
    case MR_SURVEY_MGMT_LISTED: return "listed";
    case MR_SURVEY_MGMT_REJECTED: return "rejected";
    case MR_SURVEY_MGMT_REFUSED: return "refused";
    case MR_SURVEY_MGMT_FAILED: return "failed";
    }
    return NULL;
}

static const char *probe_name(enum mr_survey_answer answer) {
    switch (answer) {
    case MR_SURVEY_NOT_ASKED: return NULL;
    case MR_SURVEY_PRESENT: return "present";
    case MR_SURVEY_ABSENT: return "absent";
    case MR_SURVEY_UNKNOWN: return "unknown";
    }
    return NULL;
}

/* ---- which, in which order ---- */

static int compare(const void *pa, const void *pb) {
    const mr_survey_iface *a = *(const mr_survey_iface *const *)pa;
    const mr_survey_iface *b = *(const mr_survey_iface *const *)pb;
    char na[64], nb[64];

    app_iface_name(&a->syntax, na);
    app_iface_name(&b->syntax, nb);
    bool ua = strchr(na, ' ') != NULL, ub = strchr(nb, ' ') != NULL;
    if (ua != ub)
        return ua - ub;
    int order = strcasecmp(na, nb);
    if (!order)
        order = mr_uuid_cmp(&a->syntax.uuid, &b->syntax.uuid);
    return order ? order : a->syntax.major - b->syntax.major;
}

/* The interfaces that are shown, sorted by name, in the app's arena; NULL without memory. */
static const mr_survey_iface **sort_ifaces(app *a, const mr_survey *survey, size_t *countp) {
    const mr_survey_iface **items = mr_arena_get(&a->arena, survey->count + 1, sizeof *items);
    size_t n = 0;

    *countp = 0;
    if (!items)
        return NULL;
    for (size_t i = 0; i < survey->count; i++)
        if (ifs_is_there(&survey->ifaces[i]) ||
            (a->set.verbose && survey->ifaces[i].probe == MR_SURVEY_UNKNOWN))
            items[n++] = &survey->ifaces[i];
    qsort(items, n, sizeof *items, compare);
    *countp = n;
    return items;
}

/* The annotation the mapper has for the interface at that endpoint; empty when it has none. */
static mr_slice annotation_of(const struct ifs *all, const struct ifs_endpoint *e,
                        const mr_syntax *interface) {
    for (size_t i = 0; all->mapper && i < all->mapper->count; i++) {
        const mr_mapper_entry *entry = &all->mapper->entries[i];
        if (entry->protseq == MR_PROTSEQ_NCACN_IP_TCP && entry->port == e->addr.port &&
            entry->annotation.len && mr_uuid_eq(&entry->interface.uuid, &interface->uuid))
            return entry->annotation;
    }
    return MR_SLICE_NULL;
}

/* ---- the screen ---- */

/* What is odd about an interface when both ways were gone; NULL: nothing. */
static const char *oddity(app *a, const mr_survey *survey, const mr_survey_iface *iface) {
    bool listed_all = survey->mgmt == MR_SURVEY_MGMT_LISTED;

    switch (iface->probe) {
    case MR_SURVEY_NOT_ASKED:
        return NULL;
    case MR_SURVEY_PRESENT:
        return listed_all && !iface->listed ? "bound, but mgmt does not list it" : NULL;
    case MR_SURVEY_ABSENT:
        return "listed by mgmt, but the server says here that it does not know it";
    case MR_SURVEY_UNKNOWN:
        break;
    }
    if (!iface->answered)
        return "unknown: the server broke off when it was asked for";
    const char *reason = iface->result == MR_CONTEXT_PROVIDER_REJECT
                             ? mr_context_reason_name(iface->reason) : NULL;
    return mr_arena_add_fmt(&a->arena, "unknown: rejected, %s",
                            reason ? reason : "without a reason that tells");
}

static void show_iface(struct ifs *all, const struct ifs_endpoint *e,
                       const mr_survey_iface *iface) {
    app *a = all->s->a;
    const mr_iface_name *known = mr_name_find(&iface->syntax.uuid);
    const char *doc = known ? mr_name_doc(known) : "";
    const char *service = known ? mr_name_service(known) : "";
    char name[64], uuid[MR_UUID_TEXT], left[160];
    bool named = !strchr(app_iface_name(&iface->syntax, name), ' ');

    int n = snprintf(left, sizeof left, "%s%s%u.%u%s%s", named ? name : "", named ? " " : "",
                     iface->syntax.major, iface->syntax.minor, *doc ? "  " : "", doc);
    if (*service && (size_t)n + 2 + strlen(service) <= NAME_WIDTH)
        snprintf(left + n, sizeof left - (size_t)n, "  %s", service);
    fprintf(a->out, "   %-*.*s %s\n", NAME_WIDTH, NAME_WIDTH, left,
            mr_uuid_text(&iface->syntax.uuid, uuid));
    if (!a->set.verbose)
        return;
    mr_slice annotation = annotation_of(all, e, &iface->syntax);
    if (annotation.len)
        fprintf(a->out, "       mapper: %s\n", app_safe(a, annotation));
    const char *odd = oddity(a, &e->survey, iface);
    if (odd)
        fprintf(a->out, "       %s%s%s\n", app_style(a, APP_YELLOW), odd, app_style(a, APP_PLAIN));
}

/* How it was learnt: "told by mgmt; 1,066 probed in 10 PDUs, 1 connection". */
static const char *how(app *a, const mr_survey *survey) {
    size_t asked, unknown;
    const char *mgmt = "", *probed = "";
    const mr_code_info *code = mr_code_find_fault(survey->mgmt_error.peer);

    ifs_count(survey, &asked, &unknown);
    switch (survey->mgmt) {
    case MR_SURVEY_MGMT_NOT_ASKED:
        break;
    case MR_SURVEY_MGMT_LISTED:
        mgmt = "told by mgmt";
        break;
    case MR_SURVEY_MGMT_REJECTED:
        mgmt = "mgmt is not served";
        break;
    case MR_SURVEY_MGMT_REFUSED:
        mgmt = mr_arena_add_fmt(&a->arena, "mgmt refuses (%s 0x%08x)",
                                code ? mr_code_symbol(code) : "status", survey->mgmt_error.peer);
        break;
    case MR_SURVEY_MGMT_FAILED:
        mgmt = "mgmt fails";
        break;
    }
    if (asked > 1)
        probed = mr_arena_add_fmt(&a->arena, "%zu probed for in %u PDUs on %u connection%s", asked,
                                  survey->pdus, survey->connections,
                                  survey->connections == 1 ? "" : "s");
    return mr_arena_add_fmt(&a->arena, "%s%s%s", mgmt ? mgmt : "", mgmt && *mgmt && asked > 1
                            ? "; " : "", probed ? probed : "");
}

static void show_details(app *a, const mr_survey *survey) {
    static const char *const names[MR_SURVEY_STATS] = {"calls in", "calls out", "packets in",
                                                       "packets out"};
    for (uint32_t i = 0; i < survey->stat_count; i++)
        fprintf(a->out, "%s%u %s%s", i ? ", " : "   counted: ", survey->stats[i], names[i],
                i + 1 == survey->stat_count ? "\n" : "");
    for (size_t i = 0; i < survey->princ_count; i++)
        fprintf(a->out, "   principal of authentication service %u: %s\n", survey->princs[i].authn,
                app_safe(a, mr_slice_str(survey->princs[i].name)));
}

static void show_endpoint(struct ifs *all, const struct ifs_endpoint *e) {
    app *a = all->s->a;
    const mr_survey *survey = &e->survey;
    size_t n, asked, unknown, there = 0;

    if (e->state != IFS_ANSWERED || e->result) {
        fprintf(a->out, "\n %s %u  %s\n", app_mark(a, APP_MARK_FAIL), e->addr.port,
                state_name(e->state));
        if (e->error)
            app_wrap(a->out, "      ", 6, e->error);
        return;
    }
    const mr_survey_iface **items = sort_ifaces(a, survey, &n);
    ifs_count(survey, &asked, &unknown);
    for (size_t i = 0; i < n; i++)
        there += ifs_is_there(items[i]);
    const char *first = mr_arena_add_fmt(&a->arena, "\n %u  %zu interface%s  ", e->addr.port, there,
                                         there == 1 ? "" : "s");
    const char *text = how(a, survey);
    app_wrap(a->out, first ? first : "", 8, text ? text : "");
    for (size_t i = 0; i < n; i++)
        if (ifs_is_there(items[i]) || items[i]->answered)
            show_iface(all, e, items[i]);
    if (unknown && !survey->cut)
        fprintf(a->out, "   %s %zu more could be neither bound nor ruled out%s\n",
                app_mark(a, APP_MARK_WARN), unknown, a->set.verbose ? "" : " (-v names them)");
    if (survey->cut) {
        first = mr_arena_add_fmt(&a->arena, "   %s ", app_mark(a, APP_MARK_WARN));
        const char *why = mr_arena_add_fmt(&a->arena, "%zu are unknown: %s",
                                           unknown, app_error(a, &survey->cut_error));
        app_wrap(a->out, first ? first : "", 8, why ? why : "");
    }
    show_details(a, survey);
}

void ifs_show(struct ifs *all) {
    app *a = all->s->a;
    char address[MR_ADDR_TEXT];

    if (!a->set.quiet)
        fprintf(a->out, "msrpc interfaces %s   at %s\n", all->target->input,
                mr_addr_text(all->remote, address));
    if (!a->set.quiet)
        app_session_show_who(all->s);
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].state != IFS_WAITING)
            show_endpoint(all, &all->items[i]);
    fprintf(a->out, "\n %zu endpoint%s   %.0f ms\n", all->count, all->count == 1 ? "" : "s",
            app_session_ms(all->s));
    if (all->mapper && all->mapper->cut)
        fprintf(a->out, " The mapper did not come to an end; there may be more endpoints.\n");
}

/* ---- JSON ---- */

static void json_iface(struct ifs *all, const struct ifs_endpoint *e,
                       const mr_survey_iface *iface, mr_writer *w) {
    const mr_iface_name *known = mr_name_find(&iface->syntax.uuid);
    mr_slice annotation = annotation_of(all, e, &iface->syntax);

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    app_report_iface(w, "interface", &iface->syntax);
    if (e->survey.mgmt == MR_SURVEY_MGMT_LISTED)
        mr_writer_bool(w, "mgmt", iface->listed);
    else
        mr_writer_null(w, "mgmt");
    mr_writer_str(w, "probe", probe_name(iface->probe));
    if (iface->probe == MR_SURVEY_UNKNOWN)
        mr_writer_str(w, "reason", oddity(all->s->a, &e->survey, iface));
    if (annotation.len)
        mr_writer_slice(w, "annotation", annotation);
    mr_writer_str(w, "service", known ? mr_name_service(known) : NULL);
    mr_writer_str(w, "document", known ? mr_name_doc(known) : NULL);
    mr_writer_close(w);
}

static void json_details(app *a, const mr_survey *survey, mr_writer *w) {
    static const char *const names[MR_SURVEY_STATS] = {"calls_in", "calls_out", "packets_in",
                                                       "packets_out"};
    if (survey->stat_count) {
        mr_writer_open(w, "stats", MR_SHAPE_OBJECT);
        for (uint32_t i = 0; i < survey->stat_count; i++)
            mr_writer_uint(w, names[i], survey->stats[i]);
        mr_writer_close(w);
    }
    if (!a->set.verbose)
        return;
    mr_writer_open(w, "principals", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < survey->princ_count; i++) {
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_uint(w, "service", survey->princs[i].authn);
        mr_writer_str(w, "name", survey->princs[i].name);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static const char *method_name(const mr_survey *survey, size_t asked) {
    bool mgmt = survey->mgmt == MR_SURVEY_MGMT_LISTED, probed = asked > 1;
    return mgmt && probed ? "both" : mgmt ? "mgmt" : probed ? "probe" : "none";
}

static void json_endpoint(struct ifs *all, const struct ifs_endpoint *e, mr_writer *w) {
    app *a = all->s->a;
    const mr_survey *survey = &e->survey;
    size_t n, asked, unknown;
    const mr_survey_iface **items = sort_ifaces(a, survey, &n);

    ifs_count(survey, &asked, &unknown);
    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_fmt(w, "endpoint", "%u", e->addr.port);
    mr_writer_str(w, "state", state_name(e->state));
    if (e->error)
        mr_writer_str(w, "error", e->error);
    mr_writer_str(w, "method", method_name(survey, asked));
    mr_writer_str(w, "mgmt", mgmt_name(survey->mgmt));
    if (survey->mgmt > MR_SURVEY_MGMT_LISTED)
        mr_writer_str(w, "mgmt_error", app_error(a, &survey->mgmt_error));
    mr_writer_uint(w, "probed", asked);
    mr_writer_uint(w, "unknown", unknown);
    mr_writer_bool(w, "cut", survey->cut);
    if (survey->cut)
        mr_writer_str(w, "cut_error", app_error(a, &survey->cut_error));
    mr_writer_uint(w, "connections", survey->connections);
    mr_writer_uint(w, "pdus", survey->pdus);
    json_details(a, survey, w);
    mr_writer_open(w, "interfaces", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < n; i++)
        json_iface(all, e, items[i], w);
    mr_writer_close(w);
    mr_writer_close(w);
}

void ifs_json(struct ifs *all, mr_writer *w) {
    mr_writer_open(w, "endpoints", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < all->count; i++)
        json_endpoint(all, &all->items[i], w);
    mr_writer_close(w);
}
