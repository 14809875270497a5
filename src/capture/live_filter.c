/*
 * Filters of pcap-filter(7), one program per link type, compiled when the first packet of that type
 * comes along.
 */
#include <msrpc/capture/live.h>

#include <stdlib.h>

#include "dlt.h"
#include "library.h"

enum { LINKS_MAX = 16 };

struct mr_capture_filter_state {
    mr_libpcap lib;
    const char *expression;
    size_t count;
    struct {
        uint16_t link;
        struct bpf_program program;
    } links[LINKS_MAX];
};

static int dlt_of(uint16_t link) {
    return link == MR_LINK_RAW ? DLT_RAW : link;
}

uint16_t mr_link_of(int dlt) {
    return dlt == DLT_RAW ? MR_LINK_RAW
           : dlt >= 0 && dlt < MR_LINK_UNKNOWN ? (uint16_t)dlt : MR_LINK_UNKNOWN;
}

static int compile(struct mr_capture_filter_state *f, uint16_t link, mr_error *err) {
    if (f->count == LINKS_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "more than %d link types in one capture", LINKS_MAX);
    pcap_t *dead = f->lib.pcap_open_dead(dlt_of(link), MR_CAPTURE_PACKET_MAX);
    if (!dead)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    int r = 0;
    if (f->lib.pcap_compile(dead, &f->links[f->count].program, f->expression, 1,
                            PCAP_NETMASK_UNKNOWN) != 0)
        r = mr_fail(err, MR_ERR_SYNTAX, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                    "the filter does not fit %s: %s", mr_link_name(link),
                    f->lib.pcap_geterr(dead));
    else
        f->links[f->count++].link = link;
    f->lib.pcap_close(dead);
    return r;
}

int mr_capture_filter_init(mr_capture_filter *filter, const char *expression, mr_error *err) {
    struct mr_capture_filter_state *f = calloc(1, sizeof *f);
    if (!f)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    f->expression = expression;
    int r = mr_libpcap_init(&f->lib, err);
    if (r == 0)
        r = compile(f, MR_LINK_ETHERNET, err);
    mr_capture_filter made = {f};
    if (r != 0) {
        mr_capture_filter_deinit(&made);
        return r;
    }
    *filter = made;
    return 0;
}

void mr_capture_filter_deinit(mr_capture_filter *filter) {
    struct mr_capture_filter_state *f = filter->state;

    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        f->lib.pcap_freecode(&f->links[i].program);
    mr_library_deinit(f->lib.handle);
    free(f);
    filter->state = NULL;
}

int mr_capture_filter_match(mr_capture_filter *filter, const mr_packet *packet, bool *passp,
                            mr_error *err) {
    struct mr_capture_filter_state *f = filter->state;
    size_t i = 0;

    while (i < f->count && f->links[i].link != packet->link)
        i++;
    if (i == f->count) {
        int r = compile(f, packet->link, err);
        if (r != 0)
            return r;
    }
    struct pcap_pkthdr header = {.caplen = (uint32_t)packet->bytes.len, .len = packet->len};
    *passp = f->lib.pcap_offline_filter(&f->links[i].program, &header, packet->bytes.data) != 0;
    return 0;
}
