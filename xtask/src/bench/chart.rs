//! The picture of it: how far each figure is from its goal.
//!
//! Costs of all kinds are put on one scale: a half means half of what was allowed. So the
//! line at one is every goal, and what is to its left is better.

use std::fmt::Write as _;

use super::figures::{Goal, Row, Spread};
use super::report::{amount, ratio};

const WIDTH: f64 = 960.0;
const LABELS: f64 = 400.0;
const PLOT: f64 = 330.0;
const ROW: f64 = 24.0;
const TOP: f64 = 66.0;
/// Ends of the scale, which is logarithmic; what is beyond is drawn at its end.
const LEAST: f64 = 1.0 / 16.0;
const MOST: f64 = 2.0;

/// Readable on light and on dark pages: it brings its own paper, of the colour that the
/// reader prefers.
const STYLE: &str = "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}\
.paper{fill:#ffffff;stroke:#d0d7de}.quiet{fill:#59636e}.scale{stroke:#d0d7de}\
.goal{stroke:#1f2328;stroke-width:1.5}.met{stroke:#1a7f37;fill:#1a7f37}\
.missed{stroke:#cf222e;fill:#cf222e}.title{font-weight:600;font-size:15px}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117;stroke:#3d444d}\
.quiet{fill:#9198a1}.scale{stroke:#3d444d}.goal{stroke:#e6edf3}\
.met{stroke:#3fb950;fill:#3fb950}.missed{stroke:#f85149;fill:#f85149}}";

pub(super) fn svg(rows: &[Row]) -> String {
    let judged: Vec<_> = rows.iter().filter_map(|row| Some((row, cost(row)?))).collect();
    let count = u32::try_from(judged.len()).unwrap_or(u32::MAX);
    let bottom = TOP + ROW * f64::from(count);
    let height = bottom + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"Cost of passsafe against its goals\">\n<style>{STYLE}</style>\n\
         <title>Cost of passsafe against its goals</title>\n<rect class=\"paper\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"16\" y=\"28\">What passsafe costs, through what it may cost</text>\n\
         <text class=\"quiet\" x=\"16\" y=\"48\">median and middle half of paired rounds; \
         left of the line is better than the goal</text>\n",
        WIDTH - 1.0,
        height - 1.0,
    );
    for (at, name) in [(LEAST, "1/16"), (0.125, "1/8"), (0.25, "1/4"), (0.5, "1/2"), (MOST, "2")] {
        vertical(&mut svg, "scale", at, bottom, name);
    }
    vertical(&mut svg, "goal", 1.0, bottom, "goal");
    for (number, (row, cost)) in (0_u32..).zip(&judged) {
        let y = TOP + ROW * (f64::from(number) + 0.5);
        let class = if row.is_met() == Some(true) { "met" } else { "missed" };
        let (from, to) = (place(cost.lower_quartile), place(cost.upper_quartile));
        let what = row
            .against
            .as_ref()
            .map_or_else(|| row.what.clone(), |against| format!("{} / {}", row.what, against.what));
        let _infallible = write!(
            svg,
            "<text x=\"16\" y=\"{text:.1}\">{label}</text>\n\
             <line class=\"{class}\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
             stroke-width=\"3\"/>\n<circle class=\"{class}\" cx=\"{middle:.1}\" cy=\"{y:.1}\" \
             r=\"4.5\"/>\n<text class=\"quiet\" x=\"{value}\" y=\"{text:.1}\">{figure}</text>\n",
            text = y + 4.5,
            label = escaped(&shortened(&what)),
            middle = place(cost.median),
            value = LABELS + PLOT + 40.0,
            figure = escaped(&figure(row)),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn vertical(svg: &mut String, class: &str, at: f64, bottom: f64, name: &str) {
    let x = place(at);
    let _infallible = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
         <text class=\"quiet\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{name}</text>",
        bottom + 20.0
    );
}

/// Through the goal: 1 is what was wanted, less is better.
fn cost(row: &Row) -> Option<Spread> {
    let of = |spread: &Spread, cost: &dyn Fn(f64) -> f64| {
        let (lower, upper) = (cost(spread.lower_quartile), cost(spread.upper_quartile));
        Spread {
            median: cost(spread.median),
            lower_quartile: lower.min(upper),
            upper_quartile: lower.max(upper),
        }
    };
    let ratio = row.against.as_ref().map(|against| &against.ratio);
    Some(match row.goal? {
        Goal::RatioAtMost(most) => of(ratio?, &|ratio| ratio / most),
        Goal::RatioAtLeast(least) => of(ratio?, &|ratio| least / ratio),
        Goal::AtMost(most) => of(&row.ours, &|ours| ours / most),
    })
}

fn figure(row: &Row) -> String {
    match (row.goal, &row.against) {
        (Some(Goal::RatioAtMost(goal)), Some(against)) => {
            format!("{} ≤ {goal:.2}", ratio(&against.ratio))
        }
        (Some(Goal::RatioAtLeast(goal)), Some(against)) => {
            format!("{} ≥ {goal:.2}", ratio(&against.ratio))
        }
        (Some(Goal::AtMost(most)), _) => {
            format!("{} ≤ {}", amount(row.ours.median, row.unit), amount(most, row.unit))
        }
        _ => amount(row.ours.median, row.unit),
    }
}

/// Where a cost is drawn.
fn place(cost: f64) -> f64 {
    let from_left = (cost.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln();
    LABELS + 20.0 + PLOT * from_left
}

/// As much as the column holds.
fn shortened(text: &str) -> String {
    const ROOM: usize = 62;
    if text.chars().count() <= ROOM {
        return text.to_owned();
    }
    text.chars().take(ROOM - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::figures::Unit;
    use super::*;

    #[test]
    fn every_goal_is_at_one() {
        let row = |goal| Row::new("a", Unit::Bytes, &[2.0]).against("b", &[2.0], &[4.0]).goal(goal);
        for (goal, expected) in [
            (Goal::RatioAtMost(0.5), 1.0),
            (Goal::RatioAtMost(1.0), 0.5),
            (Goal::RatioAtLeast(0.25), 0.5),
            (Goal::AtMost(8.0), 0.25),
        ] {
            let cost = cost(&row(goal)).unwrap().median;
            assert!((cost - expected).abs() < 1e-9, "{goal:?}: {cost}");
        }
        assert!(cost(&Row::new("a", Unit::Bytes, &[2.0])).is_none());
    }

    #[test]
    fn text_is_escaped_and_only_goals_are_drawn() {
        let judged = Row::new("a < b & c", Unit::Bytes, &[2.0]).goal(Goal::AtMost(1.0));
        let svg = svg(&[judged, Row::new("unjudged", Unit::Bytes, &[1.0])]);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("class=\"missed\""));
        assert!(!svg.contains("unjudged"));
    }
}
