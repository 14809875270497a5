/*
 * SMB1 messages (MS-CIFS 2.2, MS-SMB 2.2), decoded as far as somebody who follows sessions, shares
 * and pipes needs it. A *message* begins with its 32 octets of header; the frame of the transport
 * is not part of it. Several commands may stand in one message (AndX): mr_smb1_read_command walks
 * them, forwards only. Slices *borrow*; texts are UTF-16 in little-endian octets when the header
 * says Unicode, else octets of an unknown code page. Errors are MR_ERR_TRUNCATED and
 * MR_ERR_MALFORMED.
 */
#ifndef MSRPC_WIRE_SMB1_H
#define MSRPC_WIRE_SMB1_H

#include <msrpc/wire/smb_negotiate.h>

#define MR_SMB1_HEADER 32

enum mr_smb1_code { /* MS-CIFS 2.2.2.1 */
    MR_SMB1_CLOSE = 0x04,
    MR_SMB1_TRANSACTION = 0x25,
    MR_SMB1_TRANSACTION_SECONDARY = 0x26,
    MR_SMB1_ECHO = 0x2b,
    MR_SMB1_OPEN_ANDX = 0x2d,
    MR_SMB1_READ_ANDX = 0x2e,
    MR_SMB1_WRITE_ANDX = 0x2f,
    MR_SMB1_TRANSACTION2 = 0x32,
    MR_SMB1_TREE_DISCONNECT = 0x71,
    MR_SMB1_NEGOTIATE = 0x72,
    MR_SMB1_SESSION_SETUP_ANDX = 0x73,
    MR_SMB1_LOGOFF_ANDX = 0x74,
    MR_SMB1_TREE_CONNECT_ANDX = 0x75,
    MR_SMB1_NT_TRANSACT = 0xa0,
    MR_SMB1_NT_CREATE_ANDX = 0xa2,
    MR_SMB1_NO_ANDX = 0xff,
};

#define MR_SMB1_FLAGS2_SIGNED 0x0004
#define MR_SMB1_FLAGS2_EXTENDED 0x0800
#define MR_SMB1_FLAGS2_NT_STATUS 0x4000
#define MR_SMB1_FLAGS2_UNICODE 0x8000

typedef struct mr_smb1_header {
    uint8_t command;       /* the first one */
    bool response;
    bool unicode;
    bool nt_status;        /* @status is an NTSTATUS; else class | code << 16 of DOS */
    uint32_t status;
    uint16_t flags2;
    uint32_t pid;
    uint16_t tid, uid, mid;
} mr_smb1_header;

int mr_smb1_header_decode(mr_slice message, mr_smb1_header *headerp, mr_error *err);
/* "NT_CREATE_ANDX"; "UNKNOWN" for a number without a name. */
const char *mr_smb1_command_name(uint8_t command);

/* One command of a message. */
typedef struct mr_smb1_command {
    uint8_t command;
    mr_cursor words;  /* the parameters, without AndX's two words */
    uint8_t count;    /* all of them: tells one form of a reply from another */
    mr_cursor bytes;  /* the data; offsets count from the header */
} mr_smb1_command;

/* A walk over the commands of a message. */
typedef struct mr_smb1_chain {
    mr_slice message;
    uint8_t next;     /* MR_SMB1_NO_ANDX at the end */
    size_t at;
} mr_smb1_chain;

void mr_smb1_chain_init(mr_smb1_chain *chain, mr_slice message);
/* The next command: 0; 1 at the end; an error when it does not fit, or AndX points backwards. */
int mr_smb1_read_command(mr_smb1_chain *chain, mr_smb1_command *commandp, mr_error *err);

/* The string at @bytes, up to its end: UTF-16 aligned to the header, or octets. */
mr_slice mr_smb1_read_text(mr_cursor *bytes, bool unicode);

/* The next dialect that a NEGOTIATE offers ("NT LM 0.12"), or false at the end. */
bool mr_smb1_read_dialect(mr_cursor *bytes, mr_slice *dialectp);

typedef struct mr_smb1_session { /* MS-CIFS 2.2.4.53, MS-SMB 2.2.4.6 */
    bool extended;       /* @token is a security blob; else the rest is filled */
    mr_slice token;
    uint16_t lm_len, nt_len;
    mr_slice user, domain;
    mr_slice os;         /* "Windows 2000 2195"; of a response too */
    bool guest;          /* of a response */
} mr_smb1_session;
int mr_smb1_session_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                           mr_smb1_session *sessionp, mr_error *err);

typedef struct mr_smb1_tree { /* MS-CIFS 2.2.4.55 */
    mr_slice path;       /* of a request: "\\server\IPC$" */
    mr_slice service;    /* octets: "IPC", "A:", "?????" */
} mr_smb1_tree;
int mr_smb1_tree_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                        mr_smb1_tree *treep, mr_error *err);

typedef struct mr_smb1_open { /* NT_CREATE_ANDX and OPEN_ANDX, MS-CIFS 2.2.4.64, 2.2.4.41 */
    mr_slice name;       /* of a request */
    uint32_t access;
    uint16_t fid;        /* of a response */
    uint16_t type;       /* of a response: 0 disk, 1 and 2 pipe */
} mr_smb1_open;
int mr_smb1_open_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                        mr_smb1_open *openp, mr_error *err);

/* CLOSE, READ_ANDX and WRITE_ANDX: which file, and where the octets stand from the start of the
 * message; they need not be in the slice that was decoded. */
typedef struct mr_smb1_io {
    uint16_t fid;        /* of a request */
    uint32_t length;     /* octets asked for by a READ, written when a WRITE answers */
    uint32_t data_at, data_len;
} mr_smb1_io;
int mr_smb1_io_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                      mr_smb1_io *iop, mr_error *err);

#define MR_SMB1_TRANSACT_NM_PIPE 0x26 /* MS-CIFS 2.2.5.6 */

typedef struct mr_smb1_trans { /* TRANSACTION and its secondary, MS-CIFS 2.2.4.33, 2.2.4.34 */
    uint16_t function;   /* of a first request with setup words: MR_SMB1_TRANSACT_NM_PIPE ... */
    uint16_t fid;
    bool has_function;
    mr_slice name;       /* of a first request: "\PIPE\" */
    uint16_t total;      /* octets of data in all messages together */
    uint16_t displacement;
    mr_slice data;       /* of this message */
} mr_smb1_trans;
int mr_smb1_trans_decode(const mr_smb1_header *header, const mr_smb1_command *command,
                         mr_slice message, mr_smb1_trans *transp, mr_error *err);

#endif
