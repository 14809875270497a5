/*
 * What the setting up of Netlogon's secure channel brought to light, as facts: a controller's
 * refusal, flags that were changed, a controller that does not know the password.
 */
#include <msrpc/probe/logon.h>

#include <msrpc/ifaces/netlogon.h>
#include <msrpc/wire/pdu.h>

#include "probe_private.h"

static const char *kept(const mr_logon_seen *l, const char *text) {
    const char *copy = mr_arena_add_str(l->diag->arena, mr_slice_str(text));

    if (!copy && !l->diag->error)
        l->diag->error = MR_ERR_MEMORY;
    return copy ? copy : "";
}

/* A port of the controller's that did not open, as whoever tries it sees it. */
static void add_connect(const mr_logon_seen *l, const mr_logon_channel *c, int result,
                        const char *address) {
    mr_connect_seen seen = {
        .check = l->check, .at = mr_clock_now(), .address = address, .port = c->server.port,
        .role = c->step == MR_LOGON_CHANNEL_MAPPER ? MR_ROLE_MAPPER : MR_ROLE_ENDPOINT,
        .end = result == MR_ERR_REFUSED ? MR_CONNECT_REFUSED : MR_CONNECT_SILENT, .tries = 1};

    if (result == MR_ERR_REFUSED || result == MR_ERR_TIMEOUT)
        mr_facts_add_connect(l->diag, &seen);
}

const char *probe_add_channel(const struct mr_logon_seen *l, int result, const mr_error *err) {
    const mr_logon_channel *c = &mr_logon_get_report(l->logon)->channel;
    bool sealed = c->step == MR_LOGON_CHANNEL_CHECK;
    char addr[MR_ADDR_TEXT];
    const char *address = kept(l, mr_addr_text(&c->server, addr));

    if (!c->reached)
        add_connect(l, c, result, address);
    else if (c->status)
        mr_fact_add(l->diag, MR_FACT_NETLOGON_REFUSED, l->check, .address = address,
                    .port = c->server.port, .ntstatus = c->status, .user = l->who);
    else if (c->unproven)
        mr_fact_add(l->diag, MR_FACT_NETLOGON_UNPROVEN, l->check, .address = address,
                    .port = c->server.port, .user = l->who);
    else if (c->weak)
        mr_fact_add(l->diag, MR_FACT_NETLOGON_WEAK, l->check, .address = address,
                    .port = c->server.port, .user = l->who, .other = err->text);
    else if (result == MR_ERR_NOT_REGISTERED)
        mr_fact_add(l->diag, MR_FACT_EPM_NOT_REGISTERED, l->check,
                    .interface = mr_netlogon_iface.name, .address = address,
                    .service = probe_service(&mr_netlogon_iface.syntax));
    else if (err->peer_kind == MR_PEER_BIND_NAK)
        mr_fact_add(l->diag, MR_FACT_RPC_NAK, l->check, .interface = mr_netlogon_iface.name,
                    .address = address, .port = c->server.port, .reason = err->peer,
                    .ssp = sealed ? MR_AUTH_NETLOGON : 0,
                    .auth = sealed ? MR_AUTH_LEVEL_PRIVACY : 0, .user = l->who);
    else if (err->peer_kind == MR_PEER_FAULT)
        mr_fact_add(l->diag, MR_FACT_RPC_FAULT, l->check, .interface = mr_netlogon_iface.name,
                    .address = address, .port = c->server.port, .status = err->peer,
                    .ssp = sealed ? MR_AUTH_NETLOGON : 0,
                    .auth = sealed ? MR_AUTH_LEVEL_PRIVACY : 0, .user = l->who);
    return kept(l, err->text);
}
