//! The daemon as an operator runs it: its settings, its life as a service, its manual.

/// What the document of `fibrpcctl` shows is what it prints.
mod captures;
/// Every command of the documents is understood.
mod commands;
/// Mistakes in the configuration: messages and exit codes.
mod configuration;
/// Every link within the documents leads somewhere.
mod documents;
/// Stopping: what runs is finished, the rest stays in the queue.
mod drain;
/// Manual pages, completions and units are those of the programs.
mod generated;
/// Signals, and outputs that take nothing.
mod process;
/// New settings for a daemon that runs.
mod reload;
/// Readiness, status and signs of life, as the service manager hears them.
mod systemd;
/// Wrong usage of the client: messages, exit codes, and what to do.
mod usage;
