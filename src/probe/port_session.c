/* Services that open a session: NetBIOS, SMB, RPC over HTTP, TLS, Remote Desktop, WinRM. Each is
 * asked for its first answer only; no session is ever begun. */
#include "port_private.h"

#include <ctype.h>

#include <msrpc/wire/nbt.h>
#include <msrpc/wire/rdp.h>
#include <msrpc/wire/smb_negotiate.h>
#include <msrpc/wire/tls_hello.h>

/* ---- NetBIOS ---- */

int port_ask_nbt_session(mr_port_probe *p, mr_buf *out) {
    (void)p;
    return mr_nbt_encode_session("*SMBSERVER", "MSRPC", out);
}

enum port_reading port_answer_nbt_session(mr_port_probe *p, mr_slice bytes, bool ended) {
    uint8_t type;
    size_t len;

    (void)ended;
    if (mr_nbt_session_decode(bytes, &type, &len) != 0 || bytes.len - 4 < len)
        return PORT_MORE;
    switch (type) {
    case MR_NBT_POSITIVE:
        port_say(p, "accepts a session with *SMBSERVER");
        break;
    case MR_NBT_NEGATIVE:
        port_say(p, "refuses *SMBSERVER: %s",
                 mr_nbt_session_error(len ? bytes.data[4] : 0));
        break;
    case MR_NBT_RETARGET:
        port_say(p, "sends the caller to another address");
        break;
    default: /* an octet off the wire */
        return PORT_FOREIGN;
    }
    port_add_bool(p, "accepted", type == MR_NBT_POSITIVE);
    return PORT_DONE;
}

/* ---- SMB ---- */

/* SMB2 first. A server that knows SMB1 only closes, or says nothing: it gets a second connection
 * and the old question. */
int port_ask_smb(mr_port_probe *p, mr_buf *out) {
    mr_uuid guid;

    if (p->step > 0)
        return mr_smb1_encode_negotiate(out);
    memcpy(&guid, p->random + 32, sizeof guid);
    return mr_smb2_encode_negotiate(&guid, p->random, out);
}

static void say_signing(mr_port_probe *p, uint16_t security) {
    const char *signing = security & MR_SMB_SIGNING_REQUIRED  ? "required"
                          : security & MR_SMB_SIGNING_ENABLED ? "enabled"
                                                              : "off";

    port_say(p, "signing %s", signing);
    port_add_str(p, "signing", mr_slice_str(signing));
}

static void say_smb(mr_port_probe *p, const mr_smb_negotiated *n) {
    char name[16], uuid[MR_UUID_TEXT];
    int64_t sec;
    uint32_t nsec;

    const char *dialect = mr_smb_dialect_name(n->dialect, name);
    port_say(p, n->dialect == MR_SMB1 ? "SMB %s (SMB 2 was not answered)" : "SMB %s", dialect);
    port_add_str(p, "dialect", mr_slice_str(dialect));
    say_signing(p, n->security);
    if (!mr_uuid_is_nil(&n->guid)) {
        port_say(p, "server %s", mr_uuid_text(&n->guid, uuid));
        port_add_uuid(p, "guid", &n->guid);
    }
    if (n->system_time) {
        mr_time_unix(n->system_time, &sec, &nsec);
        port_say_clock(p, sec, nsec);
    }
    if (n->start_time) {
        char text[MR_TIME_TEXT];
        mr_time_unix(n->start_time, &sec, &nsec);
        port_add_str(p, "started", mr_slice_str(mr_time_text(sec, nsec, text)));
    }
}

enum port_reading port_answer_smb(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_smb_negotiated n;
    size_t len;

    int r = mr_smb_get_size(bytes, &len);
    if (r == 1 || (r == 0 && bytes.len < len)) {
        if (!ended || p->step > 0)
            return PORT_MORE;
        p->step++;
        return PORT_AGAIN;
    }
    if (r != 0 || mr_smb_negotiated_decode(mr_slice_sub(bytes, 0, len), &n, NULL) != 0)
        return PORT_FOREIGN;
    if (n.status == 0) {
        say_smb(p, &n);
        return PORT_DONE;
    }
    const mr_code_info *code = mr_code_find(MR_SPACE_NTSTATUS, n.status);
    if (code)
        port_say(p, "refuses every SMB dialect: %s", mr_code_symbol(code));
    else
        port_say(p, "refuses every SMB dialect: 0x%08x", n.status);
    port_add_int(p, "status", n.status);
    return PORT_DONE;
}

/* ---- RPC over HTTP ---- */

/* Greets with "ncacn_http/1.0" as soon as the connection stands (MS-RPCH 2.1.1.1.1). */
enum port_reading port_answer_rpc_http(mr_port_probe *p, mr_slice bytes, bool ended) {
    static const mr_slice greeting = {(const uint8_t *)"ncacn_http/", 11};

    (void)ended;
    if (!mr_slice_eq(mr_slice_sub(bytes, 0, greeting.len),
                     mr_slice_sub(greeting, 0, bytes.len)))
        return PORT_FOREIGN;
    if (bytes.len < greeting.len + 3)
        return PORT_MORE;
    port_say_slice(p, "greets with ", mr_slice_sub(bytes, 0, greeting.len + 3));
    port_add_str(p, "banner", mr_slice_sub(bytes, 0, greeting.len + 3));
    return PORT_DONE;
}

/* ---- TLS ---- */

int port_ask_tls(mr_port_probe *p, mr_buf *out) {
    return mr_tls_encode_client_hello(p->random, port_host_name(p), out);
}

enum port_reading port_answer_tls(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_tls_hello hello;
    char name[16];
    size_t len;

    (void)ended;
    int r = mr_tls_get_size(bytes, &len);
    if (r == 1 || (r == 0 && bytes.len < len))
        return PORT_MORE;
    if (r != 0 || mr_tls_hello_decode(mr_slice_sub(bytes, 0, len), &hello, NULL) != 0)
        return PORT_FOREIGN;
    if (hello.alert) {
        const mr_code_info *code = mr_code_find(MR_SPACE_TLS_ALERT, hello.alert_code);
        port_say(p, "refuses with TLS alert %s (%u)", code ? mr_code_symbol(code) : "",
                 hello.alert_code);
        port_add_int(p, "alert", hello.alert_code);
        return PORT_DONE;
    }
    const char *version = mr_tls_version_name(hello.version, name);
    port_say(p, "%s", version);
    port_say(p, "cipher suite 0x%04x", hello.cipher);
    port_add_str(p, "tls", mr_slice_str(version));
    port_add_fmt(p, "cipher", "0x%04x", hello.cipher);
    return PORT_DONE;
}

/* ---- Remote Desktop ---- */

int port_ask_rdp(mr_port_probe *p, mr_buf *out) {
    (void)p;
    return mr_rdp_encode_request(MR_RDP_TLS | MR_RDP_HYBRID, out);
}

enum port_reading port_answer_rdp(mr_port_probe *p, mr_slice bytes, bool ended) {
    mr_rdp_confirm confirm;
    size_t len;

    (void)ended;
    int r = mr_rdp_get_size(bytes, &len);
    if (r == 1 || (r == 0 && bytes.len < len))
        return PORT_MORE;
    if (r != 0 || mr_rdp_confirm_decode(mr_slice_sub(bytes, 0, len), &confirm, NULL) != 0)
        return PORT_FOREIGN;
    const char *text = confirm.failed ? mr_rdp_failure_text(confirm.failure)
                                      : mr_rdp_protocol_name(confirm.protocol);
    port_say(p, "%s%s", confirm.failed ? "" : "security: ", text);
    port_add_str(p, confirm.failed ? "failure" : "security", mr_slice_str(text));
    return PORT_DONE;
}

/* ---- WinRM ---- */

int port_ask_wsman(mr_port_probe *p, mr_buf *out) {
    char address[MR_ADDR_TEXT];
    const char *name = port_host_name(p);

    mr_buf_write_fmt(out,
                     "OPTIONS /wsman HTTP/1.1\r\nHost: %s\r\nUser-Agent: msrpc\r\n"
                     "Content-Length: 0\r\nConnection: close\r\n\r\n",
                     name ? name : mr_addr_port_text(&p->options.remote, address));
    return mr_buf_error(out);
}

/* Length of the head of an HTTP answer with its blank line, 0 when it is not whole. */
static size_t head_len(mr_slice bytes) {
    for (size_t i = 3; i < bytes.len; i++)
        if (bytes.data[i] == '\n' && bytes.data[i - 1] == '\r' && bytes.data[i - 2] == '\n')
            return i + 1;
    return 0;
}

/* The value of a header field, trimmed; empty when there is none. */
static mr_slice header(mr_slice head, const char *name) {
    mr_slice want = mr_slice_str(name);

    for (size_t i = 0; i < head.len;) {
        size_t end = i;
        while (end < head.len && head.data[end] != '\r' && head.data[end] != '\n')
            end++;
        mr_slice line = mr_slice_sub(head, i, end - i);
        if (line.len > want.len && line.data[want.len] == ':' &&
            mr_slice_eq_nocase(mr_slice_sub(line, 0, want.len), want)) {
            mr_slice value = mr_slice_sub(line, want.len + 1, line.len);
            while (value.len && value.data[0] == ' ')
                value = mr_slice_sub(value, 1, value.len);
            return value;
        }
        i = end + 1;
    }
    return MR_SLICE_NULL;
}

enum port_reading port_answer_wsman(mr_port_probe *p, mr_slice bytes, bool ended) {
    static const mr_slice http = {(const uint8_t *)"HTTP/1.", 7};

    if (!mr_slice_eq(mr_slice_sub(bytes, 0, http.len), mr_slice_sub(http, 0, bytes.len)))
        return PORT_FOREIGN;
    size_t len = head_len(bytes);
    if (bytes.len < 12 || (!len && !ended))
        return PORT_MORE;
    mr_slice head = mr_slice_sub(bytes, 0, len ? len : bytes.len);
    const uint8_t *d = bytes.data + 9;
    if (!isdigit(d[0]) || !isdigit(d[1]) || !isdigit(d[2]))
        return PORT_FOREIGN;
    int status = (d[0] - '0') * 100 + (d[1] - '0') * 10 + d[2] - '0';
    mr_slice server = header(head, "Server");
    port_say(p, "HTTP %d%s", status, status == 404 ? ": no WinRM behind this web server" : "");
    port_add_int(p, "status", status);
    if (server.len) {
        port_say_slice(p, "", server);
        port_add_str(p, "server", server);
    }
    return PORT_DONE;
}
