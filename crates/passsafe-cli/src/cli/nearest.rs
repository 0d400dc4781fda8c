//! The known word that is nearest to a mistyped one.

/// The candidate that was probably meant. Without a typo that explains it, the only one that
/// `word` is the beginning of.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    const BEGINNING: usize = 3;
    let candidates: Vec<&str> = candidates.collect();
    passsafe_core::nearest(word, candidates.iter().copied()).or_else(|| {
        let mut begun = candidates.into_iter().filter(|it| it.starts_with(word));
        let only = begun.next().filter(|_| word.len() >= BEGINNING);
        only.filter(|_| begun.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: [&str; 6] = ["serve", "get", "run", "status", "close", "completions"];

    #[test]
    fn a_typo_is_told_from_another_word() {
        for (typed, meant) in [
            ("gte", Some("get")),
            ("srve", Some("serve")),
            ("statsu", Some("status")),
            ("comp", Some("completions")),
            ("stat", Some("status")),
            ("c", None),
            ("DB_USER", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, VERBS.into_iter()), meant, "{typed}");
        }
    }

    #[test]
    fn a_beginning_of_two_is_neither() {
        assert_eq!(nearest("password", ["password-stdin", "password-file"].into_iter()), None);
    }
}
