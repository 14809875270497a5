/* What the files of the SMB machine share. */
#ifndef MSRPC_ENGINE_SMB_STATE_H
#define MSRPC_ENGINE_SMB_STATE_H

#include <msrpc/base/buf.h>
#include <msrpc/engine/smb.h>

#define SMB_EVENTS 8 /* two for each command of a chain */
#define SMB_SPENT 32
#define SMB_CHAIN_MAX 4 /* AndX commands of one message */

#define STATUS_PENDING 0x00000103u
#define STATUS_BUFFER_OVERFLOW 0x80000005u
#define STATUS_MORE_PROCESSING 0xc0000016u
#define DOS_MORE_DATA 0x00ea0001u /* ERRDOS, ERRmoredata */

enum smb_phase {
    SMB_FRAME,  /* the four octets before a message */
    SMB_NAMES,  /* a session packet of RFC 1002 */
    SMB_HEAD,   /* a message, or a command of a compound */
    SMB_DATA,   /* octets of a pipe, handed on as they come */
    SMB_SKIP,   /* the rest of a command */
    SMB_SEARCH, /* for the next header */
};

typedef struct smb_lane {
    enum smb_phase phase;
    mr_buf hold;        /* octets kept from earlier feeds, from @hold_at on */
    size_t hold_at;
    uint64_t offset;    /* octets of the stream read, those in @hold too */
    uint64_t at;        /* where the message began */
    mr_nsec first;      /* when */
    uint8_t type;       /* of the frame */
    size_t frame;       /* octets of the frame not yet consumed */
    size_t command;     /* octets of the command not yet consumed */
    size_t lead;        /* octets before those of the pipe */
    size_t data;        /* octets of the pipe in this command */
    uint32_t pipe;      /* whose they are; 0: nobody's */
    uint32_t related;   /* pipe of the command before in the compound */
    uint64_t skipped;   /* by the search */
    bool began;         /* a header was seen */
    bool sealed, compressed; /* said once */
    mr_smb_event data_event; /* common part of the events of streamed data */
} smb_lane;

typedef struct smb_pending {
    uint64_t id;
    uint64_t session;
    mr_nsec time;
    uint32_t tree;
    uint32_t pipe;
    uint32_t code;
    uint16_t command;
    char *name;
} smb_pending;

typedef struct smb_tree {
    uint64_t session;
    uint32_t id;
    bool pipes; /* IPC$ */
} smb_tree;

enum smb_sure {
    SMB_UNSURE, /* the first octets tell */
    SMB_PIPE,
    SMB_FILE,
};

typedef struct smb_pipe {
    mr_smb2_fid fid;
    uint32_t key;
    enum smb_sure sure;
    bool damaged[2];
    char *name;
} smb_pipe;

typedef struct mr_smb_state {
    mr_smb_config config;
    mr_nsec now;
    int error;
    uint16_t dialect;
    smb_lane lane[2];
    smb_pending *pending;
    size_t pending_count, pending_size;
    smb_tree *trees;
    size_t tree_count, tree_size;
    smb_pipe *pipes;
    size_t pipe_count, pipe_size;
    uint32_t last_key;
    mr_smb_event events[SMB_EVENTS];
    size_t event_first, event_count;
    char *spent[SMB_SPENT]; /* names that waiting events may point to */
    size_t spent_count;
    char caller[20], called[20];
    mr_error note; /* of a waiting DAMAGED */
} mr_smb_state;

/* ---- smb.c ---- */
/* An event of the message that @dir is at; the caller fills the rest and pushes it. */
mr_smb_event mr_smb_add_event(const mr_smb_state *s, enum mr_smb_event_kind kind, enum mr_dir dir);
void mr_smb_push(mr_smb_state *s, const mr_smb_event *event);
void mr_smb_damaged(mr_smb_state *s, const mr_smb_event *at, const mr_error *err);
/* Hands on octets of a pipe; a doubtful one is judged by them. */
void mr_smb_push_data(mr_smb_state *s, const mr_smb_event *at, uint32_t key, mr_slice bytes);

/* ---- smb_track.c ---- */
char *mr_smb_name(mr_smb_state *s, mr_slice text, bool unicode);
void mr_smb_spend(mr_smb_state *s, char *name);
void mr_smb_free_spent(mr_smb_state *s);
smb_pending *mr_smb_pending_add(mr_smb_state *s, uint64_t id, uint16_t command);
/* @command 0xffff: any. NULL when it was not seen. */
smb_pending *mr_smb_pending_find(mr_smb_state *s, uint64_t id, uint16_t command);
/* Its name lives on until the next feed. */
void mr_smb_pending_drop(mr_smb_state *s, smb_pending *p);
void mr_smb_tree_set(mr_smb_state *s, uint64_t session, uint32_t id, bool pipes);
const smb_tree *mr_smb_tree_find(const mr_smb_state *s, uint64_t session, uint32_t id);
void mr_smb_tree_drop(mr_smb_state *s, uint64_t session, uint32_t id);
smb_pipe *mr_smb_pipe_find(mr_smb_state *s, uint32_t key);
/* Opens @fid under @key (0: a new one); takes @name. NULL: it is not followed. */
smb_pipe *mr_smb_pipe_add(mr_smb_state *s, mr_smb2_fid fid, uint32_t key, enum smb_sure sure,
                          char *name);
/* The key of @fid; one that was never seen opened is followed too, unless it is a file's. */
uint32_t mr_smb_pipe_key(mr_smb_state *s, mr_smb2_fid fid, uint64_t session, uint32_t tree);
void mr_smb_pipe_drop(mr_smb_state *s, smb_pipe *pipe);
/* "svcctl" of "\PIPE\svcctl". */
const char *mr_smb_pipe_name(const char *name);

/* ---- smb_v2.c, smb_v1.c ----
 * How many octets of the command, of @len in all, have to be seen together; 0: @head is too short
 * to tell and MR_SMB2_HEADER octets are needed (of SMB1, the words). Then what they say. */
size_t mr_smb2_want(mr_slice head, size_t len);
void mr_smb2_handle(mr_smb_state *s, enum mr_dir dir, mr_slice head);
size_t mr_smb1_want(mr_slice head, size_t len);
void mr_smb1_handle(mr_smb_state *s, enum mr_dir dir, mr_slice head);

#endif
