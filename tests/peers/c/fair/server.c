/* The least that a careful programmer would write with librabbitmq: server URI QUEUE. CA_FILE is for amqps://. */

#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    fprintf(stderr, "%s: %s\n", what,
            reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION ? amqp_error_string2(reply.library_error)
                                                                : "the broker refuses");
    exit(1);
}

static amqp_connection_state_t connect_to(char *uri) {
    struct amqp_connection_info info;
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket;
    if (amqp_parse_url(uri, &info) != AMQP_STATUS_OK) exit(2);
    if (info.ssl) {
        socket = amqp_ssl_socket_new(connection);
        if (socket) amqp_ssl_socket_set_cacert(socket, getenv("CA_FILE"));
    } else {
        socket = amqp_tcp_socket_new(connection);
    }
    int status = socket ? amqp_socket_open(socket, info.host, info.port) : AMQP_STATUS_NO_MEMORY;
    if (status != AMQP_STATUS_OK) {
        fprintf(stderr, "connect: %s\n", amqp_error_string2(status));
        exit(1);
    }
    must(amqp_login(connection, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password), "log in");
    amqp_channel_open(connection, 1);
    must(amqp_get_rpc_reply(connection), "open a channel");
    return connection;
}

static uint64_t fib(unsigned long n) {
    uint64_t a = 0, b = 1;
    while (n-- > 0) {
        uint64_t next = a + b;
        a = b;
        b = next;
    }
    return a;
}

static void answer(amqp_connection_state_t connection, const amqp_envelope_t *request) {
    const amqp_basic_properties_t *asked = &request->message.properties;
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG,
                                          .correlation_id = asked->correlation_id};
    char text[24] = "", result[24];
    unsigned long n;
    if (request->message.body.len >= sizeof text || !(asked->_flags & AMQP_BASIC_REPLY_TO_FLAG)) goto ack;
    memcpy(text, request->message.body.bytes, request->message.body.len);
    n = strtoul(text, NULL, 10);
    if (n > 93) goto ack; /* more than 64 bits */
    snprintf(result, sizeof result, "%" PRIu64, fib(n));
    if (amqp_basic_publish(connection, 1, amqp_empty_bytes, asked->reply_to, 0, 0, &properties,
                           amqp_cstring_bytes(result)) != AMQP_STATUS_OK)
        exit(1);
ack:
    if (amqp_basic_ack(connection, 1, request->delivery_tag, 0) != AMQP_STATUS_OK) exit(1);
}

int main(int count, char **arguments) {
    amqp_envelope_t request;
    if (count != 3) return 2;
    amqp_connection_state_t connection = connect_to(arguments[1]);
    amqp_basic_qos(connection, 1, 0, (uint16_t)atoi(getenv("PREFETCH") ? getenv("PREFETCH") : "100"), 0);
    must(amqp_get_rpc_reply(connection), "set the prefetch");
    amqp_basic_consume(connection, 1, amqp_cstring_bytes(arguments[2]), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    must(amqp_get_rpc_reply(connection), "consume");
    puts("ready");
    fflush(stdout);
    for (;;) {
        amqp_maybe_release_buffers(connection);
        must(amqp_consume_message(connection, &request, NULL, 0), "wait for a request");
        answer(connection, &request);
        amqp_destroy_envelope(&request);
    }
}
