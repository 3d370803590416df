//! Runs a script against a real broker.

pub(crate) mod client;
mod wire;

use crate::{
    broker::types::{Event, Message, Method},
    modelled::split,
    script::{Action, Script},
    support::broker::{Broker, Vhost},
    transcript::{Outcome, Recorder},
};
use client::{Client, Heard, What};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant},
};

/// How long a broker may take to do what the model says it does. Only scripts that fail wait for
/// it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take in any case to tell what the queues have.
const GRACE: Duration = Duration::from_secs(5);

/// The connection that looks at the queues; scripts use single letters.
const OBSERVER: &str = "observer";

struct Run<'a> {
    broker: Where<'a>,
    vhost: &'a Vhost,
    clients: BTreeMap<String, Client>,
    /// The channels that are open.
    open: BTreeSet<String>,
    /// The channels of connections from which the broker reads nothing are not asked.
    blocked: BTreeSet<String>,
    /// The channels that were asked and have not answered.
    asked: BTreeSet<String>,
    sender: Sender<Heard>,
    heard: Receiver<Heard>,
    recorder: Recorder,
    /// What the observer heard last.
    observed: Option<Event>,
}

/// A broker for all, or one that may be stopped.
pub(crate) enum Where<'a> {
    Shared,
    Private(&'a mut Broker),
}

/// What the broker does at each step, until it is not what the model says.
pub(crate) fn run(
    script: &Script,
    expected: &[Outcome],
    vhost: &Vhost,
    broker: Where<'_>,
) -> Vec<Outcome> {
    let (sender, heard) = mpsc::channel();
    let mut run = Run {
        broker,
        vhost,
        clients: BTreeMap::new(),
        open: BTreeSet::new(),
        blocked: BTreeSet::new(),
        asked: BTreeSet::new(),
        sender,
        heard,
        recorder: Recorder::default(),
        observed: None,
    };
    run.connect(OBSERVER);
    let mut outcomes = Vec::new();
    for (step, expected) in script.steps.iter().zip(expected) {
        run.act(&step.action);
        let queues = run.wait_for(expected);
        let outcome = Outcome { events: run.recorder.take(), queues };
        let outcome = outcome.normalised(step.action.is_several_publishes());
        let differs = outcome != *expected;
        outcomes.push(outcome);
        if differs {
            break;
        }
    }
    outcomes
}

/// The release of a broker.
pub(crate) fn release(vhost: &Vhost) -> String {
    let client = Client::connect(&vhost.uri(), OBSERVER, mpsc::channel().0);
    client.unwrap_or_else(|error| panic!("cannot connect: {error}")).release.clone()
}

impl Run<'_> {
    fn act(&mut self, action: &Action) {
        match action {
            Action::Send { channel, methods, .. } => {
                self.make_sure_of(channel);
                self.send(channel, methods);
            }
            Action::Cut { connection } => {
                self.clients.remove(connection);
                self.open.retain(|channel| !channel.starts_with(connection.as_str()));
                self.blocked.remove(connection);
                self.recorder.closed(connection);
            }
            Action::Restart => self.restart(),
            Action::Alarm(alarm) => self.set_alarm(*alarm),
            Action::Gone { queue } => self.wait_until_gone(queue),
        }
    }

    fn connect(&mut self, name: &str) {
        let client = Client::connect(&self.vhost.uri(), name, self.sender.clone());
        let client = client.unwrap_or_else(|error| panic!("cannot connect {name}: {error}"));
        self.clients.insert(name.into(), client);
    }

    fn make_sure_of(&mut self, channel: &str) {
        let (connection, number) = split(channel);
        if !self.clients.contains_key(connection) {
            self.connect(connection);
        }
        // A channel that was closed is opened again by the script alone.
        let is_new = !self.recorder.knows(channel);
        if is_new {
            self.recorder.sent(channel, &Method::OpenChannel);
            self.client(connection).send(number, &[Method::OpenChannel]);
            let deadline = Instant::now() + PATIENCE;
            while !self.open.contains(channel) && self.listen(deadline) {}
            self.recorder.forget_opening(channel);
        }
    }

    fn send(&mut self, channel: &str, methods: &[Method]) {
        let (connection, number) = split(channel);
        for method in methods {
            self.recorder.sent(channel, method);
        }
        self.client(connection).send(number, methods);
    }

    fn client(&mut self, name: &str) -> &mut Client {
        self.clients.get_mut(name).unwrap_or_else(|| panic!("no connection {name}"))
    }

    /// Waits until the broker has done what the model did, then for whatever else it may say.
    /// Returns the state of the queues.
    fn wait_for(&mut self, expected: &Outcome) -> Vec<(String, u32, u32)> {
        let deadline = Instant::now() + PATIENCE;
        let has_come = |recorder: &Recorder| {
            expected.events.iter().all(|(channel, entries)| {
                recorder.events().get(channel).is_some_and(|come| come.len() >= entries.len())
            })
        };
        while !has_come(&self.recorder) && self.listen(deadline) {}
        let mut queues = self.look_at_queues(expected, Instant::now() + GRACE);
        while queues != expected.queues && Instant::now() < deadline {
            queues = self.look_at_queues(expected, Instant::now() + GRACE);
        }
        self.ask_all(deadline.max(Instant::now() + GRACE));
        queues
    }

    /// Waits until every channel has said all it has to say.
    fn ask_all(&mut self, deadline: Instant) {
        for channel in self.open.clone() {
            let (connection, number) = split(&channel);
            if !self.blocked.contains(connection) {
                self.asked.insert(channel.clone());
                self.client(connection).ask(number);
            }
        }
        while !self.asked.is_empty() && self.listen(deadline) {}
        self.asked.clear();
    }

    /// Asks for the state of the queues that the model has.
    fn look_at_queues(&mut self, expected: &Outcome, deadline: Instant) -> Vec<(String, u32, u32)> {
        let mut queues = Vec::new();
        for (name, ..) in &expected.queues {
            let look = Method::DeclarePassive { queue: name.clone() };
            // A channel of its own, for the queue may be missing, which closes the channel.
            for method in [Method::OpenChannel, look, Method::CloseChannel] {
                let answer = self.observe(&method, deadline);
                if let Some(Event::DeclareOk { queue, ready, consumers }) = answer {
                    queues.push((queue, ready, consumers));
                }
                if matches!(self.observed, Some(Event::ChannelClosed { .. })) {
                    break;
                }
            }
        }
        queues
    }

    fn wait_until_gone(&mut self, queue: &str) {
        let deadline = Instant::now() + PATIENCE;
        let look = Method::DeclarePassive { queue: queue.into() };
        while Instant::now() < deadline {
            self.observe(&Method::OpenChannel, deadline);
            match self.observe(&look, deadline) {
                Some(Event::ChannelClosed { code: 404, .. }) => return,
                Some(Event::ChannelClosed { .. }) => {} // somebody's exclusive queue
                _ => drop(self.observe(&Method::CloseChannel, deadline)),
            }
        }
    }

    /// Sends a method as the observer and waits for the answer.
    fn observe(&mut self, method: &Method, deadline: Instant) -> Option<Event> {
        self.observed = None;
        self.client(OBSERVER).send(1, std::slice::from_ref(method));
        while self.observed.is_none() && self.listen(deadline) {}
        self.observed.clone()
    }

    /// Takes the next thing that comes. False: nothing came in time.
    fn listen(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let Heard { connection, channel, what } = match self.heard.recv_timeout(left) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        };
        if connection == OBSERVER {
            if let What::Event(event) = what {
                self.observed = Some(event);
            }
            return true;
        }
        if !self.clients.contains_key(&connection) {
            return true; // it was cut
        }
        let name = if channel == 0 { connection.clone() } else { format!("{connection}{channel}") };
        let What::Event(event) = what else {
            self.asked.remove(&name);
            return true;
        };
        self.follow(&connection, &name, &event);
        self.recorder.got(&name, event);
        true
    }

    /// What an event means for the channels that can be asked.
    fn follow(&mut self, connection: &str, name: &str, event: &Event) {
        match event {
            Event::Done("open-ok") => drop(self.open.insert(name.into())),
            Event::Done("close-ok") | Event::ChannelClosed { .. } => {
                self.open.remove(name);
                self.asked.remove(name);
            }
            Event::ConnectionClosed { .. } => {
                self.open.retain(|channel| !channel.starts_with(connection));
                self.asked.retain(|channel| !channel.starts_with(connection));
                self.recorder.closed(connection);
            }
            Event::Blocked => drop(self.blocked.insert(connection.into())),
            Event::Unblocked => drop(self.blocked.remove(connection)),
            _ => {}
        }
    }

    fn private(&mut self) -> &mut Broker {
        match &mut self.broker {
            Where::Private(broker) => broker,
            Where::Shared => panic!("the shared broker is not for restarts and alarms"),
        }
    }

    fn restart(&mut self) {
        self.private().stop();
        let deadline = Instant::now() + PATIENCE;
        while !self.open.is_empty() && self.listen(deadline) {}
        self.clients.clear();
        // The old observer may still have something to say, which the new one is not to answer for.
        (self.sender, self.heard) = mpsc::channel();
        self.private().start();
        self.connect(OBSERVER);
    }

    fn set_alarm(&mut self, alarm: bool) {
        let share = if alarm { "0.000001" } else { "0.4" };
        self.private().ctl(&["set_vm_memory_high_watermark", share]);
        if alarm {
            self.wait_for_alarm();
        }
    }

    /// Publishes on a connection of its own until the broker says that it is short of memory.
    fn wait_for_alarm(&self) {
        let (sender, heard) = mpsc::channel();
        let mut client = Client::connect(&self.vhost.uri(), "probe", sender).unwrap();
        client.send(1, &[Method::OpenChannel, Method::ConfirmSelect]);
        let nowhere = "amq.nowhere".to_owned();
        let message = Message { body: "probe".into(), ..Message::default() };
        let publish = Method::Publish { queue: nowhere, mandatory: false, message };
        client.send(1, std::slice::from_ref(&publish));
        loop {
            match heard.recv_timeout(PATIENCE).expect("an alarm").what {
                What::Event(Event::Blocked) => return,
                What::Event(Event::Confirm { .. }) => {
                    client.send(1, std::slice::from_ref(&publish));
                }
                _ => {}
            }
        }
    }
}
