/* The taps of names, Kerberos, NTLM, HTTP and TLS on what real hosts said (tests/captures), with
 * one worker and with three. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <msrpc/capture/analyse.h>

typedef struct tally {
    char text[4096]; /* a word per record that tells something */
    size_t len;
} tally;

static void note(tally *t, const char *fmt, const char *text, int number) {
    int n = snprintf(t->text + t->len, sizeof t->text - t->len, fmt, text, number);

    assert_true(n > 0 && (size_t)n < sizeof t->text - t->len);
    t->len += (size_t)n;
}

static void note_http(tally *t, const mr_seen_http *http) {
    note(t, "%s=%d ", http->banner_missing ? "no-banner" : http->rpc_in ? "in" : "out",
         http->status);
    if (http->rpc_error)
        note(t, "%s=%x ", "rpc-error", (int)http->rpc_error);
}

static void note_tls(tally *t, const mr_seen_tls *tls) {
    switch (tls->kind) {
    case MR_SEEN_TLS_HELLO: note(t, "hello:%s=%x ", tls->sni, tls->version); break;
    case MR_SEEN_TLS_SERVER: note(t, "%sserver=%x ", "", tls->version); break;
    case MR_SEEN_TLS_CERTIFICATE: note(t, "%s=%d ", tls->names[0], (int)tls->name_count); break;
    case MR_SEEN_TLS_ALERT:
        note(t, "%s-alert=%d ", tls->from_server ? "server" : "client", tls->alert);
        break;
    case MR_SEEN_TLS_DATA: break;
    }
}

static int on_seen(void *ctx, const mr_seen *seen) {
    tally *t = ctx;

    if (seen->kind == MR_SEEN_ANSWER && seen->u.name.rcode)
        note(t, "%s=%d ", seen->u.name.name, seen->u.name.rcode);
    if (seen->kind == MR_SEEN_KERBEROS && seen->u.krb.kind == MR_SEEN_KRB_ERROR)
        note(t, "%s=%d ", seen->u.krb.in_rpc ? "ap-error" : "krb-error", seen->u.krb.error);
    if (seen->kind == MR_SEEN_NTLM)
        note(t, "ntlm:%s=%d ", seen->u.ntlm.user ? seen->u.ntlm.user : "", seen->u.ntlm.type);
    if (seen->kind == MR_SEEN_ICMP)
        note(t, "%s=%d ", "unreachable", seen->u.icmp.code);
    if (seen->kind == MR_SEEN_HTTP)
        note_http(t, &seen->u.http);
    if (seen->kind == MR_SEEN_TLS)
        note_tls(t, &seen->u.tls);
    return 0;
}

static void expect(const char *scene, const char *words) {
    const char *source = getenv("MSRPC_SOURCE");
    char path[512];
    const char *paths[] = {path};

    assert_non_null(source);
    snprintf(path, sizeof path, "%s/tests/captures/%s.client.pcap.gz", source, scene);
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        tally t = {.len = 0};
        mr_analysis_config config = {.paths = paths, .count = 1, .workers = workers,
                                     .seen = on_seen, .ctx = &t};
        mr_totals totals;
        mr_error err;
        assert_int_equal(mr_analysis_run(&config, &totals, &err), 0);
        mr_totals_deinit(&totals);
        assert_string_equal(t.text, words);
    }
}

static void names(void **state) {
    (void)state;
    expect("name-nxdomain", "dc1.lab.test=3 dc1.lab.test=3 dc1.lab.test.lab.test=3 "
                            "dc1.lab.test.lab.test=3 ");
    expect("tcp-135-admin", "unreachable=13 ");
}

static void tokens(void **state) {
    (void)state;
    expect("rpc-ntlm-refused", "ntlm:=1 ntlm:=2 ntlm:Administrator=3 ");
    expect("pipe-logon-failed", "ntlm:=1 ntlm:=2 ntlm:Administrator=3 ");
}

static void http(void **state) {
    (void)state;
    expect("http-403", "out=403 in=403 ");
    expect("http-404", "out=404 in=404 ");
    expect("http-503-rpc-error", "out=503 rpc-error=6ba in=503 rpc-error=6ba ");
    expect("http-593-no-banner", "no-banner=0 ");
    expect("http-401-loop",
           "out=401 ntlm:=1 out=401 ntlm:=2 ntlm:alice=3 out=401 "
           "ntlm:=1 out=401 ntlm:=2 ntlm:alice=3 out=401 "
           "in=401 ntlm:=1 in=401 ntlm:=2 ntlm:alice=3 in=401 "
           "ntlm:=1 in=401 ntlm:=2 ntlm:alice=3 in=401 ");
}

static void tls(void **state) {
    (void)state;
    expect("tls-unknown-ca", "hello:srv.lab.test=304 server=303 srv.lab.test=1 client-alert=48 ");
    expect("tls-expired", "hello:srv.lab.test=304 server=303 srv.lab.test=1 client-alert=45 ");
    expect("tls-version", "hello:srv.lab.test=302 server-alert=70 ");
    expect("tls-name", "hello:srv.lab.test=304 server=303 mail.lab.test=1 client-alert=42 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(tokens),
        cmocka_unit_test(http),
        cmocka_unit_test(tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
