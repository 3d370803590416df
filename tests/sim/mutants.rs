//! Rules that are broken on purpose, between the core and the world, to see that it is noticed.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A request is acknowledged as soon as its reply is published.
    AckBeforeConfirm,
    /// A returned reply counts as confirmed, as does the reply that it seems to come along with.
    SettleOnReturn,
    /// Every ack is multiple.
    AckOverOpen,
    /// A confirm of the last session counts for the reply with the same number in this one.
    OldConfirm,
    /// Every request is settled twice.
    SettleTwice,
    /// The thread of a stopped job never becomes free.
    ForgottenThread,
    /// A request that was lost with a session once is delivered as one that was lost often.
    PoisonNeverCleared,
    /// A job that nobody waits for is not stopped.
    RunOn,
    /// A reply goes to the caller of the request before it.
    WrongCaller,
    /// A refused reply counts as confirmed.
    RefusedIsConfirmed,
    /// A drain does not stop consuming.
    NeverStopsConsuming,
}

impl Mutant {
    pub(crate) const ALL: [Self; 11] = [
        Self::AckBeforeConfirm,
        Self::SettleOnReturn,
        Self::AckOverOpen,
        Self::OldConfirm,
        Self::SettleTwice,
        Self::ForgottenThread,
        Self::PoisonNeverCleared,
        Self::RunOn,
        Self::WrongCaller,
        Self::RefusedIsConfirmed,
        Self::NeverStopsConsuming,
    ];
}
