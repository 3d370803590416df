#!/usr/bin/env python3
"""An AMQP 1.0 requester (Apache Qpid Proton): prints what comes back for each kind of body."""
import sys

from proton import Message, uint, ulong
from proton.reactor import AtMostOnce
from proton.utils import BlockingConnection

url, requests, answers = sys.argv[1:4]
connection = BlockingConnection(url, timeout=60, allowed_mechs="PLAIN")
receiver = connection.create_receiver(answers)
# Settled when it is sent: the plugin of RabbitMQ 3.10 now and then forgets to say so. The reply tells.
sender = connection.create_sender(requests, options=AtMostOnce())

bodies = ["30", b"30", 30, ulong(30), uint(30), -5, 3.5, [30]]
for number, body in enumerate(bodies):
    # "inferred" makes bytes a data section, and not a value of type binary.
    sender.send(Message(body=body, inferred=isinstance(body, bytes), reply_to=answers, correlation_id=f"c{number}"))
    reply = receiver.receive(timeout=60)
    receiver.accept()
    text = bytes(reply.body) if reply.correlation_id == f"c{number}" else f"the id is {reply.correlation_id!r}"
    print(f"{body!r}: {text!r}")
connection.close()
