//! Quantiles of what a histogram has counted.

/// As Prometheus estimates it from the buckets of a histogram: evenly spread within each
/// (<https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile>).
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(crate) fn quantile(durations: &[(f64, u64)], share: f64) -> Option<f64> {
    let total = durations.last().map(|last| last.1).filter(|total| *total > 0)?;
    let rank = share * total as f64;
    let place = durations.iter().position(|(_, count)| *count as f64 >= rank)?;
    let (bound, count) = durations[place];
    let (from, before) = place.checked_sub(1).map_or((0.0, 0), |place| durations[place]);
    if bound.is_infinite() {
        return Some(from); // the last bucket has no upper bound
    }
    let within = count.saturating_sub(before).max(1) as f64;
    Some(from + (bound - from) * ((rank - before as f64) / within).clamp(0.0, 1.0))
}
