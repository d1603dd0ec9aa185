/* A load generator for HTTP/1.1 over kept-alive connections, on one thread.
 *
 * load PORT REQUESTS MODE CONNECTIONS RATE SECONDS
 *   REQUESTS     file of whole requests, each after its length as 4 bytes, little-endian
 *   MODE         closed: every connection sends its next request once it has its answer
 *                open:   requests leave when they are due, RATE of them a second
 *   CONNECTIONS  of a closed loop, or open at the start of an open one
 *
 * Prints one JSON object: counts, latencies from the moment a request was due to the last
 * byte of its answer, the time to the first byte of the body, and how busy this process was.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 20000, HEAD_BYTES = 16384, MOST_SAMPLES = 8000000 };

typedef struct {
    int fd;
    bool busy;
    bool in_body;
    bool chunked;
    bool first_seen;
    int status;
    long body_left;      /* with a content-length */
    char tail[5];        /* last bytes of a chunked body: the end is 0 CR LF CR LF */
    size_t head_length;
    char head[HEAD_BYTES];
    size_t request, sent;
    double due;
} connection;

static connection *connections[MOST_CONNECTIONS];
static int opened, free_ones[MOST_CONNECTIONS], free_count, poller, port;
static char *requests;
static size_t offsets[65536], lengths[65536], request_count, next_request;
static uint32_t *latencies, *firsts;
static size_t samples, first_samples, failures;
static double ends_at;
static bool open_loop;

static double now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec + moment.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file), at = 0;
    rewind(file);
    requests = malloc(size);
    if (fread(requests, 1, size, file) != size) fail("fread");
    fclose(file);
    while (at + 4 <= size && request_count < 65536) {
        uint32_t length;
        memcpy(&length, requests + at, 4);
        offsets[request_count] = at + 4;
        lengths[request_count++] = length;
        at += 4 + length;
    }
    if (!request_count) fail("no requests");
}

static void watch(int place, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)place};
    if (epoll_ctl(poller, operation, connections[place]->fd, &event)) fail("epoll_ctl");
}

static int dial(int place) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    connections[place]->fd = fd;
    watch(place, EPOLL_CTL_ADD, EPOLLIN);
    return place;
}

static int connect_one(void) {
    if (opened == MOST_CONNECTIONS) return -1;
    connections[opened] = calloc(1, sizeof(connection));
    return dial(opened++);
}

static void send_rest(int place) {
    connection *one = connections[place];
    size_t length = lengths[one->request];
    while (one->sent < length) {
        ssize_t wrote = send(one->fd, requests + offsets[one->request] + one->sent,
                             length - one->sent, MSG_NOSIGNAL);
        if (wrote < 0) {
            if (errno == EAGAIN) watch(place, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return; /* another failure shows itself when reading */
        }
        one->sent += (size_t)wrote;
    }
}

static void start(int place, double due) {
    connection *one = connections[place];
    one->busy = true;
    one->in_body = one->chunked = one->first_seen = false;
    one->head_length = one->sent = 0;
    one->due = due;
    memset(one->tail, 0, sizeof one->tail);
    one->request = next_request++ % request_count;
    send_rest(place);
}

static uint32_t microseconds(double since) {
    double spent = (now() - since) * 1e6;
    return spent < 4e9 ? (uint32_t)spent : UINT32_MAX;
}

static void answered(int place, bool well) {
    connection *one = connections[place];
    one->busy = false;
    if (well && one->status == 200) {
        if (samples < MOST_SAMPLES) latencies[samples++] = microseconds(one->due);
    } else {
        failures++;
    }
    if (!well) {
        close(one->fd);
        dial(place);
    }
    if (open_loop) free_ones[free_count++] = place;
    else if (now() < ends_at) start(place, now());
}

static void first_byte(connection *one) {
    if (!one->first_seen && first_samples < MOST_SAMPLES) {
        one->first_seen = true;
        firsts[first_samples++] = microseconds(one->due);
    }
}

/* Takes bytes of the body; true when the answer is whole. */
static bool take_body(connection *one, const char *data, size_t length) {
    if (length) first_byte(one);
    if (!one->chunked) {
        one->body_left -= (long)length;
        return one->body_left <= 0;
    }
    if (length >= 5) {
        memcpy(one->tail, data + length - 5, 5);
    } else {
        memmove(one->tail, one->tail + length, 5 - length);
        memcpy(one->tail + 5 - length, data, length);
    }
    return !memcmp(one->tail, "0\r\n\r\n", 5);
}

/* Takes bytes of the head; 1 when the answer is whole, -1 when it cannot be read. */
static int take_head(connection *one, const char *data, size_t length) {
    if (one->head_length + length >= HEAD_BYTES) return -1;
    memcpy(one->head + one->head_length, data, length);
    one->head_length += length;
    one->head[one->head_length] = 0;
    char *end = strstr(one->head, "\r\n\r\n");
    if (!end) return 0;
    one->status = atoi(one->head + 9);
    one->in_body = true;
    one->chunked = strcasestr(one->head, "\r\ntransfer-encoding: chunked") != NULL;
    char *declared = strcasestr(one->head, "\r\ncontent-length:");
    one->body_left = declared ? atol(declared + 17) : 0;
    size_t left = one->head_length - (size_t)(end + 4 - one->head);
    return take_body(one, end + 4, left) && (left || !one->chunked);
}

static void receive(int place) {
    static char data[1 << 18];
    connection *one = connections[place];
    while (one->busy) {
        ssize_t got = recv(one->fd, data, sizeof data - 1, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            answered(place, false);
            return;
        }
        int whole = one->in_body ? take_body(one, data, (size_t)got)
                                 : take_head(one, data, (size_t)got);
        if (whole) {
            answered(place, whole > 0);
            return;
        }
        if ((size_t)got < sizeof data - 1) return;
    }
}

static int ascending(const void *left, const void *right) {
    uint32_t one = *(const uint32_t *)left, other = *(const uint32_t *)right;
    return (one > other) - (one < other);
}

static double quantile(const uint32_t *sorted, size_t count, double share) {
    return count ? sorted[(size_t)(share * (double)(count - 1))] / 1000.0 : 0;
}

int main(int count, char **arguments) {
    if (count != 7) {
        fprintf(stderr, "load PORT REQUESTS closed|open CONNECTIONS RATE SECONDS\n");
        return 2;
    }
    port = atoi(arguments[1]);
    read_requests(arguments[2]);
    open_loop = !strcmp(arguments[3], "open");
    int wanted = atoi(arguments[4]);
    double rate = atof(arguments[5]), seconds = atof(arguments[6]);
    latencies = malloc(MOST_SAMPLES * sizeof *latencies);
    firsts = malloc(MOST_SAMPLES * sizeof *firsts);
    poller = epoll_create1(0);
    for (int each = 0; each < wanted; each++) {
        int place = connect_one();
        if (open_loop) free_ones[free_count++] = place;
    }
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    double begun = now();
    ends_at = begun + seconds;
    size_t due_count = 0, due_total = open_loop ? (size_t)(rate * seconds) : 0;
    if (!open_loop)
        for (int each = 0; each < wanted; each++) start(each, now());
    struct epoll_event events[512];
    for (;;) {
        if (open_loop) {
            while (due_count < due_total && begun + due_count / rate <= now()) {
                int place = free_count ? free_ones[--free_count] : connect_one();
                if (place < 0) failures++;
                else start(place, begun + due_count / rate);
                due_count++;
            }
            if (due_count < due_total) {
                double wait = begun + due_count / rate - now();
                if (wait < 1e-6) wait = 1e-6;
                struct itimerspec spec = {.it_value = {.tv_sec = (time_t)wait,
                    .tv_nsec = (long)((wait - (time_t)wait) * 1e9) + 1}};
                timerfd_settime(timer, 0, &spec, NULL);
            }
        }
        bool any_busy = open_loop ? free_count < opened : false;
        for (int each = 0; !open_loop && each < opened && !any_busy; each++)
            any_busy = connections[each]->busy;
        if (!any_busy && due_count == due_total) break;
        if (now() > ends_at + 30) break; /* what is still missing has failed */
        int ready = epoll_wait(poller, events, 512, 100);
        for (int each = 0; each < ready; each++) {
            uint32_t place = events[each].data.u32;
            if (place == UINT32_MAX) {
                uint64_t expirations;
                if (read(timer, &expirations, 8) < 0 && errno != EAGAIN) fail("timer");
                continue;
            }
            if (events[each].events & EPOLLOUT) {
                watch((int)place, EPOLL_CTL_MOD, EPOLLIN);
                send_rest((int)place);
            }
            receive((int)place);
        }
    }
    double wall = now() - begun;
    for (int each = 0; each < opened; each++) failures += connections[each]->busy;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec +
                 (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(latencies, samples, sizeof *latencies, ascending);
    qsort(firsts, first_samples, sizeof *firsts, ascending);
    printf("{\"answers\":%zu,\"failures\":%zu,\"seconds\":%.6f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,"
           "\"first_p50_ms\":%.4f,\"first_p99_ms\":%.4f,\"busy\":%.4f}\n",
           samples, failures, wall, quantile(latencies, samples, 0.5),
           quantile(latencies, samples, 0.99), quantile(firsts, first_samples, 0.5),
           quantile(firsts, first_samples, 0.99), cpu / wall);
    return 0;
}
