//! The values of `--format`.

use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// The bare answer, one a line.
    Plain,
    /// One JSON object a line.
    Json,
}

/// What `--format` takes: all of them behind `status`, elsewhere the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    #[value(help = None)] // with help here, clap would spread every option over five lines
    Plain,
    #[value(help = None)]
    Json,
    #[value(help = None)]
    Nagios,
    #[value(help = None)]
    Prometheus,
}

/// The format of a verdict, which only `status --check` gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckFormat {
    /// A line for Nagios, Icinga and their kin.
    Nagios,
    /// One JSON object.
    Json,
    /// Metrics for the textfile collector of Prometheus.
    Prometheus,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Plain => Self::Plain,
            OutputFormat::Json => Self::Json,
        }
    }
}

impl Format {
    pub(super) fn of_output(self) -> OutputFormat {
        if self == Self::Json { OutputFormat::Json } else { OutputFormat::Plain }
    }

    pub(super) fn of_check(self) -> CheckFormat {
        match self {
            Self::Plain | Self::Nagios => CheckFormat::Nagios,
            Self::Json => CheckFormat::Json,
            Self::Prometheus => CheckFormat::Prometheus,
        }
    }

    /// What every command takes.
    pub(super) fn everywhere() -> impl TypedValueParser<Value = Self> {
        let names = PossibleValuesParser::new(["plain", "json"]);
        names.map(|name| if name == "json" { Self::Json } else { Self::Plain })
    }
}
