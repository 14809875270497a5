/*
 * msrpc name, NetBIOS, as a screen and as JSON: who answered what for each suffix, and the names
 * of a node with the meaning of their 16th octet.
 */
#include "name_netbios.h"

const char *netbios_asked(struct name_run *run, const mr_netbios_survey *s, const mr_netbios *q) {
    char text[MR_ADDR_TEXT];
    const mr_addr *remote = &q->options.remote;
    const char *at = remote->port == MR_NBT_PORT ? mr_addr_text(remote, text)
                                                 : mr_addr_port_text(remote, text);
    const char *out;

    if (!q->options.broadcast)
        return (out = mr_arena_add_fmt(&run->arena, "WINS %s", at)) ? out : "WINS";
    for (size_t i = 0; i < s->options.link_count; i++)
        if (mr_addr_same_host(&s->options.links[i].broadcast, remote) &&
            s->options.links[i].name[0] &&
            mr_addr_same_host(&s->options.links[i].address, &q->options.source))
            return (out = mr_arena_add_fmt(&run->arena, "broadcast %s", s->options.links[i].name))
                       ? out : "broadcast";
    return (out = mr_arena_add_fmt(&run->arena, "broadcast %s", at)) ? out : "broadcast";
}

static const char *ip_text(const mr_nbt_addr *a, char out[MR_ADDR_TEXT]) {
    mr_addr addr = {.family = MR_FAMILY_IPV4};

    memcpy(addr.ip, a->ip, 4);
    return mr_addr_text(&addr, out);
}

/* A name for the screen: octets that are no text, as those around __MSBROWSE__, become dots. */
static const char *shown(struct name_run *run, mr_slice name) {
    char *copy = mr_arena_add_str(&run->arena, name);

    for (size_t i = 0; copy && i < name.len; i++)
        if ((uint8_t)copy[i] < 0x20)
            copy[i] = '.';
    return app_safe(run->a, mr_slice_of(copy ? copy : "", copy ? name.len : 0));
}

static enum app_mark mark_of(const mr_netbios_survey *s, const mr_netbios *q) {
    bool aside = mr_netbios_survey_is_aside(s, q);

    switch (q->state) {
    case MR_NETBIOS_ANSWERED: return APP_MARK_OK;
    case MR_NETBIOS_NEGATIVE:
    case MR_NETBIOS_REDIRECT: return aside ? APP_MARK_SKIP : APP_MARK_WARN;
    case MR_NETBIOS_SILENT: return aside ? APP_MARK_SKIP : APP_MARK_FAIL;
    case MR_NETBIOS_CLOSED:
    case MR_NETBIOS_LOCAL: return APP_MARK_FAIL;
    case MR_NETBIOS_ASKING: break;
    }
    return APP_MARK_SKIP;
}

static double reply_ms(const mr_netbios *q, const mr_netbios_reply *r) {
    return (double)(r->at - q->started) / MR_MSEC;
}

/* ---- the screen ---- */

static void show_answer(struct name_run *run, const mr_netbios_survey *s, const mr_netbios *q,
                        const mr_netbios_reply *r) {
    FILE *out = run->a->out;
    char text[MR_ADDR_TEXT];

    for (size_t i = 0; i < r->answer.addr_count; i++) {
        const mr_nbt_addr *a = &r->answer.addrs[i];
        bool group = a->flags & MR_NBT_GROUP;
        fprintf(out, "          %s %-16s %-6s %s node%9s", app_mark(run->a, APP_MARK_OK),
                mr_netbios_is_placeholder(a) ? "(members untold)" : ip_text(a, text),
                group ? "group" : "unique", mr_nbt_node_text(a->flags), "");
        if (i == 0)
            fprintf(out, "%s  %.1f ms", netbios_asked(run, s, q), reply_ms(q, r));
        fputc('\n', out);
    }
    if (r->answer.addr_count == 0)
        fprintf(out, "          %s a positive answer without addresses  %s\n",
                app_mark(run->a, APP_MARK_WARN), netbios_asked(run, s, q));
}

static void show_query(struct name_run *run, const mr_netbios_survey *s, const mr_netbios *q) {
    FILE *out = run->a->out;
    const char *mark = app_mark(run->a, mark_of(s, q)), *asked = netbios_asked(run, s, q);
    const mr_netbios_reply *r = q->replies;
    mr_nbt_addr server = {0};
    char text[MR_ADDR_TEXT];

    switch (q->state) {
    case MR_NETBIOS_ANSWERED:
        for (; r; r = r->next)
            if (r->answer.kind == MR_NBT_ANSWER_POSITIVE)
                show_answer(run, s, q, r);
        return;
    case MR_NETBIOS_NEGATIVE:
        fprintf(out, "          %s %-38s %s  %.1f ms\n", mark,
                mr_nbt_rcode_text(r->answer.rcode), asked, reply_ms(q, r));
        return;
    case MR_NETBIOS_REDIRECT:
        memcpy(server.ip, r->answer.server, 4);
        fprintf(out, "          %s ask name server %-22s %s\n", mark, ip_text(&server, text),
                asked);
        return;
    case MR_NETBIOS_SILENT:
        fprintf(out, "          %s %-38s %s\n", mark,
                q->waits ? "asked for patience, then silence" : "no answer", asked);
        return;
    case MR_NETBIOS_CLOSED:
        fprintf(out, "          %s ICMP %-33s %s\n", mark, mr_icmp_text(&q->attempt.icmp), asked);
        return;
    case MR_NETBIOS_LOCAL:
        fprintf(out, "          %s %-38s %s\n", mark, "this machine cannot send there", asked);
        return;
    case MR_NETBIOS_ASKING: break;
    }
    fprintf(out, "          %s %-38s %s\n", mark, "no answer yet", asked);
}

static void show_names(struct name_run *run, const mr_nbt_status *status) {
    for (size_t i = 0; i < status->count; i++) {
        const mr_nbt_name *n = &status->names[i];
        bool group = n->flags & MR_NBT_GROUP;
        fprintf(run->a->out, "          %-15s <%02X> %-6s %s  %s%s%s%s\n",
                shown(run, n->name), n->suffix, group ? "group" : "unique",
                mr_nbt_node_text(n->flags), mr_nbt_meaning(n->name, n->suffix, group),
                n->flags & MR_NBT_CONFLICT ? ", IN CONFLICT" : "",
                n->flags & MR_NBT_DEREGISTER ? ", being released" : "",
                n->flags & MR_NBT_ACTIVE ? "" : ", not active");
    }
    if (mr_netbios_has_mac(status))
        fprintf(run->a->out, "          MAC %02x:%02x:%02x:%02x:%02x:%02x\n", status->mac[0],
                status->mac[1], status->mac[2], status->mac[3], status->mac[4], status->mac[5]);
    else
        fputs("          MAC not told (Samba sends none)\n", run->a->out);
}

static void show_node(struct name_run *run, const mr_netbios *q) {
    FILE *out = run->a->out;
    char text[MR_ADDR_TEXT];
    const char *at = mr_addr_text(&q->options.remote, text);

    if (q->state == MR_NETBIOS_ANSWERED) {
        mr_slice own = mr_netbios_node_name(&q->replies->status);
        fprintf(out, "\n STATUS   %s %s is %s  %zu names  %.1f ms\n",
                app_mark(run->a, APP_MARK_OK), at, own.len ? shown(run, own) : "nameless",
                q->replies->status.count, reply_ms(q, q->replies));
        show_names(run, &q->replies->status);
        return;
    }
    fprintf(out, "\n STATUS   %s %s: %s\n",
            app_mark(run->a, q->state == MR_NETBIOS_ASKING ? APP_MARK_SKIP : APP_MARK_FAIL), at,
            q->state == MR_NETBIOS_ASKING     ? "no answer yet"
            : q->state == MR_NETBIOS_NEGATIVE ? mr_nbt_rcode_text(q->replies->status.rcode)
            : q->state == MR_NETBIOS_SILENT   ? "no answer"
            : q->state == MR_NETBIOS_LOCAL    ? "this machine cannot send there"
                                              : mr_icmp_text(&q->attempt.icmp));
}

/* Whether somebody who answered says that the name is a group's. */
static bool is_group(const mr_netbios_survey *s, uint8_t suffix) {
    for (size_t i = 0; i < s->query_count; i++)
        for (const mr_netbios_reply *r = s->queries[i].replies; r; r = r->next)
            if (s->queries[i].options.name[MR_NBT_NAME - 1] == suffix && r->answer.addr_count)
                return r->answer.addrs[0].flags & MR_NBT_GROUP;
    return suffix == 0x1c || suffix == 0x1e;
}

void netbios_show(struct name_run *run, const mr_netbios_survey *s) {
    int before = -1;

    for (size_t i = 0; i < s->query_count; i++) {
        const mr_netbios *q = &s->queries[i];
        uint8_t suffix = q->options.name[MR_NBT_NAME - 1];
        if (suffix != before) {
            mr_slice name = mr_nbt_name_trim(q->options.name);
            fprintf(run->a->out, "%s%s%s<%02X>  %s\n", before < 0 ? "\n" : "",
                    before < 0 ? " NETBIOS  " : "          ", shown(run, name), suffix,
                    mr_nbt_meaning(name, suffix, is_group(s, suffix)));
        }
        before = suffix;
        show_query(run, s, q);
    }
    for (size_t i = 0; i < s->node_count; i++)
        show_node(run, &s->nodes[i]);
}

/* ---- JSON ---- */

static void json_answer(mr_writer *w, const mr_netbios *q, const mr_netbios_reply *r) {
    char text[MR_ADDR_TEXT];

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "sender", mr_addr_text(&r->sender, text));
    mr_writer_real(w, "ms", reply_ms(q, r));
    mr_writer_uint(w, "rcode", r->answer.rcode);
    mr_writer_bool(w, "authoritative", r->answer.authoritative);
    mr_writer_uint(w, "ttl", r->answer.ttl);
    mr_writer_open(w, "addresses", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < r->answer.addr_count; i++) {
        const mr_nbt_addr *a = &r->answer.addrs[i];
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "address", ip_text(a, text));
        mr_writer_bool(w, "group", a->flags & MR_NBT_GROUP);
        mr_writer_str(w, "node", mr_nbt_node_text(a->flags));
        mr_writer_close(w);
    }
    mr_writer_close(w);
    if (r->answer.kind == MR_NBT_ANSWER_REDIRECT) {
        mr_nbt_addr server = {0};
        memcpy(server.ip, r->answer.server, 4);
        mr_writer_str(w, "redirect", ip_text(&server, text));
    }
    mr_writer_close(w);
}

static void json_query(mr_writer *w, const mr_netbios_survey *s, const mr_netbios *q) {
    mr_slice name = mr_nbt_name_trim(q->options.name);
    uint8_t suffix = q->options.name[MR_NBT_NAME - 1];
    char text[MR_ADDR_TEXT];

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_slice(w, "name", name);
    mr_writer_fmt(w, "suffix", "%02X", suffix);
    mr_writer_str(w, "meaning", mr_nbt_meaning(name, suffix, is_group(s, suffix)));
    mr_writer_str(w, "asked", q->options.broadcast ? "broadcast" : "wins");
    mr_writer_str(w, "server", q->options.remote.port == MR_NBT_PORT
                                   ? mr_addr_text(&q->options.remote, text)
                                   : mr_addr_port_text(&q->options.remote, text));
    mr_writer_str(w, "state", mr_netbios_state_name(q->state));
    mr_writer_uint(w, "tries", q->sent);
    mr_writer_open(w, "answers", MR_SHAPE_ARRAY);
    for (const mr_netbios_reply *r = q->replies; r; r = r->next)
        json_answer(w, q, r);
    mr_writer_close(w);
    if (q->error.code)
        mr_writer_str(w, "error", q->error.text);
    mr_writer_close(w);
}

static void json_names(mr_writer *w, const mr_nbt_status *status) {
    mr_writer_open(w, "names", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < status->count; i++) {
        const mr_nbt_name *n = &status->names[i];
        bool group = n->flags & MR_NBT_GROUP;
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_slice(w, "name", n->name);
        mr_writer_fmt(w, "suffix", "%02X", n->suffix);
        mr_writer_str(w, "meaning", mr_nbt_meaning(n->name, n->suffix, group));
        mr_writer_bool(w, "group", group);
        mr_writer_str(w, "node", mr_nbt_node_text(n->flags));
        mr_writer_bool(w, "active", n->flags & MR_NBT_ACTIVE);
        mr_writer_bool(w, "conflict", n->flags & MR_NBT_CONFLICT);
        mr_writer_bool(w, "releasing", n->flags & MR_NBT_DEREGISTER);
        mr_writer_bool(w, "permanent", n->flags & MR_NBT_PERMANENT);
        mr_writer_close(w);
    }
    mr_writer_close(w);
}

static void json_node(mr_writer *w, const mr_netbios *q) {
    char text[MR_ADDR_TEXT];

    mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
    mr_writer_str(w, "address", mr_addr_text(&q->options.remote, text));
    mr_writer_str(w, "state", mr_netbios_state_name(q->state));
    mr_writer_uint(w, "tries", q->sent);
    if (q->state == MR_NETBIOS_ANSWERED) {
        const mr_nbt_status *status = &q->replies->status;
        mr_writer_real(w, "ms", reply_ms(q, q->replies));
        mr_writer_slice(w, "name", mr_netbios_node_name(status));
        if (mr_netbios_has_mac(status))
            mr_writer_fmt(w, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", status->mac[0],
                          status->mac[1], status->mac[2], status->mac[3], status->mac[4],
                          status->mac[5]);
        else
            mr_writer_null(w, "mac");
        json_names(w, status);
    }
    if (q->error.code)
        mr_writer_str(w, "error", q->error.text);
    mr_writer_close(w);
}

void netbios_json(struct name_run *run, mr_writer *w, const mr_netbios_survey *s) {
    (void)run;
    mr_writer_open(w, "queries", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < s->query_count; i++)
        json_query(w, s, &s->queries[i]);
    mr_writer_close(w);
    mr_writer_open(w, "nodes", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < s->node_count; i++)
        json_node(w, &s->nodes[i]);
    mr_writer_close(w);
}
