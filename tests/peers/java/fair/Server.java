import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;

/** The least that a careful programmer would write with RabbitMQ's client for Java: Server URI QUEUE. */
final class Server extends DefaultConsumer {
    private Server(Channel channel) {
        super(channel);
    }

    private static BigInteger fib(int n) {
        BigInteger a = BigInteger.ZERO;
        BigInteger b = BigInteger.ONE;
        for (int i = 0; i < n; i++) {
            BigInteger next = a.add(b);
            a = b;
            b = next;
        }
        return a;
    }

    @Override
    public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties asked, byte[] body)
            throws IOException {
        if (asked.getReplyTo() != null) {
            int n = Integer.parseInt(new String(body, StandardCharsets.US_ASCII));
            AMQP.BasicProperties properties =
                    new AMQP.BasicProperties.Builder().correlationId(asked.getCorrelationId()).build();
            getChannel()
                    .basicPublish("", asked.getReplyTo(), properties, fib(n).toString().getBytes(StandardCharsets.US_ASCII));
        }
        getChannel().basicAck(envelope.getDeliveryTag(), false);
    }

    public static void main(String[] arguments) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(arguments[0]);
        Channel channel = factory.newConnection().createChannel();
        channel.basicQos(100);
        channel.basicConsume(arguments[1], false, new Server(channel));
        System.out.println("ready");
    }
}
