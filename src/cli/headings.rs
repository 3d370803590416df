//! The groups that options stand in, in long help and the manual page.

pub(super) const CONNECTION: &str = "Connection options";
pub(super) const CALL: &str = "Call options";
pub(super) const OUTPUT: &str = "Output options";
pub(super) const MESSAGE: &str = "Message options";
pub(super) const INPUT: &str = "Input options";
pub(super) const ROUTING: &str = "Routing options";
pub(super) const REPLY: &str = "Reply options";
pub(super) const FAULT: &str = "Fault options";
