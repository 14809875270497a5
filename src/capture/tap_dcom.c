/*
 * Answers of DCOM that say where an object is served (MS-DCOM 2.2.19): RemoteActivation,
 * RemoteCreateInstance, RemoteGetClassObject, ResolveOxid. The string bindings lie in structures
 * that differ from call to call and partly in marshaled blobs, yet each is the same octets: a tower
 * id, 7 for TCP, and a text "host[port]" in UTF-16LE that ends in a zero (2.2.19.3). They are
 * looked for, wherever they lie.
 */
#include "tap_rpc.h"

#include <arpa/inet.h>

#define TCP_TOWER 7
#define BINDINGS_MAX 16
#define TEXT_MAX 255

bool mr_dcom_is(const mr_uuid *interface) {
    static const mr_uuid ours[] = {
        /* IObjectExporter, IRemoteSCMActivator, IActivation */
        {0x99fcfec4, 0x5260, 0x101b, {0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a}},
        {0x000001a0, 0x0000, 0x0000, {0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46}},
        {0x4d9f4ab8, 0x7d1c, 0x11cf, {0x86, 0x1e, 0x00, 0x20, 0xaf, 0x6e, 0x7c, 0x57}},
    };

    for (size_t i = 0; i < MR_COUNT(ours); i++) {
        if (mr_uuid_eq(interface, &ours[i]))
            return true;
    }
    return false;
}

static uint16_t u16_at(mr_slice s, size_t at) {
    return (uint16_t)(s.data[at] | s.data[at + 1] << 8);
}

/* The text at @at, ASCII in UTF-16LE, up to its zero; its length, 0 when it is none. */
static size_t read_text(mr_slice s, size_t at, char text[TEXT_MAX + 1]) {
    size_t len = 0;

    for (; at + 1 < s.len && len <= TEXT_MAX; at += 2) {
        uint16_t c = u16_at(s, at);
        if (c == 0) {
            text[len] = '\0';
            return len;
        }
        if (c <= ' ' || c > '~' || len == TEXT_MAX)
            return 0;
        text[len++] = (char)c;
    }
    return 0;
}

/* "host[port]" into @e. */
static bool read_binding(mr_tap_ctx *ctx, char *text, size_t len, mr_seen_endpoint *e) {
    char *open = strrchr(text, '[');
    uint32_t port = 0;

    if (!open || open == text || text[len - 1] != ']')
        return false;
    for (const char *p = open + 1; *p != ']'; p++) {
        if (*p < '0' || *p > '9' || port > 65535)
            return false;
        port = port * 10 + (uint32_t)(*p - '0');
    }
    if (port == 0 || port > 65535)
        return false;
    *open = '\0';
    *e = (mr_seen_endpoint){.protseq = MR_PROTSEQ_NCACN_IP_TCP, .port = (uint16_t)port};
    if (inet_pton(AF_INET, text, e->address.host.octets) == 1)
        e->address.family = 4;
    else if (inet_pton(AF_INET6, text, e->address.host.octets) == 1)
        e->address.family = 6;
    e->host = mr_tap_str(ctx, text);
    return true;
}

int mr_dcom_answer(rpc_tap *t, const mr_event *event, mr_slice stub, const mr_flow_at *at) {
    mr_tap_ctx *ctx = t->tap.ctx;
    mr_seen_endpoint found[BINDINGS_MAX];
    char text[TEXT_MAX + 1];
    uint32_t count = 0;

    for (size_t i = 0; !event->big && i + 3 < stub.len && count < BINDINGS_MAX; i += 2) {
        if (u16_at(stub, i) != TCP_TOWER)
            continue;
        size_t len = read_text(stub, i + 2, text);
        if (len == 0 || !read_binding(ctx, text, len, &found[count]))
            continue;
        count++;
        i += 2 * len;
    }
    if (count == 0)
        return 0;
    mr_seen_endpoint *list = mr_tap_alloc(ctx, count, sizeof *list);
    mr_seen *seen = mr_tap_add(&t->tap, MR_SEEN_OXID, MR_DIR_TO_CLIENT, at->packet, at->time);
    if (!list || !seen)
        return MR_ERR_MEMORY;
    memcpy(list, found, count * sizeof *list);
    seen->u.map = (mr_seen_map){.request_known = true, .endpoints = list, .count = count};
    return 0;
}
