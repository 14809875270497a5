/*
 * msrpc range: what to type so that a host takes its dynamic ports from a wanted range, what is
 * wrong with that range, what netsh's start and num really mean, and which ports of a host lie
 * outside. Nothing is set by it.
 */
#include "range.h"

#include "identity.h"
#include "report.h"
#include "verdict.h"

static const app_option options[] = {
    {"ports", 0, APP_TEXT, "LIST", offsetof(struct range_options, ports), 0, 0,
     "the wanted range, as Rpc\\Internet\\Ports has it: 5000-5400,5984"},
    {"netsh", 0, APP_TEXT, "TEXT", offsetof(struct range_options, netsh), 0, 0,
     "check \"start=5200 num=10200\", or a whole netsh line with them"},
    {"start", 0, APP_NUMBER, "N", offsetof(struct range_options, start), 1, UINT32_MAX,
     "likewise, with --num"},
    {"num", 0, APP_NUMBER, "N", offsetof(struct range_options, num), 1, UINT32_MAX,
     "how many ports there are from --start on"},
    {"of", 0, APP_TEXT, "HOST[:PORT]", offsetof(struct range_options, of), 0, 0,
     "compare with the ports that the mapper of HOST names (wanted: 49152-65535)"},
    {0},
};

static const char ports_check[] = "RANGE.PORTS", netsh_check[] = "RANGE.NETSH";

/* ---- what is wanted ---- */

static int read_ports(struct range *r, const char *text) {
    int result = mr_ranges_decode(mr_slice_str(text), &r->wanted);

    r->text = text;
    if (result == MR_ERR_LIMIT)
        return app_refuse(r->a, APP_USAGE, "--ports: more than %d entries", MR_RANGES_MAX);
    if (result && r->wanted.count == 0)
        return app_refuse(r->a, APP_USAGE, "--ports %s: %s", text,
                          mr_range_fault_text(r->wanted.bad[0].fault));
    for (size_t i = 0; i < r->wanted.bad_count; i++)
        mr_facts_add_bad_range(&r->diag, &r->wanted.bad[i], ports_check);
    mr_facts_add_ranges(&r->diag, &r->wanted, MR_PORT_TCP | MR_PORT_UDP, ports_check);
    return 0;
}

/* start= and num= as the range they really are. */
static int take_netsh(struct range *r) {
    int result = mr_facts_add_netsh(&r->diag, r->start, r->num, netsh_check);

    r->has_netsh = true;
    if (!r->text)
        r->text = mr_arena_add_fmt(&r->a->arena, "start=%u num=%u", r->start, r->num);
    if (result == 0) {
        r->wanted.items[0] = (mr_port_range){(uint16_t)r->start,
                                             (uint16_t)(r->start + r->num - 1)};
        r->wanted.count = 1;
        mr_facts_add_ranges(&r->diag, &r->wanted, MR_PORT_TCP | MR_PORT_UDP, netsh_check);
    }
    return r->text ? 0 : app_refuse(r->a, APP_BUG, "out of memory");
}

static int read_netsh(struct range *r, const struct range_options *o) {
    mr_error err = MR_ERROR_INIT;

    r->start = o->start;
    r->num = o->num;
    if (o->netsh) {
        r->text = o->netsh;
        if (mr_netsh_decode(mr_slice_str(o->netsh), &r->start, &r->num, &err) != 0)
            return app_refuse(r->a, APP_USAGE, "--netsh \"%s\": %s", o->netsh, err.text);
    }
    if (r->start == 0 || r->num == 0)
        return app_refuse(r->a, APP_USAGE, "start and num are wanted together, and not 0");
    return take_netsh(r);
}

static int read_wanted(struct range *r, const struct range_options *o) {
    bool netsh = o->netsh || o->start || o->num;

    if (r->a->arg_count) {
        mr_ranges ranges;
        if (mr_ranges_decode(mr_slice_str(r->a->args[0]), &ranges) == 0)
            return app_refuse(r->a, APP_USAGE, "--ports %s is how a range is said", r->a->args[0]);
        return app_refuse(r->a, APP_MISSING, "%s: this version cannot read a host's settings; "
                          "--of %s compares with the ports it uses", r->a->args[0],
                          r->a->args[0]);
    }
    if ((o->ports && netsh) || (o->netsh && (o->start || o->num)))
        return app_refuse(r->a, APP_USAGE, "--ports, --netsh, and --start with --num are three "
                          "ways to say one thing");
    if (netsh)
        return read_netsh(r, o);
    if (o->ports)
        return read_ports(r, o->ports);
    if (!o->of)
        return app_refuse(r->a, APP_USAGE, "a range is wanted: --ports 5000-5400, or --of HOST to "
                          "see what a host uses");
    r->wanted.items[0] = mr_port_era_range(MR_PORT_ERA_2008);
    r->wanted.count = 1;
    r->text = "49152-65535";
    return 0;
}

/* ---- the run ---- */

/* A finding that is more than an information: 1. */
static int judge(const struct range *r) {
    const mr_finding *f;

    for (size_t i = 0; (f = mr_diag_get_finding(&r->diag, i)) != NULL; i++)
        if (f->severity != MR_SEVERITY_INFO)
            return APP_WARNINGS;
    return r->target && !r->port_count ? APP_WARNINGS : APP_OK; /* nothing to compare: unknown */
}

static int report(struct range *r, int code) {
    app *a = r->a;
    mr_writer w;

    if (mr_diag_run(&r->diag) != 0 || (r->s && r->s->diag && mr_diag_run(r->s->diag) != 0))
        return app_refuse(a, APP_BUG, "out of memory");
    if (!code)
        code = judge(r);
    if (a->set.json || a->set.jsonl) {
        app_report_open(a, &w);
        mr_writer_bool(&w, "partial", code >= APP_INCOMPLETE);
        if (code > APP_WARNINGS && r->s && r->s->error.text[0])
            mr_writer_str(&w, "error", app_error(a, &r->s->error));
        range_json(r, &w);
        return app_report_close(a, &w, code);
    }
    if (code <= APP_WARNINGS)
        range_show(r);
    if (r->s)
        app_session_tell_findings(r->s);
    return code;
}

static int compare_host(struct range *r, char *host) {
    app_session s;
    app_target target;
    int code = app_target_read(r->a, host, &target); /* in place: a password is wiped there */
    if (!code && target.binding && target.binding->protseq != MR_PROTSEQ_NCACN_IP_TCP)
        code = app_refuse(r->a, APP_USAGE, "%s: the mapper is asked over ncacn_ip_tcp",
                          target.input);
    if (!code)
        code = app_accounts_read(r->a, &target, 1);
    if (!code)
        code = app_account_check(r->a, &target);
    if (!code)
        code = app_session_open(r->a, &s);
    if (code)
        return code;
    r->s = &s;
    r->target = &target;
    code = report(r, range_of(r));
    app_session_close(&s);
    return code;
}

static int run(app *a) {
    const struct range_options *o = a->own;
    struct range r = {.a = a};
    const char *at = o->of ? strrchr(o->of, '@') : NULL;
    const char *subject = at ? at + 1 : o->of ? o->of : "the wanted range";

    if (mr_diag_init(&r.diag, &a->arena, subject, NULL) != 0)
        return app_refuse(a, APP_BUG, "out of memory");
    int code = read_wanted(&r, o);
    if (code)
        return code;
    if (o->of)
        return compare_host(&r, (char *)(uintptr_t)o->of);
    bool bad = mr_diag_run(&r.diag) == 0 && mr_diag_get_verdict(&r.diag)->finding;
    if (!bad && !r.has_netsh) /* nothing to type that Windows would not take */
        code = range_plan(&r);
    return code ? code : report(&r, 0);
}

const app_command app_range = {
    .name = "range",
    .line = "the dynamic port range: check one, set one, see what a host uses",
    .synopsis = "--ports LIST | --netsh TEXT | --of HOST",
    .about =
        "For a wanted range of dynamic ports prints the commands that set it (the registry for RPC "
        "servers, netsh for every socket, the firewall rule), those that show it and those that "
        "undo it, and says what is wrong with it: one bad entry voids the whole list, fewer than "
        "100 ports, ports below 5000, known services inside, netsh's num read as a last port. "
        "With --of the ports that the mapper of a host names are compared with the range. Nothing "
        "is set.",
    .examples = {"msrpc range --ports 50000-50999", "what to type for a thousand ports",
                 "msrpc range --of dc01 --ports 5000-5400",
                 "whether a firewall that opens these ports lets everything through"},
    .exits = {"0", "nothing to object to",
              "1", "a trap, or a port of --of lies outside",
              "10 20 30 40", "with --of: the failing phase"},
    .groups = APP_GROUP_TARGET | APP_GROUP_IDENTITY | APP_GROUP_LIMITS | APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct range_options),
    .run = run,
};
