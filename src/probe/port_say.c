/* How a reader says what it found: the growing detail and the list of fields, both in the probe's
 * arena. Running out of room loses words, never the verdict. */
#include "port_private.h"

#include <stdarg.h>
#include <stdio.h>

static void say(mr_port_probe *probe, mr_slice text) {
    if (probe->text.len)
        mr_buf_write_str(&probe->text, ", ");
    mr_buf_write(&probe->text, text);
}

void port_say(mr_port_probe *probe, const char *fmt, ...) {
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        say(probe, mr_slice_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
}

void port_say_slice(mr_port_probe *probe, const char *before, mr_slice text) {
    say(probe, mr_slice_str(before));
    mr_buf_write(&probe->text, mr_slice_sub(text, 0, 256));
}

void port_say_clock(mr_port_probe *probe, int64_t sec, uint32_t nsec) {
    double offset = (double)(sec - probe->asked_sec) +
                    ((double)nsec - (double)probe->asked_nsec) / 1e9;

    port_say(probe, "clock %+.1f s", offset);
    port_add_real(probe, "clock_offset", offset);
}

static void add(mr_port_probe *probe, const char *key, bool list, mr_value value) {
    mr_port_field *field = MR_ARENA_NEW(&probe->arena, mr_port_field);

    if (!field)
        return;
    *field = (mr_port_field){.key = key, .list = list, .value = value};
    *probe->tail = field;
    probe->tail = &field->next;
}

static void add_text(mr_port_probe *probe, const char *key, bool list, mr_slice s) {
    const char *copy = mr_arena_add_str(&probe->arena, s);

    if (copy)
        add(probe, key, list, (mr_value){.kind = MR_VALUE_STRING,
                                         .u.string = mr_slice_of(copy, s.len)});
}

void port_add_str(mr_port_probe *probe, const char *key, mr_slice value) {
    add_text(probe, key, false, value);
}

void port_add_item(mr_port_probe *probe, const char *key, mr_slice value) {
    add_text(probe, key, true, value);
}

void port_add_fmt(mr_port_probe *probe, const char *key, const char *fmt, ...) {
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0)
        add_text(probe, key, false, mr_slice_str(text));
}

void port_add_int(mr_port_probe *probe, const char *key, int64_t value) {
    add(probe, key, false, (mr_value){.kind = MR_VALUE_INT, .u.integer = value});
}

void port_add_bool(mr_port_probe *probe, const char *key, bool value) {
    add(probe, key, false, (mr_value){.kind = MR_VALUE_BOOL, .u.boolean = value});
}

void port_add_real(mr_port_probe *probe, const char *key, double value) {
    add(probe, key, false, (mr_value){.kind = MR_VALUE_REAL, .u.real = value});
}

void port_add_uuid(mr_port_probe *probe, const char *key, const mr_uuid *value) {
    add(probe, key, false, (mr_value){.kind = MR_VALUE_UUID, .u.uuid = *value});
}

const char *port_host_name(const mr_port_probe *probe) {
    const char *host = probe->options.host;
    mr_addr addr;

    if (!host || !*host || mr_addr_decode(mr_slice_str(host), 0, &addr) == 0)
        return NULL;
    return host;
}

const char *port_domain(const mr_port_probe *probe) {
    const char *host = port_host_name(probe);
    const char *dot = host ? strchr(host, '.') : NULL;

    return dot && dot[1] ? dot + 1 : NULL;
}

uint32_t port_random(const mr_port_probe *probe, unsigned index) {
    uint32_t v;

    memcpy(&v, probe->random + 4 * (index % 16), sizeof v);
    return v;
}
