//! Names of secrets in a sentence.

use passsafe_core::EntryName;

/// Characters that a list of names may take, unless one name alone takes more.
const WIDTH: usize = 48;

/// `A`, `A and B`, `A, B and C`, or, where that gets long, `A, B and 3 more`.
pub(crate) fn list(names: &[EntryName]) -> String {
    let names: Vec<&str> = names.iter().map(EntryName::as_str).collect();
    let mut width = 0;
    let fitting = names
        .iter()
        .take_while(|name| {
            width += name.len() + ", ".len();
            width <= WIDTH
        })
        .count()
        .max(1);
    match names.split_at_checked(fitting) {
        None | Some((_, [])) => match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => "nothing".to_owned(),
        },
        Some((shown, rest)) => format!("{} and {} more", shown.join(", "), rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> String {
        list(&names.iter().map(|name| EntryName::new(name).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_listed_as_far_as_they_fit() {
        assert_eq!(listed(&["A"]), "A");
        assert_eq!(listed(&["A", "B"]), "A and B");
        assert_eq!(listed(&["A", "B", "C"]), "A, B and C");
        let long = "x".repeat(64);
        assert_eq!(listed(&[&long]), long);
        assert_eq!(listed(&[&long, "B", "C"]), format!("{long} and 2 more"));
        let many: Vec<String> = (0..1_024).map(|n| format!("n{n:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(listed(&many), "n0000, n0001, n0002, n0003, n0004, n0005 and 1018 more");
    }
}
