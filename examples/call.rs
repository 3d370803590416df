//! Calls a server for one number: `cargo run --example call -- URI N`.

use fibrpc::{BrokerUri, Client};
use std::{env, error::Error, time::Duration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let uri: BrokerUri = arguments.next().ok_or("usage: call URI N")?.parse()?;
    let n: u64 = arguments.next().ok_or("usage: call URI N")?.parse()?;

    let client = Client::builder(uri).timeout(Duration::from_secs(30)).build()?;
    let answer = client.fibonacci(n).await;
    client.close().await;
    #[expect(clippy::print_stdout, reason = "an example prints")]
    {
        println!("F({n}) = {}", answer?);
    }
    Ok(())
}
