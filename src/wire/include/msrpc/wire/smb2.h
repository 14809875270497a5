/*
 * SMB2 and SMB3 messages (MS-SMB2 2.2), decoded as far as somebody who follows sessions, shares and
 * pipes needs it. A *message* is one command: from its 64 octets of header to the next command of a
 * compound or to the end; the frame of the transport is not part of it. Offsets inside are held
 * against the message. Slices *borrow* from it; texts are UTF-16 in little-endian octets
 * (mr_utf16le_decode). Errors are MR_ERR_TRUNCATED and MR_ERR_MALFORMED.
 */
#ifndef MSRPC_WIRE_SMB2_H
#define MSRPC_WIRE_SMB2_H

#include <msrpc/wire/smb_negotiate.h>

#define MR_SMB2_HEADER 64

enum mr_smb2_command { /* MS-SMB2 2.2.1 */
    MR_SMB2_NEGOTIATE = 0,
    MR_SMB2_SESSION_SETUP = 1,
    MR_SMB2_LOGOFF = 2,
    MR_SMB2_TREE_CONNECT = 3,
    MR_SMB2_TREE_DISCONNECT = 4,
    MR_SMB2_CREATE = 5,
    MR_SMB2_CLOSE = 6,
    MR_SMB2_FLUSH = 7,
    MR_SMB2_READ = 8,
    MR_SMB2_WRITE = 9,
    MR_SMB2_LOCK = 10,
    MR_SMB2_IOCTL = 11,
    MR_SMB2_CANCEL = 12,
    MR_SMB2_ECHO = 13,
    MR_SMB2_QUERY_DIRECTORY = 14,
    MR_SMB2_CHANGE_NOTIFY = 15,
    MR_SMB2_QUERY_INFO = 16,
    MR_SMB2_SET_INFO = 17,
    MR_SMB2_OPLOCK_BREAK = 18,
    MR_SMB2_NOTIFICATION = 19, /* server to client */
};

enum mr_smb2_flag {
    MR_SMB2_RESPONSE = 0x00000001,
    MR_SMB2_ASYNC = 0x00000002,
    MR_SMB2_RELATED = 0x00000004, /* to the command before it in the compound */
    MR_SMB2_SIGNED = 0x00000008,
    MR_SMB2_DFS = 0x10000000,
    MR_SMB2_REPLAY = 0x20000000,
};

/* What a frame carries, by its first four octets. */
enum mr_smb_magic {
    MR_SMB_MAGIC_NONE,
    MR_SMB_MAGIC_SMB1,       /* ff SMB */
    MR_SMB_MAGIC_SMB2,       /* fe SMB */
    MR_SMB_MAGIC_TRANSFORM,  /* fd SMB: encrypted */
    MR_SMB_MAGIC_COMPRESSED, /* fc SMB */
};
enum mr_smb_magic mr_smb_get_magic(mr_slice message);

typedef struct mr_smb2_header {
    uint16_t command;       /* enum mr_smb2_command, or another number */
    uint16_t credit_charge;
    uint16_t credits;       /* asked for, or granted */
    uint32_t status;        /* NTSTATUS of a response; of a request the channel's sequence */
    uint32_t flags;         /* enum mr_smb2_flag */
    uint32_t next;          /* octets to the next command of the compound; 0: the last */
    uint64_t message_id;
    uint64_t async_id;      /* with MR_SMB2_ASYNC, and then there is no tree */
    uint32_t tree_id;
    uint64_t session_id;
    mr_slice signature;     /* 16 octets */
} mr_smb2_header;

int mr_smb2_header_decode(mr_slice message, mr_smb2_header *headerp, mr_error *err);
/* "CREATE"; "UNKNOWN" for a number without a name. */
const char *mr_smb2_command_name(uint16_t command);

/* MS-SMB2 2.2.41: what is inside is sealed. */
typedef struct mr_smb2_transform {
    uint64_t session_id;
    uint32_t size;      /* octets of the message inside */
    uint16_t flags;     /* 3.1.1: 1 encrypted; before: the algorithm */
} mr_smb2_transform;
int mr_smb2_transform_decode(mr_slice frame, mr_smb2_transform *transformp, mr_error *err);

/* ---- opening a connection and a session ---- */

#define MR_SMB2_DIALECTS_MAX 16

typedef struct mr_smb2_negotiate { /* 2.2.3 */
    uint16_t dialects[MR_SMB2_DIALECTS_MAX]; /* the first ones */
    uint16_t dialect_count;                  /* as many as @dialects has at most */
    uint16_t security;                       /* MR_SMB_SIGNING_* */
    uint32_t capabilities;
    mr_uuid guid;                            /* of the client */
    mr_slice server_name;                    /* 3.1.1: whom it means to reach; UTF-16 */
} mr_smb2_negotiate;
int mr_smb2_negotiate_decode(mr_slice message, mr_smb2_negotiate *negotiatep, mr_error *err);
/* The answer (2.2.4) is decoded by mr_smb2_negotiated_decode of smb_negotiate.h. */

#define MR_SMB2_SESSION_BINDING 1 /* flag of a request: another channel of a session */
#define MR_SMB2_SESSION_GUEST 1   /* flags of a response, 2.2.6 */
#define MR_SMB2_SESSION_NULL 2
#define MR_SMB2_SESSION_ENCRYPT 4

typedef struct mr_smb2_session { /* 2.2.5, 2.2.6 */
    uint16_t flags;
    uint8_t security;     /* request: MR_SMB_SIGNING_* */
    uint64_t previous;    /* request: the session that this one replaces, or 0 */
    mr_slice token;
} mr_smb2_session;
int mr_smb2_session_decode(mr_slice message, mr_smb2_session *sessionp, mr_error *err);
int mr_smb2_session_reply_decode(mr_slice message, mr_smb2_session *sessionp, mr_error *err);

int mr_smb2_tree_decode(mr_slice message, mr_slice *pathp, mr_error *err); /* 2.2.9 */

#define MR_SMB_SHARE_DISK 1
#define MR_SMB_SHARE_PIPE 2
#define MR_SMB_SHARE_PRINT 3

typedef struct mr_smb2_tree { /* 2.2.10 */
    uint8_t type;         /* MR_SMB_SHARE_* */
    uint32_t flags;
    uint32_t capabilities;
    uint32_t access;
} mr_smb2_tree;
int mr_smb2_tree_reply_decode(mr_slice message, mr_smb2_tree *treep, mr_error *err);

/* ---- files and pipes ---- */

typedef struct mr_smb2_fid { /* 2.2.14.1 */
    uint64_t persistent, volatil;
} mr_smb2_fid;
/* All ones in a related command: the file of the command before it. */
static inline bool mr_smb2_fid_is_related(mr_smb2_fid fid) {
    return fid.persistent == UINT64_MAX && fid.volatil == UINT64_MAX;
}

typedef struct mr_smb2_create { /* 2.2.13 */
    mr_slice name;        /* UTF-16, without the share */
    uint32_t access;
    uint32_t disposition; /* 1 open, 2 create, ... */
    uint32_t options;
    uint32_t impersonation;
} mr_smb2_create;
int mr_smb2_create_decode(mr_slice message, mr_smb2_create *createp, mr_error *err);

typedef struct mr_smb2_created { /* 2.2.14 */
    mr_smb2_fid fid;
    uint32_t action;
    uint32_t attributes;
    uint64_t size;
} mr_smb2_created;
int mr_smb2_created_decode(mr_slice message, mr_smb2_created *createdp, mr_error *err);

int mr_smb2_close_decode(mr_slice message, mr_smb2_fid *fidp, mr_error *err); /* 2.2.15 */

#define MR_FSCTL_PIPE_TRANSCEIVE 0x0011c017
#define MR_FSCTL_PIPE_WAIT 0x00110018
#define MR_FSCTL_PIPE_PEEK 0x0011400c
#define MR_FSCTL_DFS_GET_REFERRALS 0x00060194
#define MR_FSCTL_VALIDATE_NEGOTIATE_INFO 0x00140204

/* READ, WRITE and IOCTL: the octets they carry stand @data_at from the start of the message; they
 * need not be in the slice that was decoded, only the first MR_SMB2_IO octets. A length without
 * room before @data_at is malformed. */
#define MR_SMB2_IO (MR_SMB2_HEADER + 56)

typedef struct mr_smb2_io { /* 2.2.19 to 2.2.22, 2.2.31, 2.2.32 */
    mr_smb2_fid fid;   /* not in the answers to READ and WRITE */
    uint64_t offset;   /* in the file, of requests to READ and WRITE */
    uint32_t length;   /* octets asked for by a READ, written when a WRITE answers */
    uint32_t code;     /* of an IOCTL: MR_FSCTL_* or another number */
    uint32_t data_at, data_len;
} mr_smb2_io;
/* @command is READ, WRITE or IOCTL of @message's own header; whether it asks or answers too. */
int mr_smb2_io_decode(mr_slice message, mr_smb2_io *iop, mr_error *err);
/* Octets of the header and the fixed part: at most MR_SMB2_IO. */
size_t mr_smb2_io_size(uint16_t command, bool response);

#endif
