#!/usr/bin/env python3
"""Asks fibrpcd for F(n) over RabbitMQ, with pika 1.x: `python3 call.py 30`.

What a caller of an RPC service over a broker has to do, and often does not: it waits no longer than
it wants to, notices that nobody serves the queue, tells an error from an answer, and takes no
reply for its own that answers another call.
"""

import dataclasses
import os
import sys
import time
import uuid

try:
    import pika
    import pika.exceptions
except ImportError:
    sys.exit("pika is missing: apt install python3-pika, and run this by /usr/bin/python3; or pip install pika")

URI = os.environ.get("AMQP_URI", "amqp://guest:guest@127.0.0.1:5672/%2f")
QUEUE = os.environ.get("AMQP_QUEUE", "rpc_queue")
LOOK = 0.5  # seconds between two looks at the queue


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
        unserved = 0
        while not answer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise CallError(f"no reply within {timeout:g} s: {look(channel)}")
            connection.process_data_events(time_limit=min(left, LOOK))
            # Twice in a row: a server may be attaching anew.
            unserved = unserved + 1 if not answer and look(channel).is_unserved() else 0
            if unserved == 2:
                raise CallError(f"nobody serves {QUEUE}: start fibrpcd")
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


@dataclasses.dataclass
class Look:
    """What the broker knows about the queue."""

    servers: int
    waiting: int

    def is_unserved(self):
        # A server that is being stopped consumes no more, and may well answer what it has.
        return self.servers == 0 and self.waiting > 0

    def __str__(self):
        return f"servers that consume {QUEUE}: {self.servers}; calls that wait in it: {self.waiting}"


def look(channel):
    queue = channel.queue_declare(QUEUE, passive=True).method
    return Look(queue.consumer_count, queue.message_count)


if __name__ == "__main__":
    try:
        print(call(sys.argv[1] if len(sys.argv) > 1 else "30"))
    except CallError as error:
        sys.exit(str(error))
    except (pika.exceptions.AMQPError, OSError) as error:
        sys.exit(f"the broker cannot be used: {error!r}")
