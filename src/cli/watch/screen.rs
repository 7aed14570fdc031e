//! A view on a terminal, drawn over the one before: only lines that differ are written, and nothing is cleared, so that nothing flickers.

use std::fmt::Write;

/// Lines do not wrap while a view is drawn: what is too wide is cut at the edge.
const NO_WRAP: &str = "\u{1b}[?7l";
const WRAP: &str = "\u{1b}[?7h";
/// To the end of the line, and to the end of the screen.
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// What a terminal shows. The cursor stands below it.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: Vec<String>,
}

impl Screen {
    /// What to write so that the terminal shows these lines in the place of those before; empty when it does.
    pub(super) fn draw(&mut self, lines: Vec<String>) -> String {
        if lines == self.lines {
            return String::new();
        }
        let mut out = NO_WRAP.to_owned();
        if !self.lines.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\u{1b}[{}A", self.lines.len());
        }
        for (at, line) in lines.iter().enumerate() {
            match self.lines.get(at) {
                Some(before) if before == line => {}
                Some(_) => out.extend([line.as_str(), CLEAR_LINE]),
                None => out.push_str(line),
            }
            out.push_str("\r\n");
        }
        if lines.len() < self.lines.len() {
            out.push_str(CLEAR_BELOW);
        }
        out.push_str(WRAP);
        self.lines = lines;
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    /// What a terminal makes of it.
    fn show(shown: &mut Vec<String>, written: &str) {
        let mut row = shown.len();
        let mut rest = written;
        let mut column = 0;
        while let Some(next) = rest.chars().next() {
            if let Some(code) = rest.strip_prefix("\u{1b}[") {
                let end = code.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                match (&code[..end], &code[end..=end]) {
                    (count, "A") => row -= count.parse::<usize>().unwrap(),
                    ("", "K") => shown[row].truncate(column),
                    ("", "J") => shown.truncate(row),
                    ("?7", "l" | "h") => {}
                    other => panic!("{other:?}"),
                }
                rest = &code[end + 1..];
                continue;
            }
            match next {
                '\r' => column = 0,
                '\n' => row += 1,
                next => {
                    if row == shown.len() {
                        shown.push(String::new());
                    }
                    let line = &mut shown[row];
                    if column < line.len() {
                        line.replace_range(column..=column, &next.to_string())
                    } else {
                        line.push(next)
                    }
                    column += 1;
                }
            }
            if row == shown.len() && next == '\n' && rest.len() > 1 && !rest[1..].starts_with('\u{1b}') {
                shown.push(String::new());
            }
            rest = &rest[next.len_utf8()..];
        }
    }

    #[test]
    fn a_terminal_shows_the_newest_view_and_only_what_differs_is_written() {
        let (mut screen, mut shown) = (Screen::default(), Vec::new());
        for view in
            ["head\nold 1\nold 2", "head\nold 1\nnew", "head\nnew", "other\nnew\nmore\nrows", "other\nnew\nmore\nrows"]
        {
            let before = screen.lines.clone();
            let written = screen.draw(lines(view));
            show(&mut shown, &written);
            assert_eq!(shown, lines(view));
            for (old, new) in before.iter().zip(lines(view)) {
                assert_eq!(written.contains(&new), *old != new, "{old} → {new}: {written:?}");
            }
            assert!(!written.contains("[2J"), "nothing is cleared as a whole");
        }
        assert_eq!(screen.draw(lines("other\nnew\nmore\nrows")), "");
    }
}
