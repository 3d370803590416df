//! Line charts of the last quarter of an hour, as SVG with labels in HTML: the drawing is stretched
//! to the width there is, and text must not be.

use super::{
    history::{INTERVAL, POINTS},
    html::Escaped,
};
use std::fmt::Write as _;

/// The height of a drawing in its own units; its width is one for each point.
const HEIGHT: f64 = 60.0;

/// Writes a value with its unit.
pub(super) type Format = fn(f64) -> String;

/// A line of a chart.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Says how it looks (page.css).
    pub(super) class: &'a str,
    /// The newest last; `None` is a gap.
    pub(super) points: Vec<Option<f64>>,
}

/// Lines over the same time, on the same scale.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    /// A description of the drawing, for people who cannot see it.
    pub(super) label: &'a str,
    pub(super) lines: &'a [Line<'a>],
    /// The points at which the daemon did not consume.
    pub(super) away: &'a [bool],
    /// The scale goes up to this at least.
    pub(super) least: f64,
    pub(super) show: Format,
}

impl Chart<'_> {
    pub(super) fn html(&self) -> String {
        let points = self.lines.iter().flat_map(|line| line.points.iter().flatten());
        let most = points.copied().fold(0.0, f64::max);
        let (top, minutes) =
            (round_up(most.max(self.least)), POINTS as u64 * INTERVAL.as_secs() / 60);
        let [highest, middle] = [top, top / 2.0].map(self.show);
        let text = format!("{}, last {minutes} minutes: at most {}", self.label, (self.show)(most));
        format!(
            "<figure><div class=\"y\"><span>{highest}</span><span>{middle}</span>\
             <span>0</span></div>{}<div class=\"x\"><span>−{minutes} min</span>\
             <span>−{}</span><span>−{}</span><span>now</span></div></figure>",
            self.svg(&text, top),
            minutes * 2 / 3,
            minutes / 3,
        )
    }

    fn svg(&self, text: &str, top: f64) -> String {
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {POINTS} {HEIGHT}\" preserveAspectRatio=\"none\" \
             role=\"img\" aria-label=\"{}\">",
            Escaped(text)
        );
        let first = POINTS.saturating_sub(self.away.len());
        for (from, length) in runs(self.away) {
            let x = first + from;
            // Writing to a string cannot fail, here and below.
            let _ = write!(
                svg,
                "<rect class=\"away\" x=\"{x}\" width=\"{length}\" height=\"{HEIGHT}\"/>"
            );
        }
        let (third, half) = (POINTS / 3, HEIGHT / 2.0);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M0 0H{POINTS}M0 {half}H{POINTS}M0 {HEIGHT}H{POINTS}\
             M{third} 0V{HEIGHT}M{} 0V{HEIGHT}\"/>",
            2 * third
        );
        for line in self.lines {
            line.draw(&mut svg, HEIGHT / top);
        }
        svg.push_str("</svg>");
        svg
    }
}

impl Line<'_> {
    /// Draws each stretch without a gap: the area under it, and the line.
    fn draw(&self, svg: &mut String, scale: f64) {
        let (class, first) = (self.class, POINTS.saturating_sub(self.points.len()));
        let points: Vec<_> = self.points.iter().enumerate().collect();
        for run in points.split(|(_, point)| point.is_none()).filter(|run| !run.is_empty()) {
            let mut line = String::new();
            for (index, value) in run.iter().filter_map(|(index, at)| Some((index, (**at)?))) {
                let (x, y) = (first + index, HEIGHT - value * scale);
                // Both edges of the point, so that one alone between gaps is visible.
                let _ = write!(line, "{x},{y:.1} {},{y:.1} ", x + 1);
            }
            let (from, line) = (first + run[0].0, line.trim_end());
            let to = from + run.len();
            let _ = write!(
                svg,
                "<polygon class=\"{class}\" points=\"{from},{HEIGHT} {line} {to},{HEIGHT}\"/>\
                 <polyline class=\"{class}\" points=\"{line}\"/>"
            );
        }
    }
}

/// Where the stretches of `true` begin, and how long they are.
fn runs(flags: &[bool]) -> Vec<(usize, usize)> {
    let mut from = 0;
    let mut runs = Vec::new();
    for same in flags.chunk_by(|one, next| one == next) {
        if same[0] {
            runs.push((from, same.len()));
        }
        from += same.len();
    }
    runs
}

/// The next round number whose half is round as well, for one above 0.
fn round_up(most: f64) -> f64 {
    let unit = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].map(|step| step * unit);
    steps.into_iter().find(|step| *step >= most).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[Option<f64>], away: &[bool]) -> String {
        let lines = [Line { class: "one", points: points.to_vec() }];
        let show = |value: f64| format!("{value} x");
        Chart { label: "a \"b\"", lines: &lines, away, least: 0.2, show }.html()
    }

    #[test]
    fn gaps_stay_gaps_and_the_newest_is_at_the_right() {
        let html = chart(&[Some(1.0), None, Some(2.0), Some(0.0)], &[true, true, false, true]);
        assert_eq!(html.matches("<polyline").count(), 2);
        assert!(html.contains("<polyline class=\"one\" points=\"176,30.0 177,30.0\""), "{html}");
        assert!(html.contains("\"178,60 178,0.0 179,0.0 179,60.0 180,60.0 180,60\""), "{html}");
        assert_eq!(html.matches("class=\"away\"").count(), 2);
        assert!(html.contains("class=\"away\" x=\"176\" width=\"2\""), "{html}");
        assert!(html.contains("aria-label=\"a &quot;b&quot;, last 15 minutes: at most 2 x\""));
    }

    #[test]
    fn the_scale_is_readable() {
        for (most, top) in [(0.03, 0.04), (1.0, 1.0), (7.0, 8.0), (1234.0, 2000.0)] {
            assert!((round_up(most) - top).abs() < 1e-9, "{most}");
        }
        assert!(chart(&[None], &[false]).contains("<span>0.2 x</span><span>0.1 x</span>"));
        let html = chart(&[Some(33.0)], &[false]);
        assert!(html.contains("<span>40 x</span><span>20 x</span><span>0</span>"), "{html}");
        assert!(html.contains("<span>−15 min</span><span>−10</span><span>−5</span>"), "{html}");
    }

    #[test]
    fn nothing_is_a_chart_too() {
        assert!(!chart(&[], &[]).contains("polyline"));
        assert!(!chart(&[None], &[false]).contains("polyline"));
        assert!(chart(&[Some(0.0)], &[false]).contains("179,60.0 180,60.0"));
    }
}
