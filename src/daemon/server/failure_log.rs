//! Failures to attach, each logged once.

use crate::{amqp::LinkError, broker_uri::BrokerUri};

/// Logs a failure when it is a new one: a broker that is away for a day is one line, not
/// thousands.
#[derive(Default)]
pub(super) struct FailureLog(Vec<String>);

impl FailureLog {
    pub(super) fn report(&mut self, uri: &BrokerUri, error: &LinkError) {
        if self.0.contains(&error.message) {
            tracing::debug!(broker = %uri, "cannot attach: {error}");
        } else {
            tracing::warn!(broker = %uri, "cannot attach, will keep trying: {error}");
            self.0.truncate(63); // however many messages a strange network invents
            self.0.push(error.message.clone());
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
