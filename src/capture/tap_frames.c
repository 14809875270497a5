/*
 * Frames of streams that say their own lengths: DNS and Kerberos over TCP, TLS records. A frame
 * that lies whole in what is fed is handed on without a copy; one that does not is held until it
 * is whole, no longer than @max octets, and no further than the octets that came.
 */
#include <stdlib.h>

#include "tap_net.h"

void mr_tap_frames_deinit(tap_frames *frames) {
    free(frames->held);
    *frames = (tap_frames){.held = NULL};
}

static int hold(tap_frames *frames, mr_slice octets) {
    uint32_t need = frames->len + (uint32_t)octets.len;

    if (octets.len == 0)
        return 0;
    if (need > frames->room) {
        uint32_t room = need < 256 ? 256 : need + need / 2;
        uint8_t *grown = realloc(frames->held, room);

        if (grown == NULL)
            return MR_ERR_MEMORY;
        frames->held = grown;
        frames->room = room;
    }
    memcpy(frames->held + frames->len, octets.data, octets.len);
    frames->len = need;
    return 0;
}

/* The octets of the frame that @bytes begin that are wanted at once, and its length; *@wantp is the
 * head's when that is not there yet. */
static int measure(const tap_framing *framing, mr_slice bytes, size_t *wantp, size_t *lenp) {
    *lenp = 0;
    *wantp = framing->head;
    if (bytes.len < framing->head)
        return 0;
    int rc = framing->measure(bytes, lenp);
    if (rc != 0)
        return rc;
    if (*lenp < framing->head)
        *lenp = framing->head;
    *wantp = *lenp < framing->max ? *lenp : framing->max;
    return 0;
}

static int deliver(tap_frames *frames, const tap_framing *framing, mr_tap *tap, enum mr_dir dir,
                   mr_slice octets, size_t len) {
    const tap_place place = {.ctx = tap->ctx, .tap = tap, .dir = dir, .packet = frames->packet,
                             .time = frames->time};

    frames->skip = len - octets.len;
    return framing->frame(tap, &place, octets, len);
}

/* Goes on with the frame that is held; *@octetsp loses what it takes. */
static int fill(tap_frames *frames, const tap_framing *framing, mr_tap *tap, enum mr_dir dir,
                mr_slice *octetsp) {
    size_t want, len;

    for (;;) {
        if (measure(framing, mr_slice_of(frames->held, frames->len), &want, &len) != 0) {
            frames->len = 0;
            frames->lost = true;
            return 0;
        }
        if (len != 0 && frames->len >= want)
            break;
        if (octetsp->len == 0)
            return 0;
        mr_slice part = mr_slice_sub(*octetsp, 0, want - frames->len);
        int rc = hold(frames, part);
        if (rc != 0)
            return rc;
        *octetsp = mr_slice_sub(*octetsp, part.len, SIZE_MAX);
    }
    frames->len = 0;
    return deliver(frames, framing, tap, dir, mr_slice_of(frames->held, want), len);
}

/* Frames that lie in @octets from their beginning. */
static int pass(tap_frames *frames, const tap_framing *framing, mr_tap *tap, enum mr_dir dir,
                mr_slice *octetsp) {
    size_t want, len;

    if (measure(framing, *octetsp, &want, &len) != 0) {
        frames->lost = true;
        return 0;
    }
    if (len == 0 || octetsp->len < want) {
        int rc = hold(frames, *octetsp);
        *octetsp = MR_SLICE_NULL;
        return rc;
    }
    mr_slice frame = mr_slice_sub(*octetsp, 0, want);
    *octetsp = mr_slice_sub(*octetsp, want, SIZE_MAX);
    return deliver(frames, framing, tap, dir, frame, len);
}

int mr_tap_frames_feed(tap_frames *frames, const tap_framing *framing, mr_tap *tap, enum mr_dir dir,
                       mr_slice octets, const mr_flow_at *at) {
    int rc = 0;

    if (frames->lost) {
        size_t want, len;

        /* it may only begin where a segment does */
        if (measure(framing, octets, &want, &len) != 0 || len == 0)
            return 0;
        frames->lost = false;
    }
    while (rc == 0 && octets.len > 0 && !frames->lost) {
        if (frames->skip > 0) {
            size_t n = frames->skip < octets.len ? (size_t)frames->skip : octets.len;
            frames->skip -= n;
            octets = mr_slice_sub(octets, n, SIZE_MAX);
            continue;
        }
        if (frames->len > 0) {
            rc = fill(frames, framing, tap, dir, &octets);
            continue;
        }
        frames->packet = at->packet;
        frames->time = at->time;
        rc = pass(frames, framing, tap, dir, &octets);
    }
    return rc;
}

int mr_tap_frames_cut(tap_frames *frames, const tap_framing *framing, mr_tap *tap,
                      enum mr_dir dir) {
    const tap_place place = {.ctx = tap->ctx, .tap = tap, .dir = dir, .packet = frames->packet,
                             .time = frames->time};
    size_t want, len;

    if (frames->len < framing->head ||
        measure(framing, mr_slice_of(frames->held, frames->len), &want, &len) != 0)
        return 0;
    return framing->frame(tap, &place, mr_slice_of(frames->held, frames->len), len);
}

void mr_tap_frames_gap(tap_frames *frames, const tap_framing *framing, uint64_t len) {
    size_t want, whole;

    if (frames->len > 0) {
        int rc = measure(framing, mr_slice_of(frames->held, frames->len), &want, &whole);

        frames->skip = rc == 0 && whole != 0 ? whole - frames->len : 0;
        frames->len = 0;
    }
    frames->lost = frames->lost || len > frames->skip || len == 0;
    frames->skip = frames->lost ? 0 : frames->skip - len;
}
