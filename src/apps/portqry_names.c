/*
 * What portqry calls a port: the names of the services file of Windows, which differ from those of
 * Linux ("epmap", "netbios-ns", no name for 389/udp). A port that is not in it is looked up in
 * /etc/services; a protocol portqry knows, listed there under another port, is spoken there, as the
 * original does with its own file.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

#include "portqry.h"

#define T MR_PORT_TCP
#define U MR_PORT_UDP

static const struct row {
    uint16_t port;
    uint8_t protocols;
    uint8_t talk;
    const char *name;
} rows[] = {
    {7, T | U, 0, "echo"},
    {9, T | U, 0, "discard"},
    {13, T | U, 0, "daytime"},
    {17, T | U, 0, "qotd"},
    {19, T | U, 0, "chargen"},
    {20, T, 0, "ftp-data"},
    {21, T, PORTQRY_TALK_BANNER, "ftp"},
    {22, T, 0, "ssh"},
    {23, T, 0, "telnet"},
    {25, T, PORTQRY_TALK_BANNER, "smtp"},
    {37, T | U, 0, "time"},
    {42, T | U, 0, "nameserver"},
    {43, T, 0, "nicname"},
    {53, T, 0, "domain"},
    {53, U, PORTQRY_TALK_DNS, "domain"},
    {67, U, 0, "bootps"},
    {68, U, 0, "bootpc"},
    {69, U, 0, "tftp"},
    {79, T, 0, "finger"},
    {80, T, 0, "http"},
    {88, T | U, 0, "kerberos"},
    {102, T, 0, "iso-tsap"},
    {109, T, 0, "pop2"},
    {110, T, PORTQRY_TALK_BANNER, "pop3"},
    {111, T | U, 0, "sunrpc"},
    {113, T, 0, "auth"},
    {119, T, 0, "nntp"},
    {123, U, 0, "ntp"},
    {135, T, PORTQRY_TALK_RPC, "epmap"},
    {135, U, 0, "epmap"},
    {137, T, 0, "netbios-ns"},
    {137, U, PORTQRY_TALK_NETBIOS, "netbios-ns"},
    {138, U, 0, "netbios-dgm"},
    {139, T, 0, "netbios-ssn"},
    {143, T, PORTQRY_TALK_BANNER, "imap"},
    {161, U, PORTQRY_TALK_SNMP, "snmp"},
    {162, U, 0, "snmptrap"},
    {179, T, 0, "bgp"},
    {389, T, PORTQRY_TALK_LDAP, "ldap"},
    {389, U, PORTQRY_TALK_LDAP, "unknown"},
    {443, T | U, 0, "https"},
    {445, T | U, 0, "microsoft-ds"},
    {464, T | U, 0, "kpasswd"},
    {500, U, PORTQRY_TALK_ISAKMP, "isakmp"},
    {514, U, 0, "syslog"},
    {515, T, 0, "printer"},
    {520, U, 0, "router"},
    {546, T | U, 0, "dhcpv6-client"},
    {547, T | U, 0, "dhcpv6-server"},
    {548, T, 0, "afpovertcp"},
    {554, T | U, 0, "rtsp"},
    {593, T | U, 0, "http-rpc-epmap"},
    {636, T, 0, "ldaps"},
    {691, T, 0, "msexch-routing"},
    {749, T | U, 0, "kerberos-adm"},
    {993, T, 0, "imaps"},
    {995, T, 0, "pop3s"},
    {1433, T | U, 0, "ms-sql-s"},
    {1434, T, 0, "ms-sql-m"},
    {1434, U, PORTQRY_TALK_SQL, "ms-sql-m"},
    {1701, U, PORTQRY_TALK_L2TP, "l2tp"},
    {1723, T, 0, "pptp"},
    {1745, T | U, 0, "unknown"},
    {1812, U, 0, "radius"},
    {1813, U, 0, "radacct"},
    {2049, U, 0, "nfsd"},
    {3268, T, PORTQRY_TALK_LDAP, "msft-gc"},
    {3269, T, 0, "msft-gc-ssl"},
    {3389, T, 0, "ms-wbt-server"},
    {5355, T | U, 0, "llmnr"},
    {5985, T, 0, "wsman"},
    {9535, T, 0, "man"},
};

static const struct row *find_name(const char *name, unsigned protocol) {
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (rows[i].protocols & protocol && rows[i].talk && !strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static struct portqry_service service_of(const char *name, enum portqry_talk talk, uint16_t port) {
    struct portqry_service service = {.talk = talk, .speaks = port};

    snprintf(service.name, sizeof service.name, "%s", name);
    return service;
}

struct portqry_service portqry_service_get(uint16_t port, unsigned protocol) {
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        if (rows[i].port == port && rows[i].protocols & protocol)
            return service_of(rows[i].name, rows[i].talk, port);
    const struct servent *known = getservbyport(htons(port), protocol == T ? "tcp" : "udp");
    const struct row *same = known ? find_name(known->s_name, protocol) : NULL;
    if (same)
        return service_of(same->name, same->talk, same->port);
    return service_of(known ? known->s_name : "unknown", PORTQRY_TALK_NONE, port);
}
