//! Printing: tables as kubectl draws them, JSON, YAML, colours on a terminal.

use std::io::{IsTerminal, Write};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Error;
use super::options::{Format, Global};

/// How something is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Something deserves a look.
    Odd,
    /// Beside the point.
    Faint,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "\u{1b}[32m",
            Self::Bad => "\u{1b}[31m",
            Self::Odd => "\u{1b}[33m",
            Self::Faint => "\u{1b}[2m",
        }
    }
}

/// Standard output.
pub(super) struct Printer {
    out: std::io::Stdout,
    has_colour: bool,
    is_terminal: bool,
}

impl Printer {
    /// Colours go to terminals only, and not where NO_COLOR is set.
    pub(super) fn new(global: &Global) -> Self {
        let out = std::io::stdout();
        let is_terminal = out.is_terminal();
        let is_refused = global.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { out, is_terminal, has_colour: is_terminal && !is_refused }
    }

    /// A person is watching.
    pub(super) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Text in a colour.
    pub(super) fn tint(&self, tone: Tone, text: &str) -> String {
        if self.has_colour { format!("{}{text}\u{1b}[0m", tone.code()) } else { text.to_owned() }
    }

    /// One line.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Error> {
        writeln!(self.out, "{}", text.as_ref().trim_end())?;
        Ok(self.out.flush()?)
    }

    /// Rows under a header.
    pub(super) fn table(&mut self, header: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
        table(header, rows).iter().try_for_each(|line| self.line(line))
    }

    /// A value as JSON or YAML.
    pub(super) fn value(&mut self, format: Format, value: &impl Serialize) -> Result<(), Error> {
        let text = match format {
            Format::Json => serde_json::to_string_pretty(value).map_err(|error| Error::Encode(error.to_string()))?,
            Format::Yaml => serde_saphyr::to_string(value).map_err(|error| Error::Encode(error.to_string()))?,
        };
        self.line(text)
    }

    /// Text as it stands, such as what moves the cursor.
    pub(super) fn write(&mut self, text: &str) -> Result<(), Error> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }
}

/// The lines of a table.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([header[column].len()]).max().unwrap_or_default()
        })
        .collect();
    let draw = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("   ").trim_end().to_owned()
    };
    let head = draw(&mut header.iter().copied());
    let rows = rows.iter().map(|row| draw(&mut row.iter().map(String::as_str)));
    std::iter::once(head).chain(rows).collect()
}

/// How long ago, as kubectl says it: 45s, 12m, 5h, 9d.
pub(super) fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let Some(since) = since else { return "<unknown>".to_owned() };
    let seconds = now.duration_since(since).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_unit_that_fits() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (seconds, expected) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (200_000, "2d")]
        {
            assert_eq!(age(Some(at(1000)), at(1000 + seconds)), expected);
        }
        assert_eq!(age(Some(at(1000)), at(990)), "0s", "clocks differ");
        assert_eq!(age(None, at(0)), "<unknown>");
    }
}
