/*
 * Numbers of pcapng (draft-ietf-opsawg-pcapng 4 and appendix A) and the walk over a block's
 * options, for reader and writer.
 */
#ifndef MSRPC_CAPTURE_PCAPNG_H
#define MSRPC_CAPTURE_PCAPNG_H

#include <msrpc/base.h>

enum {
    MR_BLOCK_IFACE = 1,
    MR_BLOCK_PACKET = 2,
    MR_BLOCK_SIMPLE = 3,
    MR_BLOCK_STATISTICS = 5,
    MR_BLOCK_ENHANCED = 6,
    MR_BLOCK_JOURNAL = 9, /* an entry of systemd's journal */
    MR_BLOCK_CUSTOM = 0xbad,
    MR_BLOCK_CUSTOM_LOCAL = 0x40000bad, /* not to be copied into changed files */
    MR_BLOCK_SECTION = 0x0a0d0d0a,
};

enum {
    MR_OPT_END = 0,
    MR_OPT_COMMENT = 1,
    MR_OPT_SHB_HARDWARE = 2,
    MR_OPT_SHB_OS = 3,
    MR_OPT_SHB_APP = 4,
    MR_OPT_IF_NAME = 2,
    MR_OPT_IF_DESCRIPTION = 3,
    MR_OPT_IF_TSRESOL = 9,
    MR_OPT_IF_FCSLEN = 13,
    MR_OPT_IF_TSOFFSET = 14,
    MR_OPT_EPB_FLAGS = 2,
    MR_OPT_EPB_DROPCOUNT = 4,
    MR_OPT_ISB_IFDROP = 5,
    MR_OPT_ISB_OSDROP = 7,
};

typedef struct mr_option_walk {
    bool big;
    const uint8_t *at;   /* the present option; after the last: where more can be put */
    const uint8_t *next, *end;
    uint16_t code;
    mr_slice value;      /* without padding */
} mr_option_walk;

/* Walks the options in [@from, @end), byte order as in @big. */
mr_option_walk mr_option_walk_of(bool big, const uint8_t *from, const uint8_t *end);
/* The next option into @w->code and @w->value; false at the end, or where a length lies. */
bool mr_option_next(mr_option_walk *w);

#endif
