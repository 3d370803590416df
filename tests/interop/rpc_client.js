// A client as RabbitMQ's sixth tutorial teaches it for amqplib: rpc_client.js URI. Prints the reply.
'use strict';
const amqp = require('amqplib');
const { randomUUID } = require('crypto');

async function main(uri) {
  const connection = await amqp.connect(uri);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const correlationId = randomUUID();
  const reply = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('no reply')), 60000).unref(); // a hang becomes an error
    channel.consume(queue, (message) => {
      if (message.properties.correlationId === correlationId) resolve(message);
    }, { noAck: true });
  });
  channel.sendToQueue('rpc_queue', Buffer.from('30'), { correlationId, replyTo: queue, type: 'fib' });
  console.log((await reply).content.toString());
  await connection.close();
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
