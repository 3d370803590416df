//! What faults do.

use crate::{
    broker::types::ConnectionId,
    daemon::Phase,
    ground::{Coming, MS, Owner},
    plan::{Fault, FaultKind, QUEUES, What},
    world::World,
};

impl World<'_> {
    pub(crate) fn fault(&mut self, index: usize, fault: &Fault) {
        self.ground.tell(|| format!("FAULT {fault}"));
        self.count(fault);
        let daemon = usize::try_from(fault.daemon).unwrap_or_default() % self.daemons.len();
        let ground = &mut self.ground;
        let broker = &mut ground.broker;
        let connections = self.daemons[daemon].connections();
        let queue = QUEUES[fault.queue];
        match (fault.kind, connections) {
            (FaultKind::CutRequests, Some((requests, _, _))) => self.cut(requests, fault),
            (FaultKind::CutReplies, Some((_, replies, _))) => self.cut(replies, fault),
            (FaultKind::CutBoth, Some((requests, replies, _))) => {
                self.cut(requests, fault);
                self.cut(replies, fault);
            }
            (FaultKind::Restart | FaultKind::Crash, _) => self.restart(fault),
            (FaultKind::Alarm, _) => broker.set_alarm(true),
            (FaultKind::Stall, _) => broker.set_stalled(queue, true),
            (FaultKind::Fill, _) => broker.set_full(queue, true),
            // Nobody can while the broker is down.
            (FaultKind::Delete, _) if ground.now < ground.down_until => {}
            (FaultKind::Delete, _) => broker.drop_queue(queue),
            (FaultKind::ConsumerTimeout, Some((requests, _, _))) => {
                broker.time_out((requests, 1), "fibrpcd", QUEUES[0]);
            }
            (FaultKind::CloseReplies, Some((_, replies, channel))) => {
                broker.close_channel((replies, channel), 541);
            }
            (FaultKind::Kill, _) => self.kill(daemon, fault),
            (FaultKind::Stop, _) if self.daemons[daemon].phase == Phase::Serving => {
                self.daemons[daemon].stop(ground);
            }
            (FaultKind::Reload, Some(_)) => self.daemons[daemon].reload(ground),
            (FaultKind::Clock, _) => self.daemons[daemon].skew += fault.by,
            _ => {}
        }
        if fault.lasts > 0 {
            self.ground.after(fault.lasts * MS, Coming::Over(index));
        }
        self.ground.stir();
    }

    /// Counts the requests that are open where a fault hits.
    fn count(&mut self, fault: &Fault) {
        let everyone = matches!(
            fault.kind,
            FaultKind::Restart
                | FaultKind::Crash
                | FaultKind::Alarm
                | FaultKind::Stall
                | FaultKind::Fill
                | FaultKind::Delete
        );
        let hit =
            |index: usize| everyone || index as u64 == fault.daemon % self.daemons.len() as u64;
        let daemons = self.daemons.iter().enumerate().filter(|(index, _)| hit(*index));
        let states: Vec<_> = daemons.flat_map(|(_, daemon)| daemon.states()).collect();
        self.ground.coverage.hit(fault.kind, states.into_iter());
    }

    /// A connection breaks, having taken some of what was under way.
    fn cut(&mut self, id: ConnectionId, fault: &Fault) {
        let ground = &mut self.ground;
        ground.broker.cut(id, usize::try_from(fault.arriving).unwrap_or_default());
        ground.after(fault.noticed * MS, Coming::Noticed(id));
        ground.after(fault.seen * MS, Coming::Seen(id));
    }

    fn restart(&mut self, fault: &Fault) {
        let ground = &mut self.ground;
        if fault.kind == FaultKind::Crash {
            for wire in &ground.wires {
                ground.broker.cut(wire.id, 0);
            }
        }
        ground.broker.restart();
        ground.down_until = ground.down_until.max(ground.now + fault.lasts * MS);
    }

    fn kill(&mut self, daemon: usize, fault: &Fault) {
        if self.daemons[daemon].phase == Phase::Down {
            return;
        }
        self.daemons[daemon].kill();
        let ground = &mut self.ground;
        let owned = |owner| owner == Owner::Daemon(daemon);
        let wires = ground.wires.iter().filter(|wire| owned(wire.owner)).map(|wire| wire.id);
        for id in wires.collect::<Vec<_>>() {
            ground.broker.cut(id, usize::try_from(fault.arriving).unwrap_or_default());
            ground.after(fault.noticed * MS, Coming::Noticed(id));
        }
    }

    /// What a fault did is undone, unless another one does it still.
    pub(crate) fn over(&mut self, index: usize) {
        let What::Fault(fault) = &self.ground.plan.entries[index].what else { return };
        let ground = &mut self.ground;
        let now = ground.now / MS;
        let same = |at: u64, other: &Fault| {
            other.kind == fault.kind
                && other.queue == fault.queue
                && at <= now
                && at + other.lasts > now
        };
        if ground.plan.faults().any(|(at, other)| same(at, other)) {
            return;
        }
        ground.tell(|| format!("OVER {fault}"));
        match fault.kind {
            FaultKind::Alarm => ground.broker.set_alarm(false),
            FaultKind::Stall => ground.broker.set_stalled(QUEUES[fault.queue], false),
            FaultKind::Fill => ground.broker.set_full(QUEUES[fault.queue], false),
            FaultKind::Restart | FaultKind::Crash if ground.now >= ground.down_until => {
                self.callers.connect_again(ground);
            }
            FaultKind::Kill | FaultKind::Stop => self.start_again(fault),
            _ => {}
        }
        self.ground.stir();
    }

    fn start_again(&mut self, fault: &Fault) {
        let daemon = usize::try_from(fault.daemon).unwrap_or_default() % self.daemons.len();
        let Phase::Down = self.daemons[daemon].phase else {
            // It has not stopped yet: the next one starts after it.
            return self.daemons[daemon].start_after_stop();
        };
        let life = self.daemons[daemon].life;
        self.ground.after(0, Coming::Start(daemon, life));
    }
}
