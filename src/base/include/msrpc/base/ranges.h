/*
 * Ranges of TCP and UDP ports, as Windows writes them down: the entries of Rpc\Internet\Ports
 * (KB154596), from which RPC servers take their dynamic ports, and the start and number of netsh
 * dynamicport (KB929851). The command that checks a range and the server that uses one read them
 * here.
 */
#ifndef MSRPC_BASE_RANGES_H
#define MSRPC_BASE_RANGES_H

#include <msrpc/base/result.h>
#include <msrpc/base/slice.h>

typedef struct mr_port_range {
    uint16_t first, last; /* inclusive */
} mr_port_range;

/* What is wrong with an entry. One bad entry voids the whole value for Windows. */
enum mr_range_fault {
    MR_RANGE_GOOD,
    MR_RANGE_EMPTY,     /* nothing stands there */
    MR_RANGE_NO_NUMBER, /* neither a decimal number nor two with a dash between */
    MR_RANGE_ZERO,      /* port 0 is no port */
    MR_RANGE_TOO_LARGE, /* above 65535 */
    MR_RANGE_BACKWARDS, /* ends before it begins */
};

/* Reads one entry, "5984" or "5000-5100": decimal digits and one dash, no blanks and no sign.
 * MR_RANGE_GOOD, or what is wrong; @rangep stays untouched then. */
enum mr_range_fault mr_range_decode(mr_slice entry, mr_port_range *rangep);
/* "it ends before it begins", ... */
const char *mr_range_fault_text(enum mr_range_fault fault);

/* An entry that cannot be read. */
typedef struct mr_range_bad {
    enum mr_range_fault fault;
    size_t number;  /* of the entry, from 1 */
    size_t offset;  /* octets before it */
    mr_slice entry; /* borrowed from the text */
} mr_range_bad;

#define MR_RANGES_MAX 256
#define MR_RANGES_BAD_MAX 16

/* In the order in which they were written; they may overlap. */
typedef struct mr_ranges {
    mr_port_range items[MR_RANGES_MAX];
    size_t count;
    mr_range_bad bad[MR_RANGES_BAD_MAX]; /* the first of them */
    size_t bad_count;                    /* of those in @bad */
} mr_ranges;

/* Reads a list of entries with commas, semicolons, line ends, NULs or, as reg.exe writes them, "\0"
 * between; blanks around an entry are nothing. Reads on behind a bad entry. 0; MR_ERR_SYNTAX when
 * any is bad, with @rangesp filled; MR_ERR_LIMIT beyond MR_RANGES_MAX. */
int mr_ranges_decode(mr_slice text, mr_ranges *rangesp);

/* Distinct ports, 0 to 65536. */
uint32_t mr_ranges_count(const mr_ranges *ranges);
bool mr_ranges_find(const mr_ranges *ranges, uint16_t port);
/* The widest of them; the first of equals. {0, 0} when there is none. */
mr_port_range mr_ranges_get_widest(const mr_ranges *ranges);
static inline uint32_t mr_range_count(mr_port_range range) {
    return (uint32_t)range.last - range.first + 1;
}

/*
 * Where an RPC server takes its dynamic ports from (KB154596). Without the settings of Rpc\Internet
 * that is the dynamic range of the system's era. With them ports fall into two sets:
 * PortsInternetAvailable says whether the ports listed are the Internet-available ones (Y) or all
 * but them (N); UseInternetPorts whether a process that asks for nothing takes Internet-available
 * ports (Y) or the others (N). "All but them" are those of the dynamic range.
 */

enum mr_port_era {
    MR_PORT_ERA_2008, /* Windows Vista, Server 2008 and later: 49152-65535 */
    MR_PORT_ERA_2003, /* before: 1024-5000 */
};

mr_port_range mr_port_era_range(enum mr_port_era era);
/* Below are the ports of known services, which no Windows hands out and only root may open. */
#define MR_PORT_DYNAMIC_MIN 1024
/* Whether it lies in what an era hands out to who names no port. */
bool mr_port_is_of_era(uint16_t port, enum mr_port_era era);

/* A REG_SZ of Y or N. */
enum mr_port_flag { MR_PORT_UNSET, MR_PORT_NO, MR_PORT_YES };
/* "Y" or "N" in either case; MR_ERR_SYNTAX for anything else. */
int mr_port_flag_decode(mr_slice text, enum mr_port_flag *flagp);

/* What a process asks for (the EndpointFlags of RPC_POLICY). */
enum mr_port_use { MR_PORT_USE_DEFAULT, MR_PORT_USE_INTERNET, MR_PORT_USE_INTRANET };

typedef struct mr_port_rules {
    mr_port_range dynamic;           /* of the system, mr_port_era_range() */
    mr_ranges ports;                 /* Ports */
    enum mr_port_flag available;     /* PortsInternetAvailable */
    enum mr_port_flag use;           /* UseInternetPorts */
} mr_port_rules;

/* The ports to try for a process, in order, into @poolp. 0; MR_ERR_SYNTAX when
 * Ports has a bad entry, MR_ERR_ARGUMENT when only some of the three settings are there or no port
 * is left (on Windows such a server does not start: ERROR_INVALID_PARAMETER, 87); MR_ERR_LIMIT. */
int mr_port_pool(const mr_port_rules *rules, enum mr_port_use use, mr_ranges *poolp,
                 mr_error *err);

/* ---- netsh int ipv4|ipv6 set dynamicport tcp|udp start= num= ---- */

#define MR_NETSH_START_MIN 1025 /* lowest start that netsh takes */
#define MR_NETSH_NUM_MIN 255    /* fewest ports */
#define MR_NETSH_START_DEFAULT 49152 /* Windows Vista, Server 2008 and later */
#define MR_NETSH_NUM_DEFAULT 16384

/* What netsh can be told that comes nearest to @range: from 1025 on, 255 ports or more. */
void mr_netsh_encode(mr_port_range range, uint32_t *startp, uint32_t *nump);

/* Reads start= and num= out of @text: a whole command line, or only the two. Any other word is
 * passed over; bare numbers are start and num in this order. 0, or MR_ERR_SYNTAX when one is
 * missing, is said twice or is no number below 2^32, with the octet in @err. */
int mr_netsh_decode(mr_slice text, uint32_t *startp, uint32_t *nump, mr_error *err);

#endif
