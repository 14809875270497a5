/*
 * The foreign libraries of this floor, loaded when a capture needs them and not before: a command
 * that reads no capture does not pay for them at its start. A table holds the functions by name;
 * its owner unloads it.
 */
#ifndef MSRPC_CAPTURE_LIBRARY_H
#define MSRPC_CAPTURE_LIBRARY_H

#include <pcap/pcap.h>
#include <zlib.h>
#include <zstd.h>

#include <msrpc/base.h>

#define MR_ZLIB_FUNCTIONS(F) F(inflateInit2_) F(inflate) F(inflateReset) F(inflateEnd)
#define MR_ZSTD_FUNCTIONS(F) \
    F(ZSTD_createDStream) F(ZSTD_freeDStream) F(ZSTD_decompressStream) F(ZSTD_isError) \
    F(ZSTD_getErrorName)
#define MR_PCAP_FUNCTIONS(F) \
    F(pcap_create) F(pcap_set_snaplen) F(pcap_set_promisc) F(pcap_set_timeout) \
    F(pcap_set_buffer_size) F(pcap_set_tstamp_precision) F(pcap_get_tstamp_precision) \
    F(pcap_activate) F(pcap_datalink) F(pcap_compile) F(pcap_setfilter) F(pcap_freecode) \
    F(pcap_next_ex) F(pcap_breakloop) F(pcap_stats) F(pcap_geterr) F(pcap_statustostr) \
    F(pcap_close) F(pcap_open_dead) F(pcap_offline_filter) F(pcap_setnonblock) \
    F(pcap_get_selectable_fd)

#define MR_LIBRARY_MEMBER(name) __typeof__(&(name)) name;
typedef struct mr_zlib {
    void *handle;
    MR_ZLIB_FUNCTIONS(MR_LIBRARY_MEMBER)
} mr_zlib;
typedef struct mr_zstd {
    void *handle;
    MR_ZSTD_FUNCTIONS(MR_LIBRARY_MEMBER)
} mr_zstd;
typedef struct mr_libpcap {
    void *handle;
    MR_PCAP_FUNCTIONS(MR_LIBRARY_MEMBER)
} mr_libpcap;
#undef MR_LIBRARY_MEMBER

/* Loads a library and finds every function of its table: 0, or MR_ERR_UNSUPPORTED with a sentence
 * that names what is missing; *libp untouched then. */
int mr_zlib_init(mr_zlib *libp, mr_error *err);
int mr_zstd_init(mr_zstd *libp, mr_error *err);
int mr_libpcap_init(mr_libpcap *libp, mr_error *err);
/* Unloads; nothing that came from the library may be used afterwards. NULL is fine. */
void mr_library_deinit(void *handle);

#endif
