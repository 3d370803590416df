//! Rules about two keys at once.

use super::{Config, layer::Layer, named_files::NamedFiles, problem::Problem};
use crate::{broker_uri::BrokerUri, daemon::compute, tls::Tls};

/// Contradictions between keys that are valid by themselves. Silent about a pair of which one has a
/// problem of its own.
pub(super) fn contradictions(config: &Config, layers: &[Layer]) -> Vec<Problem> {
    [backoff(config, layers), memory(config, layers)].into_iter().flatten().collect()
}

/// Settings that are valid, and do nothing where they stand, or more than is meant.
pub(super) fn remarks(
    config: &Config,
    files: &NamedFiles,
    own_passwords: bool,
    layers: &[Layer],
) -> Vec<Problem> {
    let amqp = &config.amqp;
    let has_certificate = amqp.tls.as_ref().is_some_and(Tls::has_certificate);
    let is_external = |uri: &BrokerUri| uri.is_tls() && has_certificate && !uri.names_user();
    let password_file = "amqp.password_file";
    let found = [
        (
            config.trace.endpoint.is_none() && config.trace.sample_ratio.per_million() > 0,
            "trace.sample_ratio",
            "does nothing without trace.endpoint",
        ),
        (
            files.has_password() && amqp.uris.iter().all(is_external),
            password_file,
            "does nothing: no URI names a user, so the client certificate logs in",
        ),
        (
            files.has_password() && own_passwords,
            password_file,
            "replaces the password that a URI of amqp.uris has; remove one of the two",
        ),
        (
            files.has_password() && amqp.uris.iter().any(|uri| has_blank_ends(uri.password())),
            password_file,
            "the password begins or ends with white space, which is taken as part of it",
        ),
    ];
    let there = found.into_iter().filter(|(is_there, ..)| *is_there);
    let there = there.map(|(_, key, message)| (key, message));
    let exposed = files.exposed().map(|message| (password_file, message));
    let all = there.chain(exposed);
    all.filter_map(|(key, message)| problem(layers, [key, key], message.to_owned())).collect()
}

fn has_blank_ends(password: &str) -> bool {
    password.trim() != password
}

fn backoff(config: &Config, layers: &[Layer]) -> Option<Problem> {
    let (initial, max) = (config.amqp.backoff_initial, config.amqp.backoff_max);
    let keys = ["amqp.backoff_initial", "amqp.backoff_max"];
    (initial > max).then(|| {
        let (initial, max) = (humantime::format_duration(initial), humantime::format_duration(max));
        let message = format!(
            "expected {} to be no longer than {}, found {initial} and {max}",
            keys[0], keys[1]
        );
        problem(layers, keys, message)
    })?
}

fn memory(config: &Config, layers: &[Layer]) -> Option<Problem> {
    let (max_n, memory) = (config.compute.max_n, config.compute.memory);
    let needed = compute::needed(max_n);
    (needed > memory).then(|| {
        let (needed, memory) = (bytesize::ByteSize(needed), bytesize::ByteSize(memory));
        let message = format!(
            "expected compute.memory to be enough for compute.max_n = {max_n}, which needs \
             {needed}, found {memory}"
        );
        problem(layers, ["compute.max_n", "compute.memory"], message)
    })?
}

fn problem(layers: &[Layer], keys: [&'static str; 2], message: String) -> Option<Problem> {
    if layers.iter().any(|layer| keys.iter().any(|key| layer.has_problem(key))) {
        return None;
    }
    // The strongest layer that sets either is where it is easiest to fix.
    let mut strongest = layers.iter().rev();
    let (key, origin) =
        strongest.find_map(|layer| keys.iter().find_map(|&key| Some((key, layer.origin(key)?))))?;
    Some(Problem::of_key(origin.clone(), key, message))
}
