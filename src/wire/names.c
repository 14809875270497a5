/*
 * Names of the numbers in PDUs, spelled as C706 12.6 and MS-RPCE 2.2 spell them, in lower case.
 */
#include <msrpc/wire/pdu.h>

static const char unknown[] = "unknown";

static const char *find(const char *const *names, size_t count, unsigned number) {
    return number < count && names[number] ? names[number] : unknown;
}

const char *mr_ptype_name(uint8_t ptype) {
    static const char *const names[] = {
        [MR_PTYPE_REQUEST] = "request",
        [MR_PTYPE_PING] = "ping",
        [MR_PTYPE_RESPONSE] = "response",
        [MR_PTYPE_FAULT] = "fault",
        [MR_PTYPE_WORKING] = "working",
        [MR_PTYPE_NOCALL] = "nocall",
        [MR_PTYPE_REJECT] = "reject",
        [MR_PTYPE_ACK] = "ack",
        [MR_PTYPE_CL_CANCEL] = "cl_cancel",
        [MR_PTYPE_FACK] = "fack",
        [MR_PTYPE_CANCEL_ACK] = "cancel_ack",
        [MR_PTYPE_BIND] = "bind",
        [MR_PTYPE_BIND_ACK] = "bind_ack",
        [MR_PTYPE_BIND_NAK] = "bind_nak",
        [MR_PTYPE_ALTER_CONTEXT] = "alter_context",
        [MR_PTYPE_ALTER_CONTEXT_RESP] = "alter_context_resp",
        [MR_PTYPE_AUTH3] = "auth3",
        [MR_PTYPE_SHUTDOWN] = "shutdown",
        [MR_PTYPE_CO_CANCEL] = "co_cancel",
        [MR_PTYPE_ORPHANED] = "orphaned",
        [MR_PTYPE_RTS] = "rts",
    };
    return find(names, MR_COUNT(names), ptype);
}

const char *mr_auth_type_name(uint8_t type) {
    static const char *const names[] = {
        [MR_AUTH_NONE] = "none",
        [MR_AUTH_KRB5_DCE] = "krb5_dce",
        [MR_AUTH_SPNEGO] = "spnego",
        [MR_AUTH_NTLM] = "ntlm",
        [MR_AUTH_SCHANNEL] = "schannel",
        [MR_AUTH_KRB5] = "kerberos",
        [MR_AUTH_NETLOGON] = "netlogon",
    };
    return find(names, MR_COUNT(names), type);
}

const char *mr_auth_level_name(uint8_t level) {
    static const char *const names[] = {
        [MR_AUTH_LEVEL_DEFAULT] = "default",
        [MR_AUTH_LEVEL_NONE] = "none",
        [MR_AUTH_LEVEL_CONNECT] = "connect",
        [MR_AUTH_LEVEL_CALL] = "call",
        [MR_AUTH_LEVEL_PACKET] = "packet",
        [MR_AUTH_LEVEL_INTEGRITY] = "integrity",
        [MR_AUTH_LEVEL_PRIVACY] = "privacy",
    };
    return find(names, MR_COUNT(names), level);
}

const char *mr_context_result_name(uint16_t result) {
    static const char *const names[] = {
        [MR_CONTEXT_ACCEPT] = "acceptance",
        [MR_CONTEXT_USER_REJECT] = "user_rejection",
        [MR_CONTEXT_PROVIDER_REJECT] = "provider_rejection",
        [MR_CONTEXT_NEGOTIATE_ACK] = "negotiate_ack",
    };
    return find(names, MR_COUNT(names), result);
}

const char *mr_context_reason_name(uint16_t reason) {
    static const char *const names[] = {
        [MR_REASON_NOT_SPECIFIED] = "reason_not_specified",
        [MR_REASON_ABSTRACT_SYNTAX] = "abstract_syntax_not_supported",
        [MR_REASON_TRANSFER_SYNTAX] = "proposed_transfer_syntaxes_not_supported",
        [MR_REASON_LOCAL_LIMIT] = "local_limit_exceeded",
    };
    return find(names, MR_COUNT(names), reason);
}

const char *mr_bind_nak_reason_name(uint16_t reason) {
    static const char *const names[] = {
        [MR_NAK_NOT_SPECIFIED] = "reason_not_specified",
        [MR_NAK_TEMPORARY_CONGESTION] = "temporary_congestion",
        [MR_NAK_LOCAL_LIMIT] = "local_limit_exceeded",
        [MR_NAK_CALLED_ADDRESS_UNKNOWN] = "called_paddr_unknown",
        [MR_NAK_PROTOCOL_VERSION] = "protocol_version_not_supported",
        [MR_NAK_DEFAULT_CONTEXT] = "default_context_not_supported",
        [MR_NAK_USER_DATA] = "user_data_not_readable",
        [MR_NAK_NO_PSAP] = "no_psap_available",
        [MR_NAK_AUTH_TYPE] = "authentication_type_not_recognized",
        [MR_NAK_INVALID_CHECKSUM] = "invalid_checksum",
    };
    return find(names, MR_COUNT(names), reason);
}

static bool is_bind_time(uint8_t ptype) {
    return ptype >= MR_PTYPE_BIND && ptype <= MR_PTYPE_AUTH3;
}

char *mr_pfc_text(uint8_t ptype, uint8_t flags, char out[MR_PFC_TEXT]) {
    static const char *const names[8] = {
        "first_frag", "last_frag",       "pending_cancel", "reserved",
        "conc_mpx",   "did_not_execute", "maybe",          "object_uuid",
    };
    mr_buf buf;

    mr_buf_init(&buf, out, MR_PFC_TEXT - 1, MR_PFC_TEXT - 1);
    for (unsigned bit = 0; bit < 8; bit++) {
        if (!(flags & 1u << bit))
            continue;
        if (buf.len)
            mr_buf_write_u8(&buf, ',');
        if (1u << bit == MR_PFC_SUPPORT_HEADER_SIGN && is_bind_time(ptype))
            mr_buf_write_str(&buf, "support_header_sign");
        else
            mr_buf_write_str(&buf, names[bit]);
    }
    out[buf.len] = '\0';
    return out;
}
