#!/usr/bin/env python3
"""Asks fibrpcd for F(n) over RabbitMQ, with pika 1.x: `python3 call.py 30`.

What a caller of an RPC service over a broker has to do, and often does not: it waits no longer than
it wants to, notices that nobody serves the queue, tells an error from an answer, and takes no
reply for its own that answers another call.
"""

import os
import sys
import time
import uuid

import pika
import pika.exceptions

URI = os.environ.get("AMQP_URI", "amqp://guest:guest@127.0.0.1:5672/%2f")
QUEUE = os.environ.get("AMQP_QUEUE", "rpc_queue")


class CallError(Exception):
    """There is no answer; the text says why."""


def call(n, timeout=10.0):
    """Returns F(n) in decimal, as text: `int()` refuses more than 4,300 digits unless
    `sys.set_int_max_str_digits(0)` was called before."""
    deadline = time.monotonic() + timeout
    parameters = pika.URLParameters(URI)
    parameters.socket_timeout = parameters.stack_timeout = timeout
    parameters.blocked_connection_timeout = timeout  # an alarm stops publishing
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()  # so that a publish says what became of it
        replies = channel.queue_declare("", exclusive=True).method.queue
        correlation_id = str(uuid.uuid4())
        answer = []

        def on_reply(_channel, _method, properties, body):
            if properties.correlation_id == correlation_id:
                answer.append((properties.headers or {}, body))

        channel.basic_consume(replies, on_reply, auto_ack=True)
        publish(channel, str(n), replies, correlation_id, timeout)
        while not answer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise CallError(f"no reply within {timeout} s: {look(channel)}")
            connection.process_data_events(time_limit=left)
    headers, body = answer[0]
    status = headers.get("x-fibrpc-status", "OK")
    if status != "OK":
        raise CallError(f"{status}: {body.decode(errors='replace')}")
    return body.decode()


def publish(channel, body, replies, correlation_id, timeout):
    properties = pika.BasicProperties(
        type="fib",
        reply_to=replies,
        correlation_id=correlation_id,
        # In milliseconds. The broker drops the request then, and the server stops to work on it.
        expiration=str(int(timeout * 1000)),
    )
    try:
        # Mandatory: the broker gives the message back if there is no such queue.
        channel.basic_publish("", QUEUE, body, properties, mandatory=True)
    except pika.exceptions.UnroutableError:
        raise CallError(f"there is no queue {QUEUE}: was fibrpcd ever started here?") from None
    except pika.exceptions.NackError:
        raise CallError(f"the broker does not take the call: is {QUEUE} full?") from None


def look(channel):
    """What the broker knows about the queue, for somebody who has waited in vain."""
    queue = channel.queue_declare(QUEUE, passive=True).method
    return f"{queue.consumer_count} servers, {queue.message_count} calls that wait"


if __name__ == "__main__":
    try:
        print(call(sys.argv[1] if len(sys.argv) > 1 else "30"))
    except CallError as error:
        sys.exit(str(error))
    except (pika.exceptions.AMQPError, OSError) as error:
        sys.exit(f"the broker cannot be used: {error!r}")
