//! How long a safe lives.

use std::fmt;
use std::time::Duration;

/// 1 to 480 whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime {
    minutes: u16,
}

impl Lifetime {
    /// Shortest lifetime.
    pub const MIN: Self = Self { minutes: 1 };
    /// Longest lifetime: eight hours, a working day.
    pub const MAX: Self = Self { minutes: 480 };
    /// One hour.
    pub const DEFAULT: Self = Self { minutes: 60 };

    /// Checks a number of minutes.
    ///
    /// # Errors
    ///
    /// [`LifetimeError`] if it is not 1 to 480.
    pub fn from_minutes(minutes: u16) -> Result<Self, LifetimeError> {
        let lifetime = Self { minutes };
        if (Self::MIN..=Self::MAX).contains(&lifetime) { Ok(lifetime) } else { Err(LifetimeError) }
    }

    /// Whole minutes.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.minutes
    }

    /// The same as a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.minutes) * 60)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.minutes == 1 { "minute" } else { "minutes" };
        write!(f, "{} {unit}", self.minutes)
    }
}

impl std::str::FromStr for Lifetime {
    type Err = LifetimeError;

    /// Reads decimal minutes, white space around them allowed.
    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        Self::from_minutes(text.trim().parse().map_err(|_| LifetimeError)?)
    }
}

/// Not a whole number of minutes from 1 to 480.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifetimeError;

error_text!(LifetimeError, "the lifetime is a whole number of minutes from 1 to 480");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_480_minutes() {
        assert_eq!("1".parse(), Ok(Lifetime::MIN));
        assert_eq!(" 480\n".parse(), Ok(Lifetime::MAX));
        for bad in ["0", "481", "-1", "1.5", "", "sixty", "65596", "1h"] {
            assert_eq!(bad.parse::<Lifetime>(), Err(LifetimeError), "{bad:?}");
        }
        assert_eq!(Lifetime::DEFAULT.duration(), Duration::from_secs(3_600));
        assert_eq!(Lifetime::MIN.to_string(), "1 minute");
        assert_eq!(Lifetime::MAX.to_string(), "480 minutes");
    }
}
