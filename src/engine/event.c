/* Names of events, and the guess what a stream is that is not DCE/RPC. */
#include "state.h"

const char *mr_event_name(enum mr_event_kind kind) {
    static const char *const names[] = {
        [MR_EVENT_BIND] = "bind",
        [MR_EVENT_BIND_ACK] = "bind_ack",
        [MR_EVENT_BIND_NAK] = "bind_nak",
        [MR_EVENT_ALTER] = "alter_context",
        [MR_EVENT_ALTER_RESP] = "alter_context_resp",
        [MR_EVENT_AUTH3] = "auth3",
        [MR_EVENT_READY] = "ready",
        [MR_EVENT_AUTH_PENDING] = "auth_pending",
        [MR_EVENT_REQUEST] = "request",
        [MR_EVENT_RESPONSE] = "response",
        [MR_EVENT_FAULT] = "fault",
        [MR_EVENT_CANCEL] = "cancel",
        [MR_EVENT_ORPHANED] = "orphaned",
        [MR_EVENT_SHUTDOWN] = "shutdown",
        [MR_EVENT_SENT] = "sent",
        [MR_EVENT_OTHER] = "other",
        [MR_EVENT_GAP] = "gap",
        [MR_EVENT_RESYNC] = "resync",
        [MR_EVENT_FOREIGN] = "foreign",
        [MR_EVENT_TIMEOUT] = "timeout",
        [MR_EVENT_ERROR] = "error",
    };
    return (size_t)kind < MR_COUNT(names) ? names[kind] : "unknown";
}

const char *mr_foreign_name(enum mr_foreign guess) {
    static const char *const names[] = {
        [MR_FOREIGN_UNKNOWN] = "an unknown protocol",
        [MR_FOREIGN_HTTP] = "HTTP",
        [MR_FOREIGN_TLS] = "TLS",
        [MR_FOREIGN_SMB] = "SMB",
        [MR_FOREIGN_SSH] = "SSH",
        [MR_FOREIGN_LDAP] = "LDAP",
    };
    return (size_t)guess < MR_COUNT(names) ? names[guess] : names[MR_FOREIGN_UNKNOWN];
}

static bool begins(mr_slice head, mr_slice with) {
    return head.len >= with.len && memcmp(head.data, with.data, with.len) == 0;
}

/* TLS: a record header (RFC 8446 5.1). SMB: the NetBIOS session service (RFC 1002 4.3) or a direct
 * TCP length before the protocol id (MS-SMB2 2.1). LDAP: a SEQUENCE with a message id (RFC 4511).
 * "ncacn_http/1.0" greets on the HTTP transport's own ports (MS-RPCH 2.1.1.1). */
enum mr_foreign mr_foreign_guess(mr_slice head) {
    static const char *const http[] = {"HTTP/", "GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ",
                                       "CONNECT ", "RPC_", "ncacn_http"};
    const uint8_t *p = head.data;

    for (size_t i = 0; i < MR_COUNT(http); i++)
        if (begins(head, mr_slice_str(http[i])))
            return MR_FOREIGN_HTTP;
    if (begins(head, MR_SLICE_LIT("SSH-")))
        return MR_FOREIGN_SSH;
    if (head.len >= 3 && p[0] >= 0x14 && p[0] <= 0x17 && p[1] == 3 && p[2] <= 4)
        return MR_FOREIGN_TLS;
    if (head.len >= 8 && p[0] == 0 && p[4] >= 0xfc && memcmp(p + 5, "SMB", 3) == 0)
        return MR_FOREIGN_SMB;
    if (head.len >= 4 && p[0] >= 0x81 && p[0] <= 0x85 && p[1] <= 1)
        return MR_FOREIGN_SMB;
    if (head.len >= 5 && p[0] == 0x30 && p[1] < 0x80 && p[2] == 2 && p[3] >= 1 && p[3] <= 4)
        return MR_FOREIGN_LDAP;
    if (head.len >= 9 && p[0] == 0x30 && p[1] == 0x84 && p[6] == 2 && p[7] >= 1 && p[7] <= 4)
        return MR_FOREIGN_LDAP;
    return MR_FOREIGN_UNKNOWN;
}
