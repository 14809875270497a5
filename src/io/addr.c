/*
 * Addresses as text, and the words for ICMP errors: RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1
 * (ICMP), RFC 4443 3.1 (ICMPv6).
 */
#include <msrpc/io/addr.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Splits "fe80::1%eth0" and reads the scope, a name or an index. */
static bool take_scope(char *text, uint32_t *scopep) {
    char *percent = strchr(text, '%');
    uint64_t number;

    *scopep = 0;
    if (!percent)
        return true;
    *percent++ = '\0';
    if (mr_slice_get_number(mr_slice_str(percent), UINT32_MAX, &number) == 0)
        *scopep = (uint32_t)number;
    else
        *scopep = if_nametoindex(percent);
    return *scopep != 0;
}

int mr_addr_decode(mr_slice text, uint16_t port, mr_addr *addrp) {
    char copy[MR_ADDR_TEXT];
    mr_addr addr = {.port = port};

    if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']') {
        text = mr_slice_sub(text, 1, text.len - 2);
        if (!memchr(text.data, ':', text.len))
            return MR_ERR_SYNTAX;
    }
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len))
        return MR_ERR_SYNTAX;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, addr.ip) == 1) {
        addr.family = MR_FAMILY_IPV4;
    } else {
        if (!take_scope(copy, &addr.scope) || inet_pton(AF_INET6, copy, addr.ip) != 1)
            return MR_ERR_SYNTAX;
        addr.family = MR_FAMILY_IPV6;
    }
    *addrp = addr;
    return 0;
}

int mr_addr_decode_port(mr_slice text, uint16_t default_port, mr_addr *addrp) {
    const uint8_t *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    uint64_t port;

    /* a bare IPv6 address has several colons, and no port */
    if (colon && colon > text.data && colon[-1] != ']' &&
        memchr(text.data, ':', (size_t)(colon - text.data)))
        colon = NULL;
    if (!colon)
        return mr_addr_decode(text, default_port, addrp);
    size_t at = (size_t)(colon - text.data);
    if (mr_slice_get_number(mr_slice_sub(text, at + 1, SIZE_MAX), UINT16_MAX, &port) != 0)
        return MR_ERR_SYNTAX;
    return mr_addr_decode(mr_slice_sub(text, 0, at), (uint16_t)port, addrp);
}

char *mr_addr_text(const mr_addr *addr, char out[MR_ADDR_TEXT]) {
    char name[IF_NAMESIZE];

    if (addr->family == MR_FAMILY_UNIX) {
        snprintf(out, MR_ADDR_TEXT, "a local socket");
    } else if (addr->family == MR_FAMILY_ANY ||
               !inet_ntop(addr->family == MR_FAMILY_IPV6 ? AF_INET6 : AF_INET, addr->ip, out,
                          MR_ADDR_TEXT)) {
        out[0] = '-';
        out[1] = '\0';
    } else if (addr->scope != 0) {
        size_t len = strlen(out);
        if (if_indextoname(addr->scope, name))
            snprintf(out + len, MR_ADDR_TEXT - len, "%%%s", name);
        else
            snprintf(out + len, MR_ADDR_TEXT - len, "%%%u", addr->scope);
    }
    return out;
}

char *mr_addr_port_text(const mr_addr *addr, char out[MR_ADDR_TEXT]) {
    char host[MR_ADDR_TEXT];

    mr_addr_text(addr, host);
    if (addr->family == MR_FAMILY_UNIX)
        return memcpy(out, host, sizeof host);
    /* the longest is "[" 39 + "%" 15 "]:65535", well inside */
    snprintf(out, MR_ADDR_TEXT, addr->family == MR_FAMILY_IPV6 ? "[%.70s]:%u" : "%.70s:%u", host,
             addr->port);
    return out;
}

static size_t addr_len(const mr_addr *addr) {
    return addr->family == MR_FAMILY_IPV6 ? 16 : 4;
}

bool mr_addr_same_host(const mr_addr *a, const mr_addr *b) {
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, addr_len(a)) == 0;
}

bool mr_addr_is_any(const mr_addr *addr) {
    static const uint8_t zero[16];

    if (addr->family == MR_FAMILY_UNIX)
        return false;
    return addr->family == MR_FAMILY_ANY || memcmp(addr->ip, zero, addr_len(addr)) == 0;
}

bool mr_addr_is_loopback(const mr_addr *addr) {
    static const uint8_t one[16] = {[15] = 1};

    if (addr->family == MR_FAMILY_IPV6)
        return memcmp(addr->ip, one, sizeof one) == 0;
    return addr->family == MR_FAMILY_IPV4 && addr->ip[0] == 127;
}

enum { UNREACH4 = 3, QUENCH4 = 4, EXCEEDED4 = 11, PARAMETER4 = 12 };
enum { UNREACH6 = 1, TOO_BIG6 = 2, EXCEEDED6 = 3, PARAMETER6 = 4 };

static const char *const unreach4[] = {
    "network unreachable", "host unreachable", "protocol unreachable", "port unreachable",
    "fragmentation needed", "source route failed", "network unknown", "host unknown",
    "source host isolated", "network administratively prohibited",
    "host administratively prohibited", "network unreachable for this type of service",
    "host unreachable for this type of service", "communication administratively prohibited",
    "host precedence violation", "precedence cutoff",
};
static const char *const unreach6[] = {
    "no route to destination", "communication administratively prohibited",
    "beyond the scope of the source address", "address unreachable", "port unreachable",
    "source address failed ingress or egress policy", "reject route to destination",
};

const char *mr_icmp_text(const mr_icmp *icmp) {
    if (!icmp->present)
        return "none";
    if (icmp->version == 4) {
        if (icmp->type == UNREACH4 && icmp->code < MR_COUNT(unreach4))
            return unreach4[icmp->code];
        if (icmp->type == QUENCH4)
            return "source quench";
        if (icmp->type == EXCEEDED4)
            return icmp->code ? "reassembly time exceeded" : "time to live exceeded";
        if (icmp->type == PARAMETER4)
            return "parameter problem";
    } else {
        if (icmp->type == UNREACH6 && icmp->code < MR_COUNT(unreach6))
            return unreach6[icmp->code];
        if (icmp->type == TOO_BIG6)
            return "packet too big";
        if (icmp->type == EXCEEDED6)
            return icmp->code ? "reassembly time exceeded" : "hop limit exceeded";
        if (icmp->type == PARAMETER6)
            return "parameter problem";
    }
    return "unknown error";
}

bool mr_icmp_is_port(const mr_icmp *icmp) {
    if (!icmp->present)
        return false;
    return icmp->version == 4 ? icmp->type == UNREACH4 && icmp->code == 3
                              : icmp->type == UNREACH6 && icmp->code == 4;
}

bool mr_icmp_is_filter(const mr_icmp *icmp) {
    if (!icmp->present)
        return false;
    if (icmp->version == 4)
        return icmp->type == UNREACH4 &&
               (icmp->code == 9 || icmp->code == 10 || icmp->code == 13);
    return icmp->type == UNREACH6 && (icmp->code == 1 || icmp->code == 5 || icmp->code == 6);
}

bool mr_attempt_no_neighbour(const mr_attempt *attempt) {
    return attempt->icmp.present && !mr_icmp_is_port(&attempt->icmp) &&
           !mr_addr_is_loopback(&attempt->icmp.sender) &&
           mr_addr_same_host(&attempt->icmp.sender, &attempt->local);
}

const char *mr_reach_name(enum mr_reach reach) {
    switch (reach) {
    case MR_REACH_PENDING: return "pending";
    case MR_REACH_OPEN: return "open";
    case MR_REACH_REFUSED: return "refused";
    case MR_REACH_UNREACHABLE: return "unreachable";
    case MR_REACH_SILENT: return "silent";
    case MR_REACH_LOCAL: return "local";
    }
    return "?";
}
