//! Small line charts, as SVG.

use super::history::POINTS;
use std::fmt::Write as _;

/// The size of a chart in its own units: one for each point, and some height.
const HEIGHT: f64 = 48.0;

/// A chart of the points, the newest at the right edge; where there is none, a gap. `away` marks
/// the points at which the daemon did not consume.
pub(super) fn chart(label: &str, points: &[Option<f64>], away: &[bool]) -> String {
    let most = points.iter().flatten().copied().fold(0.0, f64::max);
    let first = POINTS.saturating_sub(points.len());
    let mut svg = format!(
        "<svg viewBox=\"0 0 {POINTS} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\">",
        super::page::Escaped(label)
    );
    for (index, _) in away.iter().enumerate().filter(|(_, away)| **away) {
        let x = first + index;
        // Writing to a string cannot fail, here and below.
        let _ = write!(svg, "<rect class=\"away\" x=\"{x}\" width=\"1\" height=\"{HEIGHT}\"/>");
    }
    for line in lines(points, first, most) {
        let _ = write!(svg, "<polyline points=\"{}\"/>", line.trim_end());
    }
    svg.push_str("</svg>");
    svg
}

/// The points of each line without a gap.
fn lines(points: &[Option<f64>], first: usize, most: f64) -> Vec<String> {
    let scale = if most > 0.0 { (HEIGHT - 3.0) / most } else { 0.0 };
    let mut lines = Vec::new();
    for run in points.iter().enumerate().collect::<Vec<_>>().split(|(_, point)| point.is_none()) {
        let mut line = String::new();
        for (index, value) in run.iter().filter_map(|(index, point)| Some((index, (**point)?))) {
            let (x, y) = (first + index, HEIGHT - 1.5 - value * scale);
            // Both edges of the point: one alone between gaps is seen as well.
            let _ = write!(line, "{x},{y:.1} {},{y:.1} ", x + 1);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_gaps_and_the_newest_is_at_the_right() {
        let svg = chart("a \"b\"", &[Some(1.0), None, Some(2.0), Some(0.0)], &[true, false]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("points=\"176,24.0 177,24.0\""), "{svg}");
        assert!(svg.contains("points=\"178,1.5 179,1.5 179,46.5 180,46.5\""), "{svg}");
        assert!(svg.contains("<rect class=\"away\" x=\"176\""), "{svg}");
        assert!(svg.contains("aria-label=\"a &quot;b&quot;\""), "{svg}");
    }

    #[test]
    fn nothing_is_a_chart_too() {
        assert!(!chart("x", &[], &[]).contains("polyline"));
        assert!(!chart("x", &[None], &[false]).contains("polyline"));
        assert!(chart("x", &[Some(0.0)], &[false]).contains("179,46.5 180,46.5"));
    }
}
