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

static int add_local(mr_diag *diag, const mr_connect_seen *s) {
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
    return mr_diag_add_fact(diag, &fact);
}

static int add_unreachable(mr_diag *diag, const mr_connect_seen *s) {
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
    return mr_diag_add_fact(diag, &fact);
}

int mr_facts_add_connect(mr_diag *diag, const mr_connect_seen *s) {
    switch (s->end) {
    case MR_CONNECT_OPEN:
        return mr_fact_add(diag, MR_FACT_TCP_OPEN, s->check, .at = s->at, .address = s->address,
                           .port = s->port, .role = s->role, .ms = s->ms);
    case MR_CONNECT_REFUSED:
        return mr_fact_add(diag, MR_FACT_TCP_REFUSED, s->check, .at = s->at,
                           .address = s->address, .port = s->port, .role = s->role,
                           .whose = s->icmp ? MR_WHOSE_ICMP : MR_WHOSE_HOST,
                           .sender = s->icmp ? s->sender : NULL, .ms = s->ms);
    case MR_CONNECT_SILENT:
        return mr_fact_add(diag, MR_FACT_TCP_SILENT, s->check, .at = s->at, .address = s->address,
                           .port = s->port, .role = s->role, .tries = s->tries);
    case MR_CONNECT_UNREACHABLE:
        return add_unreachable(diag, s);
    case MR_CONNECT_LOCAL:
        return add_local(diag, s);
    }
    return MR_ERR_ARGUMENT;
}
