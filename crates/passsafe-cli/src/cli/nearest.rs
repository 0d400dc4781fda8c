//! The known word that is nearest to a mistyped one.

/// The candidate with the fewest typos between it and `word`: one in three letters at most,
/// or it is not a typo. Without one, the only candidate that `word` is the beginning of.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    const BEGINNING: usize = 3;
    let most = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    let mut begun = Vec::new();
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(word, candidate);
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
        if word.len() >= BEGINNING && candidate.starts_with(word) {
            begun.push(candidate);
        }
    }
    match (best, begun.as_slice()) {
        (Some((_, near)), _) => Some(near),
        (None, [only]) => Some(only),
        _ => None,
    }
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
