/*
 * Live capture through libpcap: the kernel's ring, packets handed over in batches (immediate mode
 * stays off), nanoseconds where the system has them. Root is needed to open only. The waiting is
 * our own: with Linux's ring libpcap waits for a packet however long its timeout is.
 */
#include <msrpc/capture/live.h>

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dlt.h"
#include "library.h"

enum { RING = 16 << 20, WAIT_MSEC = 100, NOBODY = 65534 };

struct mr_capture_live_state {
    mr_libpcap lib;
    pcap_t *pcap;
    mr_capture_iface iface;
    uint64_t number;
    int fd, wait_msec;
    volatile sig_atomic_t stopped;
    uint32_t unit; /* nanoseconds of a time stamp's fraction */
    uint32_t received, dropped, dropped_card; /* as last asked: libpcap's counters are narrow */
    mr_live_stats total;
    char name[64];
};

/* What libpcap's status means for a caller. */
static int status_code(int status) {
    switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
    case PCAP_ERROR_IFACE_NOT_UP:
        return MR_ERR_NOT_FOUND;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return MR_ERR_AUTH;
    }
    return MR_ERR_SYSTEM;
}

static int said(const struct mr_capture_live_state *l, int code, const char *what, int status,
                mr_error *err) {
    const char *more = l->lib.pcap_geterr(l->pcap);

    return mr_fail(err, code, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "%s %s: %s", what, l->name,
                   *more ? more : l->lib.pcap_statustostr(status));
}

static int activate(struct mr_capture_live_state *l, const mr_live_options *o, mr_error *err) {
    const mr_libpcap *lib = &l->lib;
    uint32_t snaplen = o->snaplen ? o->snaplen : MR_CAPTURE_PACKET_MAX;
    char text[PCAP_ERRBUF_SIZE] = "";
    struct bpf_program program;

    /* these fail on a handle in use only */
    lib->pcap_set_snaplen(l->pcap, (int)(snaplen < INT32_MAX ? snaplen : INT32_MAX));
    lib->pcap_set_promisc(l->pcap, o->promiscuous);
    lib->pcap_set_timeout(l->pcap, l->wait_msec);
    lib->pcap_set_buffer_size(l->pcap, o->buffer ? (int)o->buffer : RING);
    lib->pcap_set_tstamp_precision(l->pcap, PCAP_TSTAMP_PRECISION_NANO); /* or it stays micro */
    int status = lib->pcap_activate(l->pcap);
    if (status < 0)
        return said(l, status_code(status), "cannot capture on", status, err);
    l->fd = lib->pcap_get_selectable_fd(l->pcap);
    if (l->fd < 0 || lib->pcap_setnonblock(l->pcap, 1, text) != 0)
        return said(l, MR_ERR_UNSUPPORTED, "cannot wait for packets on", PCAP_ERROR, err);
    l->unit = lib->pcap_get_tstamp_precision(l->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    l->iface = (mr_capture_iface){
        .link = mr_link_of(lib->pcap_datalink(l->pcap)),
        .snaplen = snaplen,
        .tsresol = l->unit == 1 ? 9 : 6,
        .name = l->name,
        .description = "",
    };
    if (!o->filter || !*o->filter)
        return 0;
    if (lib->pcap_compile(l->pcap, &program, o->filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return said(l, MR_ERR_SYNTAX, "the filter does not fit", 0, err);
    status = lib->pcap_setfilter(l->pcap, &program);
    lib->pcap_freecode(&program);
    return status == 0 ? 0 : said(l, MR_ERR_SYSTEM, "the filter was refused on", status, err);
}

int mr_capture_live_init(mr_capture_live *live, const char *iface, const mr_live_options *options,
                         mr_error *err) {
    char text[PCAP_ERRBUF_SIZE] = "";
    mr_live_options defaults = {0};
    struct mr_capture_live_state *l = calloc(1, sizeof *l);
    if (!l)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    mr_capture_live made = {l};
    l->wait_msec = options && options->wait_msec ? (int)options->wait_msec : WAIT_MSEC;
    size_t len = strnlen(iface, sizeof l->name - 1);
    memcpy(l->name, iface, len);
    int r = mr_libpcap_init(&l->lib, err);
    if (r == 0) {
        l->pcap = l->lib.pcap_create(l->name, text);
        r = l->pcap ? activate(l, options ? options : &defaults, err)
                    : mr_fail(err, MR_ERR_SYSTEM, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                              "cannot capture on %s: %s", l->name, text);
    }
    if (r != 0) {
        mr_capture_live_deinit(&made);
        return r;
    }
    *live = made;
    return 0;
}

void mr_capture_live_deinit(mr_capture_live *live) {
    struct mr_capture_live_state *l = live->state;

    if (!l)
        return;
    if (l->pcap)
        l->lib.pcap_close(l->pcap);
    mr_library_deinit(l->lib.handle);
    free(l);
    live->state = NULL;
}

int mr_capture_live_read(mr_capture_live *live, mr_packet *packetp, mr_error *err) {
    struct mr_capture_live_state *l = live->state;
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    if (l->stopped)
        return MR_CAPTURE_END;
    int r = l->lib.pcap_next_ex(l->pcap, &header, &bytes);

    if (r == 0) { /* a signal ends the waiting too, which is as good as no packet */
        struct pollfd ready = {.fd = l->fd, .events = POLLIN};
        poll(&ready, 1, l->wait_msec);
        r = l->lib.pcap_next_ex(l->pcap, &header, &bytes);
    }
    if (r == 0)
        return MR_CAPTURE_WAIT;
    if (r == PCAP_ERROR_BREAK)
        return MR_CAPTURE_END;
    if (r != 1)
        return said(l, MR_ERR_SYSTEM, "capturing ended on", r, err);
    *packetp = (mr_packet){
        .number = ++l->number,
        .time = (mr_nsec)header->ts.tv_sec * MR_SEC + (mr_nsec)header->ts.tv_usec * l->unit,
        .bytes = {bytes, header->caplen},
        .len = header->len < header->caplen ? header->caplen : header->len,
        .link = l->iface.link,
        .timed = true,
    };
    return 0;
}

void mr_capture_live_stop(mr_capture_live *live) {
    live->state->stopped = 1;
    live->state->lib.pcap_breakloop(live->state->pcap);
}

int mr_capture_live_get_stats(mr_capture_live *live, mr_live_stats *statsp, mr_error *err) {
    struct mr_capture_live_state *l = live->state;
    struct pcap_stat now;

    if (l->lib.pcap_stats(l->pcap, &now) != 0)
        return said(l, MR_ERR_SYSTEM, "no counts from", PCAP_ERROR, err);
    l->total.received += (uint32_t)(now.ps_recv - l->received);
    l->total.dropped += (uint32_t)(now.ps_drop - l->dropped);
    l->total.dropped_card += (uint32_t)(now.ps_ifdrop - l->dropped_card);
    l->received = now.ps_recv;
    l->dropped = now.ps_drop;
    l->dropped_card = now.ps_ifdrop;
    *statsp = l->total;
    return 0;
}

static uint32_t id_of(const char *variable) {
    const char *text = getenv(variable);
    uint64_t id;

    /* -1 means "leave it" to setresuid, and root is what is to be given up */
    if (!text || mr_slice_get_number(mr_slice_str(text), UINT32_MAX - 1, &id) != 0 || id == 0)
        return NOBODY;
    return (uint32_t)id;
}

int mr_capture_drop_root(mr_error *err) {
    if (geteuid() != 0 && getuid() != 0)
        return 0;
    uint32_t uid = id_of("SUDO_UID"), gid = id_of("SUDO_GID");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
        setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0 || setuid(0) == 0) {
        int code = errno;
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_CAPTURE, MR_PEER_ERRNO, (uint32_t)code,
                            "root could not be given up: %s", strerror(code));
    }
    return 0;
}
