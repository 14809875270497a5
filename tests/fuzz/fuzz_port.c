/* A peer that answers anything: the first octet picks a protocol of the table, the rest comes in
 * two pieces and then ends. */
#include "../../src/probe/port_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void done(void *user, mr_port_probe *probe) {
    (void)user;
    (void)probe;
}

static const struct port_service *pick(unsigned number) {
    static const uint16_t ports[] = {53,  88,  123, 137, 139,  389, 445, 464,  593, 636, 3389,
                                      5985, 21, 110, 143, 161, 500, 1434, 1701};
    const struct port_service *s = NULL;

    s = port_service_find(ports[number / 2 % MR_COUNT(ports)],
                          number % 2 ? MR_PORT_TCP : MR_PORT_UDP);
    if (!s)
        s = port_service_find(ports[number / 2 % MR_COUNT(ports)],
                              number % 2 ? MR_PORT_UDP : MR_PORT_TCP);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mr_loop loop = {0};
    mr_port_probe probe;

    if (size < 2)
        return 0;
    const struct port_service *service = pick(data[0]);
    size_t cut = data[1];
    mr_slice bytes = mr_slice_of(data + 2, size - 2);

    mr_port_probe_init(&probe, &loop, done, NULL);
    probe.service = service;
    enum port_reading r = PORT_MORE;
    if (service->protocol == MR_PORT_TCP && cut < bytes.len)
        r = service->answer(&probe, mr_slice_sub(bytes, 0, cut), false);
    if (r == PORT_MORE)
        r = service->answer(&probe, bytes, true);
    if (r == PORT_DONE && probe.text.len == 0)
        __builtin_trap();
    mr_port_probe_deinit(&probe);
    return 0;
}
