/* Inside the port probes: the row of a protocol, and how its reader says what it found. */
#ifndef MSRPC_PROBE_PORT_PRIVATE_H
#define MSRPC_PROBE_PORT_PRIVATE_H

#include <msrpc/probe/port.h>

/* What a reader makes of the octets so far. */
enum port_reading {
    PORT_DONE,    /* understood: the fields and the detail are set */
    PORT_MORE,    /* more octets are needed; at the end of the stream: it was cut short */
    PORT_FOREIGN, /* not this protocol */
    PORT_AGAIN,   /* connect once more and ask the next question (probe->step has grown) */
};

/* One protocol on its usual port. */
struct port_service {
    uint16_t port;
    uint8_t protocol;  /* MR_PORT_TCP or MR_PORT_UDP */
    const char *asked; /* its name */
    bool maps;         /* it is the endpoint mapper: asked through the rpc client */
    /* Appends the question; NULL: the server speaks first. 0 or the buffer's error. */
    int (*ask)(mr_port_probe *probe, mr_buf *out);
    /* Reads the answer so far; @ended: nothing more will come. */
    enum port_reading (*answer)(mr_port_probe *probe, mr_slice bytes, bool ended);
};

/* The row, or NULL. */
const struct port_service *port_service_find(uint16_t port, unsigned protocol);
/* The row that asks for the rootDSE where @service is CLDAP, else @service itself. */
const struct port_service *port_service_find_root_dse(const struct port_service *service);

/* Appends to the detail, after ", " when something stands there already. */
void port_say(mr_port_probe *probe, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with a text of the peer between the words. */
void port_say_slice(mr_port_probe *probe, const char *before, mr_slice text);
/* "clock +0.2 s": the peer's clock against ours at the time of the question. */
void port_say_clock(mr_port_probe *probe, int64_t sec, uint32_t nsec);

/* Adds a field; strings are copied. */
void port_add_str(mr_port_probe *probe, const char *key, mr_slice value);
void port_add_item(mr_port_probe *probe, const char *key, mr_slice value); /* one of a list */
void port_add_fmt(mr_port_probe *probe, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void port_add_int(mr_port_probe *probe, const char *key, int64_t value);
void port_add_bool(mr_port_probe *probe, const char *key, bool value);
void port_add_real(mr_port_probe *probe, const char *key, double value);
void port_add_uuid(mr_port_probe *probe, const char *key, const mr_uuid *value);

/* The domain part of the host's name ("corp.example" of "dc1.corp.example"), NULL when it is an
 * address or a single label. */
const char *port_domain(const mr_port_probe *probe);
/* The host when it is a name, NULL when it is an address or none. */
const char *port_host_name(const mr_port_probe *probe);
/* 32 bits of this probe's randomness, @index 0 to 15. */
uint32_t port_random(const mr_port_probe *probe, unsigned index);

/* The readers and writers of the table, by file. */
int port_ask_dns_udp(mr_port_probe *probe, mr_buf *out);
int port_ask_dns_tcp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_dns_udp(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_dns_tcp(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_ntp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_ntp(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_nbt_status(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_nbt_status(mr_port_probe *probe, mr_slice bytes, bool ended);

int port_ask_krb_udp(mr_port_probe *probe, mr_buf *out);
int port_ask_krb_tcp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_krb_udp(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_krb_tcp(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_kpasswd_udp(mr_port_probe *probe, mr_buf *out);
int port_ask_kpasswd_tcp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_kpasswd_udp(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_kpasswd_tcp(mr_port_probe *probe, mr_slice bytes, bool ended);

int port_ask_ldap(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_ldap(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_cldap(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_cldap(mr_port_probe *probe, mr_slice bytes, bool ended);

int port_ask_nbt_session(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_nbt_session(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_smb(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_smb(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_rpc_http(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_tls(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_tls(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_rdp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_rdp(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_wsman(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_wsman(mr_port_probe *probe, mr_slice bytes, bool ended);

int port_ask_snmp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_snmp(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_isakmp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_isakmp(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_sql_browser(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_sql_browser(mr_port_probe *probe, mr_slice bytes, bool ended);
int port_ask_l2tp(mr_port_probe *probe, mr_buf *out);
enum port_reading port_answer_l2tp(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_greeting(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_imap(mr_port_probe *probe, mr_slice bytes, bool ended);
enum port_reading port_answer_pop3(mr_port_probe *probe, mr_slice bytes, bool ended);

#endif
