/*
 * Loading libpcap, zlib and zstd by name. The sonames are those of the ABI whose headers this was
 * compiled against; Debian numbers libpcap differently from others.
 */
#include "library.h"

#include <dlfcn.h>

static int load(const char *const *names, const char *purpose, void **handlep, mr_error *err) {
    for (size_t i = 0; names[i]; i++) {
        void *handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (handle) {
            *handlep = handle;
            return 0;
        }
    }
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                   "%s needs the library %s, which is not installed", purpose, names[0]);
}

static int lacks(void *handle, const char *library, const char *function, mr_error *err) {
    dlclose(handle);
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_CAPTURE, MR_ERROR_NO_OFFSET,
                   "the library %s is too old: it has no %s", library, function);
}

/* POSIX has dlsym give functions as void *, which C itself cannot convert: through memory. */
#define FIND(name) { \
        void *symbol = dlsym(lib.handle, #name); \
        if (!symbol) \
            return lacks(lib.handle, names[0], #name, err); \
        memcpy(&lib.name, &symbol, sizeof symbol); \
    }

int mr_zlib_init(mr_zlib *libp, mr_error *err) {
    static const char *const names[] = {"libz.so.1", NULL};
    mr_zlib lib;
    int r = load(names, "reading gzip", &lib.handle, err);
    if (r != 0)
        return r;
    MR_ZLIB_FUNCTIONS(FIND)
    *libp = lib;
    return 0;
}

int mr_zstd_init(mr_zstd *libp, mr_error *err) {
    static const char *const names[] = {"libzstd.so.1", NULL};
    mr_zstd lib;
    int r = load(names, "reading zstd", &lib.handle, err);
    if (r != 0)
        return r;
    MR_ZSTD_FUNCTIONS(FIND)
    *libp = lib;
    return 0;
}

int mr_libpcap_init(mr_libpcap *libp, mr_error *err) {
    static const char *const names[] = {"libpcap.so.0.8", "libpcap.so.1", NULL};
    mr_libpcap lib;
    int r = load(names, "capturing and filtering", &lib.handle, err);
    if (r != 0)
        return r;
    MR_PCAP_FUNCTIONS(FIND)
    *libp = lib;
    return 0;
}

void mr_library_deinit(void *handle) {
    if (handle)
        dlclose(handle);
}
