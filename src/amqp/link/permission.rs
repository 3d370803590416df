//! Whether replies may be published at all: found out when a link is opened, not by the first reply.

use super::{
    super::{
        Cause, LinkError,
        connect::{Link as Connection, METHOD_TIMEOUT},
    },
    publishing::try_to_publish,
};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::{interval, timeout};
use uuid::Uuid;

/// How often it is looked whether the broker blocks.
const LOOK: Duration = Duration::from_millis(50);

/// Publishes to the default exchange, for nobody, and waits for the confirm.
///
/// A broker short of memory or disk takes no messages and says so; then the question is left open.
pub(super) async fn check(connection: &Connection) -> Result<(), LinkError> {
    if connection.channel_max() == 1 {
        return Ok(()); // the replies need it
    }
    let asking = try_to_publish(connection, nobody().into(), false, Bytes::new());
    let blocked = async {
        let mut looks = interval(LOOK);
        while !connection.is_blocked() {
            looks.tick().await;
        }
    };
    let asked = async {
        tokio::select! {
            asked = asking => asked.map(drop),
            () = blocked => Ok(()),
        }
    };
    match timeout(METHOD_TIMEOUT, asked).await {
        Ok(asked) => asked.map_err(|error| explained(error.into())),
        Err(_) => Err(LinkError::timeout("trying to publish", METHOD_TIMEOUT)),
    }
}

/// The name of a queue that does not exist: what is published to it is confirmed at once.
pub(super) fn nobody() -> String {
    format!("fibrpcd.nobody.{}", Uuid::new_v4())
}

/// Says what to do about a refusal.
fn explained(mut error: LinkError) -> LinkError {
    if matches!(error.cause, Cause::AccessRefused(_)) {
        error.message.push_str(
            "; replies are published to the default exchange: grant the user the permission to \
             write to amq.default",
        );
    }
    error.during("trying to publish")
}
