/*
 * msrpc trace: reads captures, or listens, and says which phase failed, why, and what to do. This
 * file has the switches and the run: packets go through the analysis (capture/analyse.h) to the
 * story (trace.h), whose conversations and findings the other trace_*.c show. Nothing is sent.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <msrpc/capture/live.h>

#include "progress.h"

#define OWN(member) offsetof(struct trace_options, member)

static const app_option options[] = {
    {"calls", 0, APP_FLAG, NULL, OWN(calls), 0, 0,
     "calls by method instead: count, min, median, p99, max, faults, unanswered"},
    {"stubs", 0, APP_FLAG, NULL, OWN(stubs), 0, 0,
     "each call's parameters in clear instead, decoded to JSON"},
    {"keytab", 0, APP_TEXT, "F", OWN(keytab), 0, 0,
     "keys of services: open what Kerberos encrypted for them"},
    {"hashes", 'H', APP_SECRETS, "[NAME:]NT", OWN(hashes), 0, 0,
     "an account's NT hash (repeatable): opens what its NTLM encrypted"},
    {"user", 'u', APP_TEXT, "U", OWN(user), 0, 0, "whose password -p is (DOMAIN\\user)"},
    {"password", 'p', APP_SECRET, "P", OWN(password), 0, 0,
     "a password in place of its NT hash; - asks for it"},
    {"password-file", 0, APP_TEXT, "F", OWN(password_file), 0, 0,
     "read the password from the first line of F"},
    {"users", 0, APP_TEXT, "F", OWN(users), 0, 0,
     "many accounts: lines NAME:PASSWORD or NAME:NT, as serve --users reads them"},
    {"annotate", 0, APP_TEXT, "OUT.pcapng", OWN(annotate), 0, 0,
     "write a copy with the findings, and what keys opened, as packet comments"},
    {"extract", 0, APP_NUMBER, "ID", OWN(extract), 1, UINT32_MAX,
     "write the packets of conversation ID, its look-ups and its mapper's answer (--to)"},
    {"to", 0, APP_TEXT, "OUT.pcapng", OWN(to), 0, 0, "where --extract writes"},
    {"client", 0, APP_TEXT, "FILE", OWN(client), 0, 0,
     "the capture of the client's side, compared with that of --server"},
    {"server", 0, APP_TEXT, "FILE", OWN(server), 0, 0,
     "the capture of the server's side, or behind a firewall or router between"},
    {"interface", 'i', APP_TEXT, "IF", OWN(interface), 0, 0,
     "listen here (any: everywhere) until Ctrl-C or --deadline"},
    {"filter", 0, APP_TEXT, "BPF", OWN(filter), 0, 0,
     "only packets that pass this filter (pcap-filter(7))"},
    {"html", 0, APP_TEXT, "FILE", OWN(html), 0, 0,
     "also write one page: verdict, timeline, a ladder for each conversation that failed"},
    {"deadline", 0, APP_SECONDS, "S", OWN(deadline), 0, 0, "seconds for the whole run (no limit)"},
    {0},
};

/* ---- stopping ---- */

static volatile sig_atomic_t stopped; /* SIGINT, SIGTERM; SIGALRM: the deadline */
static mr_capture_live *volatile listening;
static int nothing = -1;              /* /dev/null, in place of a standard input that waits */

static void on_signal(int number) {
    int saved = errno;

    if (!stopped)
        stopped = number;
    if (listening)
        mr_capture_live_stop((mr_capture_live *)listening);
    if (nothing >= 0)
        (void)dup2(nothing, STDIN_FILENO);
    errno = saved;
}

static void catch_signals(const struct trace *t) {
    struct sigaction once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)(t->o->deadline / MR_SEC),
                                           .tv_usec = (suseconds_t)(t->o->deadline % MR_SEC /
                                                                    1000)}};

    for (size_t i = 0; i < t->path_count; i++)
        if (strcmp(t->paths[i], "-") == 0)
            nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigaction(SIGINT, &once, NULL);
    sigaction(SIGTERM, &once, NULL);
    sigaction(SIGALRM, &once, NULL);
    if (t->o->deadline)
        setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- what the analysis calls ---- */

/* Hop counts as hosts begin them: nobody forwarded such a packet. */
static bool is_first_hop(uint8_t ttl) {
    return ttl == 32 || ttl == 64 || ttl == 128 || ttl == 255;
}

static void note_place(struct trace *t, const mr_seen_end *end) {
    const mr_flow_side_seen *client = &end->tcp->side[end->turned];
    const mr_flow_side_seen *server = &end->tcp->side[!end->turned];

    if (!client->packets || !server->packets || !client->ttl || !server->ttl)
        return;
    bool at_client = is_first_hop(client->ttl), at_server = is_first_hop(server->ttl);
    t->place.both += at_client && at_server;
    t->place.client += at_client && !at_server;
    t->place.server += !at_client && at_server;
    t->place.between += !at_client && !at_server;
}

static int on_seen(void *ctx, const mr_seen *seen) {
    struct trace *t = ctx;
    int r = 0;

    if (seen->kind == MR_SEEN_END && seen->u.end.tcp)
        note_place(t, &seen->u.end);
    t->smb_encrypted |= seen->kind == MR_SEEN_SMB &&
                        seen->u.smb.kind == MR_SEEN_SMB_ENCRYPTED;
    if (t->stubs)
        r = trace_stubs_add(t, seen);
    if (!r && t->keys)
        r = trace_keys_add(t, seen);
    if (!r && seen->kind != MR_SEEN_STUB)
        r = mr_trace_add(t->story, seen);
    return r;
}

static int on_talk(void *ctx, const mr_trace_talk *talk) {
    return trace_jsonl_talk(ctx, talk);
}

static void show_progress(struct trace *t, const mr_analysis_place *place) {
    double seconds = (double)(mr_clock_now() - t->began) / MR_SEC;

    if (t->paths && place->size)
        fprintf(stderr, "\r\033[K%3.0f%% of %.0f MB, %llu packets, %.0f s",
                100.0 * (double)place->done / (double)place->size, (double)place->size / 1e6,
                (unsigned long long)place->packets, seconds);
    else
        fprintf(stderr, "\r\033[K%llu packets, %.0f s%s", (unsigned long long)place->packets,
                seconds, t->paths ? "" : " (Ctrl-C ends and shows what was seen)");
    fflush(stderr);
    t->progress = true;
}

static int on_progress(void *ctx, const mr_analysis_place *place) {
    struct trace *t = ctx;
    mr_nsec now = mr_clock_now();

    if (stopped && t->paths)
        return MR_ERR_CANCELLED;
    if (t->a->progress && now >= t->progress_at) {
        t->progress_at = now + 500 * MR_MSEC;
        show_progress(t, place);
    }
    return 0;
}

static mr_capture_live live;

static int on_read(void *ctx, mr_packet *packetp, mr_error *err) {
    (void)ctx;
    return mr_capture_live_read(&live, packetp, err);
}

/* ---- the run ---- */

static int check_filter(struct trace *t) {
    mr_capture_filter filter = {0};
    mr_error err = MR_ERROR_INIT;
    int r = t->o->filter ? mr_capture_filter_init(&filter, t->o->filter, &err) : 0;

    mr_capture_filter_deinit(&filter);
    return r == 0 ? 0 : app_refuse(t->a, r == MR_ERR_SYNTAX ? APP_USAGE : APP_MISSING,
                                   "--filter: %s", app_error(t->a, &err));
}

/* Opens the interface and what is written later, and gives root up. */
static int listen_on(struct trace *t) {
    mr_live_options lo = {.filter = t->o->filter, .promiscuous = true};
    mr_error err = MR_ERROR_INIT;

    if (!t->o->interface)
        return 0;
    if (t->o->html && !(t->page = fopen(t->o->html, "we")))
        return app_refuse(t->a, APP_UNWRITABLE, "%s: %s", t->o->html, strerror(errno));
    int r = mr_capture_live_init(&live, t->o->interface, &lo, &err);
    if (!r)
        r = mr_capture_drop_root(&err);
    if (r)
        return app_refuse(t->a, r == MR_ERR_SYNTAX ? APP_USAGE : APP_MISSING, "%s: %s",
                          t->o->interface, app_error(t->a, &err));
    listening = &live;
    return 0;
}

/* A packet that the kernel or the card dropped looks like one that the network lost. */
static void count_dropped(struct trace *t) {
    mr_error err = MR_ERROR_INIT;
    mr_live_stats stats;

    if (!t->paths && mr_capture_live_get_stats(&live, &stats, &err) == 0)
        t->dropped = stats.dropped + stats.dropped_card;
}

/* When each of several files begins; what is no file is read once only. */
static void note_files(struct trace *t) {
    for (size_t i = 0; t->path_count > 1 && i < t->path_count && i <= UINT16_MAX; i++) {
        mr_capture_file file = {0};
        mr_error err = MR_ERROR_INIT;
        mr_packet packet;
        struct stat st;
        if (stat(t->sources[i], &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (mr_capture_file_init(&file, t->sources[i], NULL, &err) == 0 &&
            mr_capture_file_read(&file, &packet, &err) == 0)
            mr_trace_add_file(t->story, (uint16_t)i, packet.time);
        mr_capture_file_deinit(&file);
    }
}

static void analyse(struct trace *t) {
    mr_analysis_config config = {
        .paths = t->sources,
        .count = t->path_count,
        .order = MR_MERGE_TIME,
        .filter = t->paths ? t->o->filter : NULL,
        .stubs = t->stubs != NULL,
        .watch = trace_keys_watch(t),
        .read = t->paths ? NULL : on_read,
        .seen = on_seen,
        .progress = on_progress,
        .ctx = t,
    };

    t->progress_at = t->began + MR_SEC;
    if (app_progress_wanted(t->a))
        t->a->progress = &t->progress;
    note_files(t);
    t->result = mr_analysis_run(&config, &t->totals, &t->error);
    count_dropped(t);
    trace_name_error(t);
    (void)app_err(t->a); /* wipes the line */
    t->a->progress = NULL;
}

bool trace_stopped(const struct trace *t) {
    return t->paths && stopped;
}

int trace_stop_code(const struct trace *t) {
    (void)t;
    return stopped == SIGALRM ? APP_INCOMPLETE : APP_INTERRUPTED;
}

/* The exit code that reading leaves; 0: everything was read. */
static int reading_code(struct trace *t) {
    if (t->result == MR_CAPTURE_CUT)
        return app_refuse(t->a, APP_UNREADABLE, "%s", app_error(t->a, &t->error));
    if (t->result == MR_ERR_OUTPUT)
        return APP_UNWRITABLE;
    if (t->paths && stopped)
        return stopped == SIGALRM ? APP_INCOMPLETE : APP_INTERRUPTED;
    if (t->result < 0)
        return app_refuse(t->a, t->result == MR_ERR_MEMORY ? APP_BUG : APP_UNREADABLE, "%s",
                          app_error(t->a, &t->error));
    return APP_OK;
}

static int make_files(struct trace *t) {
    int code = 0;

    if (t->o->annotate)
        code = trace_annotate(t);
    if (!code && t->o->extract)
        code = trace_extract(t);
    if (!code && t->o->html)
        code = trace_html(t);
    return code;
}

static int report(struct trace *t) {
    int code = make_files(t);

    if (code == APP_USAGE && !t->report) /* nothing to extract */
        return code;
    if (code)
        t->code = code;
    if (t->a->set.json && !t->a->set.jsonl)
        return trace_json(t, t->report);
    if (t->a->set.jsonl)
        return trace_jsonl(t);
    if (t->o->calls)
        trace_show_calls(t);
    else if (!t->o->stubs)
        trace_show(t);
    else if (t->stub_count == 0)
        trace_show_no_calls(t);
    if (t->o->calls || t->o->stubs)
        trace_keys_show(t);
    return t->code;
}

/* When the capture ended: who listens has waited for answers until now, a file until its last
 * packet. */
static mr_nsec end_of(const struct trace *t) {
    int64_t sec = 0;
    uint32_t nsec = 0;

    if (t->paths || t->totals.packets == 0)
        return t->totals.last;
    mr_clock_get_wall(&sec, &nsec);
    return (mr_nsec)sec * MR_SEC + nsec;
}

/* Reads, judges and shows; what was begun is freed by the caller. */
static int work(struct trace *t) {
    mr_trace_config config = {.talk = t->a->set.jsonl && !t->o->stubs ? on_talk : NULL, .ctx = t};
    mr_writer w;
    int r = mr_trace_new(&config, &t->story);

    if (!r && (t->o->stubs || ((t->o->annotate || t->o->html) && t->keys)))
        r = trace_stubs_new(t);
    if (r)
        return app_refuse(t->a, APP_BUG, "%s", mr_result_text(r));
    if (t->o->stubs && t->a->set.json && !t->a->set.jsonl)
        trace_json_open(t, t->report = &w);
    analyse(t);
    if (t->stubs && (r = trace_stubs_end(t)) != 0 && !t->result)
        t->result = r;
    int code = reading_code(t);
    if (code && !t->report && t->totals.packets == 0 && code != APP_INTERRUPTED &&
        code != APP_INCOMPLETE)
        return code;
    t->partial = code != 0;
    if (!code)
        code = trace_pair(t);
    if (code == APP_UNREADABLE && t->o->server && !t->paired)
        return code;
    t->partial = code != 0;
    r = mr_trace_end(t->story, t->totals.first, end_of(t));
    if (r)
        return app_refuse(t->a, APP_BUG, "%s", mr_result_text(r));
    t->ended = mr_clock_now();
    t->code = code ? code : mr_trace_get_verdict(t->story)->exit;
    return report(t);
}

static int run(app *a) {
    struct trace t = {.a = a, .o = a->own, .error = MR_ERROR_INIT, .began = mr_clock_now()};

    int code = check_filter(&t);
    if (!code)
        code = trace_keys_read(&t); /* while root may still read them */
    if (!code)
        code = listen_on(&t);
    if (!code) {
        t.paths = t.o->client ? &t.o->client : a->arg_count ? a->args : NULL;
        t.path_count = t.o->client ? 1 : a->arg_count;
        t.several = t.o->client || a->arg_count > 1;
        t.sources = t.paths;
        catch_signals(&t);
        if (t.o->annotate || t.o->extract)
            code = trace_spool(&t);
    }
    if (!code)
        code = work(&t);
    if (t.spool)
        close(t.spool - 1);
    if (t.page)
        fclose(t.page);
    trace_keys_free(&t);
    free(t.notes);
    mr_trace_free(t.story);
    mr_trace_free(t.far);
    mr_pair_deinit(&t.pair);
    mr_totals_deinit(&t.totals);
    listening = NULL;
    mr_capture_live_deinit(&live);
    return code;
}

const app_command app_trace = {
    .name = "trace",
    .line = "find the failing phase, its cause and remedy in captures",
    .synopsis = "FILE... | --client FILE --server FILE | -i IF",
    .about =
        "Reads captures (pcap, pcapng, Network Monitor; plain, gzip or zstd; - for standard "
        "input), or listens with -i, and follows name resolution, TCP, discovery and "
        "communication in them: which phase failed, in which conversation, why, and what to do "
        "about it. Findings are those of diagnose, with the packets that prove them and display "
        "filters for Wireshark and Network Monitor. Several files are read as one, by time. "
        "Nothing is sent; with -i root is given up once the interface is open, and Ctrl-C or "
        "--deadline is the ordinary end.",
    .examples = {"msrpc trace capture.pcapng", "which phase failed, why, and what to do",
                 "msrpc trace capture.pcapng --calls", "which methods were slow or failed"},
    .exits = {"0", "nothing wrong was seen", "1", "warnings only", "10 20 30 40",
              "the first failing phase: names, TCP, discovery, communication",
              "66",
              "a capture cannot be read, or not to its end; what was read is judged and shown",
              "69", "a local facility is missing", "75",
              "incomplete: the deadline passed; what is known is printed",
              "130", "interrupted; what is known is printed", NULL},
    .groups = APP_GROUP_OUTPUT,
    .options = options,
    .own_size = sizeof(struct trace_options),
    .run = run,
    .check = trace_check,
};
