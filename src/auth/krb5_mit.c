/*
 * Finding MIT krb5 (krb5_mit.h). GSSAPI's library brings the others along, and a name is looked up
 * in all of them. One that lacks a function counts as missing.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include "krb5_mit.h"

mr_krb5_functions mr_krb5_mit;
mr_gss_functions mr_gss_mit;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char missing[160]; /* why the libraries could not be loaded; empty: they are */

static void load(void) {
    void *library = dlopen("libgssapi_krb5.so.2", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    mr_krb5_functions found = {0};
    mr_gss_functions found_gss = {0};
    bool all = library != NULL;

#define F(prefix, name) \
    all = all && (*(void **)&found.name = dlsym(library, #prefix #name)) != NULL;
    KRB5_FUNCTIONS(F)
#undef F
#define F(prefix, name) \
    all = all && (*(void **)&found_gss.name = dlsym(library, #prefix #name)) != NULL;
    GSS_FUNCTIONS(F)
#undef F
    if (all) {
        mr_krb5_mit = found;
        mr_gss_mit = found_gss;
    } else {
        (void)snprintf(missing, sizeof missing, "%s", dlerror());
    }
}

int mr_krb5_mit_load(mr_error *err) {
    (void)pthread_once(&once, load);
    if (!missing[0])
        return 0;
    return mr_fail(err, MR_ERR_MISSING, MR_FLOOR_AUTH, MR_ERROR_NO_OFFSET,
                   "Kerberos needs MIT krb5 (package libgssapi-krb5-2): %s", missing);
}
