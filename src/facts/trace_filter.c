/*
 * Display filters for Wireshark and Network Monitor 3, and the words of a trace. A filter holds
 * addresses, ports and names of protocols; a name that was looked up enters it only where it
 * consists of letters, digits, hyphens, underscores and dots.
 */
#include "trace_private.h"

#include <arpa/inet.h>

const char *mr_ip_text(const mr_ip *ip, char out[MR_IP_TEXT]) {
    out[0] = '\0';
    if (ip->family)
        inet_ntop(ip->family == 6 ? AF_INET6 : AF_INET, ip->host.octets, out, MR_IP_TEXT);
    return out;
}

const char *mr_trace_transport_name(enum mr_trace_transport transport) {
    switch (transport) {
    case MR_TRACE_TCP_OTHER: return "tcp";
    case MR_TRACE_IP_TCP: return "ncacn_ip_tcp";
    case MR_TRACE_NP: return "ncacn_np";
    case MR_TRACE_HTTP: return "ncacn_http";
    case MR_TRACE_KERBEROS: return "kerberos";
    case MR_TRACE_NAMES: return "dns";
    case MR_TRACE_LDAP: return "ldap";
    }
    return "";
}

const char *mr_trace_outcome_name(enum mr_trace_outcome outcome) {
    switch (outcome) {
    case MR_TRACE_WELL: return "well";
    case MR_TRACE_UNKNOWN: return "unknown";
    case MR_TRACE_UNUSUAL: return "unusual";
    case MR_TRACE_FAILED: return "failed";
    }
    return "";
}

static const char *and_word(enum mr_trace_viewer viewer) {
    return viewer == MR_TRACE_WIRESHARK ? " && " : " and ";
}

/* "ip.addr == A", "IPv6.Address == A"; @text is an address in text form. */
static void write_address(const char *text, enum mr_trace_viewer viewer, mr_buf *out) {
    bool six = strchr(text, ':') != NULL;
    if (viewer == MR_TRACE_WIRESHARK)
        mr_buf_write_fmt(out, "%s == %s", six ? "ipv6.addr" : "ip.addr", text);
    else
        mr_buf_write_fmt(out, "%s == %s", six ? "IPv6.Address" : "IPv4.Address", text);
}

static void write_pair(const char *client, const char *server, enum mr_trace_viewer viewer,
                       mr_buf *out) {
    write_address(client, viewer, out);
    mr_buf_write_str(out, and_word(viewer));
    write_address(server, viewer, out);
}

void mr_trace_write_talk_filter(const mr_trace_talk *talk, enum mr_trace_viewer viewer,
                                mr_buf *out) {
    char client[MR_IP_TEXT], server[MR_IP_TEXT];
    write_pair(mr_ip_text(&talk->client, client), mr_ip_text(&talk->server, server), viewer, out);
    if (talk->client_port)
        mr_buf_write_fmt(out, "%stcp.port == %u", and_word(viewer), talk->client_port);
    mr_buf_write_fmt(out, "%stcp.port == %u", and_word(viewer), talk->server_port);
}

static bool is_address(const char *text) {
    struct in6_addr six;
    return text && inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &six) == 1;
}

static bool is_plain(const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return text && *text && strspn(text, plain) == strlen(text);
}

static bool begins(const char *id, const char *with) {
    return strncmp(id, with, strlen(with)) == 0;
}

/* What findings of that id are about, in the words of each viewer; NULL: the pair says it all. */
static const char *kind_filter(const char *id, bool wireshark) {
    static const struct {
        const char *id, *wireshark, *netmon;
    } kinds[] = {
        {"NETBIOS.", "nbns", "nbtns"},
        {"NAME.ADDRESS", "tcp.flags.syn == 1 || tcp.flags.reset == 1 || dns",
         "TCP.Flags.Syn == 1 or TCP.Flags.Reset == 1 or dns"},
        {"NAME.NOT_OBSERVED", "tcp.flags.syn == 1", "TCP.Flags.Syn == 1"},
        {"NAME.", "dns", "dns"},
        {"LOCATOR.", "dns || cldap", "dns or ldap"},
        {"DNS.", "dns", "dns"},
        {"TCP.FORGED", "tcp.flags.reset == 1", "TCP.Flags.Reset == 1"},
        {"KRB.", "kerberos || tcp.port == 88", "KerberosV5 or tcp.port == 88"},
        {"NTLM.", "ntlmssp || smb || smb2 || dcerpc", "NLMP or smb or smb2 or msrpc"},
        {"SMB.SILENT", NULL, NULL},
        {"SMB.ENDED", NULL, NULL},
        {"SMB.", "smb || smb2 || tcp.flags.fin == 1 || tcp.flags.reset == 1",
         "smb or smb2 or TCP.Flags.Fin == 1 or TCP.Flags.Reset == 1"},
        {"HTTP.", "tcp.port == 80 || tcp.port == 443 || tcp.port == 593",
         "tcp.port == 80 or tcp.port == 443 or tcp.port == 593"},
        {"TLS.", "tls", "tls or ssl"},
    };
    for (size_t i = 0; i < MR_COUNT(kinds); i++) {
        if (begins(id, kinds[i].id))
            return wireshark ? kinds[i].wireshark : kinds[i].netmon;
    }
    if (!begins(id, "TCP."))
        return NULL;
    if (strstr(id, "RESET") || strstr(id, "REFUSED"))
        return wireshark ? "tcp.flags.reset == 1" : "TCP.Flags.Reset == 1";
    if (strstr(id, "FILTERED") || strstr(id, "SILENT") || strstr(id, "LOSS"))
        return wireshark ? "tcp.analysis.retransmission || tcp.flags.syn == 1"
                         : "Property.TCPRetransmit == 1 or TCP.Flags.Syn == 1";
    if (strstr(id, "PROHIBITED") || strstr(id, "UNREACHABLE") || strstr(id, "REJECTED"))
        return wireshark ? "icmp || icmpv6 || tcp.flags.syn == 1"
                         : "icmp or icmpv6 or TCP.Flags.Syn == 1";
    return NULL;
}

/* The host that is accused: not always the one that the client wanted, which may have named it. */
static const char *find_accused(const mr_trace *trace, const mr_trace_finding *finding,
                                char text[MR_IP_TEXT]) {
    const mr_ip *server = NULL;

    if (is_address(finding->finding->subject.address))
        return finding->finding->subject.address;
    for (size_t i = 0; i < finding->talk_count; i++) {
        const mr_trace_talk *talk = mr_trace_find_talk(trace, finding->talks[i]);
        if (talk && server && !trace_ip_eq(&talk->server, server))
            return finding->server;
        server = talk ? &talk->server : server;
    }
    return server ? mr_ip_text(server, text) : finding->server;
}

void mr_trace_write_finding_filter(const mr_trace *trace, const mr_trace_finding *finding,
                                   enum mr_trace_viewer viewer, mr_buf *out) {
    bool wireshark = viewer == MR_TRACE_WIRESHARK;
    const char *kind = kind_filter(finding->finding->id, wireshark);
    const mr_fact *subject = &finding->finding->subject;
    const mr_trace_talk *talk =
        finding->talk_count == 1 && finding->relations == 1
            ? mr_trace_find_talk(trace, finding->talks[0]) : NULL;

    if (talk && !kind) {
        mr_trace_write_talk_filter(talk, viewer, out);
        return;
    }
    if (kind && strcmp(kind, "dns") == 0 && is_plain(subject->name)) {
        mr_buf_write_fmt(out, wireshark ? "dns.qry.name contains \"%s\""
                                        : "contains(DNS.QuestionName, \"%s\")", subject->name);
        return;
    }
    char text[MR_IP_TEXT];
    const char *accused = find_accused(trace, finding, text);
    bool server = is_address(accused), client = is_address(finding->client);
    if (client)
        write_address(finding->client, viewer, out);
    if (client && server && !begins(finding->finding->id, "KRB.")) {
        mr_buf_write_str(out, and_word(viewer));
        write_address(accused, viewer, out);
    }
    bool tcp = kind && begins(finding->finding->id, "TCP.") && !strstr(kind, "icmp");
    if (subject->port && (!kind || tcp))
        mr_buf_write_fmt(out, "%s%s.port == %u", and_word(viewer),
                         begins(finding->finding->id, "UDP.") ? "udp" : "tcp", subject->port);
    if (!kind)
        return;
    bool more = strchr(kind, '|') || strstr(kind, " or ");
    if (client)
        mr_buf_write_str(out, and_word(viewer));
    mr_buf_write_fmt(out, more ? "(%s)" : "%s", kind);
}
