/*
 * TCP_INFO of Linux as a snapshot of our own. This is the one file that includes linux/tcp.h,
 * whose structure is newer than that of the C library (bytes_acked, bytes_sent) and clashes with
 * it. An older kernel fills less; what it leaves out stays zero.
 */
#include "tcp_info.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const char *const states[] = {
    "?", "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
    "CLOSED", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "SYN-RECEIVED",
};

int mr_tcp_info_get(int fd, mr_tcp_info *infop) {
    struct tcp_info ti = {0};
    socklen_t len = sizeof ti;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len) != 0)
        return MR_ERR_NOT_FOUND;
    *infop = (mr_tcp_info){
        .at = mr_clock_now(),
        .state = states[ti.tcpi_state < MR_COUNT(states) ? ti.tcpi_state : 0],
        .retransmits = ti.tcpi_retransmits,
        .total_retrans = ti.tcpi_total_retrans,
        .unacked = ti.tcpi_unacked,
        .not_sent = ti.tcpi_notsent_bytes,
        .bytes_sent = ti.tcpi_bytes_sent,
        .bytes_retrans = ti.tcpi_bytes_retrans,
        .bytes_acked = ti.tcpi_bytes_acked,
        .bytes_received = ti.tcpi_bytes_received,
        .rtt_us = ti.tcpi_rtt,
        .rtt_var_us = ti.tcpi_rttvar,
        .snd_mss = ti.tcpi_snd_mss,
        .rcv_mss = ti.tcpi_rcv_mss,
        .pmtu = ti.tcpi_pmtu,
        .last_data_sent_ms = ti.tcpi_last_data_sent,
        .last_data_recv_ms = ti.tcpi_last_data_recv,
        .last_ack_recv_ms = ti.tcpi_last_ack_recv,
    };
    return 0;
}

void mr_tcp_set_options(int fd, unsigned tries) {
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tries > 0) {
        /* zero would mean the system's default: one retransmission is the least it can be told */
        int count = tries > 127 ? 127 : tries > 1 ? (int)tries - 1 : 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &count, sizeof count);
    }
}

bool mr_tcp_info_all_acked(const mr_tcp_info *info) {
    return info->unacked == 0 && info->not_sent == 0;
}
