//! Figures as people and programs read them: a table, a page, JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::figures::{Goal, Row, Spread, Unit};
use super::{CHAPTERS, Chapter, chart};
use crate::repository::Repository;

const JSON: &str = "target/bench/results.json";
const PAGE: &str = "docs/performance.md";
const CHART: &str = "docs/pictures/performance.svg";
/// The page's text stands around what is written between these.
const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->\n";

/// All figures there are, by the name of their chapter.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    machine: String,
    chapters: BTreeMap<String, Vec<Row>>,
}

impl Report {
    /// What former runs have measured.
    pub(super) fn read(repository: &Repository) -> anyhow::Result<Self> {
        let former = fs::read(repository.path(JSON)).ok();
        // Of another form: of no use any more.
        let former = former.and_then(|json| serde_json::from_slice::<Self>(&json).ok());
        Ok(Self { machine: machine(repository)?, ..former.unwrap_or_default() })
    }

    pub(super) fn set(&mut self, chapter: &Chapter, rows: Vec<Row>) {
        self.chapters.insert(chapter.name.to_owned(), rows);
    }

    pub(super) fn write(&self, repository: &Repository) -> anyhow::Result<()> {
        let page = fs::read_to_string(repository.path(PAGE))
            .with_context(|| format!("cannot read {PAGE}"))?;
        let page = between(&page, &self.markdown())
            .with_context(|| format!("{PAGE} has no {}", BEGIN.trim()))?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (path, text) in [(JSON, json), (PAGE, page), (CHART, chart::svg(&self.rows()))] {
            let path = repository.path(path);
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// The goals that were not met, in a few lines.
    pub(super) fn verdict(&self) -> String {
        let rows = self.rows();
        let judged = rows.iter().filter(|row| row.is_met().is_some()).count();
        let missed: Vec<_> = rows.iter().filter(|row| row.is_met() == Some(false)).collect();
        let mut verdict = format!("{} of {judged} goals met\n", judged - missed.len());
        for row in missed {
            let _infallible = writeln!(verdict, "not met: {}", line(row).join("  "));
        }
        verdict
    }

    fn rows(&self) -> Vec<Row> {
        let of = |chapter: &Chapter| self.chapters.get(chapter.name).cloned().unwrap_or_default();
        CHAPTERS.iter().flat_map(of).collect()
    }

    fn markdown(&self) -> String {
        let mut text = format!("\nMeasured on {}.\n", self.machine);
        for Chapter { name, title, .. } in CHAPTERS {
            let Some(rows) = self.chapters.get(*name).filter(|rows| !rows.is_empty()) else {
                continue;
            };
            let _infallible = write!(text, "\n## {title}\n\n{}", markdown(rows));
        }
        text.push('\n');
        text
    }
}

fn between(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, figures, END, after].concat())
}

const HEAD: [&str; 6] = ["", "passsafe", "against", "theirs", "ratio", "goal"];

fn line(row: &Row) -> [String; 6] {
    let ours = amount(row.ours.median, row.unit);
    let against = row.against.as_ref();
    let goal = row.goal.map(|goal| {
        let met = if row.is_met() == Some(true) { "met" } else { "**not met**" };
        match goal {
            Goal::RatioAtMost(most) => format!("≤ {most:.2}, {met}"),
            Goal::RatioAtLeast(least) => format!("≥ {least:.2}, {met}"),
            Goal::AtMost(most) => format!("≤ {}, {met}", amount(most, row.unit)),
        }
    });
    [
        row.what.clone(),
        ours,
        against.map_or_else(String::new, |against| against.what.clone()),
        against.map_or_else(String::new, |against| amount(against.theirs.median, row.unit)),
        against.map_or_else(String::new, |against| ratio(&against.ratio)),
        goal.unwrap_or_default(),
    ]
}

fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for cells in std::iter::once(HEAD.map(str::to_owned))
        .chain([["---", "---:", "---", "---:", "---:", "---"].map(str::to_owned)])
        .chain(rows.iter().map(line))
    {
        let _infallible = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// For a terminal, in columns.
pub(super) fn table(rows: &[Row]) -> String {
    let lines: Vec<_> =
        std::iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(line)).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = width(column).unwrap_or(0);
            let _infallible = write!(row, "  {cell:<width$}");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// In a smoke run: that everything can be written.
pub(super) fn render_all(rows: &[Row]) -> usize {
    [table(rows), markdown(rows), chart::svg(rows)].map(|text| text.len()).iter().sum()
}

pub(super) fn ratio(Spread { median, lower_quartile, upper_quartile }: &Spread) -> String {
    let digits = if *median < 0.1 { 3 } else { 2 };
    format!("{median:.digits$} [{lower_quartile:.digits$}–{upper_quartile:.digits$}]")
}

/// A figure with its unit, of three digits that say something.
pub(super) fn amount(figure: f64, unit: Unit) -> String {
    let scaled = |units: [(f64, &str); 3]| {
        let of = |(size, name): (f64, &str)| {
            let figure = figure / size;
            let digits = if figure < 9.995 { 2 } else { usize::from(figure < 99.95) };
            format!("{figure:.digits$} {name}")
        };
        let [smallest, middle, largest] = units;
        if figure >= largest.0 {
            of(largest)
        } else if figure >= middle.0 {
            of(middle)
        } else {
            of(smallest)
        }
    };
    match unit {
        Unit::PerSecond if figure >= 1_000.0 => {
            format!("{:.0},{:03.0}/s", (figure / 1_000.0).floor(), (figure % 1_000.0).floor())
        }
        Unit::PerSecond => format!("{figure:.0}/s"),
        Unit::Seconds => scaled([(1e-6, "µs"), (1e-3, "ms"), (1.0, "s")]),
        Unit::Bytes => scaled([(1.0, "B"), (1024.0, "KiB"), (1024.0 * 1024.0, "MiB")]),
    }
}

/// What a reader has to know of the machine and of what was measured.
fn machine(repository: &Repository) -> anyhow::Result<String> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, model)| model.trim());
    let count = std::thread::available_parallelism()?;
    let system = read("/proc/sys/kernel/osrelease");
    let system = system.trim().split('-').next().unwrap_or_default();
    let said = |command: &mut std::process::Command| -> anyhow::Result<String> {
        let output = command.output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let compiler = said(repository.command("rustc").arg("--version"))?;
    let compiler = compiler.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let commit = said(repository.command("git").args(["rev-parse", "--short", "HEAD"]))?;
    Ok(format!("{count} processors ({model}), Linux {system}, {compiler}, commit {commit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_without_counting_digits() {
        for (figure, unit, text) in [
            (0.000_016_04, Unit::Seconds, "16.0 µs"),
            (0.000_000_4, Unit::Seconds, "0.40 µs"),
            (0.134, Unit::Seconds, "134 ms"),
            (5e-3, Unit::Seconds, "5.00 ms"),
            (12.0, Unit::Seconds, "12.0 s"),
            (166_012.7, Unit::PerSecond, "166,012/s"),
            (1_000.0, Unit::PerSecond, "1,000/s"),
            (50.2, Unit::PerSecond, "50/s"),
            (3.0 * 1024.0 * 1024.0, Unit::Bytes, "3.00 MiB"),
            (2_870.0, Unit::Bytes, "2.80 KiB"),
        ] {
            assert_eq!(amount(figure, unit), text);
        }
    }

    #[test]
    fn a_row_says_what_against_what_and_whether_it_is_enough() {
        let row = Row::new("get", Unit::Seconds, &[0.01])
            .against("gpg", &[0.01], &[0.4])
            .goal(Goal::RatioAtMost(0.8));
        let expected = "| get | 10.0 ms | gpg | 400 ms | 0.025 [0.025–0.025] | ≤ 0.80, met |";
        assert_eq!(markdown(std::slice::from_ref(&row)).lines().nth(2), Some(expected));
        let alone = Row::new("size", Unit::Bytes, &[4096.0]).goal(Goal::AtMost(1024.0));
        let text = table(&[row, alone]);
        assert!(text.contains("4.00 KiB") && text.contains("≤ 1.00 KiB, **not met**"), "{text}");
    }

    #[test]
    fn the_text_around_the_figures_stays() {
        let page = format!("# A\n{BEGIN}old\n{END}more\n");
        assert_eq!(between(&page, "new\n").unwrap(), format!("# A\n{BEGIN}new\n{END}more\n"));
        assert!(between("# A\n", "new\n").is_none());
    }

    #[test]
    fn the_page_has_a_place_for_the_figures() {
        let page = fs::read_to_string(Repository::from_env().path(PAGE)).unwrap();
        assert!(between(&page, "").is_some());
    }
}
