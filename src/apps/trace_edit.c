/*
 * Captures made of the capture: a copy with the findings as packet comments, so that Wireshark
 * shows them in place, and the packets of one conversation with what it depends on: the look-ups of
 * its name and the mapper's conversation that named its port. Both read the capture again.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <msrpc/capture/write.h>

/* ---- files ---- */

/* Copies the capture to @out as @edit wants it. */
static int copy(struct trace *t, const char *out, const char *const *comments, size_t count,
                void (*edit)(void *user, const mr_packet *packet, mr_capture_edit *editp),
                void *user) {
    mr_capture_file file = {0};
    mr_error err = MR_ERROR_INIT;
    int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), code = 0;

    if (fd < 0)
        return app_refuse(t->a, APP_UNWRITABLE, "%s: %s", out, strerror(errno));
    int r = mr_capture_file_init(&file, t->sources[0], NULL, &err);
    if (r)
        code = app_refuse(t->a, APP_UNREADABLE, "%s", app_error(t->a, &err));
    else
        r = mr_capture_copy(&file, fd, comments, count, edit, user, &err);
    mr_capture_file_deinit(&file);
    bool lost = close(fd) != 0;
    /* what cannot be read was told when it was analysed: what came before is copied */
    if (!code && (lost || (r < 0 && (t->result == 0 || r == MR_ERR_MEMORY))))
        code = app_refuse(t->a, APP_UNWRITABLE, "%s: %s", out,
                          lost ? strerror(errno) : app_error(t->a, &err));
    return code;
}

/* ---- comments ---- */

struct notes {
    struct trace_note *items;
    size_t count;
    const char *texts[64]; /* of one packet */
};

static int by_packet(const void *x, const void *y) {
    const struct trace_note *a = x, *b = y;

    return a->packet < b->packet ? -1 : a->packet > b->packet;
}

static void comment(void *user, const mr_packet *packet, mr_capture_edit *editp) {
    struct notes *notes = user;
    size_t low = 0, high = notes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (notes->items[middle].packet < packet->number)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < notes->count && notes->items[low].packet == packet->number &&
           editp->comment_count < MR_COUNT(notes->texts); low++)
        notes->texts[editp->comment_count++] = notes->items[low].text;
    editp->comments = notes->texts;
}

static const char *note_text(app *a, const mr_finding *finding, bool past) {
    const mr_remedy *remedy = finding->remedy_count ? &finding->remedies[0] : NULL;
    const char *text = mr_arena_add_fmt(&a->arena, "msrpc %s %s: %s. %s%s%s%s%s",
                                        past ? "past" : mr_severity_name(finding->severity),
                                        finding->id,
                                        finding->summary, finding->cause,
                                        remedy ? " Remedy: " : "", remedy ? remedy->text : "",
                                        remedy && remedy->command ? " Run: " : "",
                                        remedy && remedy->command ? remedy->command : "");

    return text ? text : finding->id;
}

/* What keys opened, and a note for each packet of each finding; infos with --verbose only, as on
 * the screen. */
static int gather(struct trace *t, struct notes *notes) {
    const mr_trace_finding *f;
    size_t total = t->note_count;

    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++)
        total += f->packet_count;
    notes->items = calloc(total + 1, sizeof *notes->items);
    if (!notes->items)
        return app_refuse(t->a, APP_BUG, "%s", mr_result_text(MR_ERR_MEMORY));
    for (size_t i = 0; (f = mr_trace_get_finding(t->story, i)) != NULL; i++) {
        if (f->finding->severity == MR_SEVERITY_INFO && !t->a->set.verbose)
            continue;
        const char *text = note_text(t->a, f->finding, f->past);
        for (size_t k = 0; k < f->packet_count; k++)
            notes->items[notes->count++] = (struct trace_note){.packet = f->packets[k],
                                                                .text = text};
    }
    for (size_t i = 0; i < t->note_count; i++)
        notes->items[notes->count++] = t->notes[i];
    qsort(notes->items, notes->count, sizeof *notes->items, by_packet);
    return 0;
}

int trace_annotate(struct trace *t) {
    struct notes notes = {0};
    const mr_verdict *verdict = mr_trace_get_verdict(t->story);
    const char *whole = mr_arena_add_fmt(&t->a->arena, "msrpc trace: %s%s%s", verdict->summary,
                                         verdict->finding ? " " : "",
                                         verdict->finding ? verdict->finding->id : "");
    int code = gather(t, &notes);

    if (whole && t->notes_left_out)
        whole = mr_arena_add_fmt(&t->a->arena, "%s; %zu more halves of calls that keys opened have "
                                 "no comment", whole, t->notes_left_out);
    if (!code)
        code = copy(t, t->o->annotate, &whole, whole ? 1 : 0, comment, &notes);
    free(notes.items);
    return code;
}

/* ---- one conversation ---- */

#define LISTED_MAX 65536
#define LOOKUP_AGE (300 * MR_SEC) /* of a look-up before the conversation it is for */

/* Both directions of a connection, in some packets. */
struct path {
    mr_ip client, server;
    uint16_t client_port, server_port; /* client_port 0: any */
    uint64_t first, last;
};

/* What the client asked a server of names; the answer may be about a name the question lacks, as a
 * service's host is. */
struct question {
    uint64_t first, last; /* packets */
    mr_host server;
    uint16_t id, port, server_port;
};

#define QUESTIONS 1024 /* open at a time */

struct extract {
    struct path paths[2]; /* the conversation's, the mapper's */
    size_t count;
    uint64_t *numbers;    /* of other packets: look-ups and their fragments */
    size_t number_count, room;
    size_t cited;         /* of these, sorted: what the conversation's story cites */
    struct question questions[QUESTIONS];
    size_t question_count; /* ever */
    uint8_t dns[64], nbns[30]; /* the first label of the server's name as look-ups hold it */
    size_t dns_len, nbns_len;
    mr_nsec begin;        /* of the conversation */
    mr_decap decap;
};

static bool is_at(const mr_ip *ip, uint16_t port, uint8_t family, const mr_host *host,
                  uint16_t here) {
    return ip->family == family && (port == 0 || port == here) &&
           memcmp(ip->host.octets, host->octets, sizeof host->octets) == 0;
}

static bool on_path(const struct path *p, uint8_t family, const mr_host *src, uint16_t sport,
                    const mr_host *dst, uint16_t dport) {
    return (is_at(&p->client, p->client_port, family, src, sport) &&
            is_at(&p->server, p->server_port, family, dst, dport)) ||
           (is_at(&p->server, p->server_port, family, src, sport) &&
            is_at(&p->client, p->client_port, family, dst, dport));
}

static bool on_paths(const struct extract *x, const mr_segment *s) {
    const mr_quote *q = &s->icmp.quote;

    for (size_t i = 0; i < x->count; i++) {
        const struct path *p = &x->paths[i];
        if (s->packet->number < p->first || s->packet->number > p->last)
            continue;
        if (s->kind == MR_SEGMENT_TCP && on_path(p, s->family, &s->src, s->sport, &s->dst,
                                                 s->dport))
            return true;
        if (s->kind == MR_SEGMENT_ICMP && q->has_ports && q->proto == MR_IP_TCP &&
            on_path(p, q->family, &q->src, q->sport, &q->dst, q->dport))
            return true;
    }
    return false;
}

static int by_number(const void *x, const void *y) {
    const uint64_t *a = x, *b = y;

    return *a < *b ? -1 : *a > *b;
}

/* Among the first @count, which are sorted. */
static bool is_listed(const struct extract *x, size_t count, uint64_t number) {
    return count && bsearch(&number, x->numbers, count, sizeof number, by_number) != NULL;
}

static int list(struct extract *x, uint64_t number) {
    if (x->number_count == LISTED_MAX)
        return 0;
    if (x->number_count == x->room) {
        size_t room = x->room ? x->room * 2 : 64;
        uint64_t *more = realloc(x->numbers, room * sizeof *more);
        if (!more)
            return MR_ERR_MEMORY;
        x->numbers = more;
        x->room = room;
    }
    x->numbers[x->number_count++] = number;
    return 0;
}

static void select_packet(void *user, const mr_packet *packet, mr_capture_edit *editp) {
    struct extract *x = user;
    mr_segment s;

    editp->drop = !is_listed(x, x->number_count, packet->number) &&
                  (mr_decap_feed(&x->decap, packet, &s) != 0 || !on_paths(x, &s));
}

/* A label as DNS has it: its length, then its octets (RFC 1035 3.1); and as NetBIOS has a name: a
 * letter from A on for each half of an octet of the name in upper case (RFC 1001 14.1). */
static void set_name(struct extract *x, const char *name) {
    size_t len = name ? strcspn(name, ".") : 0;

    if (len == 0 || len > 63)
        return;
    x->dns[x->dns_len++] = (uint8_t)len;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)name[i];
        x->dns[x->dns_len++] = c;
        if (i >= sizeof x->nbns / 2)
            continue;
        c = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
        x->nbns[x->nbns_len++] = (uint8_t)('A' + (c >> 4));
        x->nbns[x->nbns_len++] = (uint8_t)('A' + (c & 15));
    }
}

static bool holds(mr_slice text, const uint8_t *octets, size_t len) {
    for (size_t i = 0; len && i + len <= text.len; i++)
        if (mr_slice_eq_nocase(mr_slice_sub(text, i, len), mr_slice_of(octets, len)))
            return true;
    return false;
}

static bool is_name_port(uint16_t port) {
    return port == 53 || port == 137 || port == 5353 || port == 5355;
}

/* Whether the client asks a server of names here, or is answered, before the conversation. */
static bool is_of_names(const struct extract *x, const mr_segment *s) {
    const struct path *p = &x->paths[0];

    return s->kind == MR_SEGMENT_UDP && s->packet->number <= p->first &&
           (!s->packet->time || s->packet->time + LOOKUP_AGE >= x->begin) &&
           (is_at(&p->client, 0, s->family, &s->src, 0) ||
            is_at(&p->client, 0, s->family, &s->dst, 0)) &&
           (is_name_port(s->sport) || is_name_port(s->dport));
}

/* Whether it is about the server's name, or cited. */
static bool is_look_up(const struct extract *x, const mr_segment *s) {
    return is_listed(x, x->cited, s->packet->number) ||
           holds(s->payload, x->dns, x->dns_len) || holds(s->payload, x->nbns, x->nbns_len);
}

static int list_datagram(struct extract *x, uint64_t first, uint64_t last) {
    int r = 0;

    for (uint64_t n = first; n <= last && !r; n++)
        r = list(x, n);
    return r;
}

/* A question is kept; a look-up is listed, with the question that an answer belongs to: DNS and
 * NetBIOS both begin with an id (RFC 1035 4.1.1, RFC 1002 4.2.1.1). */
static int look_name(struct extract *x, const mr_segment *s) {
    const uint64_t first = s->fragments ? s->first : s->packet->number;
    const uint16_t id = s->payload.len < 2 ? 0
                                           : (uint16_t)(s->payload.data[0] << 8 |
                                                        s->payload.data[1]);
    size_t count = x->question_count < QUESTIONS ? x->question_count : QUESTIONS;
    int r = 0;

    if (is_at(&x->paths[0].client, 0, s->family, &s->src, 0))
        x->questions[x->question_count++ % QUESTIONS] = (struct question){
            first, s->packet->number, s->dst, id, s->sport, s->dport};
    if (!is_look_up(x, s))
        return 0;
    for (size_t i = 0; i < count && !r; i++) {
        const struct question *q = &x->questions[i];
        if (q->id == id && q->port == s->dport && q->server_port == s->sport &&
            memcmp(&q->server, &s->src, sizeof q->server) == 0)
            r = list_datagram(x, q->first, q->last);
    }
    return r ? r : list_datagram(x, first, s->packet->number);
}

/* What a first reading finds out: the look-ups with their fragments, and where the mapper's
 * connection begins that came last before the conversation. */
static int look(struct extract *x, const mr_segment *s, struct path *mapper) {
    const mr_packet *packet = s->packet;

    if (s->kind == MR_SEGMENT_TCP && (s->tcp.flags & (MR_TCP_SYN | MR_TCP_ACK)) == MR_TCP_SYN &&
        packet->number < x->paths[0].first && mapper->server.family &&
        is_at(&mapper->client, 0, s->family, &s->src, s->sport) &&
        is_at(&mapper->server, mapper->server_port, s->family, &s->dst, s->dport) &&
        !(mapper->first && mapper->client_port == s->sport)) {
        mapper->client_port = s->sport;
        mapper->first = packet->number;
    }
    return is_of_names(x, s) ? look_name(x, s) : 0;
}

static int look_through(struct trace *t, struct extract *x, struct path *mapper) {
    mr_capture_file file = {0};
    mr_packet packet;
    mr_segment s;
    mr_error err = MR_ERROR_INIT;
    int r = mr_capture_file_init(&file, t->sources[0], NULL, &err), told = 0;

    mr_decap_init(&x->decap, NULL);
    while (!told && r == 0 && mr_capture_file_read(&file, &packet, &err) == 0)
        if (mr_decap_feed(&x->decap, &packet, &s) == 0)
            told = look(x, &s, mapper);
    mr_decap_deinit(&x->decap);
    mr_capture_file_deinit(&file);
    return r ? app_refuse(t->a, APP_UNREADABLE, "%s", app_error(t->a, &err)) : told;
}

static bool same_ip(const mr_ip *x, const mr_ip *y) {
    return x->family == y->family && memcmp(&x->host, &y->host, sizeof x->host) == 0;
}

/* The mapper that named the conversation's port: where, but not yet when. */
static void find_mapper(const struct trace *t, const mr_trace_talk *talk, struct path *mapper) {
    const mr_trace_talk *other;

    for (size_t i = 0; talk->mapped && (other = mr_trace_get_talk(t->story, i)) != NULL; i++)
        if (other->mapper && !talk->mapper && same_ip(&other->client, &talk->client) &&
            same_ip(&other->server, &talk->server))
            *mapper = (struct path){.client = other->client, .server = other->server,
                                    .server_port = other->server_port, .last = UINT64_MAX};
}

static int plan(struct trace *t, const mr_trace_talk *talk, struct extract *x) {
    struct path mapper = {0};
    const mr_trace_event *event;
    int code = 0;

    x->paths[x->count++] = (struct path){talk->client, talk->server, talk->client_port,
                                         talk->server_port, talk->first, talk->last};
    x->begin = talk->begin;
    set_name(x, talk->name);
    find_mapper(t, talk, &mapper);
    for (size_t i = 0; !code && (event = mr_trace_get_event(t->story, talk->id, i)) != NULL; i++)
        code = list(x, event->packet);
    x->cited = x->number_count;
    if (x->cited)
        qsort(x->numbers, x->cited, sizeof *x->numbers, by_number);
    if (!code)
        code = look_through(t, x, &mapper);
    if (x->number_count)
        qsort(x->numbers, x->number_count, sizeof *x->numbers, by_number);
    if (!code && mapper.first)
        x->paths[x->count++] = mapper;
    return code == MR_ERR_MEMORY ? app_refuse(t->a, APP_BUG, "%s", mr_result_text(code)) : code;
}

int trace_extract(struct trace *t) {
    const mr_trace_talk *talk = mr_trace_find_talk(t->story, t->o->extract);
    struct extract x = {0};

    if (!talk)
        return app_refuse(t->a, APP_USAGE, "--extract %u: there is no such conversation (the "
                          "table and --json have their numbers)", t->o->extract);
    const char *about = mr_arena_add_fmt(&t->a->arena, "msrpc trace: conversation %u of %s",
                                         talk->id, t->paths[0]);
    int code = plan(t, talk, &x);
    if (!code) {
        mr_decap_init(&x.decap, NULL);
        code = copy(t, t->o->to, &about, about ? 1 : 0, select_packet, &x);
        mr_decap_deinit(&x.decap);
    }
    free(x.numbers);
    return code;
}
