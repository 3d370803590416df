/* A load of calls for fib(30), in the pattern of RabbitMQ's sixth tutorial, that favours no server.
 *
 *   load --uri URI --queue NAME [--in-flight 64] [--warm-up 0.5] [--seconds 2 | --calls N] [--connections 1]
 *        [--timeout 10]
 *   load --uri URI --queue NAME --declare transient|quorum      only declare the queue
 *   load --uri URI --queue NAME --consumers N [--timeout 10]    only wait until it has N consumers
 *
 * A closed loop: IN-FLIGHT calls are always under way, each answered one is followed by the next. Every reply is
 * checked: the id must be that of a call that is under way, the number must be right. After the time, or the
 * calls, no more are sent; those that are under way are waited for, and what has no reply by then is lost.
 *
 * Says "measuring" and "measured" on stderr where the measured time begins and ends, then on stdout one line of
 * JSON; latencies are of calls whose reply came within the measured time. Fails, with 1, if a reply is wrong,
 * lost, or of nobody's, if the broker closes, or if TIMEOUT seconds pass without a reply. */

#include <errno.h>
#include <getopt.h>
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NUMBER "30"
#define RESULT "832040"
#define MOST_IN_FLIGHT 65536
#define HISTOGRAM 2000000 /* microseconds, one by one; what takes longer is counted in the last */

static struct {
    const char *uri, *queue, *declare;
    long in_flight, calls, connections, consumers;
    double warm_up, seconds, timeout;
} options = {.in_flight = 64, .connections = 1, .warm_up = 0.5, .seconds = 2, .timeout = 10};

struct call {
    uint32_t generation;
    int under_way;
    double sent;
};

static struct call calls[MOST_IN_FLIGHT];
static uint32_t histogram[HISTOGRAM];
static uint64_t answered, wrong, strange, longest;
static amqp_connection_state_t publishing, consuming;
static amqp_bytes_t callback_queue;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

/* The last resort: a write that the broker never takes. */
static void on_alarm(int signal) {
    static const char text[] = "load: not done in time; the broker takes nothing any more\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(3);
    _exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double processor_time(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static struct timeval duration(double seconds) {
    struct timeval time = {.tv_sec = (time_t)seconds};
    time.tv_usec = (suseconds_t)((seconds - (double)time.tv_sec) * 1e6);
    return time;
}

/* Fails with what the broker said to a method. */
static void must(amqp_rpc_reply_t reply, const char *what) {
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
        return;
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
            amqp_channel_close_t *closed = reply.reply.decoded;
            fail("%s: %.*s", what, (int)closed->reply_text.len, (char *)closed->reply_text.bytes);
        } else if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
            amqp_connection_close_t *closed = reply.reply.decoded;
            fail("%s: %.*s", what, (int)closed->reply_text.len, (char *)closed->reply_text.bytes);
        }
        fail("%s: the broker answered with method 0x%08X", what, reply.reply.id);
        break;
    default:
        fail("%s: %s", what, amqp_error_string2(reply.library_error));
    }
}

static amqp_connection_state_t connect_to(const char *uri) {
    char *copy = strdup(uri);
    struct amqp_connection_info info;
    amqp_connection_state_t connection = amqp_new_connection();
    struct timeval timeout = duration(options.timeout);
    if (!copy || !connection) fail("out of memory");
    int status = amqp_parse_url(copy, &info);
    if (status != AMQP_STATUS_OK || info.ssl) fail("not an amqp:// URI that it understands: %s", uri);
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket) fail("out of memory");
    amqp_set_handshake_timeout(connection, &timeout);
    amqp_set_rpc_timeout(connection, &timeout);
    status = amqp_socket_open_noblock(socket, info.host, info.port, &timeout);
    if (status != AMQP_STATUS_OK) fail("cannot connect: %s", amqp_error_string2(status));
    must(amqp_login(connection, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password), "log in");
    amqp_channel_open(connection, 1);
    must(amqp_get_rpc_reply(connection), "open a channel");
    free(copy);
    return connection;
}

static void declare(void) {
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes("x-queue-type")};
    amqp_table_t arguments = amqp_empty_table;
    int quorum = strcmp(options.declare, "quorum") == 0;
    if (!quorum && strcmp(options.declare, "transient") != 0) fail("--declare takes transient or quorum");
    if (quorum) {
        entry.value.kind = AMQP_FIELD_KIND_UTF8;
        entry.value.value.bytes = amqp_cstring_bytes("quorum");
        arguments.num_entries = 1;
        arguments.entries = &entry;
    }
    amqp_connection_state_t connection = connect_to(options.uri);
    amqp_queue_declare(connection, 1, amqp_cstring_bytes(options.queue), 0, quorum, 0, 0, arguments);
    must(amqp_get_rpc_reply(connection), "declare the queue");
}

static void wait_for_consumers(void) {
    const struct timespec pause = {.tv_nsec = 50000000};
    double until = now() + options.timeout;
    amqp_connection_state_t connection = connect_to(options.uri);
    for (;;) {
        amqp_queue_declare_ok_t *queue =
            amqp_queue_declare(connection, 1, amqp_cstring_bytes(options.queue), 1, 0, 0, 0, amqp_empty_table);
        must(amqp_get_rpc_reply(connection), "look at the queue");
        if ((long)queue->consumer_count >= options.consumers) return;
        if (now() > until) fail("the queue has %u consumers, not %ld", queue->consumer_count, options.consumers);
        amqp_maybe_release_buffers(connection);
        nanosleep(&pause, NULL);
    }
}

/* Sends the next call of this place. Its id names the place and how manyth of it the call is. */
static void send_call(long place) {
    struct call *call = &calls[place];
    char id[17];
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG, .reply_to = callback_queue};
    call->generation++;
    snprintf(id, sizeof id, "%08lx%08x", (unsigned long)place, call->generation);
    properties.correlation_id = (amqp_bytes_t){.len = 16, .bytes = id};
    call->under_way = 1;
    call->sent = now();
    int status = amqp_basic_publish(publishing, 1, amqp_empty_bytes, amqp_cstring_bytes(options.queue), 0, 0,
                                    &properties, amqp_cstring_bytes(NUMBER));
    if (status != AMQP_STATUS_OK) fail("cannot publish: %s", amqp_error_string2(status));
}

/* The next frame of the callback queue's channel; fails if none comes in time. */
static void next_frame(amqp_frame_t *frame) {
    struct timeval timeout = duration(options.timeout);
    do {
        int status = amqp_simple_wait_frame_noblock(consuming, frame, &timeout);
        if (status == AMQP_STATUS_TIMEOUT) {
            uint64_t lost = 0;
            for (long place = 0; place < options.in_flight; place++) lost += (uint64_t)calls[place].under_way;
            fail("no reply for %g s; %lu calls are lost", options.timeout, (unsigned long)lost);
        }
        if (status != AMQP_STATUS_OK) fail("cannot read: %s", amqp_error_string2(status));
    } while (frame->frame_type == AMQP_FRAME_HEARTBEAT);
    if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id != AMQP_BASIC_DELIVER_METHOD) {
        amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION, .reply = frame->payload.method};
        must(reply, "the broker ends it");
    }
}

/* Waits for a reply and checks it. The place of its call, or -1 if it is nobody's. */
static long receive_reply(double *sent, int *right) {
    amqp_frame_t frame;
    char body[sizeof RESULT], id[17] = "";
    size_t length, read = 0;
    char *end;
    amqp_maybe_release_buffers(consuming);
    next_frame(&frame);
    next_frame(&frame);
    if (frame.frame_type != AMQP_FRAME_HEADER) fail("a reply without a header");
    length = frame.payload.properties.body_size;
    const amqp_basic_properties_t *properties = frame.payload.properties.decoded;
    if ((properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) && properties->correlation_id.len == 16)
        memcpy(id, properties->correlation_id.bytes, 16);
    while (read < length) {
        next_frame(&frame);
        if (frame.frame_type != AMQP_FRAME_BODY) fail("a reply without its body");
        amqp_bytes_t part = frame.payload.body_fragment;
        if (read + part.len <= sizeof body) memcpy(body + read, part.bytes, part.len);
        read += part.len;
    }
    *right = length == sizeof RESULT - 1 && memcmp(body, RESULT, length) == 0;
    uint64_t number = strtoull(id, &end, 16);
    long place = (long)(number >> 32);
    if (!*id || *end || place >= options.in_flight) return -1;
    struct call *call = &calls[place];
    if (!call->under_way || call->generation != (uint32_t)number) return -1;
    call->under_way = 0;
    *sent = call->sent;
    return place;
}

static unsigned long percentile(uint64_t count, double part) {
    uint64_t rank = (uint64_t)((double)count * part), seen = 0;
    for (unsigned long us = 0; us < HISTOGRAM; us++) {
        seen += histogram[us];
        if (seen > rank) return us;
    }
    return 0;
}

static void count(double sent, double received) {
    uint64_t us = (uint64_t)((received - sent) * 1e6);
    if (us > longest) longest = us;
    histogram[us < HISTOGRAM ? us : HISTOGRAM - 1]++;
    answered++;
}

static void measure(void) {
    publishing = connect_to(options.uri);
    consuming = options.connections == 2 ? connect_to(options.uri) : publishing;
    amqp_queue_declare_ok_t *queue =
        amqp_queue_declare(consuming, 1, amqp_empty_bytes, 0, 0, 1, 1, amqp_empty_table);
    must(amqp_get_rpc_reply(consuming), "declare the callback queue");
    callback_queue = amqp_bytes_malloc_dup(queue->queue);
    amqp_basic_consume(consuming, 1, callback_queue, amqp_empty_bytes, 0, 1, 1, amqp_empty_table);
    must(amqp_get_rpc_reply(consuming), "consume from the callback queue");

    double began = now(), start = began + options.warm_up, ended = 0, used = 0, sent = 0;
    int measuring = 0, right;
    long under_way = options.in_flight;
    for (long place = 0; place < options.in_flight; place++) send_call(place);
    while (under_way > 0) {
        long place = receive_reply(&sent, &right);
        double received = now();
        if (!right) wrong++;
        if (place < 0) {
            if (++strange > 1000) fail("a thousand replies that are nobody's");
            continue;
        }
        if (!measuring && received >= start) {
            measuring = 1;
            start = received;
            used = processor_time();
            fputs("measuring\n", stderr);
        } else if (measuring && !ended) {
            count(sent, received);
            if (options.calls ? answered >= (uint64_t)options.calls : received - start >= options.seconds) {
                ended = received;
                used = processor_time() - used;
                fputs("measured\n", stderr);
            }
        }
        if (ended) under_way--;
        else send_call(place);
    }
    printf("{\"calls\": %lu, \"seconds\": %.6f, \"calls_per_second\": %.1f, \"p50_us\": %lu, \"p99_us\": %lu, "
           "\"max_us\": %lu, \"wrong\": %lu, \"strange\": %lu, \"lost\": 0, \"load_cpu_us\": %.2f}\n",
           (unsigned long)answered, ended - start, (double)answered / (ended - start), percentile(answered, 0.5),
           percentile(answered, 0.99), (unsigned long)longest, (unsigned long)wrong, (unsigned long)strange,
           used * 1e6 / (double)answered);
    if (wrong || strange) fail("%lu replies were wrong, %lu nobody's", (unsigned long)wrong, (unsigned long)strange);
}

static double number_of(const char *name, const char *text, double least, double most) {
    char *end;
    double value = strtod(text, &end);
    if (!*text || *end || !(value >= least && value <= most))
        fail("--%s takes a number from %g to %g, not %s", name, least, most, text);
    return value;
}

int main(int count, char **arguments) {
    enum { URI, QUEUE, DECLARE, CONSUMERS, IN_FLIGHT, WARM_UP, SECONDS, CALLS, CONNECTIONS, TIMEOUT };
    static const struct option known[] = {
        {"uri", 1, 0, URI},         {"queue", 1, 0, QUEUE},         {"declare", 1, 0, DECLARE},
        {"consumers", 1, 0, CONSUMERS}, {"in-flight", 1, 0, IN_FLIGHT}, {"warm-up", 1, 0, WARM_UP},
        {"seconds", 1, 0, SECONDS}, {"calls", 1, 0, CALLS},         {"connections", 1, 0, CONNECTIONS},
        {"timeout", 1, 0, TIMEOUT}, {0, 0, 0, 0}};
    int option, index = 0;
    while ((option = getopt_long(count, arguments, "", known, &index)) != -1) {
        const char *name = known[index].name;
        switch (option) {
        case URI: options.uri = optarg; break;
        case QUEUE: options.queue = optarg; break;
        case DECLARE: options.declare = optarg; break;
        case CONSUMERS: options.consumers = (long)number_of(name, optarg, 1, 1000); break;
        case IN_FLIGHT: options.in_flight = (long)number_of(name, optarg, 1, MOST_IN_FLIGHT); break;
        case WARM_UP: options.warm_up = number_of(name, optarg, 0, 3600); break;
        case SECONDS: options.seconds = number_of(name, optarg, 0.001, 86400); break;
        case CALLS: options.calls = (long)number_of(name, optarg, 1, 1e9); break;
        case CONNECTIONS: options.connections = (long)number_of(name, optarg, 1, 2); break;
        case TIMEOUT: options.timeout = number_of(name, optarg, 0.1, 3600); break;
        default: return 2;
        }
    }
    if (optind < count || !options.uri || !options.queue) {
        fputs("usage: load --uri URI --queue NAME ...; see the head of load.c\n", stderr);
        return 2;
    }
    signal(SIGALRM, on_alarm);
    /* With --calls nobody knows how long it takes; it is silence that ends it sooner. */
    alarm((unsigned)(options.warm_up + (options.calls ? 86400 : options.seconds) + 3 * options.timeout) + 1);
    if (options.declare) declare();
    else if (options.consumers) wait_for_consumers();
    else measure();
    return 0;
}
