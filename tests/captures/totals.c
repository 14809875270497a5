/*
 * What a capture holds, in numbers, as one JSON object: what is compared with the counts of another
 * reader. Usage: totals [-j WORKERS] [-v] FILE...; -v prints each observation instead.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <msrpc/capture.h>

static const char *const ptypes[MR_PTYPES] = {
    [0] = "request", [2] = "response", [3] = "fault", [11] = "bind", [12] = "bind_ack",
    [13] = "bind_nak", [14] = "alter_context", [15] = "alter_resp", [16] = "auth3",
    [17] = "shutdown", [18] = "co_cancel", [19] = "orphaned", [20] = "rts",
};

static void print_codes(const char *name, const mr_codes *codes, bool comma) {
    printf("\"%s\":{", name);
    for (uint32_t i = 0; i < codes->count; i++)
        printf("%s\"%" PRIu32 "\":%" PRIu64, i ? "," : "", codes->rows[i].code,
               codes->rows[i].count);
    printf("}%s", comma ? "," : "");
}

static void print_totals(const mr_totals *t, int result) {
    printf("{\"result\":%d,\"packets\":%" PRIu64 ",\"octets\":%" PRIu64 ",\"flows\":%" PRIu64
           ",\"gaps\":%" PRIu64 ",\"damaged\":%" PRIu64 ",\"calls\":%" PRIu64
           ",\"unanswered\":%" PRIu64 ",\"tls_alerts\":%" PRIu64 ",",
           result, t->packets, t->octets, t->flows, t->gaps, t->damaged, t->calls,
           t->unanswered, t->tls_alerts);
    printf("\"pdus\":{\"other\":%" PRIu64, t->pdus_other);
    for (int i = 0; i < MR_PTYPES; i++)
        if (ptypes[i])
            printf(",\"%s\":%" PRIu64, ptypes[i], t->pdus[i]);
    printf("},\"ntlm\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],", t->ntlm[1], t->ntlm[2],
           t->ntlm[3]);
    print_codes("faults", &t->faults, true);
    print_codes("naks", &t->naks, true);
    print_codes("rejections", &t->rejections, true);
    print_codes("smb1", &t->smb1, true);
    print_codes("smb2", &t->smb2, true);
    print_codes("nbss", &t->nbss, true);
    print_codes("kerberos", &t->kerberos, true);
    printf("\"methods\":[");
    for (size_t i = 0; i < t->method_count; i++) {
        const mr_method_calls *m = &t->methods[i];
        char uuid[MR_UUID_TEXT];
        printf("%s{\"interface\":\"%s\",\"version\":%u,\"opnum\":%u,\"calls\":%" PRIu64
               ",\"faults\":%" PRIu64 ",\"unanswered\":%" PRIu64 "}",
               i ? "," : "", mr_uuid_text(&m->interface, uuid), m->version, m->opnum, m->calls,
               m->faults, m->unanswered);
    }
    printf("]}\n");
}

static int print_seen(void *ctx, const mr_seen *s) {
    (void)ctx;
    printf("%" PRIu64 " #%" PRIu64 " flow %" PRIu64 " %s%s%s", s->order, s->packet, s->flow,
           mr_seen_kind_name(s->kind), s->pipe ? " " : "", s->pipe ? s->pipe : "");
    switch ((int)s->kind) {
    case MR_SEEN_FAULT:
    case MR_SEEN_RETURNED:
    case MR_SEEN_UNANSWERED:
    case MR_SEEN_SLOW:
        printf(" opnum %u call %" PRIu32 " status 0x%08" PRIx32 " ms %" PRIu32 " request #%" PRIu64
               " eerr %" PRIu32 "%s", s->u.call.opnum, s->u.call.id, s->u.call.status,
               s->u.call.ms, s->u.call.request, s->u.call.eerr_count,
               s->u.call.acked ? " acked" : "");
        break;
    case MR_SEEN_MAP:
        printf(" status 0x%08" PRIx32 " count %" PRIu32 " port %u pipe %s", s->u.map.status,
               s->u.map.count, s->u.map.count ? s->u.map.endpoints[0].port : 0,
               s->u.map.count && s->u.map.endpoints[0].pipe ? s->u.map.endpoints[0].pipe : "-");
        break;
    case MR_SEEN_SMB:
        printf(" kind %d command %u status 0x%08" PRIx32 " %s", s->u.smb.kind, s->u.smb.command,
               s->u.smb.status, s->u.smb.text ? s->u.smb.text : "");
        break;
    case MR_SEEN_DAMAGE:
    case MR_SEEN_FOREIGN:
        printf(" %s", s->u.foreign.text);
        break;
    case MR_SEEN_NTLM:
        printf(" type %u user %s", s->u.ntlm.type, s->u.ntlm.user ? s->u.ntlm.user : "");
        break;
    case MR_SEEN_END:
    case MR_SEEN_CLOSED:
        printf(" service %u calls %" PRIu64 " faults %" PRIu64 " unanswered %" PRIu64
               " median %" PRIu32 "%s", s->u.end.service, s->u.end.calls, s->u.end.faults,
               s->u.end.unanswered, s->u.end.median_us, s->u.end.turned ? " turned" : "");
        break;
    }
    printf("\n");
    return 0;
}

static int ignore_seen(void *ctx, const mr_seen *s) {
    (void)ctx;
    (void)s;
    return 0;
}

int main(int argc, char **argv) {
    mr_analysis_config config = {.workers = 1, .seen = ignore_seen};
    mr_totals totals;
    mr_error err = MR_ERROR_INIT;
    bool verbose = false;
    int opt;

    while ((opt = getopt(argc, argv, "j:v")) != -1) {
        if (opt == 'j')
            config.workers = (unsigned)strtoul(optarg, NULL, 10);
        else if (opt == 'v')
            verbose = true;
        else
            return 64;
    }
    if (verbose)
        config.seen = print_seen;
    config.paths = (const char *const *)&argv[optind];
    config.count = (size_t)(argc - optind);
    int r = mr_analysis_run(&config, &totals, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", err.text);
    if (!verbose)
        print_totals(&totals, r);
    mr_totals_deinit(&totals);
    return r < 0 ? 1 : 0;
}
