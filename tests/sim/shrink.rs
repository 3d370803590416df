//! Makes a failing plan smaller by leaving entries out.

use crate::{mutants::Mutant, plan::Plan, world::run};

/// Most runs that a shrinking takes.
const RUNS: usize = 3_000;

/// What of a failure stays the same when a plan is shrunk.
pub(crate) fn rule(wrong: &str) -> &str {
    wrong.split(':').next().unwrap_or(wrong)
}

/// A smaller plan that breaks the same rule.
pub(crate) fn shrink(plan: Plan, wrong: &str, mutant: Option<Mutant>) -> Plan {
    let mut shrinker = Shrinker { plan, rule: rule(wrong).to_owned(), mutant, runs: 0 };
    let mut size = shrinker.plan.entries.len() / 2;
    while size > 0 && shrinker.runs < RUNS {
        let left_out = shrinker.leave_out(size);
        size = if left_out && size == 1 { 1 } else { size / 2 };
    }
    shrinker.simplify();
    shrinker.plan
}

struct Shrinker {
    plan: Plan,
    rule: String,
    mutant: Option<Mutant>,
    runs: usize,
}

impl Shrinker {
    /// Tries to leave out so many entries at every place; true if that went well anywhere.
    fn leave_out(&mut self, size: usize) -> bool {
        let (mut at, mut left_out) = (0, false);
        while at < self.plan.entries.len() && self.runs < RUNS {
            let mut smaller = self.plan.clone();
            smaller.entries.drain(at..(at + size).min(self.plan.entries.len()));
            if self.accept(smaller) {
                left_out = true;
            } else {
                at += size;
            }
        }
        left_out
    }

    /// Fewer daemons and no peculiar settings, if that does it as well.
    fn simplify(&mut self) {
        let changes: [fn(&mut Plan); 6] = [
            |plan| plan.setup.daemons = 1,
            |plan| plan.setup.skew = 0,
            |plan| plan.setup.ttl = 0,
            |plan| plan.setup.max_message = 0,
            |plan| plan.setup.delivery_limit = 0,
            |plan| plan.setup.threads = 1,
        ];
        for change in changes {
            let mut simpler = self.plan.clone();
            change(&mut simpler);
            self.accept(simpler);
        }
    }

    fn accept(&mut self, plan: Plan) -> bool {
        self.runs += 1;
        let wrong = run(&plan, self.mutant, false).wrong;
        let same = wrong.is_some_and(|wrong| rule(&wrong) == self.rule);
        if same {
            self.plan = plan;
        }
        same
    }
}
