//! The conditions of `fibrpcctl status --check`, such as `depth>100,age>5s`.

use super::durations::{duration, number};
use std::{
    cmp::Ordering,
    fmt::{self, Display, Formatter},
    time::Duration,
};

/// What a condition can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Messages of the queue that no consumer has got yet.
    Depth,
    /// Consumers of the queue.
    Consumers,
    /// The age of the oldest request that the server holds, since its delivery.
    Age,
    /// The median of the last minute's latencies in the server.
    P50,
    /// What 99 % of them do not exceed.
    P99,
    /// The share of the last minute's requests that failed, whoever was at fault.
    Errors,
    /// Requests that the server holds.
    InFlight,
    /// The round trip of a ping on an open connection.
    Ping,
}

/// In what a figure is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nothing: it counts something.
    Count,
    /// Seconds.
    Seconds,
    /// Of one.
    Share,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Depth,
        Self::Consumers,
        Self::Age,
        Self::P50,
        Self::P99,
        Self::Errors,
        Self::InFlight,
        Self::Ping,
    ];

    /// Its name in a condition.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Consumers => "consumers",
            Self::Age => "age",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Errors => "errors",
            Self::InFlight => "in_flight",
            Self::Ping => "ping",
        }
    }

    /// What it is, in a sentence.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Depth => "Messages that no consumer has got yet.",
            Self::Consumers => "Consumers of the queue.",
            Self::Age => "Age of the oldest request that the server holds.",
            Self::P50 => "Median of the last minute's latencies in the server.",
            Self::P99 => "What 99 % of the last minute's latencies in the server do not exceed.",
            Self::Errors => "Share of the last minute's requests that failed.",
            Self::InFlight => "Requests that the server holds.",
            Self::Ping => "Round trip of a ping.",
        }
    }

    /// What it is given in.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Depth | Self::Consumers | Self::InFlight => Unit::Count,
            Self::Age | Self::P50 | Self::P99 | Self::Ping => Unit::Seconds,
            Self::Errors => Unit::Share,
        }
    }

    /// A value of it, for people.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self.unit() {
            Unit::Count => format!("{value}"),
            Unit::Seconds if value >= 1.0 => format!("{}s", rounded(value)),
            Unit::Seconds => format!("{}ms", rounded(value * 1e3)),
            Unit::Share => format!("{}%", rounded(value * 1e2)),
        }
    }

    fn value(self, text: &str) -> Result<f64, ConditionError> {
        let (value, expected) = match self.unit() {
            Unit::Count => (number(text), "a number such as 100"),
            Unit::Seconds => {
                let seconds = duration(text).ok().as_ref().map(Duration::as_secs_f64);
                (seconds, "a duration such as 5s or 250ms, or seconds such as 0.5")
            }
            Unit::Share => {
                let percent = text.strip_suffix('%').map(|text| number(text).map(|n| n / 100.0));
                (percent.unwrap_or_else(|| number(text)), "a share such as 5% or 0.05")
            }
        };
        value.ok_or_else(|| ConditionError::Value(self.name(), expected, text.to_owned()))
    }
}

/// To a thousandth.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// How a value is compared with a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Unequal,
}

impl Comparison {
    /// Longer ones first, as they begin like others.
    const ALL: [(&'static str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("!=", Self::Unequal),
        (">", Self::Above),
        ("<", Self::Below),
        ("=", Self::Equal),
    ];

    fn text(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, comparison)| *comparison == self);
        found.map_or("", |(text, _)| text)
    }
}

/// One condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// What it is about.
    pub figure: Figure,
    /// How that is compared.
    pub comparison: Comparison,
    /// With what: a count, seconds, or a share of one.
    pub bound: f64,
}

impl Condition {
    /// What is CRITICAL by default.
    pub(super) const NO_CONSUMER: Self =
        Self { figure: Figure::Consumers, comparison: Comparison::Below, bound: 1.0 };

    /// Whether it is met by this value.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        let Some(order) = value.partial_cmp(&self.bound) else { return false };
        match self.comparison {
            Comparison::Above => order == Ordering::Greater,
            Comparison::AtLeast => order != Ordering::Less,
            Comparison::Below => order == Ordering::Less,
            Comparison::AtMost => order != Ordering::Greater,
            Comparison::Equal => order == Ordering::Equal,
            Comparison::Unequal => order != Ordering::Equal,
        }
    }

    fn parse(text: &str) -> Result<Self, ConditionError> {
        let at = text.find(['<', '>', '=', '!']);
        let (name, rest) = text.split_at(at.unwrap_or(text.len()));
        let name = name.trim();
        let known = Figure::ALL.into_iter().find(|figure| figure.name() == name);
        let figure = known.ok_or_else(|| ConditionError::Name(name.to_owned()))?;
        let comparison = |(text, comparison)| Some((rest.strip_prefix(text)?, comparison));
        let (value, comparison) = Comparison::ALL
            .into_iter()
            .find_map(comparison)
            .ok_or_else(|| ConditionError::Comparison(text.trim().to_owned()))?;
        Ok(Self { figure, comparison, bound: figure.value(value.trim())? })
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { figure, comparison, bound } = self;
        write!(f, "{} {} {}", figure.name(), comparison.text(), figure.show(*bound))
    }
}

/// Conditions, separated by commas; one of them is enough.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conditions(pub(super) Vec<Condition>);

/// What is wrong with a condition.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConditionError {
    #[error("there is no figure {0:?}; the names are {names}", names = Figure::ALL.map(Figure::name).join(", "))]
    Name(String),
    #[error("in {0:?}, one of > >= < <= = != is missing, as in depth>100")]
    Comparison(String),
    #[error("{0} is compared with {1}, not with {2:?}")]
    Value(&'static str, &'static str, String),
}

pub(super) fn conditions(text: &str) -> Result<Conditions, ConditionError> {
    text.split(',').map(Condition::parse).collect::<Result<_, _>>().map(Conditions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Condition {
        conditions(text).unwrap().0[0]
    }

    #[test]
    fn conditions_have_a_name_a_comparison_and_a_value_in_its_unit() {
        for (text, shown, met, unmet) in [
            ("depth>100", "depth > 100", 101.0, 100.0),
            (" consumers < 1 ", "consumers < 1", 0.0, 1.0),
            ("age>=1m", "age >= 60s", 60.0, 59.9),
            ("ping<=0.25", "ping <= 250ms", 0.25, 0.2501),
            ("p99>1s", "p99 > 1s", 1.5, 1.0),
            ("p50=5ms", "p50 = 5ms", 0.005, 0.006),
            ("errors>5%", "errors > 5%", 0.06, 0.05),
            ("errors>0.05", "errors > 5%", 0.06, 0.05),
            ("in_flight!=0", "in_flight != 0", 1.0, 0.0),
        ] {
            let condition = parsed(text);
            assert_eq!(condition.to_string(), shown);
            assert!(condition.holds(met) && !condition.holds(unmet), "{text}");
        }
        assert!(!parsed("depth>0").holds(f64::NAN));
        assert_eq!(conditions("depth>1,age>5s,consumers<1").unwrap().0.len(), 3);
    }

    #[test]
    fn what_is_wrong_with_a_condition_is_told() {
        for (text, says) in [
            ("", "there is no figure \"\"; the names are depth, consumers, age, p50,"),
            ("depth>1,", "there is no figure \"\""),
            ("depht>1", "there is no figure \"depht\"; the names are depth"),
            ("Depth>1", "there is no figure"),
            ("depth", "in \"depth\", one of > >= < <= = != is missing"),
            ("depth!1", "one of > >= < <= = != is missing"),
            ("depth>", "depth is compared with a number such as 100, not with \"\""),
            ("depth>-1", "a number such as 100"),
            ("depth>5s", "a number such as 100"),
            ("depth==5", "not with \"=5\""),
            ("age>5x", "a duration such as 5s or 250ms"),
            ("errors>5s", "a share such as 5% or 0.05"),
            ("errors>inf", "a share such as"),
        ] {
            let error = conditions(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
