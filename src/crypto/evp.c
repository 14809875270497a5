/*
 * Finding libcrypto (evp.h). Its version 3 is the one whose headers this was compiled with; a
 * library that lacks one of the functions counts as missing.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "evp.h"

mr_evp_functions mr_evp;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char missing[160]; /* why the library could not be loaded; empty: it is */

static void load(void) {
    void *library = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    mr_evp_functions found = {0};
    bool all = library != NULL;

#define F(prefix, name) \
    all = all && (*(void **)&found.name = dlsym(library, #prefix #name)) != NULL;
    EVP_FUNCTIONS(F)
#undef F
    if (all)
        mr_evp = found;
    else
        (void)snprintf(missing, sizeof missing, "%s", dlerror());
}

int mr_evp_load(mr_error *err) {
    (void)pthread_once(&once, load);
    if (!missing[0])
        return 0;
    return mr_fail(err, MR_ERR_MISSING, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "authentication needs libcrypto (package libssl3): %s", missing);
}
