/*
 * Logging on: from an identity and a wish to providers for the connections of a client. For
 * Kerberos the KDCs of a realm are found (RFC 4120 7.2.3) and asked over UDP and TCP, from realm to
 * realm, until there is a ticket for the server; NTLM needs nothing beforehand; Negotiate wants
 * Kerberos and goes on with NTLM alone where that cannot be had, which is told. Netlogon's secure
 * channel is set up with a domain controller, which is then the server. One logon serves
 * any number of connections to one server, each with a provider of its own (mr_logon_make, whose
 * form is that of mr_client_security.make). What happened on the way is in the report, whatever the
 * outcome. An object belongs to its loop's thread.
 */
#ifndef MSRPC_RPC_LOGON_H
#define MSRPC_RPC_LOGON_H

#include <msrpc/auth/identity.h>
#include <msrpc/auth/krb5.h>
#include <msrpc/auth/netlogon.h>
#include <msrpc/auth/ntlm.h>
#include <msrpc/auth/spnego.h>
#include <msrpc/io.h>
#include <msrpc/rpc/client.h>

#define MR_LOGON_REALMS 8  /* realms that are asked on the way to a ticket */
#define MR_LOGON_HOSTS 8   /* KDCs of a realm that are looked at */
#define MR_LOGON_KDCS 16   /* their addresses */
#define MR_LOGON_TRIES 48  /* of which the report tells */
#define MR_LOGON_NAME 256
#define MR_KDC_PORT 88

enum mr_logon_mechanism {
    MR_LOGON_NEGOTIATE,
    MR_LOGON_KERBEROS,
    MR_LOGON_NTLM,
    MR_LOGON_NETLOGON,
};

/* Strings, addresses and bindings are copied by mr_logon_new. */
typedef struct mr_logon_options {
    const mr_identity *identity; /* *borrowed* until mr_logon_free */
    enum mr_logon_mechanism mechanism;
    uint8_t level;            /* enum mr_auth_level, other than none */
    const char *host;         /* the server's name; NULL: not told, only NTLM can do without */
    const char *service;      /* class of its principal name; NULL: "host" */
    const char *spn;          /* the whole name in place of these two, "host/server.example.org" */
    const char *full_name;    /* the DNS name that a short @host stands for, as the resolver found;
                               * NULL: not known */
    const char *dns_domain;   /* the server's, as it says itself (NTLM's challenge); NULL: not
                               * known */
    const char *computer;     /* the server's NetBIOS name, as it says itself there; NULL: not
                               * known, the first label of its name stands for it */
    const char *realm;        /* the user's; NULL: his domain if it has a dot, else that of @host or
                               * @full_name, else @dns_domain, in capitals */
    const mr_addr *kdcs;      /* ask these for the first realm, not DNS; port 0: MR_KDC_PORT */
    size_t kdc_count;
    mr_addr dns_server;       /* zeroed: the system's */
    mr_addr source;           /* zeroed: the system chooses */
    mr_nsec timeout;          /* for all of it; 0: 30 s */
    mr_nsec kdc_timeout;      /* for one KDC by UDP, or by TCP; 0: 2 s */
    const char *workstation;  /* our NetBIOS name: an account may be allowed to log on at some
                               * computers alone; NULL: not told */
    const mr_addr *servers;   /* Netlogon: addresses of the controller, at most MR_LOOKUP_ADDRS;
                               * none: @host is looked up. Port 0: its endpoint mapper is asked */
    size_t server_count;
    uint16_t mapper_port;     /* Netlogon: where that mapper is; 0: 135 */
    bool ntlm_v1;             /* NTLM: version 1 */
    bool ntlm_weak;           /* NTLM: see mr_ntlm_options.weak */
    bool rc4_only;            /* Kerberos: see mr_krb5_options.rc4_only */
    bool no_clock_sync;       /* Kerberos: see mr_krb5_kdc_options.no_clock_sync */
    mr_workers *workers;      /* take what Kerberos does by itself: it reads ticket caches, key
                               * tables and krb5.conf, asks services of this machine, hashes;
                               * *borrowed*, must outlive it. NULL: the loop does, and waits. */
    mr_slice bindings;        /* application data of channel bindings, "tls-server-end-point:..."
                               * (RFC 5929), for every mechanism; empty: none */
} mr_logon_options;

/* Where a realm's KDCs are known from. */
enum mr_logon_source {
    MR_LOGON_SOURCE_NONE,  /* not looked for yet, or nobody knows */
    MR_LOGON_SOURCE_GIVEN,
    MR_LOGON_SOURCE_SRV,   /* _kerberos._udp and _kerberos._tcp */
    MR_LOGON_SOURCE_REALM, /* no such records: the realm's own name has addresses */
};

typedef struct mr_logon_host {
    char name[MR_LOGON_NAME];
    uint16_t port;
    bool looked_up;
    int result;                /* of looking up its addresses */
} mr_logon_host;

typedef struct mr_logon_realm {
    char name[MR_LOGON_NAME];
    enum mr_logon_source source;
    bool asked;                /* DNS was, for these: */
    enum mr_dns_outcome udp_records, tcp_records;
    mr_addr dns_server;        /* that answered, or was asked last */
    mr_logon_host hosts[MR_LOGON_HOSTS]; /* in the order of trying */
    size_t host_count;
    mr_addr kdcs[MR_LOGON_KDCS]; /* the one that answered last comes first */
    size_t kdc_count;
    bool tcp_only;             /* UDP led nowhere */
} mr_logon_realm;

/* One KDC asked once, by UDP (sent again when there is no answer) or TCP. */
typedef struct mr_logon_try {
    uint8_t realm;             /* index in the report */
    bool tcp;
    mr_addr addr;
    mr_attempt attempt;        /* what the network said; of TCP: about connecting */
    int result;                /* 0: a Kerberos message came; MR_ERR_PROTOCOL: something else;
                                * MR_ERR_TIMEOUT, MR_ERR_REFUSED, MR_ERR_CLOSED ... */
    mr_nsec elapsed;           /* until then */
    uint32_t code;             /* of a KRB-ERROR (MR_SPACE_KRB), or MR_KRB5_NO_CODE */
    int64_t server_time;       /* the KDC's clock that came with it, Unix seconds; 0: none */
    uint32_t os_error;         /* errno behind @result, 0: none */
} mr_logon_try;

enum mr_logon_stage {
    MR_LOGON_IDLE,
    MR_LOGON_FINDING,          /* KDCs */
    MR_LOGON_ASKING,           /* one */
    MR_LOGON_DONE,
    MR_LOGON_FAILED,
};

/* How far the setting up of a secure channel has come. */
enum mr_logon_channel_step {
    MR_LOGON_CHANNEL_NONE,
    MR_LOGON_CHANNEL_LOOKUP,
    MR_LOGON_CHANNEL_MAPPER,
    MR_LOGON_CHANNEL_CHALLENGE, /* NetrServerReqChallenge, and Netlogon's endpoint before it */
    MR_LOGON_CHANNEL_PROOF,     /* NetrServerAuthenticate3 */
    MR_LOGON_CHANNEL_CHECK,     /* NetrLogonGetCapabilities over the sealed channel */
};

typedef struct mr_logon_channel {
    enum mr_logon_channel_step step; /* that ended it, or the last */
    mr_addr server;            /* where that was asked */
    bool reached;              /* ... over a connection that stood */
    char computer[16];         /* the account's name without its $ */
    uint32_t status;           /* NTSTATUS that the controller refused with, 0: none */
    bool refused;              /* ... it knows the account by another password */
    bool unproven;             /* the controller does not know the password */
    bool weak;                 /* flags are not those that were wanted or agreed */
    uint32_t asked, agreed, told; /* flags (MS-NRPC 3.1.4.2): ours, the answer's, the check's */
} mr_logon_channel;

/* Everything known; filled as things happen, never reset by an error. */
typedef struct mr_logon_report {
    enum mr_logon_stage stage;
    enum mr_logon_mechanism mechanism; /* that was asked for */
    bool kerberos, ntlm, netlogon; /* what providers have, once done */
    bool refused;              /* it failed since a KDC, or a controller, judged the account itself:
                                * its secret is wrong, it is locked, has expired or may not log on.
                                * Whoever tries it again, at whatever server, counts towards a
                                * lockout. */
    bool fallback;             /* Negotiate goes without Kerberos, and not as nobody ... */
    mr_error why;              /* ... for this reason */
    mr_nsec elapsed;           /* from start to outcome */
    const char *guess;         /* what the user's realm was guessed from; NULL: he named it */
    bool guess_fits;           /* ... and his domain is its first label: LAB of LAB.TEST */
    mr_logon_realm realms[MR_LOGON_REALMS];
    size_t realm_count;
    mr_logon_try tries[MR_LOGON_TRIES]; /* the last stands for all that come after it */
    size_t try_count;
    size_t tries_made;
    bool answered;             /* some KDC has: */
    mr_addr kdc;               /* the last that did */
    bool kdc_tcp;
    mr_logon_channel channel;
    mr_krb5_kdc_info tickets;  /* strings *borrowed* until mr_logon_free, never NULL */
} mr_logon_report;

typedef struct mr_logon mr_logon;

/* A logon that has not begun. @resolver (*borrowed* until it is freed) may be NULL: its own.
 * Returns 0, MR_ERR_MEMORY, or MR_ERR_ARGUMENT when the wish cannot be granted to anybody: no
 * level, an address or a server's own account where Kerberos is wanted, a name that is too long, no
 * machine account. */
int mr_logon_new(mr_loop *loop, mr_resolver *resolver, const mr_logon_options *options,
                 mr_logon **logonp, mr_error *err);
/* Why the names of @identity can have no secure channel (MR_LOGON_NETLOGON); NULL: they may be
 * those of a machine's account in a domain. */
const char *mr_logon_why_no_machine(const mr_identity *identity);
/* No callback comes any more. The associations that use its providers must be gone. NULL is
 * allowed. */
void mr_logon_free(mr_logon *logon);

typedef void (*mr_logon_done)(void *user, mr_logon *logon, int result, const mr_error *err);

/* Begins; the outcome always comes as @done (may be NULL), which may free the logon: 0;
 * MR_ERR_AUTH: a KDC refused, see report.tickets.failure; MR_ERR_NAME: nobody knows a KDC;
 * MR_ERR_REFUSED, MR_ERR_UNREACHABLE, MR_ERR_TIMEOUT ...: no KDC answers, see report.tries;
 * MR_ERR_TIMEOUT also when all took too long; what mr_krb5_kdc_new gives, and MR_ERR_MEMORY. For
 * Netlogon: MR_ERR_AUTH, see report.channel; MR_ERR_NOT_REGISTERED: the host is no controller; what
 * mr_client_start, mr_mapper_map and mr_call_start give. Once only: else MR_ERR_STATE. */
int mr_logon_start(mr_logon *logon, mr_logon_done done, void *user, mr_error *err);
/* Start, and run the loop until the outcome. */
int mr_logon_run(mr_logon *logon, mr_error *err);

const mr_logon_report *mr_logon_get_report(const mr_logon *logon);

/* A provider for one connection, and its return; @logon is a mr_logon * that is done, else
 * MR_ERR_STATE. Of those given back the last is kept until the next make, so that it can be looked
 * at. */
int mr_logon_make(void *logon, mr_security **securityp, mr_error *err);
void mr_logon_give(void *logon, mr_security *security);
/* In its place where a worker still has @security, which then is the logon's no longer (see
 * mr_client_security.detach). */
mr_security_release mr_logon_detach(void *logon, mr_security *security);
/* Providers made from now on protect at @level: tickets and passwords are good for any. Returns 0
 * or MR_ERR_ARGUMENT. */
int mr_logon_set_level(mr_logon *logon, uint8_t level, mr_error *err);

/* A provider's parts; NULL for what it does not have. */
typedef struct mr_logon_provider {
    mr_security *security;
    mr_spnego *spnego;
    mr_krb5 *krb5;
    mr_ntlm *ntlm;
    mr_netlogon *netlogon;
} mr_logon_provider;

/* Finds the parts of @security, NULL: of the latest provider. Returns 0 or MR_ERR_NOT_FOUND. */
int mr_logon_find(const mr_logon *logon, const mr_security *security,
                  mr_logon_provider *providerp);

/*
 * Netlogon's methods that want an authenticator have it from the channel (MS-NRPC 3.1.4.5), one
 * call after the other: what is to be sent, and whether the server's answer is its own, which takes
 * the channel one step on. 0, MR_ERR_AUTH, MR_ERR_STATE where there is no channel.
 */
int mr_logon_get_authenticator(const mr_logon *logon, mr_netlogon_step *stepp, mr_error *err);
int mr_logon_check_authenticator(mr_logon *logon, const mr_netlogon_step *step,
                                 const uint8_t answer[8], mr_error *err);

#define MR_LOGON_TRY_TEXT 192
/* "10.0.0.1:88 over UDP: refused"; returns @out. */
char *mr_logon_try_text(const mr_logon_try *t, char out[MR_LOGON_TRY_TEXT]);

#endif
