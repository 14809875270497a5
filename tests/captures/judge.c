/*
 * What the story of a capture says, for a person and for the test of scenes: the verdict, each
 * finding with its evidence, and with -v the conversations and what happened in them. Usage: judge
 * [-v] [-j WORKERS] FILE...; the exit status is that of the verdict.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <msrpc/capture.h>
#include <msrpc/trace.h>

static int take(void *ctx, const mr_seen *seen) {
    return mr_trace_add(ctx, seen);
}

static void print_talks(const mr_trace *trace) {
    for (size_t i = 0; i < mr_trace_talk_count(trace); i++) {
        const mr_trace_talk *t = mr_trace_get_talk(trace, i);
        char client[MR_IP_TEXT], server[MR_IP_TEXT];
        printf("  talk %u x%u %s:%u > %s:%u (%s) %s %s%s%s %s reached %d failed %d calls %" PRIu64
               "/%" PRIu64 "/%" PRIu64 " auth %u/%u #%" PRIu64 "..#%" PRIu64 "\n",
               t->id, t->count, mr_ip_text(&t->client, client), t->client_port,
               mr_ip_text(&t->server, server), t->server_port, t->name ? t->name : "-",
               mr_trace_transport_name(t->transport), t->interface ? t->interface : "-",
               t->pipe ? " pipe " : "", t->pipe ? t->pipe : "",
               mr_trace_outcome_name(t->outcome), (int)t->reached, (int)t->failed, t->calls,
               t->faults, t->unanswered, t->auth_type, t->auth_level, t->first, t->last);
        for (size_t e = 0; e < mr_trace_event_count(trace, t->id); e++) {
            const mr_trace_event *event = mr_trace_get_event(trace, t->id, e);
            printf("    #%" PRIu64 " %s %s%s\n", event->packet, event->to_client ? "<" : ">",
                   event->text, event->bad ? " !" : "");
        }
    }
}

static void print_findings(const mr_trace *trace) {
    for (size_t i = 0; i < mr_trace_finding_count(trace); i++) {
        const mr_trace_finding *f = mr_trace_get_finding(trace, i);
        printf("%s%s %s %s %s > %s (%s) x%u:", f->explained_by == SIZE_MAX ? "" : "  < ",
               f->finding->id, mr_severity_name(f->finding->severity),
               mr_confidence_name(f->finding->confidence), f->client, f->server,
               f->name ? f->name : "-", f->relations);
        for (size_t k = 0; k < f->packet_count; k++)
            printf(" #%" PRIu64, f->packets[k]);
        printf("\n");
    }
}

int main(int argc, char **argv) {
    mr_trace *trace;
    mr_totals totals;
    mr_error err = {0};
    bool verbose = false;
    int option;
    mr_analysis_config config = {.seen = take, .workers = 1};

    while ((option = getopt(argc, argv, "vj:")) != -1) {
        if (option == 'v')
            verbose = true;
        else if (option == 'j')
            config.workers = (unsigned)strtoul(optarg, NULL, 10);
        else
            return 64;
    }
    if (optind == argc || mr_trace_new(NULL, &trace) != 0)
        return 64;
    config.paths = (const char *const *)argv + optind;
    config.count = (size_t)(argc - optind);
    config.ctx = trace;
    int r = mr_analysis_run(&config, &totals, &err);
    if (r >= 0)
        r = mr_trace_end(trace, totals.first, totals.last);
    if (r < 0) {
        fprintf(stderr, "judge: %d %s\n", r, err.text);
        return 70;
    }
    const mr_verdict *verdict = mr_trace_get_verdict(trace);
    printf("verdict %s, exit %d, phases", verdict->finding ? verdict->finding->id : "none",
           verdict->exit);
    for (int phase = MR_PHASE_NAMES; phase <= MR_PHASE_COMMUNICATION; phase++)
        printf(" %s", mr_status_name(mr_trace_get_phase(trace, (enum mr_phase)phase)));
    printf("\n");
    print_findings(trace);
    if (verbose)
        print_talks(trace);
    int exit = verdict->exit;
    mr_totals_deinit(&totals);
    mr_trace_free(trace);
    return exit;
}
