/* Traffic for the bench, over the kernel's sockets: compiled and batched, so that it is never the bottleneck.
 *
 * usage: generator MODE ADDRESS PORT SECONDS [CONNECTIONS]
 *
 *   bulk_receive  sends as much as the server takes, until the server has read it all and closed
 *   bulk_send     reads as much as the server sends
 *   rr            CONNECTIONS connections, each one octet out and one back, again and again
 *   crr           CONNECTIONS at once: connect, one octet out, one back, close
 *   udp_rr        CONNECTIONS datagrams outstanding on one socket, each answered by its like
 *
 * Prints one line of JSON: {"count": octets or transactions, "seconds": ..., "rate": per second, "lost": ...}.
 * Ends by itself in SECONDS plus a few, whatever the server does: a stall is an error, not a wait.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1 << 20)
#define GRACE 10.0
#define RESEND_AFTER 0.2

static struct sockaddr_in server;
static double seconds;
static int connections = 1;

static void die(const char *what) {
    fprintf(stderr, "generator: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void report(double count, double elapsed, long lost) {
    printf("{\"count\": %.0f, \"seconds\": %.6f, \"rate\": %.1f, \"lost\": %ld}\n", count, elapsed, count / elapsed, lost);
}

static int connected(void) {
    struct timeval limit = {(long)(seconds + GRACE), 0};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static void bulk_receive(void) {
    static char chunk[CHUNK];
    int fd = connected();
    double count = 0, start = now();
    while (now() - start < seconds) {
        ssize_t n = send(fd, chunk, sizeof chunk, MSG_NOSIGNAL);
        if (n < 0) die("send");
        count += (double)n;
    }
    shutdown(fd, SHUT_WR);
    if (recv(fd, chunk, 1, 0) != 0) die("waiting for the server to close");
    report(count, now() - start, 0);
}

static void bulk_send(void) {
    static char chunk[CHUNK];
    int fd = connected();
    double count = 0, start = now();
    while (now() - start < seconds) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n <= 0) die("recv");
        count += (double)n;
    }
    report(count, now() - start, 0);
}

static void rr_one(void) {
    char octet = 'x';
    int fd = connected();
    double count = 0, start = now();
    while (now() - start < seconds) {
        if (send(fd, &octet, 1, MSG_NOSIGNAL) != 1) die("send");
        if (recv(fd, &octet, 1, 0) != 1) die("recv");
        count += 1;
    }
    report(count, now() - start, 0);
}

static int next_events(int epoll, struct epoll_event *events, int room, double start) {
    int n = epoll_wait(epoll, events, room, 1000);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    if (n == 0 && now() - start > seconds + GRACE) {
        errno = ETIMEDOUT;
        die("the server stopped answering");
    }
    return n;
}

static void rr_many(void) {
    struct epoll_event events[256];
    int epoll = epoll_create1(0);
    double count = 0, start;
    char octet = 'x';
    int *fds = calloc((size_t)connections, sizeof *fds);
    for (int i = 0; i < connections; i++) {
        struct epoll_event want = {.events = EPOLLIN, .data.fd = fds[i] = connected()};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &want) < 0) die("epoll_ctl");
    }
    start = now();
    for (int i = 0; i < connections; i++)
        if (send(fds[i], &octet, 1, MSG_NOSIGNAL) != 1) die("send");
    while (now() - start < seconds) {
        int n = next_events(epoll, events, 256, start);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (recv(fd, &octet, 1, 0) != 1) die("recv");
            count += 1;
            if (send(fd, &octet, 1, MSG_NOSIGNAL) != 1) die("send");
        }
    }
    report(count, now() - start, 0);
}

static void crr_open(int epoll) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event want = {.events = EPOLLOUT, .data.fd = fd};
    if (fd < 0) die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) die("connect");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) < 0) die("epoll_ctl");
}

static void crr(void) {
    struct epoll_event events[256];
    int epoll = epoll_create1(0);
    double count = 0, start = now();
    char octet = 'x';
    for (int i = 0; i < connections; i++) crr_open(epoll);
    while (now() - start < seconds) {
        int n = next_events(epoll, events, 256, start);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (events[i].events & EPOLLOUT) {
                struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
                if (send(fd, &octet, 1, MSG_NOSIGNAL) != 1) die("connect or send");
                if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &want) < 0) die("epoll_ctl");
            } else {
                if (recv(fd, &octet, 1, 0) != 1) die("recv");
                close(fd);
                count += 1;
                crr_open(epoll);
            }
        }
    }
    report(count, now() - start, 0);
}

static void udp_rr(void) {
    struct epoll_event event, want = {.events = EPOLLIN};
    int epoll = epoll_create1(0), fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    double count = 0, start, *sent = calloc((size_t)connections, sizeof *sent), heard;
    uint32_t *turn = calloc((size_t)connections, sizeof *turn), message[2];
    long lost = 0;
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) < 0) die("epoll_ctl");
    heard = start = now();
    for (;;) {
        double at = now();
        if (at - start >= seconds) break;
        if (at - heard > GRACE) {
            errno = ETIMEDOUT;
            die("the server stopped answering");
        }
        /* A slot is one datagram outstanding; one not answered in time is counted as lost and sent again. */
        for (uint32_t i = 0; i < (uint32_t)connections; i++) {
            if (sent[i] != 0 && at - sent[i] < RESEND_AFTER) continue;
            if (sent[i] != 0) lost++;
            message[0] = i;
            message[1] = ++turn[i];
            if (send(fd, message, sizeof message, 0) < 0 && errno != EAGAIN && errno != ECONNREFUSED) die("send");
            sent[i] = at;
        }
        if (epoll_wait(epoll, &event, 1, 50) <= 0) continue;
        at = heard = now();
        while (recv(fd, message, sizeof message, 0) == sizeof message) {
            uint32_t i = message[0];
            if (i >= (uint32_t)connections || message[1] != turn[i]) continue;
            count += 1;
            message[1] = ++turn[i];
            if (send(fd, message, sizeof message, 0) < 0 && errno != EAGAIN) die("send");
            sent[i] = at;
        }
    }
    report(count, now() - start, lost);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: generator bulk_receive|bulk_send|rr|crr|udp_rr ADDRESS PORT SECONDS [CONNECTIONS]\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[3]));
    if (inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
        fprintf(stderr, "generator: %s is not an IPv4 address\n", argv[2]);
        return 2;
    }
    seconds = atof(argv[4]);
    if (argc > 5) connections = atoi(argv[5]);
    if (!strcmp(argv[1], "bulk_receive")) bulk_receive();
    else if (!strcmp(argv[1], "bulk_send")) bulk_send();
    else if (!strcmp(argv[1], "rr") && connections == 1) rr_one();
    else if (!strcmp(argv[1], "rr")) rr_many();
    else if (!strcmp(argv[1], "crr")) crr();
    else if (!strcmp(argv[1], "udp_rr")) udp_rr();
    else {
        fprintf(stderr, "generator: unknown mode %s\n", argv[1]);
        return 2;
    }
    return 0;
}
