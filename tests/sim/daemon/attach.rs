//! How a daemon attaches to its queue.

use super::{
    Daemon, Phase,
    link::{CHANNEL, Link, Stage, TAG},
};
use crate::{
    broker::types::Method,
    ground::{Coming, Ground, MS, Nanos, Owner},
    plan::QUEUES,
};
use fibrpc_core::server::Input;
use std::collections::BTreeMap;

/// The pauses between attempts to attach: the shortest and the longest.
const PAUSES: (Nanos, Nanos) = (200 * MS, 30_000 * MS);

impl Daemon {
    pub(super) fn attach_after(&self, time: Nanos, ground: &mut Ground<'_>) {
        ground.after(time, Coming::Attach(self.index, self.life));
    }

    /// Attaches again after a pause that grows with each failure.
    pub(super) fn attach_again(&mut self, ground: &mut Ground<'_>) {
        if self.phase == Phase::Stopping {
            return self.end(ground);
        }
        let pause = (PAUSES.0 << self.failures.min(10)).min(PAUSES.1);
        self.failures += 1;
        let pause = ground.random.between(pause / 2, pause);
        self.attach_after(pause, ground);
    }

    pub(crate) fn attach(&mut self, ground: &mut Ground<'_>) {
        if self.phase != Phase::Serving || self.link.is_some() {
            return;
        }
        if ground.now < ground.down_until {
            return self.attach_again(ground);
        }
        let requests = ground.connect(Owner::Daemon(self.index));
        let replies = ground.connect(Owner::Daemon(self.index));
        self.link = Some(Link {
            session: self.session + 1,
            requests,
            replies,
            stage: Stage::OpeningReplies,
            channel: CHANNEL,
            opening: None,
            published: 0,
            pending: BTreeMap::new(),
            probe: None,
            too_large: false,
        });
        self.open_replies(CHANNEL, ground);
    }

    pub(super) fn open_requests(&mut self, ground: &mut Ground<'_>) {
        let Some(link) = &mut self.link else { return };
        link.stage = Stage::OpeningRequests;
        let queue = || QUEUES[0].to_owned();
        let shape = ground.plan.setup.shape(0);
        let count = ground.plan.setup.prefetch;
        let methods = [
            Method::OpenChannel,
            Method::Declare { queue: queue(), shape },
            Method::Prefetch { count },
            Method::Consume { queue: queue(), tag: TAG.into(), no_ack: false },
        ];
        for method in methods {
            ground.send(link.requests, CHANNEL, method);
        }
    }

    pub(super) fn opened(&mut self, ground: &mut Ground<'_>) {
        let Some(link) = &mut self.link else { return };
        link.stage = Stage::Open;
        let session = link.session;
        // What still waits for the core is of the session before.
        self.failures = 0;
        ground.tell(|| format!("daemon {}: session {session} begins", self.index));
        let prefetch = ground.plan.setup.prefetch;
        self.input(Input::Attached { session, prefetch }, ground);
    }
}
