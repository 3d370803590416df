//! What the broker does with each method.

use super::{
    Broker, Fate, Job, Mail,
    channel::Unacked,
    count,
    queue::Queue,
    types::{ChannelId, Event, Kind, Message, Method, Settle, Shape},
};

/// Why a method fails: reply code, class and method.
type Refusal = (u16, u16, u16);

const NO_ROUTE: u16 = 312;
const NOT_FOUND: u16 = 404;
const RESOURCE_LOCKED: u16 = 405;
const PRECONDITION_FAILED: u16 = 406;

impl Broker {
    pub(super) fn handle(&mut self, id: ChannelId, method: Method) {
        if method == Method::OpenChannel {
            if let Some(connection) = self.connections.get_mut(&id.0) {
                connection.channels.entry(id.1).or_default();
            }
            return self.tell(id, Event::Done("open-ok"));
        }
        if self.channel(id).is_none() {
            return; // what was on its way to a channel that the broker has closed
        }
        if let Err((code, class, method)) = self.try_handle(id, method) {
            self.tell(id, Event::ChannelClosed { code, class, method });
            self.end_channel(id);
        }
    }

    fn try_handle(&mut self, id: ChannelId, method: Method) -> Result<(), Refusal> {
        match method {
            Method::OpenChannel => {}
            Method::CloseChannel => {
                self.tell(id, Event::Done("close-ok"));
                self.end_channel(id);
            }
            Method::ConfirmSelect => {
                if let Some(channel) = self.channel(id) {
                    channel.confirms.get_or_insert(0);
                }
                self.tell(id, Event::Done("select-ok"));
            }
            Method::Prefetch { count } => {
                if let Some(channel) = self.channel(id) {
                    channel.prefetch = count;
                }
                self.tell(id, Event::Done("qos-ok"));
            }
            Method::Declare { queue, shape } => self.declare(id, queue, shape)?,
            Method::DeclarePassive { queue } => {
                self.existing(&queue, (50, 10))?;
                self.declared(id, queue);
            }
            Method::Delete { queue } => self.delete(id, &queue),
            Method::Purge { queue } => {
                self.existing(&queue, (50, 30))?;
                let messages = self.queues.get_mut(&queue).map_or(0, Queue::purge);
                self.tell(id, Event::Removed { what: "purged", messages: count(messages) });
            }
            Method::Consume { queue, tag, no_ack } => self.consume(id, &queue, tag, no_ack)?,
            Method::Cancel { tag } => self.cancel(id, tag),
            Method::Publish { queue, mandatory, message } => {
                self.publish(id, &queue, mandatory, message);
            }
            Method::PublishTooLarge => return Err((PRECONDITION_FAILED, 60, 40)),
            Method::Settle { tag, multiple, how } => self.settle(id, tag, multiple, how)?,
        }
        Ok(())
    }

    /// Makes sure that a queue is there and has handled what it was told.
    fn existing(&mut self, queue: &str, (class, method): (u16, u16)) -> Result<(), Refusal> {
        self.call(queue);
        self.queues.get(queue).map(|_| ()).ok_or((NOT_FOUND, class, method))
    }

    fn declare(&mut self, id: ChannelId, name: String, shape: Shape) -> Result<(), Refusal> {
        self.call(&name);
        if let Some(queue) = self.queues.get(&name) {
            let theirs = queue.shape.exclusive && self.owners.get(&name) != Some(&id.0);
            if theirs {
                return Err((RESOURCE_LOCKED, 50, 10));
            }
            if queue.shape != shape {
                return Err((PRECONDITION_FAILED, 50, 10));
            }
        } else {
            if shape.exclusive {
                self.owners.insert(name.clone(), id.0);
            }
            self.queues.insert(name.clone(), Queue::new(self.version, shape));
        }
        self.declared(id, name);
        Ok(())
    }

    fn declared(&mut self, id: ChannelId, queue: String) {
        if let Some(found) = self.queues.get(&queue) {
            let (ready, consumers) = (count(found.ready()), count(found.consumers().count()));
            self.tell(id, Event::DeclareOk { queue, ready, consumers });
        }
    }

    fn delete(&mut self, id: ChannelId, name: &str) {
        self.call(name);
        let messages = self.queues.get(name).map_or(0, Queue::ready);
        self.remove_queue(name);
        self.tell(id, Event::Removed { what: "deleted", messages: count(messages) });
    }

    /// Removes a queue, whatever is in it, and ends its consumers.
    pub(super) fn remove_queue(&mut self, name: &str) {
        // What it had dropped before is not its own any more.
        self.bury(name);
        let Some(queue) = self.queues.remove(name) else {
            return;
        };
        self.owners.remove(name);
        if self.journal.is_some() {
            for message in queue.messages() {
                self.note(name, message.body.clone(), Fate::Dropped("deleted"));
            }
        }
        for (id, tag) in queue.consumers().cloned().collect::<Vec<_>>() {
            if let Some(channel) = self.channel(id) {
                channel.consumers.remove(&tag);
            }
            self.tell(id, Event::Cancelled { tag });
        }
        // What was on its way to it counts as taken.
        for job in self.inboxes.remove(name).into_iter().flatten() {
            if let Job::Enqueue(message, Some((channel, tag))) = job {
                self.note(name, message.body, Fate::Unroutable);
                self.tell(channel, Event::Confirm { tag, multiple: false, ack: true });
            }
        }
    }

    fn consume(
        &mut self,
        id: ChannelId,
        name: &str,
        tag: String,
        no_ack: bool,
    ) -> Result<(), Refusal> {
        self.existing(name, (60, 20))?;
        let Some(channel) = self.channel(id) else {
            return Ok(());
        };
        channel.consumers.insert(tag.clone(), name.to_owned());
        let prefetch = channel.prefetch;
        self.tell(id, Event::Done("consume-ok"));
        if let Some(queue) = self.queues.get_mut(name) {
            queue.consume((id, tag), no_ack, prefetch);
        }
        self.turn(name);
        Ok(())
    }

    fn cancel(&mut self, id: ChannelId, tag: String) {
        let done = Event::Done("cancel-ok");
        let Some(name) = self.channel(id).and_then(|channel| channel.consumers.remove(&tag)) else {
            return self.tell(id, done);
        };
        self.call(&name);
        if let Some(queue) = self.queues.get_mut(&name) {
            queue.cancel(&(id, tag));
        }
        // A classic queue answers the client itself, after what it has sent already.
        self.send_mail(id, Mail::Event(done));
    }

    fn publish(&mut self, id: ChannelId, name: &str, mandatory: bool, message: Message) {
        let number = self.channel(id).and_then(|channel| channel.confirms.as_mut());
        let number = number.map(|number| {
            *number += 1;
            *number
        });
        let confirm = |ack| number.map(|tag| Event::Confirm { tag, multiple: false, ack });
        let Some(queue) = self.queues.get(name) else {
            if self.journal.is_some() {
                self.note(name, message.body.clone(), Fate::Unroutable);
            }
            if mandatory {
                self.tell(id, Event::Return { body: message.body, code: NO_ROUTE });
            }
            if let Some(event) = confirm(true) {
                self.tell(id, event);
            }
            return;
        };
        if queue.shape.kind == Kind::Quorum && (queue.refuses || queue.full) {
            if let Some(event) = confirm(false) {
                self.tell(id, event);
            }
            return;
        }
        self.post(name, Job::Enqueue(message, number.map(|number| (id, number))));
    }

    fn settle(
        &mut self,
        id: ChannelId,
        tag: u64,
        multiple: bool,
        how: Settle,
    ) -> Result<(), Refusal> {
        let settled = self.channel(id).and_then(|channel| channel.settle(tag, multiple));
        let method = match how {
            Settle::Ack => 80,
            Settle::Nack { .. } => 120,
            Settle::Reject { .. } => 90,
        };
        let settled = settled.ok_or((PRECONDITION_FAILED, 60, method))?;
        let mut queues: Vec<&str> = settled.iter().map(|one| one.queue.as_str()).collect();
        queues.sort_unstable();
        queues.dedup();
        for queue in queues {
            let of_queue = settled.iter().filter(|one| one.queue == queue);
            let handouts = of_queue.map(|Unacked { handout, .. }| *handout).collect();
            self.post_settled(id, queue, handouts, how);
        }
        Ok(())
    }
}
