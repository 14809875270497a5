/*
 * Calls under authentication through the face that programs use: one connection, one call after the
 * other, at one level. `map` asks an endpoint mapper for an interface, `add` the interface rpcecho
 * for a sum, a number of octets sends that many there and back.
 *
 *     auth_calls ADDR PORT ntlm|krb5 integrity|privacy NAME PASSWORD HOST KDC map|add|OCTETS N
 *
 * Prints the number of calls, nanoseconds of the whole and of the median call, and those that the
 * processor spent here on the whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <msrpc/ifaces/epmapper.h>
#include <msrpc/ifaces/rpcecho.h>
#include <msrpc/rpc.h>

/* lsarpc 0.0: what every mapper of Samba's knows */
static const mr_syntax lsarpc = {
    .uuid = {0x12345778, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab}}};

typedef struct job {
    const char *host, *what;
    uint32_t len;
    uint8_t *octets;
} job;

static int ascending(const void *a, const void *b) {
    const mr_nsec x = *(const mr_nsec *)a, y = *(const mr_nsec *)b;
    return (x > y) - (x < y);
}

static uint64_t processor_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * MR_SEC + (uint64_t)t.tv_nsec;
}

static int map_once(mr_client *client, const char *host, mr_error *err) {
    mr_mapper mapper;

    int r = mr_mapper_init(&mapper, client, mr_slice_str(host), err);
    if (r)
        return r;
    r = mr_mapper_map_run(&mapper, &lsarpc, NULL, MR_PROTSEQ_NCACN_IP_TCP, err);
    mr_mapper_deinit(&mapper);
    return r;
}

static int call_once(mr_client *client, const job *j, mr_error *err) {
    struct mr_rpcecho_echo_EchoData echo = {.len = j->len, .in_data = j->octets};
    struct mr_rpcecho_echo_AddOne add = {.in_data = 41};
    int r;

    if (strcmp(j->what, "map") == 0)
        return map_once(client, j->host, err);
    if (j->len == 0)
        r = mr_client_call(client, &mr_rpcecho_iface, 0, &add, err);
    else
        r = mr_client_call(client, &mr_rpcecho_iface, 1, &echo, err);
    mr_client_release(client);
    return r;
}

static int run(mr_client *client, const job *j, size_t n, mr_error *err) {
    mr_nsec *times = calloc(n + 1, sizeof *times);
    int r = times ? call_once(client, j, err) : MR_ERR_MEMORY;

    uint64_t spent = processor_time();
    mr_nsec start = mr_clock_now(), last = start;
    for (size_t i = 0; !r && i < n; i++) {
        r = call_once(client, j, err);
        mr_nsec now = mr_clock_now();
        times[i] = now - last;
        last = now;
    }
    if (!r) {
        spent = processor_time() - spent;
        qsort(times, n, sizeof *times, ascending);
        printf("%zu %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", n, (uint64_t)(last - start),
               (uint64_t)times[n / 2], spent);
    }
    free(times);
    return r;
}

static int log_on(mr_loop *loop, char **argv, const mr_identity *who, mr_logon **logonp,
                  mr_error *err) {
    mr_addr kdc;
    mr_logon_options o = {
        .identity = who, .host = argv[7], .kdcs = &kdc, .kdc_count = 1,
        .mechanism = strcmp(argv[3], "ntlm") == 0 ? MR_LOGON_NTLM : MR_LOGON_KERBEROS,
        .level = strcmp(argv[4], "privacy") == 0 ? MR_AUTH_LEVEL_PRIVACY
                                                 : MR_AUTH_LEVEL_INTEGRITY};

    int r = mr_addr_decode(mr_slice_str(argv[8]), 0, &kdc);
    if (!r)
        r = mr_logon_new(loop, NULL, &o, logonp, err);
    return r ? r : mr_logon_run(*logonp, err);
}

static int talk(mr_loop *loop, char **argv, const mr_identity *who, mr_error *err) {
    job j = {.host = argv[1], .what = argv[9], .len = (uint32_t)strtoul(argv[9], NULL, 10)};
    const mr_syntax *syntax = strcmp(j.what, "map") == 0 ? &mr_epmapper_iface.syntax
                                                         : &mr_rpcecho_iface.syntax;
    mr_client_options options = {.timeout = 60 * MR_SEC};
    mr_client *client = NULL;
    mr_logon *logon = NULL;

    j.octets = calloc(1, j.len + 1);
    int r = j.octets ? log_on(loop, argv, who, &logon, err) : MR_ERR_MEMORY;
    if (!r)
        r = mr_addr_decode(mr_slice_str(argv[1]), (uint16_t)strtoul(argv[2], NULL, 10),
                           &options.connect.remote);
    options.security = (mr_client_security){
        .make = mr_logon_make, .give = mr_logon_give, .user = logon,
        .level = strcmp(argv[4], "privacy") == 0 ? MR_AUTH_LEVEL_PRIVACY
                                                 : MR_AUTH_LEVEL_INTEGRITY};
    if (!r)
        r = mr_client_new(loop, &options, &client, err);
    if (!r)
        r = mr_client_open(client, syntax, err);
    if (!r)
        r = run(client, &j, strtoul(argv[10], NULL, 10), err);
    mr_client_free(client);
    mr_logon_free(logon);
    free(j.octets);
    return r;
}

int main(int argc, char **argv) {
    mr_error err = MR_ERROR_INIT;
    mr_loop loop = {0};
    mr_identity who;

    if (argc != 11) {
        fputs("usage: auth_calls ADDR PORT ntlm|krb5 integrity|privacy NAME PASSWORD HOST KDC "
              "map|add|OCTETS N\n", stderr);
        return 64;
    }
    if (mr_identity_init(&who, &err) != 0)
        return 1;
    int r = mr_identity_set_name(&who, mr_slice_str(argv[5]), &err);
    if (!r)
        r = mr_identity_set_password(&who, mr_slice_str(argv[6]), &err);
    if (!r)
        r = mr_loop_init(&loop, &err);
    if (!r)
        r = talk(&loop, argv, &who, &err);
    if (r)
        fprintf(stderr, "auth_calls: %s\n", err.text);
    mr_loop_deinit(&loop);
    mr_identity_deinit(&who);
    return r ? 1 : 0;
}
