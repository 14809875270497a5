/*
 * The logon's inside, shared by logon.c (what is wished, the exchange with the KDC), logon_work.c
 * (what the Kerberos library does), logon_find.c (whom to ask), logon_ask.c (asking),
 * logon_channel.c (Netlogon) and logon_make.c (providers). Nothing here runs a callback of the
 * user's but mr_logon_end, which whoever calls it does last.
 */
#ifndef MSRPC_LOGON_PRIVATE_H
#define MSRPC_LOGON_PRIVATE_H

#include <msrpc/rpc/logon.h>

#include "errand.h"

#define MR_LOGON_ARENA ((size_t)1 << 16) /* octets that a wish may be */
#define MR_LOGON_REPLY ((size_t)1 << 20) /* octets of a KDC's message */

struct mr_logon_made {
    struct mr_logon_made *next;
    mr_logon_provider is;
};

/* A question to the KDCs of one realm, and where it stands. */
struct mr_logon_ask {
    mr_slice request;       /* borrowed from the machine */
    bool tcp;               /* may not travel by UDP */
    bool by_tcp;            /* the present pass over the addresses */
    mr_logon_realm *realm;
    size_t next;            /* address of the pass */
    size_t first_try;       /* of this question, in the report */
    mr_logon_try now;
    mr_datagram datagram;
    mr_stream stream;
    mr_timer timer;         /* of TCP's answer */
    bool strange;           /* something came that is no Kerberos message */
    bool trying;            /* @now is under way */
    bool held;              /* a KDC said it was out of service: others are asked first */
    mr_buf reply;           /* of TCP with its length (RFC 4120 7.2.2) */
};

/* What the Kerberos library does, in the loop or in a worker. While it is at work everything here
 * is the worker's, and it may outlive the logon: it borrows nothing. */
struct mr_logon_work {
    struct mr_errand errand;
    bool offloaded;           /* there are workers */
    mr_logon *logon;          /* not for the worker */
    mr_arena arena;
    mr_identity identity;
    mr_krb5_kdc_options wish;
    mr_krb5_options provider; /* but for its time, entropy, tickets */
    mr_krb5_kdc *machine;
    mr_buf reply;             /* of a KDC; empty at first */
    mr_krb5_kdc_request request;
    int result;
    mr_error error;
    mr_krb5_kdc_info info;
};

struct mr_logon_texts {
    char client[256], service[256], ccache[64], realm[128], why[160], peer_realm[128];
};

struct mr_logon {
    mr_loop *loop;
    mr_resolver *resolver;
    mr_resolver own;        /* unless it was given one */
    mr_arena arena;         /* copies of the options */
    mr_logon_options options;
    const char *spn;        /* NULL: none */
    const char *realm;      /* the user's, "" */
    const char *itself;     /* says that the user's domain is the server; NULL: it is not */
    mr_nsec started, deadline;
    mr_timer timer;         /* the beginning, then the deadline */
    mr_logon_done done;
    void *user;
    struct mr_logon_work *work; /* from the beginning of Kerberos */
    struct mr_logon_texts texts; /* of the report's tickets */
    struct mr_logon_ask ask;
    mr_dns_query srv[2];    /* UDP, TCP */
    unsigned srv_open;
    mr_lookup lookup;
    bool looking_up;
    struct mr_logon_channel_work *channel; /* Netlogon's, once begun */
    struct mr_logon_made *made; /* latest first */
    struct mr_logon_made *kept; /* the last given back */
    mr_logon_report report;
};

int mr_logon_no_memory(mr_error *err);

/* Ends it with @result (0: there are tickets) and tells; the logon may be gone afterwards. */
void mr_logon_end(mr_logon *l, int result, const mr_error *err);
/* Outcome of a step: MR_KRB5_KDC_SEND, 0 or an error. */
void mr_logon_stepped(mr_logon *l, int result, const mr_error *err);
/* A KDC's reply; goes on with it. */
void mr_logon_take_reply(mr_logon *l, mr_slice reply);

/* logon_find.c: looks for the KDCs of @realm, then for the addresses of the next host that has not
 * been looked up; mr_logon_found follows, from the loop. */
void mr_logon_find_init(mr_logon *l);
void mr_logon_find_deinit(mr_logon *l);
bool mr_logon_can_find(const mr_logon *l, const mr_logon_realm *realm);
int mr_logon_find_more(mr_logon *l, mr_logon_realm *realm, mr_error *err);
/* Why nobody can be asked. */
int mr_logon_fail_found(const mr_logon *l, const mr_logon_realm *realm, mr_error *err);

/* logon_ask.c: asks; mr_logon_take_reply or mr_logon_end follow, from the loop. */
void mr_logon_ask_init(mr_logon *l);
/* Ends what is under way; the report tells of it. */
void mr_logon_ask_stop(mr_logon *l);
void mr_logon_ask_deinit(mr_logon *l);
int mr_logon_ask_start(mr_logon *l, const mr_krb5_kdc_request *request, mr_error *err);
void mr_logon_found(mr_logon *l);

/* logon_channel.c: why there can be no secure channel, or NULL. */
const char *mr_logon_channel_against(const mr_logon_options *options);
/* Sets it up; mr_logon_end follows, also at once, unless this fails. */
int mr_logon_channel_start(mr_logon *l, mr_error *err);
/* Ends what is under way; the channel's key stays until: */
void mr_logon_channel_stop(mr_logon *l);
void mr_logon_channel_free(mr_logon *l);
/* The provider of a connection. */
int mr_logon_channel_make(const mr_logon *l, mr_netlogon **netlogonp, mr_error *err);

/* logon_work.c: a step with @reply; mr_logon_stepped follows, from here or from the loop. */
int mr_logon_work_new(mr_logon *l, mr_error *err);
void mr_logon_work_step(struct mr_logon_work *w, mr_slice reply);
bool mr_logon_work_is_busy(struct mr_logon_work *w);
void mr_logon_work_free(struct mr_logon_work *w);

/* logon_make.c: @options with time and entropy of their own. */
int mr_logon_new_krb5(const mr_krb5_options *options, mr_krb5 **krb5p, mr_error *err);
void mr_logon_made_free(struct mr_logon_made *made);

#endif
