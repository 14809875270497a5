/*
 * The account of a live diagnosis: its names, and services of the host that have another key than
 * the one its tickets are for. Who logs on, and when, is in checks/logon.c.
 */
#include <msrpc/wire/krb.h>

#include "probe_private.h"

const char *probe_account_name(const mr_probe *p) {
    const char *identity = p->options.identity;

    return p->logon_who ? p->logon_who : identity && *identity ? identity : "the user";
}

const char *probe_account_spn(mr_probe *p) {
    const mr_logon_options *o = p->options.logon;

    return o->spn ? o->spn
           : o->host ? probe_text(p, "%s/%s", o->service ? o->service : "host", o->host) : "";
}

mr_client_security probe_account_security(mr_probe *p, uint8_t level) {
    mr_error err = MR_ERROR_INIT;

    if (mr_logon_set_level(p->account.logon, level, &err) != 0)
        level = p->options.logon->level; /* which it was made for */
    return (mr_client_security){.make = mr_logon_make, .give = mr_logon_give,
                                .user = p->account.logon, .level = level};
}

mr_client_options probe_mapper_options(mr_probe *p, size_t addr) {
    mr_client_options options =
        probe_client_options(p, &p->addrs[addr].addr, p->options.mapper_port);

    options.bind = MR_BIND_PLAIN;
    if (p->account.mapper_level)
        options.security = probe_account_security(p, p->account.mapper_level);
    return options;
}

void probe_account_add_unanswered(mr_probe *p, const char *check, uint32_t status,
                                  const char *why) {
    const char *address = probe_addr_text(p, &p->addrs[p->mapper_addr].addr);
    const char *who = probe_account_name(p);
    uint8_t level = p->account.mapper_level ? p->account.mapper_level : p->logon.level;

    if (!probe_wants(p, MR_PHASE_DISCOVERY))
        return;
    if (status)
        mr_fact_add(p->diag, MR_FACT_EPM_ACCOUNT_DENIED, check, .address = address,
                    .port = p->options.mapper_port, .user = who, .status = status, .auth = level);
    else
        mr_fact_add(p->diag, MR_FACT_EPM_UNASKED, check, .address = address,
                    .port = p->options.mapper_port, .user = who, .other = why);
}

/* ---- another key ---- */

/* A ticket that the service cannot open: it says so (RFC 4120 7.5.9), or refuses the bind. */
bool probe_has_other_key(const mr_logon_provider *provider, const mr_client_report *report,
                         uint32_t *krbp) {
    mr_spnego_info negotiated;
    mr_krb5_info ticket;

    *krbp = 0;
    if (!provider->krb5)
        return false;
    if (provider->spnego) {
        mr_spnego_get_info(provider->spnego, &negotiated);
        if (negotiated.chosen == MR_MECH_NTLM)
            return false;
    }
    mr_krb5_get_info(provider->krb5, &ticket);
    if (!ticket.failure.from_peer || ticket.failure.code == MR_KRB5_NO_CODE)
        return report->has_nak && report->nak_reason == MR_NAK_NOT_SPECIFIED;
    *krbp = ticket.failure.code;
    return *krbp == MR_KRB_MODIFIED || *krbp == MR_KRB_NOT_US ||
           *krbp == MR_KRB_BADKEYVER || *krbp == MR_KRB_NOKEY;
}

void probe_add_other_key(mr_probe *p, const char *check, const mr_addr *addr, uint16_t port,
                         const mr_syntax *iface, uint32_t krb) {
    const char *spn = probe_account_spn(p);

    mr_fact_add(p->diag, MR_FACT_AUTH_OTHER_KEY, check, .interface = probe_iface(p, iface),
                .address = probe_addr_text(p, addr), .port = port, .user = probe_account_name(p),
                .spn = *spn ? spn : NULL, .krb = krb);
}
