/* TCP connects as facts: who refused, which device spoke for the host, what this machine lacks. */
#include <msrpc/facts.h>

/* Linux errno values (asm-generic/errno.h), as the kernel gives them for a connect. */
enum {
    LINUX_EPERM = 1,
    LINUX_EACCES = 13,
    LINUX_ENFILE = 23,
    LINUX_EMFILE = 24,
    LINUX_EADDRINUSE = 98,
    LINUX_EADDRNOTAVAIL = 99,
    LINUX_ENETUNREACH = 101,
    LINUX_EHOSTUNREACH = 113,
};

static mr_fact of_local(const mr_connect_seen *s) {
    mr_fact fact = {.check = s->check, .at = s->at, .address = s->address};

    switch (s->os_error) {
    case LINUX_EPERM:
    case LINUX_EACCES:
        fact.kind = MR_FACT_LOCAL_DENIED;
        fact.port = s->port;
        fact.role = s->role;
        break;
    case LINUX_ENFILE:
    case LINUX_EMFILE:
        fact.kind = MR_FACT_LOCAL_NO_FILES;
        fact.address = NULL;
        break;
    case LINUX_EADDRINUSE:
        fact.kind = MR_FACT_LOCAL_NO_PORTS;
        break;
    case LINUX_EADDRNOTAVAIL:
        fact.kind = MR_FACT_LOCAL_NO_SOURCE;
        break;
    case LINUX_EHOSTUNREACH:
        fact.kind = MR_FACT_LOCAL_NO_NEIGHBOUR;
        break;
    case LINUX_ENETUNREACH:
    default:
        fact.kind = MR_FACT_LOCAL_NO_ROUTE;
        break;
    }
    return fact;
}

static mr_fact of_unreachable(const mr_connect_seen *s) {
    mr_fact fact = {
        .kind = MR_FACT_TCP_UNREACHABLE,
        .check = s->check,
        .at = s->at,
        .address = s->address,
        .port = s->port,
        .role = s->role,
        .sender = s->sender,
    };
    if (s->icmp) {
        fact.icmp = mr_icmp_class(s->icmp_version, s->icmp_type, s->icmp_code);
        fact.type = s->icmp_type;
        fact.code = s->icmp_code;
        fact.mtu = s->mtu;
    }
    return fact;
}

mr_fact mr_facts_of_connect(const mr_connect_seen *s) {
    mr_fact fact = {.check = s->check, .at = s->at, .address = s->address, .port = s->port,
                    .role = s->role};

    switch (s->end) {
    case MR_CONNECT_OPEN:
        fact.kind = MR_FACT_TCP_OPEN;
        fact.ms = s->ms;
        break;
    case MR_CONNECT_REFUSED:
        fact.kind = MR_FACT_TCP_REFUSED;
        fact.whose = s->icmp ? MR_WHOSE_ICMP : MR_WHOSE_HOST;
        fact.sender = s->icmp ? s->sender : NULL;
        fact.ms = s->ms;
        break;
    case MR_CONNECT_SILENT:
        fact.kind = MR_FACT_TCP_SILENT;
        fact.tries = s->tries;
        break;
    case MR_CONNECT_UNREACHABLE:
        return of_unreachable(s);
    case MR_CONNECT_LOCAL:
        return of_local(s);
    }
    return fact;
}

int mr_facts_add_connect(mr_diag *diag, const mr_connect_seen *s) {
    mr_fact fact = mr_facts_of_connect(s);
    return fact.kind == MR_FACT_NONE ? MR_ERR_ARGUMENT : mr_diag_add_fact(diag, &fact);
}
