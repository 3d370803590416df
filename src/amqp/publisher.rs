//! The channel that messages are published on, with confirms.
//!
//! RabbitMQ may refuse (`basic.nack`) whatever is published on a channel to a quorum queue that had
//! no leader when the channel first published to it, for as long as the channel lives: seen with
//! RabbitMQ 3.10 in a cluster that had lost a node. Another channel starts afresh. So a refusal is
//! answered with a new channel, which does no harm if the queue is merely full; the old channel
//! lives on until its last confirm.

use super::{
    LinkError,
    connect::{Link, answer},
};
use lapin::{Channel, options::ConfirmSelectOptions};
use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

/// The least time between replacements: a full queue refuses every message.
const RENEW_EVERY: Duration = Duration::from_secs(1);

type Opening = Pin<Box<dyn Future<Output = Result<Channel, LinkError>> + Send>>;

/// A channel with confirms, and its replacement.
pub(crate) struct Publisher {
    link: Arc<Link>,
    channel: Channel,
    opened: Instant,
    opening: Option<Opening>,
}

impl Publisher {
    pub(crate) async fn open(link: Arc<Link>) -> Result<Self, LinkError> {
        let channel = open(&link).await?;
        Ok(Self { link, channel, opened: Instant::now(), opening: None })
    }

    /// The channel to publish on now.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Starts to replace the channel, unless that is under way or was done recently.
    pub(crate) fn renew(&mut self) {
        if self.opening.is_none() && self.opened.elapsed() >= RENEW_EVERY {
            let link = Arc::clone(&self.link);
            self.opening = Some(Box::pin(async move { open(&link).await }));
        }
    }

    /// Waits until a new channel is in use; for ever if none is being opened. Cancel safe.
    pub(crate) async fn renewed(&mut self) -> Result<(), LinkError> {
        let Some(opening) = &mut self.opening else {
            return std::future::pending().await;
        };
        let opened = opening.await;
        self.opening = None;
        self.channel = opened?;
        self.opened = Instant::now();
        Ok(())
    }
}

async fn open(link: &Link) -> Result<Channel, LinkError> {
    let channel = link.channel().await?;
    let confirms = channel.confirm_select(ConfirmSelectOptions::default());
    answer("turning on publisher confirms", confirms).await?;
    Ok(channel)
}
