//! A script error as a person reads it: what, where, and how to mend it.

use std::fmt;

use miette::{LabeledSpan, NamedSource, Severity, SourceCode, SourceSpan};

/// Code of errors that no change of the script mends, but one of the files it names.
pub(super) const FILES: &str = "files";

/// An error in a script, placed in its file. Printed by miette with the line and a caret.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) place: Option<Place>,
    pub(super) calls: Vec<Call>,
}

/// Where in which text.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) source: NamedSource<String>,
    pub(super) span: SourceSpan,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A call that led to the error, outermost last.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) function: String,
    pub(super) place: Place,
}

impl Diagnostic {
    /// An error about no particular line.
    pub(super) fn unplaced(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, place: None, calls: Vec::new() }
    }

    /// The same with a remedy.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What went wrong, one sentence without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// File, line and column (both from 1), where known.
    pub fn location(&self) -> Option<(&str, usize, usize)> {
        self.place.as_ref().map(|place| (place.source.name(), place.line, place.column))
    }

    /// The exit code: 6 where files that the script names are not as they should be, else 3.
    pub fn exit_code(&self) -> u8 {
        if self.code == FILES { 6 } else { 3 }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("script::{}", self.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.place.as_ref()?;
        let here = LabeledSpan::new_primary_with_span(Some("here".to_owned()), place.span);
        Some(Box::new(std::iter::once(here)))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.calls.is_empty()).then(|| {
            Box::new(self.calls.iter().map(|call| call as &dyn miette::Diagnostic))
                as Box<dyn Iterator<Item = &'a dyn miette::Diagnostic>>
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "while `{}` ran", self.function)
    }
}

impl std::error::Error for Call {}

impl miette::Diagnostic for Call {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.place.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = LabeledSpan::new_primary_with_span(Some("called here".into()), self.place.span);
        Some(Box::new(std::iter::once(here)))
    }
}
