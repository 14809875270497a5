/*
 * What a client of the server does, written down: the input of fuzz_server and the language of its
 * mutator. An input is one octet (bits 0 and 1: worker threads) and then records: an operation, the
 * length of what follows in two octets, little-endian, and that. With SCRIPT_NO_TURN added to the
 * operation the loop does not turn after it. Octets that are missing are zero, numbers that name a
 * thing count modulo the things there are.
 */
#ifndef SERVER_SCRIPT_H
#define SERVER_SCRIPT_H

#define SCRIPT_NO_TURN 0x80

enum script_op {
    SCRIPT_CONNECT, /* listener, who */
    SCRIPT_OCTETS,  /* pipe, octets as they are */
    /* pipe, pfc flags, call id, enum script_bind, pipe whose group, max_xmit, max_recv (two octets
     * each), then contexts: id, interface, transfer syntaxes (enum script_transfer) */
    SCRIPT_BIND,
    /* pipe, pfc flags, call id, context id, opnum, enum script_request, interface, fragment size,
     * seed, number of tweaks; tweaks of two octets: place, value (see tweak); then octets of the
     * stub when it is not made */
    SCRIPT_REQUEST,
    SCRIPT_PDU,     /* pipe, ptype, pfc flags, call id: one without a body */
    SCRIPT_TIME,    /* two octets: milliseconds; 0x8000 added: seconds */
    SCRIPT_END,     /* pipe, 0: in order, else broken */
    SCRIPT_TAKE,    /* pipe, window in two octets; 0xffff: all */
    SCRIPT_WORK,    /* 0: a job begins, 1: one that began ends; which */
    SCRIPT_ANSWER,  /* which call that waits, enum script_answer */
    SCRIPT_LIMITS,  /* each octet a limit, see set_limits */
    SCRIPT_SERVER,  /* 0 drain, 1 access of an interface, 2 close an endpoint, 3 free it; which */
    SCRIPT_CUT,     /* octets are handed over in pieces of this size; 0: whole */
    SCRIPT_SPOIL,   /* two octets: offset in the next PDU; what is exclusive-ored there */
    SCRIPT_OPS,
};

enum script_bind { SCRIPT_ALTER = 1, SCRIPT_BIG = 2, SCRIPT_JOIN = 4, SCRIPT_TRAILER = 8 };
enum script_transfer {
    SCRIPT_NDR64_FIRST = 1,
    SCRIPT_NDR20 = 2,
    SCRIPT_NDR64 = 4,
    SCRIPT_FEATURES = 8,
    SCRIPT_UNKNOWN = 16,
};
enum script_request {
    SCRIPT_MADE = 1,    /* valid parameters from the seed */
    SCRIPT_IN_NDR64 = 2,
    SCRIPT_IN_BIG = 4,
    SCRIPT_HANDLE = 8,  /* a context handle that was seen, the seed says which */
    SCRIPT_HUGE = 16,   /* promises 16 MiB */
    SCRIPT_OBJECT = 32,
    SCRIPT_OPEN = 64,   /* the last fragment is not sent */
};
enum script_answer { SCRIPT_FAULT = 1, SCRIPT_ELSEWHERE = 2 };

#endif
