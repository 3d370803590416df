//! Calls a server for one number: `cargo run --example call -- URI N [QUEUE]`.

use fibrpc::{BrokerUri, CallError, Client};
use std::{env, error::Error, time::Duration};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    const USAGE: &str = "usage: call URI N [QUEUE]";
    let mut arguments = env::args().skip(1);
    let uri: BrokerUri = arguments.next().ok_or(USAGE)?.parse()?;
    let n: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let queue = arguments.next().unwrap_or_else(|| "rpc_queue".to_owned());

    let client = Client::builder(uri).queue(queue).timeout(Duration::from_secs(5)).build()?;
    let answer = client.fibonacci(n).await;
    client.close().await;
    let said = match answer {
        Ok(digits) => format!("F({n}) = {digits}"),
        // Known within a second: nobody would have answered.
        Err(CallError::NoServer(queue) | CallError::NoQueue(queue)) => {
            return Err(format!("nobody serves {queue}; start fibrpcd").into());
        }
        Err(CallError::TimedOut(limit)) => return Err(format!("no answer within {limit:?}").into()),
        // What the server says of the request, such as a number beyond its limit.
        Err(CallError::Failed(failure)) => return Err(failure.to_string().into()),
        Err(other) => return Err(other.into()),
    };
    #[expect(clippy::print_stdout, reason = "an example prints")]
    {
        println!("{said}");
    }
    Ok(())
}
