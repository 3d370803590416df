//! The least that a careful programmer would write with lapin: fair-lapin URI QUEUE.

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions},
    types::FieldTable,
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
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(100, BasicQosOptions::default()).await?;
    let mut requests = channel
        .basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    println!("ready");
    while let Some(request) = requests.next().await {
        let request = request?;
        let n = str::from_utf8(&request.data).ok().and_then(|text| text.parse().ok());
        if let (Some(result), Some(reply_to)) =
            (n.and_then(fib), request.properties.reply_to().clone())
        {
            let mut properties = BasicProperties::default();
            if let Some(id) = request.properties.correlation_id().clone() {
                properties = properties.with_correlation_id(id);
            }
            let options = BasicPublishOptions::default();
            channel
                .basic_publish(
                    "".into(),
                    reply_to,
                    options,
                    result.to_string().as_bytes(),
                    properties,
                )
                .await?;
        }
        request.ack(BasicAckOptions::default()).await?;
    }
    Err("the connection is lost".into())
}
