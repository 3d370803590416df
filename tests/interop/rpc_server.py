"""A server as RabbitMQ's sixth tutorial teaches it: a durable quorum queue, one request at a
time, the reply to reply_to with the request's correlation_id, and then the ack."""

import sys

import pika


def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def on_request(channel, method, properties, body):
    channel.basic_publish(
        exchange="",
        routing_key=properties.reply_to,
        properties=pika.BasicProperties(correlation_id=properties.correlation_id),
        body=str(fib(int(body))),
    )
    channel.basic_ack(delivery_tag=method.delivery_tag)


def main(uri):
    connection = pika.BlockingConnection(pika.URLParameters(uri))
    channel = connection.channel()
    channel.queue_declare(
        queue="rpc_queue", durable=True, arguments={"x-queue-type": "quorum"}
    )
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(queue="rpc_queue", on_message_callback=on_request)
    print(" [x] Awaiting RPC requests", flush=True)
    channel.start_consuming()


main(sys.argv[1])
