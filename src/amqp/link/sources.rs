//! Where events come from, and in what order they are looked for.

use super::{
    super::{LinkError, properties},
    Event, Link,
    ending::Phase,
};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::{Confirmation, Event as ConnectionEvent, message::BasicReturnMessage};
use std::task::{Context, Poll, ready};

impl<T: Send + 'static> Link<T> {
    /// Takes what one of the sources has. It may amount to no event.
    pub(super) fn poll_sources(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Deliveries first, of which there are no more than the prefetch: their replies leave
        // sooner, and more confirms are handled at once.
        let sources = [
            Self::poll_delivery,
            Self::poll_outcome,
            Self::poll_cancelled,
            Self::poll_consume_event,
            Self::poll_publish_event,
            Self::poll_renewed,
            Self::poll_counted,
        ];
        for poll in sources {
            if poll(self, cx).is_ready() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(consumer) = &mut self.consumer else { return Poll::Pending };
        let delivery = ready!(consumer.poll_next_unpin(cx));
        let open = matches!(self.phase, Phase::Open);
        match delivery {
            Some(Ok(delivery)) if open => {
                let arrived = self.connections.consuming().next_arrival();
                self.found.push_back(Event::Delivered(Box::new(delivery), arrived));
            }
            Some(Ok(_)) => {} // the broker gives it to somebody else when the connection is closed
            Some(Err(error)) => self.fail(error.into()),
            None => {
                self.consumer = None;
                if open {
                    self.found.push_back(Event::ConsumerEnded { asked: self.stopped });
                }
            }
        }
        Poll::Ready(())
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (token, outcome) = ready!(self.publishing.poll_outcome(cx));
        let (returned, event) = match outcome {
            Ok(Confirmation::Ack(returned)) => (returned, Event::Confirmed(token)),
            Ok(Confirmation::Nack(returned)) => (returned, Event::Refused(token)),
            Ok(Confirmation::NotRequested) => (None, Event::Refused(token)),
            Err(error) => {
                self.fail(error.into());
                return Poll::Ready(());
            }
        };
        self.found.extend(returned.as_ref().map(returned_event));
        self.found.push_back(event);
        Poll::Ready(())
    }

    fn poll_cancelled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(cancelling) = &mut self.cancelling else { return Poll::Pending };
        let cancelled = ready!(cancelling.poll_unpin(cx));
        self.cancelling = None;
        if let Err(error) = cancelled {
            self.fail(error);
        }
        Poll::Ready(())
    }

    fn poll_consume_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((connection, events)) = &mut self.connections.consume else {
            return Poll::Pending;
        };
        let event = ready!(events.poll_next_unpin(cx));
        if let Some(error) = connection.ending(event) {
            self.fail_for_good(error);
        }
        Poll::Ready(())
    }

    fn poll_publish_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.connections.publish_events.poll_next_unpin(cx)) {
            Some(ConnectionEvent::ConnectionBlocked(reason)) => {
                self.publishing.set_blocked(true);
                self.found.push_back(Event::Blocked(reason));
            }
            Some(ConnectionEvent::ConnectionUnblocked) => {
                self.publishing.set_blocked(false);
                self.found.push_back(Event::Unblocked);
            }
            // A channel was closed. Nothing else tells if it is ours and no message is under way.
            Some(ConnectionEvent::Error(error)) if self.connections.publish.is_up() => {
                if self.publishing.is_dead() {
                    self.fail(error.into());
                }
            }
            event => {
                if let Some(error) = self.connections.publish.ending(event) {
                    self.fail_for_good(error);
                }
            }
        }
        Poll::Ready(())
    }

    fn poll_renewed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let renewed = ready!(self.publishing.poll_renewed(cx));
        let up = self.connections.publish.is_up();
        self.answered(renewed.map(|()| Event::RepliesRenewed), up, Event::RenewFailed);
        Poll::Ready(())
    }

    fn poll_counted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Poll::Ready(Some(counted)) = self.counting.poll_next_unpin(cx) else {
            return Poll::Pending;
        };
        let up = self.connections.consuming().is_up();
        let counted = counted.map(|(consumers, messages)| Event::Consumers { consumers, messages });
        self.answered(counted, up, Event::CountFailed);
        Poll::Ready(())
    }

    /// Notes the answer to a question; a question that failed for want of a connection has none.
    fn answered(
        &mut self,
        answer: Result<Event<T>, LinkError>,
        up: bool,
        failed: fn(LinkError) -> Event<T>,
    ) {
        match answer {
            Ok(event) => self.found.push_back(event),
            Err(error) if up => self.found.push_back(failed(error)),
            // The connection says better why.
            Err(error) => self.fail_with(error, false),
        }
    }
}

fn returned_event<T>(message: &BasicReturnMessage) -> Event<T> {
    Event::Returned {
        queue: message.delivery.routing_key.to_string(),
        correlation_id: properties::envelope(&message.delivery.properties, "").correlation_id,
    }
}
