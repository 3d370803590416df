//! Rules that a simulator breaks on purpose, to see that it would notice: only with the feature
//! `mutants`, which no program has.

/// A rule of the core that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nobody is overtaken for ever.
    Aging,
    /// What a reply holds is free again.
    Release,
    /// A request that is settled is no suspect any more.
    PoisonForgotten,
}

#[cfg(feature = "mutants")]
thread_local! {
    static BROKEN: std::cell::Cell<Option<Rule>> = const { std::cell::Cell::new(None) };
}

/// Breaks a rule in this thread, or none.
#[cfg(feature = "mutants")]
pub fn break_rule(rule: Option<Rule>) {
    BROKEN.set(rule);
}

#[cfg(feature = "mutants")]
pub(super) fn is_broken(rule: Rule) -> bool {
    BROKEN.get() == Some(rule)
}

#[cfg(not(feature = "mutants"))]
pub(super) const fn is_broken(_: Rule) -> bool {
    false
}
