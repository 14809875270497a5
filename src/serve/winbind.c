/*
 * NTLM's answers judged by winbindd, and through it by a domain controller (MS-NRPC 3.5.4.5.1),
 * with Samba's libwbclient, which is loaded when somebody wants it. winbindd tells such things to
 * root and to its group of privileged users alone. A context of the library's belongs to one
 * question, so that any thread may ask.
 */
#include "winbind.h"

#ifndef MR_HAVE_WBCLIENT
int mr_winbind_new(struct mr_winbind **winbindp, mr_error *err) {
    (void)winbindp;
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                   "winbind: built without libwbclient");
}
void mr_winbind_free(struct mr_winbind *winbind) {
    (void)winbind;
}
const mr_ntlm_names *mr_winbind_get_names(const struct mr_winbind *winbind) {
    (void)winbind;
    return NULL;
}
int mr_winbind_judge(const struct mr_winbind *winbind, const mr_ntlm_attempt *attempt,
                     mr_arena *arena, mr_winbind_user *userp, mr_error *err) {
    (void)winbind, (void)attempt, (void)arena, (void)userp;
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                   "winbind: built without libwbclient");
}
#else

#include <dlfcn.h>
#include <msrpc/crypto.h>
#include <stdlib.h>
#include <wbclient.h>

#define LIBRARY "libwbclient.so.0"
#define TEXT_CAP 4096
#define LOGON_SERVER_TRUST \
    (WBC_MSV1_0_ALLOW_WORKSTATION_TRUST_ACCOUNT | WBC_MSV1_0_ALLOW_SERVER_TRUST_ACCOUNT)

#define FUNCTIONS(F)            \
    F(wbcCtxCreate)             \
    F(wbcCtxFree)               \
    F(wbcCtxAuthenticateUserEx) \
    F(wbcCtxInterfaceDetails)   \
    F(wbcErrorString)           \
    F(wbcFreeMemory)

struct mr_winbind {
    void *library;
#define F(name) typeof(&name) name;
    FUNCTIONS(F)
#undef F
    mr_ntlm_names names;
    mr_arena arena;
};

static int missing(mr_error *err, const char *what) {
    return mr_fail(err, MR_ERR_UNSUPPORTED, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "winbind: %s",
                   what);
}

static int load(struct mr_winbind *w, mr_error *err) {
    bool all = true;

    w->library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (!w->library)
        return missing(err, LIBRARY " is not installed (package libwbclient0)");
#define F(function) \
    all = all && (*(void **)&w->function = dlsym(w->library, #function)) != NULL;
    FUNCTIONS(F)
#undef F
    return all ? 0 : missing(err, LIBRARY " is older than Samba 4.2");
}

static const char *keep(struct mr_winbind *w, const char *text) {
    return text ? mr_arena_add_str(&w->arena, mr_slice_str(text)) : "";
}

/* What the machine is called in its domain: a domain controller that judges an answer looks whether
 * it was given to this machine (MS-NRPC 3.5.4.5.1). */
static int read_names(struct mr_winbind *w, mr_error *err) {
    struct wbcInterfaceDetails *details = NULL;
    struct wbcContext *context = w->wbcCtxCreate();
    wbcErr result = context ? w->wbcCtxInterfaceDetails(context, &details) : WBC_ERR_NO_MEMORY;
    int r = 0;

    if (!WBC_ERROR_IS_OK(result)) {
        r = mr_fail(err, MR_ERR_NOT_FOUND, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "winbind: %s",
                    w->wbcErrorString(result));
    } else {
        w->names = (mr_ntlm_names){.computer = keep(w, details->netbios_name),
                                   .domain = keep(w, details->netbios_domain),
                                   .dns_domain = keep(w, details->dns_domain)};
        w->wbcFreeMemory(details);
    }
    if (context)
        w->wbcCtxFree(context);
    return r;
}

int mr_winbind_new(struct mr_winbind **winbindp, mr_error *err) {
    struct mr_winbind *w = calloc(1, sizeof *w);
    int r = MR_ERR_MEMORY;

    if (w) {
        mr_arena_init(&w->arena, TEXT_CAP);
        r = load(w, err);
    } else {
        mr_fail(err, r, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "out of memory");
    }
    if (!r)
        r = read_names(w, err);
    if (r)
        mr_winbind_free(w);
    else
        *winbindp = w;
    return r;
}

void mr_winbind_free(struct mr_winbind *w) {
    if (!w)
        return;
    if (w->library)
        dlclose(w->library);
    mr_arena_deinit(&w->arena);
    free(w);
}

const mr_ntlm_names *mr_winbind_get_names(const struct mr_winbind *w) {
    return &w->names;
}

/* ---- a question ---- */

static const char *text_of(mr_arena *arena, mr_slice utf16) {
    mr_buf buf;

    mr_buf_init(&buf, NULL, 0, TEXT_CAP);
    mr_utf16le_decode(utf16, &buf);
    const char *text = mr_buf_error(&buf) ? NULL : mr_arena_add_str(arena, mr_buf_slice(&buf));
    mr_buf_deinit(&buf);
    return text;
}

static void copy_sid(const struct wbcDomainSid *from, mr_sid *sid) {
    *sid = (mr_sid){.count = from->num_auths <= MR_SID_SUBS ? from->num_auths : MR_SID_SUBS};
    for (int i = 0; i < 6; i++)
        sid->authority = sid->authority << 8 | from->id_auth[i];
    for (uint8_t i = 0; i < sid->count; i++)
        sid->sub[i] = from->sub_auths[i];
}

static int take_user(const struct wbcAuthUserInfo *info, mr_arena *arena, mr_winbind_user *user) {
    mr_sid *sids = mr_arena_get(arena, info->num_sids, sizeof *sids);

    user->name = mr_arena_add_str(arena, mr_slice_str(info->account_name ? info->account_name
                                                                         : ""));
    user->domain = mr_arena_add_str(arena, mr_slice_str(info->domain_name ? info->domain_name
                                                                          : ""));
    if (!sids || !user->name || !user->domain)
        return MR_ERR_MEMORY;
    for (uint32_t i = 0; i < info->num_sids; i++)
        copy_sid(&info->sids[i].sid, &sids[i]);
    user->sids = sids;
    user->sid_count = info->num_sids;
    memcpy(user->key, info->user_session_key, sizeof user->key);
    return 0;
}

int mr_winbind_judge(const struct mr_winbind *w, const mr_ntlm_attempt *a, mr_arena *arena,
                     mr_winbind_user *userp, mr_error *err) {
    struct wbcAuthUserParams params = {
        .account_name = text_of(arena, a->user),
        .domain_name = text_of(arena, a->domain),
        .workstation_name = text_of(arena, a->workstation),
        .parameter_control = LOGON_SERVER_TRUST,
        .level = WBC_AUTH_USER_LEVEL_RESPONSE,
    };
    struct wbcAuthErrorInfo *why = NULL;
    struct wbcAuthUserInfo *info = NULL;
    mr_winbind_user user = {.name = ""};
    struct wbcContext *context = w->wbcCtxCreate();
    int r = 0;

    if (!context || !params.account_name || !params.domain_name || !params.workstation_name ||
        a->challenge.len != sizeof params.password.response.challenge) {
        if (context)
            w->wbcCtxFree(context);
        return mr_fail(err, MR_ERR_MEMORY, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET,
                       "winbind: no memory for a question");
    }
    memcpy(params.password.response.challenge, a->challenge.data, a->challenge.len);
    params.password.response.nt_length = (uint32_t)a->nt.len;
    params.password.response.nt_data = (uint8_t *)(uintptr_t)a->nt.data;
    params.password.response.lm_length = (uint32_t)a->lm.len;
    params.password.response.lm_data = (uint8_t *)(uintptr_t)a->lm.data;
    wbcErr result = w->wbcCtxAuthenticateUserEx(context, &params, &info, &why);
    if (!WBC_ERROR_IS_OK(result))
        r = mr_fail(err, MR_ERR_AUTH, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "winbind: %s%s%s%s",
                    why && why->nt_string ? why->nt_string : w->wbcErrorString(result),
                    why && why->display_string ? " (" : "",
                    why && why->display_string ? why->display_string : "",
                    why && why->display_string ? ")" : "");
    else if ((r = take_user(info, arena, &user)) < 0)
        mr_fail(err, r, MR_FLOOR_SERVE, MR_ERROR_NO_OFFSET, "winbind: no memory for an answer");
    if (info) {
        mr_wipe(info->user_session_key, sizeof info->user_session_key);
        w->wbcFreeMemory(info);
    }
    if (why)
        w->wbcFreeMemory(why);
    w->wbcCtxFree(context);
    if (!r)
        *userp = user;
    mr_wipe(user.key, sizeof user.key);
    return r;
}

#endif
