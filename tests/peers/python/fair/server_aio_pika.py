"""The least that a careful programmer would write with aio-pika: server_aio_pika.py URI QUEUE."""

import asyncio
import sys

import aio_pika


def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


async def main(uri, queue_name):
    connection = await aio_pika.connect(uri)
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(prefetch_count=100)
    queue = await channel.get_queue(queue_name, ensure=False)
    exchange = channel.default_exchange

    async def on_request(request):
        if request.reply_to:
            reply = aio_pika.Message(str(fib(int(request.body))).encode(), correlation_id=request.correlation_id)
            await exchange.publish(reply, routing_key=request.reply_to, mandatory=False)
        await request.ack()

    await queue.consume(on_request)
    print("ready", flush=True)
    await asyncio.Future()


asyncio.run(main(*sys.argv[1:]))
