//! Errors in a file, each with its line underlined.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::wrap::prose;

/// One thing that is wrong in a file.
pub(crate) struct SourceError {
    /// What is wrong, in lower case and without a full stop.
    pub(crate) message: String,
    /// Where: byte offsets into the source. Empty at the end of the file.
    pub(crate) span: Range<usize>,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// All errors of one file as a picture, in the order of the file, each as
/// `error: message`, `path:line:column` and the underlined line.
pub(crate) fn render(path: &str, source: &str, errors: &[SourceError]) -> String {
    let mut ordered: Vec<&SourceError> = errors.iter().collect();
    ordered.sort_by_key(|error| error.span.start);
    let renderer = Renderer::styled();
    let mut walk = Walk { source, at: 0, line: 1, column: 1 };
    let pictures: Vec<String> = ordered
        .into_iter()
        .map(|error| {
            let span = within(source, &error.span);
            let part = Part::of(source, &span);
            let group = Group::with_title(Level::ERROR.primary_title(error.message.as_str()));
            let mut group = match &part {
                None => group.element(
                    Snippet::source(source).path(path).annotation(AnnotationKind::Primary.span(span)),
                ),
                Some(part) => {
                    let (line, column) = walk.to(span.start);
                    let snippet = Snippet::source(part.text.as_str()).line_start(line);
                    group
                        .element(Origin::path(path).line(line).char_column(column))
                        .element(snippet.annotation(AnnotationKind::Primary.span(part.span.clone())))
                }
            };
            if let Some(help) = &error.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            let picture = renderer.render(&[group]);
            if part.is_some() { without_other_file(&picture) } else { picture }
        })
        .collect();
    pictures.join("\n\n")
}

/// What is shown of a line that is very long. The renderer goes through all that it is given, and a file on one line may
/// have a hundred errors and millions of characters.
struct Part {
    text: String,
    span: Range<usize>,
}

impl Part {
    /// Shorter files are shown as they are.
    const LONG: usize = 1 << 16;
    /// How many bytes are kept of what is underlined, and on both sides of it.
    const KEPT: usize = 200;

    /// Of a long line in a file whose other lines are shown as they are.
    fn of_line(source: &str, span: &Range<usize>) -> Option<Self> {
        let before = source.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let behind = source.get(span.start..)?.find('\n').unwrap_or(source.len() - span.start);
        if span.start - before + behind < Self::LONG { None } else { Self::of(source, span) }
    }

    fn of(source: &str, span: &Range<usize>) -> Option<Self> {
        if source.len() < Self::LONG {
            return None;
        }
        let line_start = source.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let line_end = source.get(span.start..)?.find('\n').map_or(source.len(), |at| span.start + at);
        let from = floor(source, span.start.saturating_sub(Self::KEPT)).max(line_start);
        let end = span.end.min(line_end).min(floor(source, span.start + Self::KEPT));
        let to = line_end.min(floor(source, end + Self::KEPT));
        let (front, behind) =
            (if from > line_start { "…" } else { "" }, if to < line_end { "…" } else { "" });
        let shift = |at: usize| front.len() + at - from;
        let text = format!("{front}{}{behind}", source.get(from..to)?);
        Some(Self { text, span: shift(span.start)..shift(end.max(span.start)) })
    }
}

/// A walk through a source that counts lines and columns from 1.
struct Walk<'s> {
    source: &'s str,
    at: usize,
    line: usize,
    column: usize,
}

impl Walk<'_> {
    /// Line and column of a place that is not in front of the one before.
    fn to(&mut self, place: usize) -> (usize, usize) {
        for character in self.source.get(self.at..place).unwrap_or_default().chars() {
            if character == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.at = self.at.max(place);
        (self.line, self.column)
    }
}

/// The renderer takes a snippet without a path for one of another file, and says so in a line.
fn without_other_file(picture: &str) -> String {
    let is_other = |line: &&str| anstream::adapter::strip_str(line).to_string().trim() != ":::";
    picture.lines().filter(is_other).collect::<Vec<_>>().join("\n")
}

/// Something to be seen in a text, which is not wrong.
pub(crate) struct Remark {
    /// What is to be seen, in lower case and without a full stop.
    pub(crate) message: String,
    /// Where: byte offsets into the source.
    pub(crate) span: Range<usize>,
    /// What stands beside the underlined place.
    pub(crate) label: Option<String>,
    /// What else is to be known.
    pub(crate) help: Option<String>,
}

/// A remark as a picture: `note: message`, `path:line:column` and the underlined lines. The label stands beside the
/// underlined place where the line has room for it, and below it otherwise.
pub(crate) fn render_remark(path: &str, source: &str, remark: &Remark, width: usize) -> String {
    let span = within(source, &remark.span);
    let part = Part::of_line(source, &span);
    let mut walk = Walk { source, at: 0, line: 1, column: 1 };
    let (line, column) = if part.is_some() { walk.to(span.start) } else { (1, 1) };
    let (shown, span) = part.as_ref().map_or((source, span), |part| (part.text.as_str(), part.span.clone()));
    let gutter = source.lines().count().to_string().len() + 3;
    let source = shown;
    let room = |below: &str| prose(below, "", "", width.saturating_sub(gutter + "= note: ".len()));
    let fits = |label: &&str| {
        let start = source.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let line = source.get(start..span.end).unwrap_or_default();
        !line.contains('\n') && gutter + line.chars().count() + 1 + label.chars().count() <= width
    };
    let beside = remark.label.as_deref().filter(fits);
    let below = remark.label.as_deref().filter(|_| beside.is_none()).map(room);
    let help = remark.help.as_deref().map(room);
    // The renderer keeps some of the line at both ends, and puts dots there.
    let shown = fitting(source, span.clone(), width.saturating_sub(gutter + 12));
    let mut annotation = AnnotationKind::Primary.span(shown);
    if let Some(label) = beside {
        annotation = annotation.label(label);
    }
    let snippet = Snippet::source(source).annotation(annotation);
    let title = prose(&remark.message, "", "", width.saturating_sub("note: ".len()));
    let group = Group::with_title(Level::NOTE.primary_title(title.as_str()));
    let mut group = if part.is_some() {
        let origin = Origin::path(path).line(line).char_column(column);
        group.element(origin).element(snippet.line_start(line))
    } else {
        group.element(snippet.path(path))
    };
    if let Some(below) = &below {
        group = group.element(Level::NOTE.message(below.as_str()));
    }
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let picture = Renderer::styled().term_width(width).render(&[group]);
    if part.is_some() { without_other_file(&picture) } else { picture }
}

/// The beginning of a span in one line that is longer than the room: around what is underlined a line is cut, but
/// never inside of it.
fn fitting(source: &str, span: Range<usize>, room: usize) -> Range<usize> {
    let text = source.get(span.clone()).unwrap_or_default();
    match text.char_indices().nth(room) {
        Some((cut, _)) if !text.contains('\n') => span.start..span.start + cut,
        _ => span,
    }
}

/// The span moved onto character boundaries inside the source.
fn within(source: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor(source, span.start);
    let end = floor(source, span.end).max(start);
    start..end
}

fn floor(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_beyond_the_source_are_brought_back() {
        let error = |span| SourceError { message: "wrong".into(), span, help: Some("mend it".into()) };
        for span in [0..0, 0..99, 98..99, 2..3] {
            let picture =
                anstream::adapter::strip_str(&render("f.toml", "aäb\n", &[error(span)])).to_string();
            assert!(picture.contains("error: wrong") && picture.contains("f.toml:"), "{picture}");
            assert!(picture.contains("help: mend it"), "{picture}");
        }
    }

    #[test]
    fn of_a_line_without_end_a_part_is_shown_where_it_stands() {
        let long = format!("{{}}\n{}é!{}", "ä".repeat(60_000), "ö".repeat(60_000));
        let at = long.find('!').unwrap();
        let error = |span| SourceError { message: "wrong".into(), span, help: Some("mend it".into()) };
        let errors = [error(at..at + 1), error(0..2), error(at..long.len()), error(long.len()..long.len())];
        let picture = anstream::adapter::strip_str(&render("f.json", &long, &errors)).to_string();
        assert!(picture.len() < 8_000 && !picture.contains(":::"), "{picture}");
        let places: Vec<&str> = picture.lines().filter(|line| line.contains("--> ")).map(str::trim).collect();
        let expected = ["--> f.json:1:1", "--> f.json:2:60002", "--> f.json:2:60002", "--> f.json:2:120003"];
        assert_eq!(places, expected, "{picture}");
        assert!(picture.contains("é!ö") && picture.matches("mend it").count() == 4, "{picture}");
    }

    #[test]
    fn a_label_stands_below_where_the_line_has_no_room() {
        let source = "{\n  \"Action\": \"s3:GetObject\"\n}\n";
        let shown = |label: &str, span: Range<usize>, width| {
            let help = Some("mend it ".repeat(20).trim_end().to_owned());
            let remark = Remark { message: "here".into(), span, label: Some(label.into()), help };
            let picture = render_remark("f.json", source, &remark, width);
            let picture = anstream::adapter::strip_str(&picture).to_string();
            assert!(picture.lines().all(|line| line.chars().count() <= width), "{picture}");
            picture
        };
        assert!(shown("short", 14..28, 60).contains("^^ short"));
        let long = "a label that is longer than the line has room for";
        let below = shown(long, 14..28, 60);
        assert!(below.contains("= note: a label that"), "{below}");
        assert!(shown("over two lines", 0..28, 60).contains("= note: over two lines"));
    }

    #[test]
    fn a_policy_in_one_line_is_cut_at_the_width() {
        let source = format!(r#"{{"Statement": [{{"Resource": ["{}é"]}}]}}"#, "é".repeat(200));
        for (span, width) in
            [(0..source.len(), 60), (15..source.len() - 2, 80), (40..240, 100), (30..180, 70)]
        {
            let remark = Remark { message: "here".into(), span, label: None, help: None };
            let picture = render_remark("f.json", &source, &remark, width);
            let picture = anstream::adapter::strip_str(&picture).to_string();
            assert!(picture.lines().all(|line| line.chars().count() <= width), "{picture}");
            assert!(picture.contains(&"^".repeat(width / 2)), "{picture}");
        }
    }
}
