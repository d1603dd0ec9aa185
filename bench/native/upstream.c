/* A provider that answers every request with the same bytes, on one thread.
 *
 * upstream PORT WHOLE STREAM PAUSE_MS
 *   WHOLE     file: the answer to a request without "stream":true, head and all
 *   STREAM    file: head, then HTTP chunks, each after its length as 4 bytes, little-endian
 *   PAUSE_MS  between two pieces of a stream; 0 sends all of them at once
 *
 * It listens on 127.0.0.1 and reads requests by their content-length.
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
#include <unistd.h>

enum { MOST_DESCRIPTORS = 65536, MOST_PIECES = 4096, FIRST_ROOM = 4096 };

typedef struct {
    char *data;
    size_t length, room;
    int piece; /* next piece of the stream that is being sent; -1 for none */
} client;

static client *clients[MOST_DESCRIPTORS];
static char *whole, *stream;
static size_t whole_length, piece_at[MOST_PIECES], piece_length[MOST_PIECES];
static int piece_count, streaming[MOST_DESCRIPTORS], streaming_count;
static bool paced;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static char *contents(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*length + 1);
    if (fread(data, 1, *length, file) != *length) fail("fread");
    fclose(file);
    return data;
}

static void write_all(int fd, const char *data, size_t length) {
    while (length) {
        ssize_t wrote = send(fd, data, length, MSG_NOSIGNAL);
        if (wrote < 0 && errno != EAGAIN) return; /* the reader has gone */
        if (wrote > 0) {
            data += wrote;
            length -= (size_t)wrote;
        }
    }
}

static void leave(int fd) {
    close(fd);
    if (clients[fd]) {
        free(clients[fd]->data);
        free(clients[fd]);
        clients[fd] = NULL;
    }
}

static void begin_stream(int fd) {
    if (!paced) {
        for (int each = 0; each < piece_count; each++)
            write_all(fd, stream + piece_at[each], piece_length[each]);
        return;
    }
    write_all(fd, stream + piece_at[0], piece_length[0]);
    clients[fd]->piece = 1;
    streaming[streaming_count++] = fd;
}

static void next_pieces(void) {
    int kept = 0;
    for (int each = 0; each < streaming_count; each++) {
        int fd = streaming[each];
        client *one = clients[fd];
        if (!one || one->piece < 0) continue;
        write_all(fd, stream + piece_at[one->piece], piece_length[one->piece]);
        if (++one->piece == piece_count) one->piece = -1;
        else streaming[kept++] = fd;
    }
    streaming_count = kept;
}

/* Answers each whole request in the buffer. */
static void answer(int fd) {
    client *one = clients[fd];
    size_t at = 0;
    while (at < one->length) {
        char *head = one->data + at;
        one->data[one->length] = 0;
        char *end = strstr(head, "\r\n\r\n");
        if (!end) break;
        char *declared = strcasestr(head, "content-length:");
        size_t body = declared && declared < end ? (size_t)atol(declared + 15) : 0;
        size_t size = (size_t)(end + 4 - head) + body;
        if (at + size > one->length) break;
        bool streams = memmem(end + 4, body, "\"stream\":true", 13) ||
                       memmem(end + 4, body, "\"stream\": true", 14);
        at += size;
        if (streams) begin_stream(fd);
        else write_all(fd, whole, whole_length);
    }
    memmove(one->data, one->data + at, one->length - at);
    one->length -= at;
}

static void receive(int fd) {
    client *one = clients[fd];
    for (;;) {
        if (one->room - one->length < FIRST_ROOM) {
            one->room *= 2;
            one->data = realloc(one->data, one->room + 1);
        }
        ssize_t got = recv(fd, one->data + one->length, one->room - one->length, 0);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) {
            leave(fd);
            return;
        }
        one->length += (size_t)got;
        if (one->length < one->room) break;
    }
    answer(fd);
}

static void accept_all(int listener, int poller) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MOST_DESCRIPTORS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        clients[fd] = calloc(1, sizeof(client));
        clients[fd]->room = 2 * FIRST_ROOM;
        clients[fd]->data = malloc(clients[fd]->room + 1);
        clients[fd]->piece = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "upstream PORT WHOLE STREAM PAUSE_MS\n");
        return 2;
    }
    struct rlimit most = {MOST_DESCRIPTORS, MOST_DESCRIPTORS};
    setrlimit(RLIMIT_NOFILE, &most);
    size_t stream_length, at = 0;
    whole = contents(arguments[2], &whole_length);
    stream = contents(arguments[3], &stream_length);
    while (at + 4 <= stream_length && piece_count < MOST_PIECES) {
        uint32_t length;
        memcpy(&length, stream + at, 4);
        piece_at[piece_count] = at + 4;
        piece_length[piece_count++] = length;
        at += 4 + length;
    }
    double pause = atof(arguments[4]);
    paced = pause > 0;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096))
        fail("listen");
    int poller = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    if (paced) {
        long ns = (long)(pause * 1e6);
        struct timespec period = {ns / 1000000000, ns % 1000000000};
        struct itimerspec spec = {period, period};
        timerfd_settime(timer, 0, &spec, NULL);
        event.data.fd = timer;
        epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    }
    struct epoll_event events[512];
    for (;;) {
        int ready = epoll_wait(poller, events, 512, -1);
        for (int each = 0; each < ready; each++) {
            int fd = events[each].data.fd;
            uint64_t expirations;
            if (fd == listener) accept_all(listener, poller);
            else if (fd != timer) receive(fd);
            else if (read(timer, &expirations, 8) == 8) next_pieces();
        }
    }
}
