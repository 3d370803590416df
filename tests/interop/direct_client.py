#!/usr/bin/env python3
"""A caller with direct reply-to, on pika: makes 100 calls at once, and prints how many answers come."""
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
ids = {str(number) for number in range(100)}
missing = set(ids)


def on_reply(_channel, _method, properties, body):
    assert body == b"832040", body
    missing.remove(properties.correlation_id)


channel.basic_consume("amq.rabbitmq.reply-to", on_reply, auto_ack=True)
for number in ids:
    properties = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=number)
    channel.basic_publish("", "rpc_queue", b"30", properties)
while missing:
    connection.process_data_events(time_limit=60)
print(len(ids), "answers")
