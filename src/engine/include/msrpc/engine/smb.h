/*
 * One SMB connection (MS-SMB2, MS-CIFS; on port 139 in sessions of RFC 1002), without I/O. As a tap
 * it follows both directions: negotiation, sessions, shares, and named pipes, whose octets it
 * hands on in order, so that an association (engine/assoc.h) per pipe can read them. Files are
 * stepped over without being kept. The loop around it:
 *
 *   bytes came:  do {
 *                    rc = mr_smb_feed(s, dir, bytes, now, &used, &err), bytes go on behind used
 *                    while mr_smb_pull_event(s, &event): handle it
 *                } while rc == MR_SMB_DRAIN
 *
 * Everything an event points to is *borrowed*: from the octets fed or from the machine, until the
 * next feed on it. Damage and gaps are events, not errors; the one error is MR_ERR_MEMORY, sticky.
 * Signatures are not checked; sealed messages are noted and stepped over.
 *
 * Memory: the head of one message per direction, at most MR_SMB_HOLD_MAX octets of one that has to
 * be seen whole, and small records of what is open: at most MR_SMB_PENDING_MAX requests without an
 * answer (the oldest is forgotten), MR_SMB_PIPES_MAX pipes and MR_SMB_TREES_MAX shares.
 */
#ifndef MSRPC_ENGINE_SMB_H
#define MSRPC_ENGINE_SMB_H

#include <msrpc/base/time.h>
#include <msrpc/engine/security.h>
#include <msrpc/wire/smb1.h>
#include <msrpc/wire/smb2.h>

#define MR_SMB_HOLD_MAX 66000 /* octets */
#define MR_SMB_PENDING_MAX 512
#define MR_SMB_PIPES_MAX 1024
#define MR_SMB_TREES_MAX 256

#define MR_SMB_DRAIN 1 /* of feed: pull the events, then feed what is left, be it nothing */

enum mr_smb_event_kind {
    MR_SMB_EVENT_NBSS_REQUEST,  /* port 139: @name is the called name, @u.caller who calls */
    MR_SMB_EVENT_NBSS_POSITIVE,
    MR_SMB_EVENT_NBSS_NEGATIVE, /* @code is RFC 1002 4.3.4's */
    MR_SMB_EVENT_NEGOTIATE,     /* what the client offers */
    MR_SMB_EVENT_NEGOTIATED,
    MR_SMB_EVENT_SESSION,       /* a step of SESSION_SETUP, either way, with its token */
    MR_SMB_EVENT_LOGOFF,        /* answered */
    MR_SMB_EVENT_TREE,          /* TREE_CONNECT answered: @name is the path */
    MR_SMB_EVENT_OPEN,          /* a pipe's CREATE answered: @name is the pipe, "svcctl" */
    MR_SMB_EVENT_DATA,          /* octets in a pipe; @dir is theirs */
    MR_SMB_EVENT_CLOSED,        /* a pipe's CLOSE answered */
    MR_SMB_EVENT_ERROR,         /* any other command failed; @name is the share or file it meant */
    MR_SMB_EVENT_ENCRYPTED,     /* the first sealed message of a direction */
    MR_SMB_EVENT_COMPRESSED,    /* the first compressed message of a direction */
    MR_SMB_EVENT_DAMAGED,       /* a message breaks its form; @u.error */
    MR_SMB_EVENT_RESYNC,        /* @u.skipped octets were passed over until a header came */
};

typedef struct mr_smb_offer {
    uint16_t dialects[MR_SMB2_DIALECTS_MAX]; /* enum mr_smb_dialect; 0x02ff "SMB 2.???" */
    uint16_t count;
    uint16_t security;    /* MR_SMB_SIGNING_*; 0 in SMB1 */
    mr_uuid guid;
} mr_smb_offer;

typedef struct mr_smb_session {
    mr_slice token;       /* security blob: see wire/spnego.h, wire/ntlmssp.h */
    uint16_t flags;       /* of the answer: MR_SMB2_SESSION_GUEST ... */
    uint64_t previous;    /* of the request: the session it replaces */
    mr_slice user, domain; /* SMB1 without a blob: UTF-16 or octets, see @unicode */
    bool unicode;
} mr_smb_session;

typedef struct mr_smb_data {
    mr_slice bytes;
    bool damaged;         /* octets before these may be missing */
} mr_smb_data;

typedef struct mr_smb_event {
    enum mr_smb_event_kind kind;
    enum mr_dir dir;
    mr_nsec time;         /* when the first octet of the message came */
    uint64_t offset;      /* of the message in the stream of its direction */
    bool smb1;
    bool is_signed;
    bool answers;         /* the request was seen: @latency holds */
    bool dos_status;      /* @status is DOS's: class | code << 16 */
    bool late;            /* OPEN: not seen when it happened, told by what the pipe carries */
    uint16_t command;     /* enum mr_smb2_command, or of SMB1 enum mr_smb1_code */
    uint32_t status;      /* NTSTATUS of an answer */
    uint32_t code;        /* ERROR: FSCTL of an IOCTL; NBSS_NEGATIVE: the reason */
    uint32_t tree;
    uint32_t pipe;        /* a number of ours, never used twice; 0: none */
    uint64_t session;
    uint64_t message;     /* message id; of SMB1 pid << 16 | mid */
    mr_nsec latency;      /* from the request's first octet to the answer's */
    mr_smb2_fid fid;      /* OPEN and CLOSED; SMB1 has it in @persistent */
    const char *name;     /* UTF-8, never NULL */
    union {
        mr_smb_offer offer;
        mr_smb_negotiated negotiated;
        mr_smb_session session;
        mr_smb2_tree tree;    /* of SMB1 only the type is known */
        mr_smb_data data;
        const mr_error *error;
        const char *caller;
        uint64_t skipped;
    } u;
} mr_smb_event;

typedef struct mr_smb_config {
    bool midstream;       /* the capture may begin inside the connection */
} mr_smb_config;

/* Its fields are the machine's own; it stays where it was initialised. */
typedef struct mr_smb {
    struct mr_smb_state *state;
} mr_smb;

/* Starts a tap. @config is copied. 0 or MR_ERR_MEMORY. */
int mr_smb_init(mr_smb *smb, const mr_smb_config *config, mr_error *err);
/* Frees everything. A zeroed one may be deinitialised. */
void mr_smb_deinit(mr_smb *smb);

/* Reads octets that travelled @dir at @now; *@usedp of them were read. 0: all; MR_SMB_DRAIN. */
int mr_smb_feed(mr_smb *smb, enum mr_dir dir, mr_slice bytes, mr_nsec now, size_t *usedp,
                mr_error *err);
/* @missing octets of @dir are not in the capture (0: unknown how many). They are stepped over when
 * they lie in a message whose length is known, else the next header is searched. Pipes say
 * `damaged` with their next octets. 0, MR_SMB_DRAIN (pull, repeat) or the sticky error. */
int mr_smb_feed_gap(mr_smb *smb, enum mr_dir dir, uint64_t missing, mr_error *err);
/* The next event; false when none waits. */
bool mr_smb_pull_event(mr_smb *smb, mr_smb_event *eventp);

typedef struct mr_smb_info {
    uint16_t dialect;     /* agreed; 0 when not seen */
    uint32_t pending;     /* requests without an answer */
    mr_nsec oldest;       /* when the oldest of them was sent; MR_NSEC_NEVER */
    uint16_t oldest_command;
    uint32_t pipes;       /* open */
    bool encrypted;
} mr_smb_info;
void mr_smb_get_info(const mr_smb *smb, mr_smb_info *infop);

#endif
