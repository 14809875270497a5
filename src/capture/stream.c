/*
 * The sliding window over a capture's octets and the unpackers below it. Each unpacker reads from
 * the one below through a buffer of its own; the lowest reads the file. Invariants: start <= end
 * <= size; at + (end - start) octets were unpacked so far; an unpacker that has seen its stream's
 * end in order sets ended, one that runs out of input before sets the stream's torn.
 */
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library.h"

enum { UNPACK_IN = 1 << 16, LAYERS_MAX = 3, WINDOW = 1 << 18 };

typedef struct mr_unpacker {
    int (*unpack)(struct mr_unpacker *u, uint8_t *out, size_t n, size_t *gotp, mr_error *err);
    struct mr_unpacker *below; /* NULL: the file */
    bool between;              /* a member or frame has just ended; another may follow */
    bool ended;
    mr_zlib zlib;
    z_stream gzip;
    mr_zstd zstd;
    ZSTD_DStream *frames;
    size_t start, end;
    uint8_t in[UNPACK_IN];
} mr_unpacker;

static int read_file(mr_octets *o, uint8_t *out, size_t n, size_t *gotp, mr_error *err) {
    ssize_t got;
    do {
        got = o->seekable ? pread(o->fd, out, n, (off_t)o->file_at) : read(o->fd, out, n);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        int code = errno;
        return mr_fail_peer(err, MR_ERR_SYSTEM, MR_FLOOR_CAPTURE, MR_PEER_ERRNO, (uint32_t)code,
                            "reading failed: %s", strerror(code));
    }
    o->file_at += (uint64_t)got;
    *gotp = (size_t)got;
    return 0;
}

static int read_layer(mr_octets *o, mr_unpacker *u, uint8_t *out, size_t n, size_t *gotp,
                      mr_error *err);

/* More packed octets into the unpacker's buffer; *gotp 0 at the end. */
static int feed(mr_octets *o, mr_unpacker *u, size_t *gotp, mr_error *err) {
    if (u->start < u->end) {
        *gotp = u->end - u->start;
        return 0;
    }
    u->start = u->end = 0;
    int r = read_layer(o, u->below, u->in, sizeof u->in, gotp, err);
    if (r == 0)
        u->end = *gotp;
    return r;
}

static int damaged(const mr_octets *o, const char *kind, const char *why, mr_error *err) {
    return mr_fail(err, MR_ERR_MALFORMED, MR_FLOOR_CAPTURE, (size_t)o->file_at,
                   "the %s data is damaged: %s", kind, why);
}

static int unpack_gzip(mr_unpacker *u, uint8_t *out, size_t n, size_t *gotp, mr_error *err) {
    z_stream *z = &u->gzip;

    (void)err;
    z->next_in = u->in + u->start;
    z->avail_in = (uInt)(u->end - u->start);
    z->next_out = out;
    z->avail_out = (uInt)n;
    int r = u->between ? u->zlib.inflateReset(z) : Z_OK;
    u->between = false;
    if (r == Z_OK)
        r = u->zlib.inflate(z, Z_NO_FLUSH);
    u->start = u->end - z->avail_in;
    *gotp = n - z->avail_out;
    u->between = r == Z_STREAM_END;
    return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR ? 0 : MR_ERR_MALFORMED;
}

static int unpack_zstd(mr_unpacker *u, uint8_t *out, size_t n, size_t *gotp, mr_error *err) {
    ZSTD_inBuffer in = {u->in, u->end, u->start};
    ZSTD_outBuffer to = {out, n, 0};

    (void)err;
    size_t r = u->zstd.ZSTD_decompressStream(u->frames, &to, &in);
    u->start = in.pos;
    *gotp = to.pos;
    if (u->zstd.ZSTD_isError(r))
        return MR_ERR_MALFORMED;
    u->between = r == 0;
    return 0;
}

/* Whether what stands in the buffer begins another member; anything else after a whole one is
 * padding, as gzip treats it. */
static bool another(const mr_unpacker *u) {
    const uint8_t *p = u->in + u->start;
    size_t n = u->end - u->start;

    if (u->unpack == unpack_gzip)
        return p[0] == 0x1f && (n < 2 || p[1] == 0x8b);
    return p[0] == 0x28 || (p[0] >> 4) == 5; /* a frame, or a skippable one */
}

static int read_layer(mr_octets *o, mr_unpacker *u, uint8_t *out, size_t n, size_t *gotp,
                      mr_error *err) {
    size_t got = 0, fed;

    if (!u)
        return read_file(o, out, n, gotp, err);
    while (got == 0 && !u->ended) {
        int r = feed(o, u, &fed, err);
        if (r != 0)
            return r;
        size_t before = u->start;
        if (fed == 0 || (u->between && !another(u))) {
            u->ended = true;
            o->torn |= fed == 0 && !u->between;
            break;
        }
        r = u->unpack(u, out, n, &got, err);
        if (r != 0)
            return damaged(o, u->unpack == unpack_gzip ? "gzip" : "zstd",
                           "it cannot be unpacked from here on", err);
        if (got == 0 && u->start == before && u->start < u->end)
            return damaged(o, u->unpack == unpack_gzip ? "gzip" : "zstd", "it leads nowhere", err);
    }
    *gotp = got;
    return 0;
}

static void free_unpacker(mr_unpacker *u) {
    if (u->unpack == unpack_gzip)
        u->zlib.inflateEnd(&u->gzip);
    if (u->frames)
        u->zstd.ZSTD_freeDStream(u->frames);
    mr_library_deinit(u->zlib.handle);
    mr_library_deinit(u->zstd.handle);
    free(u);
}

static int open_unpacker(mr_unpacker *u, bool gzip, mr_error *err) {
    int r;

    if (gzip) {
        if ((r = mr_zlib_init(&u->zlib, err)) != 0)
            return r;
        if (u->zlib.inflateInit2_(&u->gzip, 16 + MAX_WBITS, ZLIB_VERSION, sizeof u->gzip) != Z_OK)
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                           "no memory to unpack gzip");
        u->unpack = unpack_gzip;
        return 0;
    }
    if ((r = mr_zstd_init(&u->zstd, err)) != 0)
        return r;
    u->frames = u->zstd.ZSTD_createDStream();
    if (!u->frames)
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                       "no memory to unpack zstd");
    u->unpack = unpack_zstd;
    return 0;
}

/* Puts an unpacker under the window and gives it what the window holds. */
static int add_unpacker(mr_octets *o, bool gzip, mr_error *err) {
    mr_unpacker *u = calloc(1, sizeof *u);
    int r = u ? open_unpacker(u, gzip, err)
              : mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET, "out of memory");
    if (r != 0) {
        if (u)
            free_unpacker(u);
        return r;
    }
    u->end = mr_octets_have(o);
    memcpy(u->in, mr_octets_data(o), u->end);
    u->below = o->top;
    o->top = u;
    o->start = o->end = 0;
    o->ended = false;
    return 0;
}

/* One read into the window, of at most @most octets. */
static int read_more(mr_octets *o, size_t most, mr_error *err) {
    size_t room = o->size - o->end, got = 0;
    int r = read_layer(o, o->top, o->window + o->end, room < most ? room : most, &got, err);
    if (r != 0)
        return r;
    o->end += got;
    o->ended = got == 0;
    return 0;
}

static int look_inside(mr_octets *o, mr_error *err) {
    for (int layer = 0; layer <= LAYERS_MAX; layer++) {
        o->ended = false;
        while (mr_octets_have(o) < 4 && !o->ended) {
            int r = read_more(o, UNPACK_IN - mr_octets_have(o), err);
            if (r != 0)
                return r;
        }
        const uint8_t *p = mr_octets_data(o);
        bool gzip = mr_octets_have(o) >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
        bool zstd = mr_octets_have(o) >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0;
        if (!gzip && !zstd)
            return 0;
        int r = layer == LAYERS_MAX
                    ? mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_CAPTURE, 0,
                              "packed more than %d times over", LAYERS_MAX)
                    : add_unpacker(o, gzip, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int mr_octets_init(mr_octets *octets, int fd, bool own, size_t size, mr_error *err) {
    mr_octets o = {.fd = fd, .own = own, .size = size ? size : WINDOW};
    struct stat st;

    if (o.size < UNPACK_IN)
        o.size = UNPACK_IN;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        o.seekable = true;
        o.file_size = (uint64_t)st.st_size;
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    o.window = malloc(o.size);
    int r = o.window ? look_inside(&o, err)
                     : mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                               "no memory for a window of %zu octets", o.size);
    if (r != 0) {
        o.own = false;
        mr_octets_deinit(&o);
        return r;
    }
    *octets = o;
    return 0;
}

void mr_octets_deinit(mr_octets *octets) {
    for (mr_unpacker *u = octets->top, *below; u; u = below) {
        below = u->below;
        free_unpacker(u);
    }
    free(octets->window);
    if (octets->own)
        close(octets->fd);
    *octets = (mr_octets){.fd = -1};
}

int mr_octets_fill(mr_octets *o, size_t n, mr_error *err) {
    if (n > MR_OCTETS_MAX)
        return mr_fail(err, MR_ERR_LIMIT, MR_FLOOR_CAPTURE, (size_t)o->at,
                       "a record of %zu octets is larger than any packet", n);
    if (n > o->size) {
        size_t size = o->size;
        while (size < n)
            size *= 2;
        uint8_t *window = realloc(o->window, size);
        if (!window)
            return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_CAPTURE, (size_t)o->at,
                           "no memory for a record of %zu octets", n);
        o->window = window;
        o->size = size;
    }
    memmove(o->window, o->window + o->start, mr_octets_have(o));
    o->end -= o->start;
    o->start = 0;
    o->ended = false;
    while (o->end < n && !o->ended) {
        int r = read_more(o, SIZE_MAX, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int mr_octets_seek(mr_octets *o, uint64_t at, mr_error *err) {
    if (at >= o->at && at - o->at <= mr_octets_have(o)) {
        mr_octets_skip(o, (size_t)(at - o->at));
        return 0;
    }
    if (!o->seekable || o->top)
        return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, (size_t)at,
                       "this format cannot be read from a pipe or packed: unpack it into a file");
    o->start = o->end = 0;
    o->at = o->file_at = at;
    return 0;
}
