//! `fibrpcctl status`: what there is between a caller and an answer, on one screen, or judged.
//!
//! - [`findings`]: what is asked of whom
//! - [`screen`]: all of it, for people, or as an object
//! - [`verdict`]: what conditions make of it, `printed` in three formats

mod findings;
mod printed;
mod screen;
mod verdict;

use self::{findings::Findings, verdict::Verdict};
use super::{exit_of, output::Output, verbose::Verbose};
use crate::{
    cli::{CtlOptions, StatusArgs},
    client::Client,
    exit::Exit,
};

pub(super) use self::printed::unknown;

/// Finds out what there is, and shows or judges it.
pub(super) async fn run(
    args: &StatusArgs,
    options: &CtlOptions,
    client: &Client,
    output: &mut Output,
) -> Exit {
    let findings = Findings::of(client, options, args.http()).await;
    Verbose::new(client, options.verbose).connected(output);
    if args.check {
        let verdict = Verdict::of(args, &findings);
        printed::verdict(&verdict, options, output);
        return verdict.exit();
    }
    screen::print(&findings, options, output);
    exit(&findings)
}

/// The first thing that is missing.
fn exit(findings: &Findings) -> Exit {
    if let Some(error) = findings.failure() {
        return exit_of(&error);
    }
    match &findings.http {
        Some(http) if http.answer.is_err() => Exit::Failure,
        _ => Exit::Ok,
    }
}
