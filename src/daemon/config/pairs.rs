//! Rules about two keys at once.

use super::{Config, layer::Layer, problem::Problem};
use crate::daemon::compute;

/// Contradictions between keys that are valid by themselves. Silent about a pair of which one has a
/// problem of its own.
pub(super) fn contradictions(config: &Config, layers: &[Layer]) -> Vec<Problem> {
    [backoff(config, layers), memory(config, layers)].into_iter().flatten().collect()
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
