//! The least that a careful programmer would write with amqprs: fair-amqprs URI QUEUE.

use amqprs::{
    BasicProperties,
    channel::{BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments},
    connection::{Connection, OpenConnectionArguments},
};
use std::{env, error::Error, str};

/// As many as fit.
fn fib(n: u32) -> Option<u128> {
    let (mut a, mut b) = (0_u128, 1_u128);
    for _ in 0..n {
        (a, b) = (b, a.checked_add(b)?);
    }
    Some(a)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [uri, queue] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "usage: URI QUEUE")?;
    let connection = Connection::open(&OpenConnectionArguments::try_from(uri.as_str())?).await?;
    let channel = connection.open_channel(None).await?;
    channel.basic_qos(BasicQosArguments::new(0, 100, false)).await?;
    let (_tag, mut requests) =
        channel.basic_consume_rx(BasicConsumeArguments::new(&queue, "")).await?;
    println!("ready");
    while let Some(request) = requests.recv().await {
        let (Some(deliver), Some(asked), Some(body)) =
            (request.deliver, request.basic_properties, request.content)
        else {
            continue;
        };
        let n = str::from_utf8(&body).ok().and_then(|text| text.parse().ok());
        if let (Some(result), Some(reply_to)) = (n.and_then(fib), asked.reply_to()) {
            let mut properties = BasicProperties::default();
            if let Some(id) = asked.correlation_id() {
                properties.with_correlation_id(id);
            }
            let to = BasicPublishArguments::new("", reply_to);
            channel.basic_publish(properties, result.to_string().into_bytes(), to).await?;
        }
        channel.basic_ack(BasicAckArguments::new(deliver.delivery_tag(), false)).await?;
    }
    Err("the connection is lost".into())
}
