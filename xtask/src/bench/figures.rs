//! Figures: what was measured round by round, and what it comes to.
//!
//! The machine may be slow in one round and fast in the next. So both sides of a comparison
//! are measured in every round, and what counts is the median of the rounds' own ratios.

use serde::{Deserialize, Serialize};

/// The middle of some figures, and the middle half of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) lower_quartile: f64,
    pub(super) upper_quartile: f64,
}

impl Spread {
    /// Of no figures, all are NaN.
    pub(super) fn of(figures: &[f64]) -> Self {
        Self {
            median: quantile(figures, 0.5),
            lower_quartile: quantile(figures, 0.25),
            upper_quartile: quantile(figures, 0.75),
        }
    }
}

/// Between the two nearest figures, in proportion.
pub(super) fn quantile(figures: &[f64], at: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = u32::try_from(sorted.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let place = at * f64::from(last);
    let beyond = |place: f64| (0..=last).find(|&number| f64::from(number) >= place);
    let figure = |place: f64| {
        let number = beyond(place).and_then(|number| usize::try_from(number).ok());
        number.and_then(|number| sorted.get(number)).copied().unwrap_or(f64::NAN)
    };
    let (below, above) = (figure(place.floor()), figure(place.ceil()));
    below + (above - below) * place.fract()
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unit {
    PerSecond,
    Seconds,
    Bytes,
}

/// What was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Goal {
    /// Ours through theirs.
    RatioAtMost(f64),
    RatioAtLeast(f64),
    /// Ours alone, in its unit.
    AtMost(f64),
}

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) unit: Unit,
    pub(super) ours: Spread,
    pub(super) against: Option<Against>,
    pub(super) goal: Option<Goal>,
}

/// A floor or another program, measured in the same rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Against {
    pub(super) what: String,
    pub(super) theirs: Spread,
    /// Ours through theirs, of each round.
    pub(super) ratio: Spread,
}

impl Row {
    pub(super) fn new(what: impl Into<String>, unit: Unit, ours: &[f64]) -> Self {
        Self { what: what.into(), unit, ours: Spread::of(ours), against: None, goal: None }
    }

    /// Sets the other side, whose figures are of the same rounds.
    pub(super) fn against(self, what: impl Into<String>, ours: &[f64], theirs: &[f64]) -> Self {
        let ratios: Vec<f64> =
            ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        let against =
            Against { what: what.into(), theirs: Spread::of(theirs), ratio: Spread::of(&ratios) };
        Self { against: Some(against), ..self }
    }

    pub(super) fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// `None` where nothing was wanted.
    pub(super) fn is_met(&self) -> Option<bool> {
        let ratio = self.against.as_ref().map_or(f64::NAN, |against| against.ratio.median);
        Some(match self.goal? {
            Goal::RatioAtMost(most) => ratio <= most,
            Goal::RatioAtLeast(least) => ratio >= least,
            Goal::AtMost(most) => self.ours.median <= most,
        })
    }
}

/// How one side of a comparison is measured once.
pub(super) type Side<'a, T> = Box<dyn FnMut() -> anyhow::Result<T> + 'a>;

/// Measures each side once in every round; every other round begins with the last one, so
/// that none always comes after the same.
pub(super) fn in_turns<T>(
    rounds: usize,
    mut sides: Vec<Side<'_, T>>,
) -> anyhow::Result<Vec<Vec<T>>> {
    let mut figures: Vec<Vec<T>> = sides.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let mut turn: Vec<_> = sides.iter_mut().zip(&mut figures).collect();
        if !round.is_multiple_of(2) {
            turn.reverse();
        }
        for (side, figures) in turn {
            figures.push(side()?);
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_the_textbook() {
        let spread = Spread::of(&[5.0, 1.0, 3.0, 2.0, 4.0]);
        let expected = Spread { median: 3.0, lower_quartile: 2.0, upper_quartile: 4.0 };
        assert_eq!(spread, expected);
        assert!((Spread::of(&[1.0, 2.0, 3.0, 4.0]).median - 2.5).abs() < 1e-9);
        assert!((Spread::of(&[7.0]).upper_quartile - 7.0).abs() < 1e-9);
        assert!(Spread::of(&[]).median.is_nan());
    }

    #[test]
    fn a_machine_that_slows_down_for_both_does_not_show_in_the_ratio() {
        let (ours, theirs) = ([10.0, 30.0, 10.0], [20.0, 60.0, 20.0]);
        let row = Row::new("a", Unit::Seconds, &ours).against("b", &ours, &theirs);
        let ratio = row.against.unwrap().ratio;
        let half = Spread { median: 0.5, lower_quartile: 0.5, upper_quartile: 0.5 };
        assert_eq!(ratio, half);
    }

    #[test]
    fn a_goal_is_met_at_its_bound_and_not_beyond() {
        let row = |ours, goal| {
            Row::new("a", Unit::Seconds, &[ours]).against("b", &[ours], &[2.0]).goal(goal)
        };
        assert_eq!(row(2.0, Goal::RatioAtMost(1.0)).is_met(), Some(true));
        assert_eq!(row(2.1, Goal::RatioAtMost(1.0)).is_met(), Some(false));
        assert_eq!(row(2.0, Goal::RatioAtLeast(1.0)).is_met(), Some(true));
        assert_eq!(row(1.9, Goal::RatioAtLeast(1.0)).is_met(), Some(false));
        assert_eq!(row(2.0, Goal::AtMost(2.0)).is_met(), Some(true));
        assert_eq!(row(2.1, Goal::AtMost(2.0)).is_met(), Some(false));
        assert_eq!(Row::new("a", Unit::Bytes, &[1.0]).is_met(), None);
        let nothing = Row::new("a", Unit::Bytes, &[]).goal(Goal::RatioAtMost(1.0));
        assert_eq!(nothing.is_met(), Some(false), "what was not measured is not met");
    }

    #[test]
    fn sides_take_turns_in_going_first() {
        let order = std::cell::RefCell::new(String::new());
        let side = |name| -> Side<'_, char> {
            let order = &order;
            Box::new(move || {
                order.borrow_mut().push(name);
                Ok(name)
            })
        };
        let figures = in_turns(3, vec![side('a'), side('b')]).unwrap();
        assert_eq!(order.borrow().as_str(), "abbaab");
        assert_eq!(figures, [['a'; 3], ['b'; 3]]);
    }
}
