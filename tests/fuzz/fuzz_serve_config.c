/*
 * The file of msrpc serve --config: any text. Checked: what is refused is told once, with its line
 * and column; what is taken is what a second reading takes, and lies within its limits.
 */
#include "fake_app.h"

#include <stdlib.h>
#include <string.h>

#include "serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A refusal of the file says FILE:LINE:COLUMN; one of what it comes to has no place. */
static void check_refusal(int code) {
    unsigned line, column;

    fake_app_check(code == APP_USAGE || code == APP_UNREADABLE || code == APP_BUG, "which code");
    fake_app_check(fake_app_refusals == 1 && fake_app_said[0], "refused and not told once");
    if (sscanf(fake_app_said, "FILE:%u:%u: ", &line, &column) == 2)
        fake_app_check(line > 0 && column > 0, "a place before the first one");
}

static void check_settings(const struct serve_settings *s) {
    size_t octets = 0;

    fake_app_check(s->service_count <= SERVE_SERVICES_MAX, "too many interfaces");
    for (size_t i = 0; i < s->service_count; i++) {
        octets += strlen(s->services[i].name);
        fake_app_check(serve_settings_find(s, s->services[i].name) != NULL, "a name is not found");
    }
    for (uint32_t i = 0; i < s->registered.count; i++)
        for (size_t k = 0; k < s->registered.items[i].len; k++)
            octets += s->registered.items[i].data[k];
    fake_app_check(s->limits.max_connections > 0, "no connections");
    fake_app_check(s->restrict_remote <= 2 && s->client_resolution <= 1, "no such choice");
    fake_app_check(s->rules.ports.count <= MR_COUNT(s->rules.ports.items), "too many ranges");
    fake_app_check(octets + 1 > 0, "texts that end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct serve_switches switches = {.config = "FILE"};
    struct serve_settings *s = calloc(2, sizeof *s);
    app a;

    if (!s)
        return 0;
    for (int i = 0; i < 2; i++) {
        fake_app_init(&a, mr_slice_of(data, size));
        int code = serve_settings_read(&a, &switches, &s[i]);
        if (code)
            check_refusal(code);
        else
            check_settings(&s[i]);
        fake_app_check(code || !fake_app_refusals, "told and not refused");
        fake_app_deinit(&a);
    }
    fake_app_check(s[0].service_count == s[1].service_count, "another number of interfaces");
    fake_app_check(!memcmp(&s[0].limits, &s[1].limits, sizeof s[0].limits), "other limits");
    for (int i = 0; i < 2; i++)
        serve_settings_deinit(&s[i]);
    free(s);
    return 0;
}
