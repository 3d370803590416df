//! Configuration: whatever the text, there is a configuration or lines about it, and no password.
#![no_main]

use fibrpc::daemon::config::{Config, File, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, String)| {
    let (key_and_value, uri) = input;
    let options = vec![key_and_value, format!("amqp.uris=amqp://user:s3cr3t-w0rd@{uri}")];
    let sources = Sources { file: File::Default, environment: Vec::new(), options };
    match Config::load(sources) {
        Ok(config) => assert!(!format!("{config:?}").contains("s3cr3t-w0rd")),
        Err(error) => {
            assert!(!error.to_string().contains("s3cr3t-w0rd"), "{error}");
            assert!(error.problems().iter().all(|problem| !problem.to_string().contains('\n')));
        }
    }
});
