/*
 * A capture from the first packet to the last: reads, takes apart, follows flows, lets the taps
 * look, and hands their observations over in one thread in the order of packets. With several
 * workers each of them reads the whole file and keeps the flows that fall to it; what comes out is
 * the same, in the same order. Memory does not grow with the capture but for flows that are open.
 */
#ifndef MSRPC_CAPTURE_ANALYSE_H
#define MSRPC_CAPTURE_ANALYSE_H

#include <msrpc/capture/file.h>
#include <msrpc/capture/seen.h>
#include <msrpc/engine/security.h>

#define MR_ANALYSIS_WORKERS_MAX 16

/* How often each of a few codes was seen. */
#define MR_CODES_MAX 128
typedef struct mr_code_count {
    uint32_t code;
    uint64_t count;
} mr_code_count;
typedef struct mr_codes {
    mr_code_count rows[MR_CODES_MAX]; /* sorted by code once the analysis is over */
    uint32_t count;
    uint64_t others;  /* found no row */
} mr_codes;

/* How long answers took: logarithmic classes, 8 for each doubling, of microseconds. */
#define MR_TIMES_CLASSES 256
typedef struct mr_times {
    uint64_t count;
    uint32_t min_us, max_us;
    uint32_t class[MR_TIMES_CLASSES];
} mr_times;

void mr_times_add(mr_times *times, uint32_t us);
void mr_times_merge(mr_times *into, const mr_times *from);
/* The time that @permille of the answers did not exceed, within an eighth; 0 when there is none. */
uint32_t mr_times_get(const mr_times *times, uint32_t permille);

/* The calls of one method, whoever made them. */
typedef struct mr_method_calls {
    mr_uuid interface;  /* nil: its bind is not in the capture */
    uint16_t version;   /* major */
    uint16_t opnum;
    uint64_t calls;     /* requests; answers whose request was not captured too */
    uint64_t faults;
    uint64_t unanswered;
    uint64_t sent, received; /* octets of stubs */
    mr_times times;
} mr_method_calls;

#define MR_PTYPES 21 /* enum mr_ptype: request to RTS */
typedef struct mr_totals {
    uint64_t packets, octets;  /* octets on the wire */
    uint64_t captured;         /* octets of them in the capture */
    uint64_t cut;              /* packets that a snap length shortened */
    uint64_t untimed;
    mr_nsec first, last;       /* times of the first and the latest packet */
    uint64_t foreign;          /* neither IP nor ARP */
    uint64_t malformed;        /* headers cut or contradictory */
    uint64_t skipped;          /* records that the file's reader could not hand out */
    bool file_cut;             /* a file ends in the midst of a record */
    uint64_t flows, datagrams;
    uint64_t gaps, missing;    /* in streams that a tap reads; octets */
    uint64_t pdus[MR_PTYPES];  /* by type, each fragment counts */
    uint64_t pdus_other;
    uint64_t damaged;          /* PDUs and messages that break their format */
    uint64_t calls, answered, unanswered;
    mr_codes faults;           /* by status */
    mr_codes naks;             /* by reject reason */
    mr_codes rejections;       /* of presentation contexts: result << 16 | reason */
    mr_codes smb1, smb2;       /* errors by NTSTATUS (SMB1: or DOS class | code << 16) */
    mr_codes nbss;             /* negative session responses by code */
    mr_codes kerberos;         /* KRB-ERROR by code */
    uint64_t ntlm[4];          /* messages by type; 0: others */
    uint64_t tls_alerts;
    uint64_t smb_messages[2];  /* of SMB1, SMB2 */
    mr_method_calls *methods;  /* sorted by interface, version, opnum once it is over */
    size_t method_count, method_room;
    uint32_t *method_slots;    /* private */
} mr_totals;

/* A zeroed one is empty. Frees the methods. */
void mr_totals_deinit(mr_totals *totals);

/* Who has keys: observers of the security contexts that are begun in the capture (security.h).
 * All of it is called by several threads at once, unless @learn is there: then by one. */
typedef struct mr_watch {
    /* A new observer of a context of @auth_type. 0; MR_ERR_NOT_FOUND: not of this type. */
    int (*make)(void *user, uint8_t auth_type, mr_security **securityp, mr_error *err);
    /* How it stands with it: MR_SEAL_OPENED once fragments can be opened, MR_SEAL_CLOSED when no
     * key will do, MR_SEAL_UNSEEN as long as tokens are missing. *@textp is mr_seen_key.text,
     * *borrowed* until the next step. */
    enum mr_seen_seal (*describe)(void *user, mr_security *security, const char **textp);
    void (*give)(void *user, mr_security *security);
    /* The calls by which a machine makes the key of its secure channel, NetrServerReqChallenge,
     * NetrServerAuthenticate2 and NetrServerAuthenticate3 (MS-NRPC 3.4.5.2), each half whole and
     * readable; @flow and the call's id tell which belong together. NULL: nobody wants them. */
    void (*learn)(void *user, enum mr_dir dir, uint64_t flow, const mr_seen_stub *stub);
    void *user;
} mr_watch;

/* What the analysis is about to do, and how far it is; @size 0: unknown. */
typedef struct mr_analysis_place {
    uint64_t done, size;  /* octets of the files */
    uint64_t packets;
} mr_analysis_place;

typedef struct mr_analysis_config {
    const char *const *paths; /* "-": standard input */
    size_t count;
    enum mr_merge_order order; /* of several files */
    unsigned workers;         /* 0: as many as processors, at most 4; what cannot be read by
                               * several at once is read by one */
    const char *filter;       /* of packets, in libpcap's language; NULL: none */
    bool checksums;           /* verify them */
    bool stubs;               /* MR_SEEN_STUB records are wanted */
    const mr_watch *watch;    /* *borrowed*; NULL: what is encrypted stays closed */
    /* Instead of files: the next packet, as mr_capture_file_read gives it; MR_CAPTURE_WAIT hands
     * over what there is. */
    int (*read)(void *ctx, mr_packet *packetp, mr_error *err);
    /* Each observation, in one thread (the caller's), in the order of packets. Borrowed until it
     * returns. A result other than 0 ends the analysis and becomes its result. */
    int (*seen)(void *ctx, const mr_seen *seen);
    /* Now and then, in the same thread; may be NULL. The same results. */
    int (*progress)(void *ctx, const mr_analysis_place *place);
    void *ctx;
} mr_analysis_config;

/* Runs to the end. *@totalsp is filled whatever the result; mr_totals_deinit frees it. 0;
 * MR_CAPTURE_CUT when a file ends in the midst of a record (what came before counted); a result of
 * a callback; or an error of reading, after which what came before counted too. */
int mr_analysis_run(const mr_analysis_config *config, mr_totals *totalsp, mr_error *err);

#endif
