//! What the runs have reached.

use crate::plan::FaultKind;
use fibrpc_core::server::State;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    /// How often a request went from one state to another.
    pub(crate) arrows: BTreeMap<(State, State), u64>,
    /// How many open requests were in a state when a fault hit.
    pub(crate) hits: BTreeMap<(FaultKind, State), u64>,
    /// Faults that hit while a request was open.
    pub(crate) faults: u64,
    pub(crate) drops: BTreeMap<&'static str, u64>,
}

impl Coverage {
    pub(crate) fn moved(&mut self, from: State, to: State) {
        *self.arrows.entry((from, to)).or_default() += 1;
    }

    pub(crate) fn hit(&mut self, kind: FaultKind, states: impl Iterator<Item = State>) {
        let mut any = false;
        for state in states {
            *self.hits.entry((kind, state)).or_default() += 1;
            any = true;
        }
        self.faults += u64::from(any);
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (arrow, count) in other.arrows {
            *self.arrows.entry(arrow).or_default() += count;
        }
        for (hit, count) in other.hits {
            *self.hits.entry(hit).or_default() += count;
        }
        for (why, count) in other.drops {
            *self.drops.entry(why).or_default() += count;
        }
        self.faults += other.faults;
    }

    /// How often everything was reached.
    pub(crate) fn report(&self) -> String {
        let mut lines = Vec::new();
        for ((from, to), count) in &self.arrows {
            let known =
                if Self::arrows().any(|arrow| arrow == (*from, *to)) { "" } else { " (new)" };
            lines.push(format!("{from:?} -> {to:?}: {count}{known}"));
        }
        for kind in FaultKind::ALL {
            let count = |state| self.hits.get(&(*kind, state)).copied().unwrap_or_default();
            let counts: Vec<_> =
                Self::open().map(|state| format!("{state:?} {}", count(state))).collect();
            lines.push(format!("{} hit: {}", kind.name(), counts.join(", ")));
        }
        for (why, count) in &self.drops {
            lines.push(format!("dropped by the broker, {why}: {count}"));
        }
        lines.join("\n")
    }

    /// What could have been reached and was not.
    pub(crate) fn missing(&self) -> Vec<String> {
        let arrows = Self::arrows().filter(|arrow| !self.arrows.contains_key(arrow));
        let pairs = FaultKind::ALL.iter().flat_map(|kind| Self::open().map(|state| (*kind, state)));
        let pairs = pairs.filter(|pair| !self.hits.contains_key(pair));
        let arrows = arrows.map(|(from, to)| format!("never reached: {from:?} -> {to:?}"));
        let pairs = pairs.map(|(kind, state)| format!("never hit: {state:?} by {}", kind.name()));
        arrows.chain(pairs).collect()
    }

    /// The states in which a request stays.
    fn open() -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(|state| !state.is_settled() && *state != State::Delivered)
    }

    /// The arrows of the state machine.
    fn arrows() -> impl Iterator<Item = (State, State)> {
        let from = State::ALL.into_iter();
        from.flat_map(|from| from.next().iter().map(move |to| (from, *to)))
    }
}
