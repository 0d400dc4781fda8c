//! What a terminal showed in the end, row by row, and since when.

use std::time::Instant;

use crate::terminal::{Recording, Size};

/// How letters look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Look {
    /// Of the sixteen colours; none is the terminal's own.
    pub(super) colour: Option<u8>,
    pub(super) bold: bool,
    pub(super) dim: bool,
}

/// Letters of one look, next to each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) column: u16,
    pub(super) text: String,
    pub(super) look: Look,
}

/// One row.
pub(super) struct Row {
    pub(super) runs: Vec<Run>,
    /// Since when it is as it stayed.
    pub(super) since: Option<Instant>,
}

/// Plays a recording to its end. Empty rows at the end are left out.
pub(super) fn play(recording: &Recording, size: Size) -> Vec<Row> {
    let mut parser = size.screen();
    let mut rows: Vec<Row> =
        (0..size.rows.get()).map(|_| Row { runs: Vec::new(), since: None }).collect();
    for (moment, bytes) in recording {
        parser.process(bytes);
        for (number, row) in (0..).zip(&mut rows) {
            let runs = runs(parser.screen(), number, size.columns.get());
            if runs != row.runs {
                *row = Row { runs, since: Some(*moment) };
            }
        }
    }
    let used = rows.iter().rposition(|row| !row.runs.is_empty()).map_or(0, |last| last + 1);
    rows.truncate(used);
    rows
}

fn runs(screen: &vt100::Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column).filter(|cell| cell.has_contents()) else {
            continue;
        };
        let look = look(cell);
        let letters = cell.contents();
        match runs.last_mut() {
            // A blank that was never written to is none of its neighbours'.
            Some(run) if run.look == look && end(run) == column => run.text.push_str(letters),
            _ if letters.trim().is_empty() => {}
            _ => runs.push(Run { column, text: letters.to_owned(), look }),
        }
    }
    for run in &mut runs {
        run.text.truncate(run.text.trim_end().len());
    }
    runs
}

fn end(run: &Run) -> u16 {
    let letters = u16::try_from(run.text.chars().count()).unwrap_or(u16::MAX);
    run.column.saturating_add(letters)
}

fn look(cell: &vt100::Cell) -> Look {
    let colour = match cell.fgcolor() {
        vt100::Color::Idx(index @ 0..16) => Some(index),
        _ => None,
    };
    Look { colour, bold: cell.bold(), dim: cell.dim() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_recorded_session_is_played_to_its_last_screen() {
        let size = Size::new(5, 20).unwrap();
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let recording = vec![
            (start, b"$ passsafe\r\nwait".to_vec()),
            (later, b"\r\x1b[K\x1b[1;32mopen\x1b[m  now\r\n".to_vec()),
        ];
        let rows = play(&recording, size);
        let plain = Look::default();
        let green = Look { colour: Some(2), bold: true, dim: false };
        assert_eq!(rows.len(), 2);
        let run = |column, text: &str, look| Run { column, text: text.to_owned(), look };
        assert_eq!(rows[0].runs, [run(0, "$ passsafe", plain)]);
        assert_eq!(rows[1].runs, [run(0, "open", green), run(6, "now", plain)]);
        assert_eq!((rows[0].since, rows[1].since), (Some(start), Some(later)));
    }
}
