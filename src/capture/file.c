/*
 * Capture files whatever their format: opening, telling the format by magic, and what the formats
 * share. Names of link types: the LINKTYPE_ registry of tcpdump.org.
 */
#include <msrpc/capture/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader.h"

enum { TEXTS_MAX = 1 << 20 };

const char *mr_link_name(uint16_t link) {
    switch (link) {
    case MR_LINK_NULL: return "BSD loopback";
    case MR_LINK_ETHERNET: return "Ethernet";
    case MR_LINK_PPP: return "PPP";
    case MR_LINK_PPP_HDLC: return "PPP in HDLC framing";
    case MR_LINK_RAW: return "raw IP";
    case MR_LINK_WLAN: return "IEEE 802.11";
    case MR_LINK_LOOP: return "OpenBSD loopback";
    case MR_LINK_SLL: return "Linux cooked";
    case MR_LINK_RADIOTAP: return "IEEE 802.11 with radiotap";
    case MR_LINK_IPV4: return "raw IPv4";
    case MR_LINK_IPV6: return "raw IPv6";
    case MR_LINK_SLL2: return "Linux cooked v2";
    }
    return "a link type without decoder";
}

uint16_t mr_reader_link(uint32_t number) {
    switch (number) {
    case 12: /* DLT_RAW of most systems */
    case 14: /* of OpenBSD */
        return MR_LINK_RAW;
    }
    return number < MR_LINK_UNKNOWN ? (uint16_t)number : MR_LINK_UNKNOWN;
}

int mr_reader_bad(uint64_t at, mr_error *err, const char *fmt, ...) {
    char text[sizeof err->text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_CAPTURE, (size_t)at, "%s", text);
}

int mr_reader_end(mr_capture_reader *r, size_t have) {
    if (r->follow)
        return MR_CAPTURE_END;
    r->ended = true;
    if (have == 0 && !r->octets.torn)
        return MR_CAPTURE_END;
    r->stats.cut_at = r->octets.at;
    return MR_CAPTURE_CUT;
}

int mr_reader_add_iface(mr_capture_reader *r, mr_capture_iface **ifacep, mr_error *err) {
    if (r->iface_count == MR_CAPTURE_IFACES_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_CAPTURE, (size_t)r->octets.at,
                       "more than %d interfaces", MR_CAPTURE_IFACES_MAX);
    if (r->iface_count == r->iface_size) {
        size_t size = r->iface_size ? 2 * r->iface_size : 4;
        mr_capture_iface *grown = realloc(r->ifaces, size * sizeof *grown);
        if (!grown)
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, (size_t)r->octets.at,
                           "no memory for %zu interfaces", size);
        r->ifaces = grown;
        r->iface_size = size;
    }
    r->ifaces[r->iface_count] = (mr_capture_iface){.name = "", .description = ""};
    *ifacep = &r->ifaces[r->iface_count++];
    return 0;
}

const char *mr_reader_text(mr_capture_reader *r, mr_slice s) {
    const uint8_t *nul = s.len ? memchr(s.data, 0, s.len) : NULL;
    const char *text;

    if (nul)
        s.len = (size_t)(nul - s.data);
    text = mr_arena_add_str(&r->texts, s);
    return text ? text : "";
}

/* What the first four octets say (draft-ietf-opsawg-pcap 4, draft-ietf-opsawg-pcapng 4.1; Network
 * Monitor 3's help for its own). */
static int open_format(mr_capture_reader *r, mr_error *err) {
    static const struct {
        char magic[5];
        enum mr_capture_format format;
        bool big;
        int (*open)(mr_capture_reader *r, mr_error *err);
    } formats[] = {
        {"\xd4\xc3\xb2\xa1", MR_CAPTURE_PCAP, false, mr_pcap_open},
        {"\xa1\xb2\xc3\xd4", MR_CAPTURE_PCAP, true, mr_pcap_open},
        {"\x4d\x3c\xb2\xa1", MR_CAPTURE_PCAP, false, mr_pcap_open},
        {"\xa1\xb2\x3c\x4d", MR_CAPTURE_PCAP, true, mr_pcap_open},
        {"\x34\xcd\xb2\xa1", MR_CAPTURE_PCAP, false, mr_pcap_open},
        {"\xa1\xb2\xcd\x34", MR_CAPTURE_PCAP, true, mr_pcap_open},
        {"\x0a\x0d\x0d\x0a", MR_CAPTURE_PCAPNG, false, mr_pcapng_open},
        {"GMBU", MR_CAPTURE_NETMON, false, mr_netmon_open},
        {"RTSS", MR_CAPTURE_NETMON, false, mr_netmon_open},
    };
    int result = mr_octets_need(&r->octets, 4, err);
    if (result != 0)
        return result;
    if (mr_octets_have(&r->octets) < 4)
        return mr_fail(err, MR_ERR_TRUNCATED, MR_FLOOR_CAPTURE, 0,
                       mr_octets_have(&r->octets) ? "too short for a capture" : "it is empty");
    for (size_t i = 0; i < MR_COUNT(formats); i++)
        if (memcmp(mr_octets_data(&r->octets), formats[i].magic, 4) == 0) {
            r->format = formats[i].format;
            r->big = formats[i].big;
            return formats[i].open(r, err);
        }
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, 0,
                   "not a capture: neither pcap nor pcapng nor Network Monitor");
}

static int open_fd(mr_capture_file *file, int fd, bool own, const char *name,
                   const mr_capture_options *options, mr_error *err) {
    mr_capture_reader *r = calloc(1, sizeof *r);
    if (!r)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    r->name = name;
    r->follow = options && options->follow;
    r->about = (mr_capture_about){"", "", "", ""};
    mr_arena_init(&r->texts, TEXTS_MAX);
    int result = mr_octets_init(&r->octets, fd, false, options ? options->window : 0, err);
    if (result == 0)
        result = open_format(r, err);
    mr_capture_file opened = {r};
    if (result != 0) {
        mr_capture_file_deinit(&opened);
        return result;
    }
    r->octets.own = own;
    *file = opened;
    return 0;
}

int mr_capture_file_init(mr_capture_file *file, const char *path,
                         const mr_capture_options *options, mr_error *err) {
    if (path[0] == '-' && path[1] == '\0')
        return open_fd(file, STDIN_FILENO, false, path, options, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int code = errno;
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_CAPTURE, MR_PEER_ERRNO, (uint32_t)code,
                            "%s", strerror(code));
    }
    int result = open_fd(file, fd, true, path, options, err);
    if (result != 0)
        close(fd);
    return result;
}

int mr_capture_file_init_fd(mr_capture_file *file, int fd, const char *name,
                            const mr_capture_options *options, mr_error *err) {
    return open_fd(file, fd, false, name, options, err);
}

void mr_capture_file_deinit(mr_capture_file *file) {
    mr_capture_reader *r = file->reader;

    if (!r)
        return;
    if (r->format == MR_CAPTURE_NETMON)
        free(r->u.netmon.offsets);
    if (r->octets.window)
        mr_octets_deinit(&r->octets);
    mr_arena_deinit(&r->texts);
    free(r->ifaces);
    free(r);
    file->reader = NULL;
}

void mr_reader_close(mr_capture_reader *r) {
    uint64_t at = r->octets.file_at, size = r->octets.file_size;

    if (r->octets.window)
        mr_octets_deinit(&r->octets);
    r->octets.file_at = at;
    r->octets.file_size = size;
    r->ended = true;
    r->pending = 0;
}

int mr_capture_file_read(mr_capture_file *file, mr_packet *packetp, mr_error *err) {
    mr_capture_reader *r = file->reader;

    mr_reader_pass(r);
    if (r->ended)
        return MR_CAPTURE_END;
    int result = r->read(r, packetp, err);
    r->ended |= result < 0;
    return result;
}

const char *mr_capture_file_get_name(const mr_capture_file *file) {
    return file->reader->name;
}

enum mr_capture_format mr_capture_file_get_format(const mr_capture_file *file) {
    return file->reader->format;
}

size_t mr_capture_file_iface_count(const mr_capture_file *file) {
    return file->reader->iface_count;
}

const mr_capture_iface *mr_capture_file_get_iface(const mr_capture_file *file, size_t index) {
    return index < file->reader->iface_count ? &file->reader->ifaces[index] : NULL;
}

const mr_capture_about *mr_capture_file_get_about(const mr_capture_file *file) {
    return &file->reader->about;
}

const mr_capture_stats *mr_capture_file_get_stats(const mr_capture_file *file) {
    return &file->reader->stats;
}

void mr_capture_file_get_place(const mr_capture_file *file, uint64_t *donep, uint64_t *sizep) {
    *donep = file->reader->octets.file_at;
    *sizep = file->reader->octets.file_size;
}

bool mr_capture_file_is_shared(const mr_capture_file *file) {
    return file->reader->octets.seekable && !file->reader->octets.top;
}
