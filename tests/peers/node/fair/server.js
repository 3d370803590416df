// The least that a careful programmer would write with amqplib: server.js URI QUEUE.
'use strict';
const amqp = require('amqplib');

function fib(n) {
  let [a, b] = [0n, 1n];
  for (let i = 0; i < n; i++) [a, b] = [b, a + b];
  return a;
}

async function main(uri, queue) {
  const connection = await amqp.connect(uri, { noDelay: true });
  const channel = await connection.createChannel();
  await channel.prefetch(100);
  await channel.consume(queue, (request) => {
    const { replyTo, correlationId } = request.properties;
    if (replyTo) {
      channel.sendToQueue(replyTo, Buffer.from(fib(Number(request.content)).toString()), { correlationId });
    }
    channel.ack(request);
  });
  console.log('ready');
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
