"""A client as RabbitMQ's sixth tutorial teaches it: an exclusive callback queue, reply_to,
correlation_id, a number as text. Prints the reply as Python shows bytes."""

import sys
import uuid

import pika


def main(uri):
    connection = pika.BlockingConnection(pika.URLParameters(uri))
    channel = connection.channel()
    callback_queue = channel.queue_declare(queue="", exclusive=True).method.queue
    wanted = str(uuid.uuid4())
    answer = []

    def on_response(_channel, _method, properties, body):
        if properties.correlation_id == wanted:
            answer.append(body)

    channel.basic_consume(
        queue=callback_queue, on_message_callback=on_response, auto_ack=True
    )
    channel.basic_publish(
        exchange="",
        routing_key="rpc_queue",
        properties=pika.BasicProperties(reply_to=callback_queue, correlation_id=wanted),
        body="30",
    )
    connection.call_later(60, connection.close)  # a hang becomes an error
    while not answer:
        connection.process_data_events(time_limit=None)
    print(answer[0])
    connection.close()


main(sys.argv[1])
