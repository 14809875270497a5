/*
 * msrpc trace --client FILE --server FILE: the capture of the client's side is traced as any other;
 * what the one of the server's side adds (capture/pair.h) becomes facts of the same conversations,
 * and a part of the screen and of the reports.
 */
#include "trace.h"

#include <msrpc/facts_pair.h>

#define SHOWN 20
#define LINE 400

static int on_pair_progress(void *ctx, uint64_t done, uint64_t size) {
    (void)done;
    (void)size;
    return trace_stopped(ctx) ? 1 : 0;
}

/* ---- the other story ---- */

static int on_far_seen(void *ctx, const mr_seen *seen) {
    struct trace *t = ctx;

    return mr_trace_add(t->far, seen);
}

static int on_far_progress(void *ctx, const mr_analysis_place *place) {
    (void)place;
    return trace_stopped(ctx) ? MR_ERR_CANCELLED : 0;
}

/* What the server's capture says by itself: the ladders of the page show it beside the client's.
 * What cannot be read in it was told when the two were compared. */
static int read_far(struct trace *t) {
    const mr_trace_config story = {.each = true};
    const mr_analysis_config config = {.paths = &t->o->server, .count = 1, .seen = on_far_seen,
                                       .progress = on_far_progress, .ctx = t};
    mr_totals totals = {0};
    mr_error err = MR_ERROR_INIT;
    int r = mr_trace_new(&story, &t->far);

    if (!r) {
        r = mr_analysis_run(&config, &totals, &err);
        if (r != MR_ERR_MEMORY && r != MR_ERR_CANCELLED)
            r = mr_trace_end(t->far, totals.first, totals.last);
        mr_totals_deinit(&totals);
    }
    if (r == MR_ERR_CANCELLED)
        return trace_stop_code(t);
    return r ? app_refuse(t->a, APP_BUG, "%s", mr_result_text(r)) : 0;
}

static bool is_host(const mr_ip *ip, uint8_t family, const mr_host *host) {
    return ip->family == family && memcmp(&ip->host, host, sizeof *host) == 0;
}

static bool is_tuple(const mr_trace_talk *talk, const mr_pair_tuple *at) {
    return talk->client_port == at->client_port && talk->server_port == at->server_port &&
           is_host(&talk->client, at->family, &at->client) &&
           is_host(&talk->server, at->family, &at->server);
}

static bool is_of_talk(const mr_pair_seen *s, const mr_trace_talk *talk) {
    return s->proto == MR_IP_TCP && is_tuple(talk, &s->at[0]) &&
           (!s->packet[0] || (s->packet[0] >= talk->first && s->packet[0] <= talk->last));
}

/* How far from each other two moments are. */
static mr_nsec apart(mr_nsec x, mr_nsec y) {
    return x > y ? x - y : y - x;
}

const mr_trace_talk *trace_pair_find(const struct trace *t, const mr_trace_talk *talk) {
    const mr_pair_clock *clock = &t->pair.totals.clock;
    const mr_trace_talk *far, *best = NULL;
    mr_nsec best_apart = 0;
    mr_pair_tuple at = {talk->client.family, talk->client.host, talk->server.host,
                        talk->client_port, talk->server_port};

    for (size_t i = 0; i < t->pair.count; i++)
        if (is_of_talk(&t->pair.seen[i], talk) && t->pair.seen[i].at[1].family)
            at = t->pair.seen[i].at[1]; /* as translated */
    for (size_t i = 0; t->far && (far = mr_trace_get_talk(t->far, i)) != NULL; i++) {
        if (!is_tuple(far, &at))
            continue;
        mr_nsec begin = clock->known ? mr_pair_clock_to_a(clock, far->begin) : far->begin;
        mr_nsec end = clock->known ? mr_pair_clock_to_a(clock, far->end) : far->end;
        if (clock->known && (begin > talk->end + MR_SEC || end + MR_SEC < talk->begin))
            continue; /* the ports were used again */
        if (best && apart(begin, talk->begin) >= best_apart)
            continue;
        best = far;
        best_apart = apart(begin, talk->begin);
    }
    return best;
}

/* Compares, and adds the facts to the story. The exit code, told, or 0. */
int trace_pair(struct trace *t) {
    const char *const paths[2] = {t->o->client, t->o->server};
    const mr_pair_config config = {.progress = on_pair_progress, .ctx = t};
    mr_error err = MR_ERROR_INIT;
    int r;

    if (!t->o->server || t->partial)
        return 0;
    r = mr_pair_run(&config, paths, &t->pair, &err);
    if (r == MR_ERR_CANCELLED)
        return trace_stop_code(t);
    if (r)
        return app_refuse(t->a, r == MR_ERR_MEMORY ? APP_BUG : APP_UNREADABLE, "%s",
                          app_error(t->a, &err));
    t->paired = true;
    for (size_t i = 0; i < t->pair.count; i++)
        mr_trace_add_pair(t->story, &t->pair.seen[i]);
    if (t->o->html && (r = read_far(t)) != 0)
        return r;
    if (t->pair.totals.place[1].cut)
        return app_refuse(t->a, APP_UNREADABLE, "%s ends in the midst of a packet: what came "
                          "before it was compared", t->o->server);
    return 0;
}

/* ---- screen ---- */

/* "5 h 2 min", "1.234 s", "340 us": a span of nanoseconds, without its sign. */
static const char *span_text(int64_t span, char out[32]) {
    uint64_t ns = span < 0 ? 0 - (uint64_t)span : (uint64_t)span, s = ns / MR_SEC;

    if (s >= 3600)
        snprintf(out, 32, "%u h %u min %u s", (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
                 (unsigned)(s % 60));
    else if (s >= 60)
        snprintf(out, 32, "%u min %u s", (unsigned)(s / 60), (unsigned)(s % 60));
    else if (s >= 1)
        snprintf(out, 32, "%.3f s", (double)ns / 1e9);
    else if (ns >= MR_MSEC)
        snprintf(out, 32, "%.1f ms", (double)ns / 1e6);
    else
        snprintf(out, 32, "%.0f us", (double)ns / 1e3);
    return out;
}

/* How the clocks differ, as far as packets that are in both captures tell. */
static void clock_text(const struct trace *t, char out[LINE]) {
    const mr_pair_clock *c = &t->pair.totals.clock;
    char offset[32], err[32];

    if (!c->known) {
        snprintf(out, LINE, "no packet is in both captures: nothing tells how the clocks differ");
        return;
    }
    int at = snprintf(out, LINE, "the server's side is %s %s, within %s",
                      span_text(c->offset, offset), c->offset < 0 ? "behind" : "ahead",
                      span_text(c->err, err));
    if (c->drift)
        at += snprintf(out + at, LINE - (size_t)at, ", and %s by %.1f ppm",
                       c->drift < 0 ? "loses" : "gains",
                       (double)(c->drift < 0 ? -c->drift : c->drift) / 1e3);
    snprintf(out + at, LINE - (size_t)at, "%s%s",
             c->both_ways ? "" : " (one direction only: the delay is not known)",
             c->steady ? "" : " (a clock was set in between)");
}

static void both_text(const struct trace *t, char out[LINE]) {
    const mr_pair_totals *totals = &t->pair.totals;

    snprintf(out, LINE,
             "connections in both captures: %llu (with translated addresses %llu); only in "
             "the client's: %llu; only in the server's: %llu",
             (unsigned long long)totals->matched, (unsigned long long)totals->translated,
             (unsigned long long)totals->place[0].alone,
             (unsigned long long)totals->place[1].alone);
}

static const char *way(const mr_pair_seen *s) {
    return s->back ? "on the way back" : "on the way there";
}

/* What became of it, in words. */
static void what(const mr_pair_seen *s, char out[LINE]) {
    int sender = s->back ? !s->near : s->near, far = !s->near;
    unsigned times = s->count[sender];
    unsigned long long octets = s->octets;
    char change[MR_PAIR_TEXT];

    switch (s->kind) {
    case MR_PAIR_SYN_LOST:
        snprintf(out, LINE, "the SYN, sent %u times, was lost on the way there", times);
        break;
    case MR_PAIR_SYN_UNANSWERED:
        snprintf(out, LINE, s->at_host ? "the SYN arrived %u times, and the host did not answer"
                                       : "the SYN passed the second place %u times, unanswered",
                 s->count[far]);
        break;
    case MR_PAIR_SYN_ACK_LOST:
        snprintf(out, LINE, "the host answered the SYN %u times, lost on the way back", times);
        break;
    case MR_PAIR_ACK_LOST:
        snprintf(out, LINE, "the client's ACK, and all behind it, was lost on the way there");
        break;
    case MR_PAIR_DATA_LOST:
        snprintf(out, LINE, "%llu octets from %llu on, sent %u times, were lost %s", octets,
                 (unsigned long long)s->from, times, way(s));
        break;
    case MR_PAIR_LOSS:
        snprintf(out, LINE, "packets (%llu octets) were lost %s and sent again", octets, way(s));
        break;
    case MR_PAIR_UNANSWERED:
        snprintf(out, LINE, "what the client sent %s%s, and no answer came in %.1f s",
                 s->at_host ? "reached the host" : "passed the second place",
                 s->acked ? " and was acknowledged" : "", (double)s->wait / 1e9);
        break;
    case MR_PAIR_RESET_FORGED:
        snprintf(out, LINE, "a reset was forged in between, towards the %s",
                 s->both ? "client and the server" : s->back ? "client" : "server");
        break;
    case MR_PAIR_CHANGED:
        snprintf(out, LINE, "changed %s: %s", way(s), mr_pair_change_text(s, change));
        break;
    case MR_PAIR_QUERY_LOST:
        snprintf(out, LINE, "the question, sent %u times, was lost on the way there", times);
        break;
    case MR_PAIR_QUERY_UNANSWERED:
        snprintf(out, LINE, "the question %s %u times, unanswered",
                 s->at_host ? "reached the host" : "passed the second place", s->count[far]);
        break;
    case MR_PAIR_ANSWER_LOST:
        snprintf(out, LINE, "the answer, sent %u times, was lost on the way back", times);
        break;
    }
}

static void seen_text(const mr_pair_seen *s, char line[LINE * 2]) {
    const mr_pair_tuple *at = &s->at[s->at[0].family ? 0 : 1];
    const mr_ip client = {at->client, at->family}, server = {at->server, at->family};
    char from[MR_IP_TEXT], to[MR_IP_TEXT], text[LINE];
    const size_t size = LINE * 2;
    int used;

    what(s, text);
    used = snprintf(line, size, "%s:%u > %s:%u %s; %s", mr_ip_text(&client, from),
                    at->client_port, mr_ip_text(&server, to), at->server_port,
                    s->proto == MR_IP_UDP ? "udp" : "tcp", text);
    for (int i = 0; i < 2; i++)
        if (s->packet[i])
            used += snprintf(line + used, size - (size_t)used, "%s %s %llu",
                             i == 0 || !s->packet[0] ? "; packet" : " and",
                             i == 0 ? "client" : "server", (unsigned long long)s->packet[i]);
    if (!s->certain)
        snprintf(line + used, size - (size_t)used,
                 " (not certain: the other capture does not show that it ran then)");
}

void trace_pair_show(struct trace *t) {
    const mr_pair_totals *totals = &t->pair.totals;
    size_t most = t->a->set.verbose ? t->pair.count : SHOWN;
    char text[LINE], line[LINE * 2];

    if (!t->paired)
        return;
    both_text(t, text);
    fputc('\n', t->a->out);
    app_wrap(t->a->out, " BOTH     ", 10, text);
    clock_text(t, text);
    app_wrap(t->a->out, " CLOCKS   ", 10, text);
    for (int i = 0; i < 2; i++) {
        if (totals->place[i].dropped == 0 && totals->place[i].missed == 0)
            continue;
        snprintf(text, sizeof text, "the %s's capture lacks packets that were there: what it "
                 "does not show proves nothing", i ? "server" : "client");
        app_wrap(t->a->out, " [!] ", 5, text);
    }
    for (size_t i = 0; i < t->pair.count && i < most; i++) {
        seen_text(&t->pair.seen[i], line);
        app_wrap(t->a->out, t->pair.seen[i].certain ? " [!] " : " [--] ", 5, line);
    }
    if (t->pair.count > most)
        fprintf(t->a->out, " and %zu more (-v shows them)\n", t->pair.count - most);
    else if (t->pair.count == 0 && totals->matched == 0 && !totals->clock.known)
        app_wrap(t->a->out, " [--] ", 6, "no connection is in both captures: there is nothing to "
                 "compare; are they of the same time and path?");
    else if (t->pair.count == 0)
        fputs(" [ok] nothing was lost, forged or changed between the two places\n", t->a->out);
}

/* What is told of both sides, line by line, to @put: for the page. */
void trace_pair_tell(struct trace *t, void (*put)(FILE *out, const char *text), FILE *out) {
    char text[LINE], line[LINE * 2];

    both_text(t, text);
    put(out, text);
    clock_text(t, text);
    put(out, text);
    for (size_t i = 0; i < t->pair.count; i++) {
        seen_text(&t->pair.seen[i], line);
        put(out, line);
    }
    if (t->pair.count == 0)
        put(out, t->pair.totals.matched || t->pair.totals.clock.known
                     ? "nothing was lost, forged or changed between the two places"
                     : "no connection is in both captures: there is nothing to compare");
}

void trace_pair_tell_talk(struct trace *t, const mr_trace_talk *talk,
                          void (*put)(FILE *out, const char *text), FILE *out) {
    char line[LINE * 2];

    for (size_t i = 0; i < t->pair.count; i++) {
        if (!is_of_talk(&t->pair.seen[i], talk))
            continue;
        seen_text(&t->pair.seen[i], line);
        put(out, line);
    }
}

/* ---- JSON ---- */

static void write_tuple(mr_writer *w, const char *key, const mr_pair_tuple *at, uint64_t packet,
                        uint64_t last, uint32_t count) {
    const mr_ip client = {at->client, at->family}, server = {at->server, at->family};
    char text[MR_IP_TEXT];

    if (!at->family) {
        mr_writer_null(w, key);
        return;
    }
    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    mr_writer_str(w, "client", mr_ip_text(&client, text));
    mr_writer_uint(w, "client_port", at->client_port);
    mr_writer_str(w, "server", mr_ip_text(&server, text));
    mr_writer_uint(w, "server_port", at->server_port);
    mr_writer_uint(w, "packet", packet);
    mr_writer_uint(w, "last_packet", last);
    mr_writer_uint(w, "count", count);
    mr_writer_close(w);
}

static void write_place(mr_writer *w, const char *key, const mr_pair_place *place) {
    mr_writer_open(w, key, MR_SHAPE_OBJECT);
    mr_writer_uint(w, "packets", place->packets);
    mr_writer_uint(w, "dropped", place->dropped);
    mr_writer_uint(w, "missed", place->missed);
    mr_writer_uint(w, "duplicates", place->duplicates);
    mr_writer_uint(w, "connections", place->flows);
    mr_writer_uint(w, "alone", place->alone);
    mr_writer_close(w);
}

static void write_clock(mr_writer *w, const mr_pair_clock *clock) {
    mr_writer_open(w, "clock", MR_SHAPE_OBJECT);
    mr_writer_bool(w, "known", clock->known);
    mr_writer_bool(w, "both_ways", clock->both_ways);
    mr_writer_bool(w, "steady", clock->steady);
    mr_writer_real(w, "offset", (double)clock->offset / 1e9);
    mr_writer_real(w, "error", (double)clock->err / 1e9);
    mr_writer_real(w, "drift_ppm", (double)clock->drift / 1e3);
    mr_writer_real(w, "drift_error_ppm", (double)clock->drift_err / 1e3);
    mr_writer_close(w);
}

/* The member "pair"; null where one side was captured. */
void trace_pair_json(struct trace *t, mr_writer *w) {
    char text[LINE];

    if (!t->paired) {
        mr_writer_null(w, "pair");
        return;
    }
    mr_writer_open(w, "pair", MR_SHAPE_OBJECT);
    write_clock(w, &t->pair.totals.clock);
    write_place(w, "client", &t->pair.totals.place[0]);
    write_place(w, "server", &t->pair.totals.place[1]);
    mr_writer_uint(w, "matched", t->pair.totals.matched);
    mr_writer_uint(w, "translated", t->pair.totals.translated);
    mr_writer_uint(w, "left_out", t->pair.totals.unsaid);
    mr_writer_open(w, "differences", MR_SHAPE_ARRAY);
    for (size_t i = 0; i < t->pair.count; i++) {
        const mr_pair_seen *s = &t->pair.seen[i];
        what(s, text);
        mr_writer_open(w, NULL, MR_SHAPE_OBJECT);
        mr_writer_str(w, "kind", mr_pair_kind_name(s->kind));
        mr_writer_str(w, "text", text);
        mr_writer_str(w, "direction", s->both ? "both" : s->back ? "back" : "there");
        mr_writer_bool(w, "certain", s->certain);
        mr_writer_bool(w, "at_host", s->at_host);
        mr_writer_uint(w, "octets", s->octets);
        write_tuple(w, "client", &s->at[0], s->packet[0], s->last_packet[0], s->count[0]);
        write_tuple(w, "server", &s->at[1], s->packet[1], s->last_packet[1], s->count[1]);
        mr_writer_close(w);
    }
    mr_writer_close(w);
    mr_writer_close(w);
}
