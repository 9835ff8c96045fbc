//! The one way to speak: data goes to standard output, everything else to standard error.

mod qr;
mod snippet;
mod style;
mod wrap;

use std::{
    cell::Cell,
    io::{self, BufWriter, Write},
};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;

use crate::errors::CliError;
pub(crate) use qr::render as render_qr;
pub(crate) use snippet::{Remark, SourceError, render as render_source_errors, render_remark};
pub(crate) use style::{BAD, BOLD, DIM, GOOD, HINT, WARN, brief, harmless, paint};
pub(crate) use wrap::{clauses, command, prose, shown_width};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Standard output and standard error, with colour or without.
pub(crate) struct Printer {
    color: Color,
    quiet: bool,
    width: usize,
    reader_gone: Cell<bool>,
    /// Whether a line of progress stands on the terminal.
    progressing: Cell<bool>,
}

impl Printer {
    /// `columns` is what the variable `COLUMNS` says; the terminal, if there is one, knows better.
    pub(crate) fn new(color: Color, quiet: bool, columns: Option<&str>) -> Self {
        let terminal = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col);
        Self {
            color,
            quiet,
            width: wrap::columns(terminal, columns),
            reader_gone: Cell::new(false),
            progressing: Cell::new(false),
        }
    }

    /// The columns that text on standard output may take.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Whether only what went wrong and the data asked for are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether whoever read standard output went away.
    pub(crate) fn reader_gone(&self) -> bool {
        self.reader_gone.get()
    }

    fn choice(&self, stream: &dyn IsTerminal) -> ColorChoice {
        match self.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => stream.choice(),
        }
    }

    /// For data: what a pipe is to receive.
    pub(crate) fn stdout(&self) -> AutoStream<io::StdoutLock<'static>> {
        let choice = self.choice(&io::stdout());
        AutoStream::new(io::stdout().lock(), choice)
    }

    /// For data of any length that a program reads: never coloured, and written when the buffer is full.
    pub(crate) fn stream(&self, buffer: usize) -> BufWriter<io::StdoutLock<'static>> {
        BufWriter::with_capacity(buffer, io::stdout().lock())
    }

    /// For talk: progress, warnings, questions.
    pub(crate) fn stderr(&self) -> AutoStream<io::StderrLock<'static>> {
        let choice = self.choice(&io::stderr());
        AutoStream::new(io::stderr().lock(), choice)
    }

    /// Whether what is shown beside standard error, on the terminal itself, is to be coloured.
    pub(crate) fn colours_stderr(&self) -> bool {
        match self.choice(&io::stderr()) {
            ColorChoice::Auto => AutoStream::choice(&io::stderr()) != ColorChoice::Never,
            choice => choice != ColorChoice::Never,
        }
    }

    /// Writes one text to standard output. A reader that went away is no error, but noted (see
    /// [`Printer::reader_gone`]).
    ///
    /// # Errors
    /// When standard output cannot be written for another reason than a closed pipe.
    pub(crate) fn data(&self, text: &str) -> Result<(), CliError> {
        let mut out = self.stdout();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_gone.set(true);
                Ok(())
            }
            other => other.map_err(Into::into),
        }
    }

    /// Says what is going on, unless `--quiet`.
    pub(crate) fn status(&self, text: &str) {
        if !self.quiet {
            self.talk(text);
        }
    }

    /// Says how something goes in one line that the next one replaces; only on a terminal, and not with `--quiet`.
    pub(crate) fn progress(&self, text: &str) {
        if self.quiet || !io::IsTerminal::is_terminal(&io::stderr()) {
            return;
        }
        let shown: String = text.chars().take(self.width.saturating_sub(1)).collect();
        let mut err = io::stderr().lock();
        let _ = write!(err, "\r\x1b[2K{shown}").and_then(|()| err.flush());
        self.progressing.set(true);
    }

    /// Takes the line of [`Printer::progress`] away again.
    pub(crate) fn progress_ends(&self) {
        if self.progressing.replace(false) {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[2K").and_then(|()| err.flush());
        }
    }

    /// Shows what was asked for, where standard output is taken by something else.
    pub(crate) fn aside(&self, text: &str) {
        self.talk(text);
    }

    /// Warns.
    pub(crate) fn warning(&self, text: &str) {
        self.talk(&format!("{} {text}", paint(WARN, "warning:")));
    }

    /// Shows an error with its causes and hints.
    pub(crate) fn error(&self, error: &CliError) {
        let mut text = if error.rendered {
            error.message.clone()
        } else {
            format!("{} {}", paint(BAD, "error:"), error.message)
        };
        for cause in &error.causes {
            text.push_str(&format!("\n  caused by: {cause}"));
        }
        if !error.hints.is_empty() {
            text.push('\n');
        }
        for hint in &error.hints {
            text.push_str(&format!("\n{} {hint}", paint(HINT, "hint:")));
        }
        self.talk(&text);
    }

    fn talk(&self, text: &str) {
        self.progress_ends();
        let mut err = self.stderr();
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(err, "{text}");
    }
}

/// The streams that can say whether they want colour.
trait IsTerminal {
    fn choice(&self) -> ColorChoice;
}

impl IsTerminal for io::Stdout {
    fn choice(&self) -> ColorChoice {
        AutoStream::choice(self)
    }
}

impl IsTerminal for io::Stderr {
    fn choice(&self) -> ColorChoice {
        AutoStream::choice(self)
    }
}
