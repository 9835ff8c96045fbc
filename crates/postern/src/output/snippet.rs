//! Errors in a file, each with its line underlined.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

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
    let pictures: Vec<String> = ordered
        .into_iter()
        .map(|error| {
            let span = within(source, &error.span);
            let mut group = Group::with_title(Level::ERROR.primary_title(error.message.as_str()))
                .element(Snippet::source(source).path(path).annotation(AnnotationKind::Primary.span(span)));
            if let Some(help) = &error.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            renderer.render(&[group])
        })
        .collect();
    pictures.join("\n\n")
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
    let gutter = source.lines().count().to_string().len() + 3;
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
    let snippet = Snippet::source(source).path(path).annotation(annotation);
    let title = prose(&remark.message, "", "", width.saturating_sub("note: ".len()));
    let mut group = Group::with_title(Level::NOTE.primary_title(title.as_str())).element(snippet);
    if let Some(below) = &below {
        group = group.element(Level::NOTE.message(below.as_str()));
    }
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().term_width(width).render(&[group])
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
