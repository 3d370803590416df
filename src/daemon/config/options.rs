//! The strongest layer: `--set KEY=VALUE`.

use super::{
    layer::Layer,
    problem::{Origin, Problem},
    schema::{self, Kind},
    value::Raw,
};
use crate::{
    files,
    mistakes::{shown_name, shown_value},
};
use std::path::Path;

/// Reads the options in their order; a later one replaces an earlier one.
pub(super) fn read(options: &[String]) -> Layer {
    let mut layer = Layer::new("options");
    for option in options {
        read_one(&mut layer, option);
    }
    layer
}

fn read_one(layer: &mut Layer, option: &str) {
    let Some((path, value)) = option.split_once('=') else {
        let origin = Origin::Option(shown_name(option));
        let message = "expected KEY=VALUE, such as amqp.prefetch=1";
        return layer.reject(Problem::new(origin, message));
    };
    match schema::find(path) {
        Ok(key) => {
            let origin = Origin::Option(match key.kind {
                Kind::Uris => format!("{path}=..."),
                // People write the password itself there.
                Kind::File if !files::is_clearly_a_path(Path::new(value)) => {
                    format!("{path}=...")
                }
                _ => format!("{path}={}", shown_value(value)),
            });
            layer.set(key, Raw::Text(value), |_| origin.clone());
        }
        // The value may be that of a mistyped amqp.uris, or a password.
        Err(message) => {
            let origin = Origin::Option(format!("{}=...", shown_name(path)));
            layer.reject(Problem::of_key(origin, path, message));
        }
    }
}
