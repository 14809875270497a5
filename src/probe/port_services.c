/*
 * The table of protocols: one row for each port and protocol that can be asked something. A new
 * protocol is a codec in wire, a writer and a reader beside those of its kind, and a row here.
 */
#include "port_private.h"

#define TCP MR_PORT_TCP
#define UDP MR_PORT_UDP

static const struct port_service services[] = {
    {21, TCP, "FTP", false, NULL, port_answer_greeting},
    {25, TCP, "SMTP", false, NULL, port_answer_greeting},
    {53, TCP, "DNS", false, port_ask_dns_tcp, port_answer_dns_tcp},
    {53, UDP, "DNS", false, port_ask_dns_udp, port_answer_dns_udp},
    {88, TCP, "Kerberos", false, port_ask_krb_tcp, port_answer_krb_tcp},
    {88, UDP, "Kerberos", false, port_ask_krb_udp, port_answer_krb_udp},
    {110, TCP, "POP3", false, NULL, port_answer_pop3},
    {123, UDP, "NTP", false, port_ask_ntp, port_answer_ntp},
    {135, TCP, "endpoint mapper", true, NULL, NULL},
    {137, UDP, "NetBIOS node status", false, port_ask_nbt_status, port_answer_nbt_status},
    {139, TCP, "NetBIOS session", false, port_ask_nbt_session, port_answer_nbt_session},
    {143, TCP, "IMAP", false, NULL, port_answer_imap},
    {161, UDP, "SNMP", false, port_ask_snmp, port_answer_snmp},
    {389, TCP, "LDAP", false, port_ask_ldap, port_answer_ldap},
    {389, UDP, "CLDAP", false, port_ask_cldap, port_answer_cldap},
    {445, TCP, "SMB", false, port_ask_smb, port_answer_smb},
    {464, TCP, "Kerberos password", false, port_ask_kpasswd_tcp, port_answer_kpasswd_tcp},
    {464, UDP, "Kerberos password", false, port_ask_kpasswd_udp, port_answer_kpasswd_udp},
    {500, UDP, "IKE", false, port_ask_isakmp, port_answer_isakmp},
    {593, TCP, "RPC over HTTP", false, NULL, port_answer_rpc_http},
    {636, TCP, "TLS", false, port_ask_tls, port_answer_tls},
    {1434, UDP, "SQL Server Browser", false, port_ask_sql_browser, port_answer_sql_browser},
    {1701, UDP, "L2TP", false, port_ask_l2tp, port_answer_l2tp},
    {3268, TCP, "LDAP", false, port_ask_ldap, port_answer_ldap},
    {3269, TCP, "TLS", false, port_ask_tls, port_answer_tls},
    {3389, TCP, "RDP", false, port_ask_rdp, port_answer_rdp},
    {5985, TCP, "WinRM", false, port_ask_wsman, port_answer_wsman},
};

static const struct port_service root_dse = {389, UDP, "CLDAP", false, port_ask_ldap,
                                             port_answer_ldap};

/* What is looked at when nobody names ports. */
static const uint16_t default_tcp[] = {53, 88, 135, 139, 389, 445, 464, 593, 636, 3268, 3269,
                                       3389, 5985};
static const uint16_t default_udp[] = {53, 88, 123, 137, 389, 464};

const struct port_service *port_service_find(uint16_t port, unsigned protocol) {
    for (size_t i = 0; i < MR_COUNT(services); i++)
        if (services[i].port == port && services[i].protocol == protocol)
            return &services[i];
    return NULL;
}

const struct port_service *port_service_find_root_dse(const struct port_service *service) {
    return service->port == root_dse.port && service->protocol == root_dse.protocol ? &root_dse
                                                                                    : service;
}

const char *mr_port_service_asked(uint16_t port, unsigned protocol) {
    const struct port_service *service = port_service_find(port, protocol);

    return service ? service->asked : NULL;
}

void mr_port_set_get_default(unsigned protocol, mr_port_set *setp) {
    *setp = (mr_port_set){0};
    if (protocol & TCP)
        for (size_t i = 0; i < MR_COUNT(default_tcp); i++)
            mr_port_set_add(setp, default_tcp[i], default_tcp[i]);
    if (protocol & UDP)
        for (size_t i = 0; i < MR_COUNT(default_udp); i++)
            mr_port_set_add(setp, default_udp[i], default_udp[i]);
}
