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
    /// The core remembers a loss though its request was settled since.
    PoisonNeverCleared,
    /// The core lets quick work overtake for ever.
    NoAging,
    /// The core never frees the memory and the window of a reply.
    ForgottenPermit,
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
    pub(crate) const ALL: [Self; 13] = [
        Self::AckBeforeConfirm,
        Self::SettleOnReturn,
        Self::AckOverOpen,
        Self::OldConfirm,
        Self::SettleTwice,
        Self::ForgottenThread,
        Self::PoisonNeverCleared,
        Self::NoAging,
        Self::ForgottenPermit,
        Self::RunOn,
        Self::WrongCaller,
        Self::RefusedIsConfirmed,
        Self::NeverStopsConsuming,
    ];
}

/// Breaks a rule within the core, if that is where the mutant has it; or none.
#[cfg(feature = "mutants")]
pub(crate) fn break_core(mutant: Option<Mutant>) {
    use fibrpc_core::server::{Rule, break_rule};
    break_rule(match mutant {
        Some(Mutant::PoisonNeverCleared) => Some(Rule::PoisonForgotten),
        Some(Mutant::NoAging) => Some(Rule::Aging),
        Some(Mutant::ForgottenPermit) => Some(Rule::Release),
        _ => None,
    });
}

/// Breaks nothing: the core of a test is that of the programs.
#[cfg(not(feature = "mutants"))]
pub(crate) fn break_core(_: Option<Mutant>) {}
