/*
 * LDAP messages (RFC 4511) as a stranger may send and read them without logging on: the search of
 * the rootDSE, and the locator's ping over LDAP or CLDAP with its answer (MS-ADTS 6.3).
 */
#ifndef MSRPC_WIRE_LDAP_H
#define MSRPC_WIRE_LDAP_H

#include <msrpc/base.h>

enum mr_ldap_op { /* protocolOp tags, RFC 4511 4.1.1 */
    MR_LDAP_SEARCH_ENTRY = 0x64,
    MR_LDAP_SEARCH_DONE = 0x65,
    MR_LDAP_EXTENDED_RESPONSE = 0x78,
};

typedef struct mr_ldap_attribute {
    mr_slice name;
    mr_slice *values;
    size_t count;
} mr_ldap_attribute;

typedef struct mr_ldap_message {
    int64_t id;
    uint8_t op;                    /* enum mr_ldap_op, or another tag */
    mr_slice dn;                   /* of an entry */
    mr_ldap_attribute *attributes; /* of an entry */
    size_t attribute_count;
    int64_t result;                /* of a done or extended response: resultCode */
    mr_slice text;                 /* diagnosticMessage */
} mr_ldap_message;

/* Appends a base search of the rootDSE (RFC 4512 5.1) for the @count named attributes. 0 or the
 * buffer's error. */
int mr_ldap_encode_root_dse(int32_t id, const char *const *attributes, size_t count, mr_buf *out);

/* The same with LDAP_SERVER_EXTENDED_DN_OID (MS-ADTS 3.1.1.3.4.1.5): names come as
 * "<GUID=...>;<SID=...>;CN=..." where the server will. */
int mr_ldap_encode_root_dse_extended(int32_t id, const char *const *attributes, size_t count,
                                     mr_buf *out);

/* The GUID in front of such a name. 0, or MR_ERR_NOT_FOUND when there is none. */
int mr_ldap_get_dn_guid(mr_slice dn, mr_uuid *guidp);

/* 5, 5EX, with the next closest site: MS-ADTS 6.3.1.1 */
#define MR_NETLOGON_NT_VERSION 0x00000016u

enum mr_account_control { /* which kinds of account may match, MS-SAMR 2.2.1.12 */
    MR_ACCOUNT_NORMAL = 0x00000010,
    MR_ACCOUNT_WORKSTATION = 0x00000080,
    MR_ACCOUNT_SERVER = 0x00000100,
};

/* What the locator's ping asks (MS-ADTS 6.3.3.1). A NULL name and a zero are left out. */
typedef struct mr_ldap_ping {
    const char *dns_domain;   /* NULL: the server answers for its own domain */
    const char *host;         /* who asks */
    const char *account;      /* does it exist? */
    uint32_t account_control; /* enum mr_account_control */
    uint32_t nt_version;
} mr_ldap_ping;

/* Appends the ping: a rootDSE search for "Netlogon". 0 or the buffer's error. */
int mr_ldap_encode_ping(int32_t id, const mr_ldap_ping *ping, mr_buf *out);

/* Decodes the first message of @bytes; *@usedp is its length. Slices *borrow* from @bytes, arrays
 * are *in @arena*. 1 when more octets are needed; MR_ERR_MALFORMED, MR_ERR_MEMORY. */
int mr_ldap_decode(mr_slice bytes, mr_arena *arena, mr_ldap_message *messagep, size_t *usedp,
                   mr_error *err);

/* The attribute of that name in any case, or NULL. */
const mr_ldap_attribute *mr_ldap_find(const mr_ldap_message *message, const char *name);

enum mr_netlogon_opcode { /* MS-ADTS 6.3.1.3 */
    MR_NETLOGON_SAM_LOGON_RESPONSE = 19,
    MR_NETLOGON_SAM_PAUSE_RESPONSE = 20,
    MR_NETLOGON_SAM_USER_UNKNOWN = 21,
    MR_NETLOGON_SAM_LOGON_RESPONSE_EX = 23,
    MR_NETLOGON_SAM_PAUSE_RESPONSE_EX = 24,
    MR_NETLOGON_SAM_USER_UNKNOWN_EX = 25,
};

enum mr_ds_flag { /* MS-ADTS 6.3.1.2 */
    MR_DS_PDC = 0x00000001,
    MR_DS_GC = 0x00000004,
    MR_DS_LDAP = 0x00000008,
    MR_DS_DS = 0x00000010,
    MR_DS_KDC = 0x00000020,
    MR_DS_TIMESERV = 0x00000040,
    MR_DS_CLOSEST = 0x00000080,
    MR_DS_WRITABLE = 0x00000100,
    MR_DS_GOOD_TIMESERV = 0x00000200,
    MR_DS_NDNC = 0x00000400,
    MR_DS_RODC = 0x00000800, /* a read-only controller with selected secrets */
    MR_DS_FULL_SECRET = 0x00001000,
    MR_DS_WS = 0x00002000,
    MR_DS_DS_8 = 0x00004000,  /* Windows Server 2012 */
    MR_DS_DS_9 = 0x00008000,  /* 2012 R2 */
    MR_DS_DS_10 = 0x00010000, /* 2016 */
    MR_DS_KEY_LIST = 0x00020000,
    MR_DS_DS_13 = 0x00040000, /* 2025 */
};

/* The flags a caller of the locator may see besides (MS-NRPC 2.2.1.2.1): what its names are. */
enum mr_ds_name_flag {
    MR_DS_DNS_CONTROLLER = 0x20000000,
    MR_DS_DNS_DOMAIN = 0x40000000,
};
#define MR_DS_DNS_FOREST 0x80000000u

/* The flags in the order and the words in which nltest lists them: row @i, NULL past the end. */
const char *mr_ds_flag_get(size_t i, uint32_t *flagp);

/* NETLOGON_SAM_LOGON_RESPONSE_EX (MS-ADTS 6.3.1.9). Names are *in @arena*, "" where empty. */
typedef struct mr_netlogon_answer {
    uint16_t opcode;
    uint32_t flags;  /* enum mr_ds_flag */
    mr_uuid domain_guid;
    const char *forest, *domain, *host;             /* DNS names */
    const char *netbios_domain, *netbios_host, *user;
    const char *dc_site, *client_site;
    const char *next_site; /* the closest site but the client's own; "" unless the answer has it */
    uint32_t nt_version;
} mr_netlogon_answer;

/* Decodes the value of the attribute Netlogon. MR_ERR_TRUNCATED, MR_ERR_MALFORMED, MR_ERR_MEMORY;
 * MR_ERR_UNSUPPORTED for the answers without DNS names. */
int mr_netlogon_answer_decode(mr_slice value, mr_arena *arena, mr_netlogon_answer *answerp,
                              mr_error *err);

#endif
