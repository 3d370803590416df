//! What a reload does with each setting.

use super::Config;
use std::fmt::{self, Display, Formatter};

/// What a reload does with a value that has changed.
#[derive(Clone, Copy, Debug)]
pub enum OnReload {
    /// The running daemon takes it over at once.
    AtOnce(Field),
    /// The daemon finishes what runs, and attaches to the broker anew.
    Reattach(Field),
    /// The log names it, and it stays as it was until the daemon is started again.
    Restart(Field),
}

impl Display for OnReload {
    /// As the manuals say it.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce(_) => "at once",
            Self::Reattach(_) => "by attaching anew",
            Self::Restart(_) => "needs a restart",
        })
    }
}

/// A field of the configuration, to be compared and kept.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub(super) differs: fn(&Config, &Config) -> bool,
    pub(super) keep: fn(&mut Config, &Config),
}

/// The [`Field`] of a key.
macro_rules! field {
    ($section:ident . $name:ident) => {
        $crate::daemon::config::on_reload::Field {
            differs: |old, new| old.$section.$name != new.$section.$name,
            keep: |new, old| new.$section.$name.clone_from(&old.$section.$name),
        }
    };
}
pub(super) use field;

impl OnReload {
    pub(super) fn field(self) -> Field {
        match self {
            Self::AtOnce(field) | Self::Reattach(field) | Self::Restart(field) => field,
        }
    }
}
